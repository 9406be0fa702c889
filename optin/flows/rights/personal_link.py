"""Mail the link to a personal page (R1)."""

from __future__ import annotations

from datetime import datetime

from optin.consent.email_and_telephone import EmailAddress
from optin.flows.context import Context
from optin.flows.delivery.mail_limits import MailRequester, take_link, take_reader_mail
from optin.flows.delivery.mail_order import REQUESTED_BY, MailKind
from optin.flows.records.decrypted_request import known_address, latest_request
from optin.store.database_interface import Tx
from optin.store.mail_outbox import NoticeMail, enqueue_notice


def ask_for_link(
    tx: Tx, context: Context, address: EmailAddress, lang: str, now: datetime, network: str = ""
) -> None:
    """Queue the mail with the personal link, whether or not the address is known (R1).

    Only the courier looks: an answer that takes the same way for everybody tells nobody who is known.
    `network`: where it is asked from, as far as that is known.
    """
    if not take_link(tx, context, address, network, now):
        return
    index = context.vault.index(address)
    content = {"email": address, "lang": lang}
    notice = NoticeMail(MailKind.PERSONAL, index, content)
    enqueue_notice(tx, context.vault, notice, context.policy.mail_domain, now)


def ask_with_expired_link(tx: Tx, context: Context, email_index: bytes, lang: str, now: datetime) -> None:
    """Queue another link for the holder of an expired one: only a reader of the mailbox can have it (R1).

    So it is counted for readers alone: what strangers ask for takes nothing away from it.
    """
    address = known_address(tx, context.vault, email_index, latest_request(tx, context.vault, email_index))
    if address is None or not take_reader_mail(tx, context, address, now):
        return
    content = {"email": address, "lang": lang, REQUESTED_BY: MailRequester.READER.value}
    notice = NoticeMail(MailKind.PERSONAL, email_index, content)
    enqueue_notice(tx, context.vault, notice, context.policy.mail_domain, now)
