"""The mail with a link to sign in to the desk: only while the link can still be used."""

from __future__ import annotations

from datetime import datetime

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.signed_links import LinkKind
from optin.consent.staff_role import LINK_LASTS
from optin.flows.context import Context
from optin.flows.delivery.mail_order import MailKind, NoticeOrder
from optin.store.database_interface import Tx
from optin.store.mail_outbox import OutboxMail, open_notice
from optin.store.staff_accounts import account_by_id
from optin.store.staff_sessions import find_link

LINK = "link"  # in what a queued mail is about


def order_of_sign_in(tx: Tx, context: Context, letter: OutboxMail, now: datetime) -> NoticeOrder | None:
    """Return the mail; None when its link is used, too old, or of an account that was closed."""
    if letter.sealed is None:
        return None
    told = open_notice(context.vault, letter.message_id, letter.sealed)
    link = find_link(tx, bytes.fromhex(told[LINK]))
    if link is None or link.used or now >= link.made + LINK_LASTS:
        return None
    account = account_by_id(tx, context.vault, link.staff_id)
    if account is None or account.removed is not None:
        return None
    return NoticeOrder(
        number=letter.number,
        claim=letter.claim,
        message_id=letter.message_id,
        kind=MailKind.SIGN_IN,
        recipient=EmailAddress(account.email),
        lang=told["lang"],
        token=context.vault.links.sign(LinkKind.SIGN_IN, link.id, link.made),
        expires_at=link.made + LINK_LASTS,
    )
