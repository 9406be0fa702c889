"""Send the confirmation mail again, up to a limit (D6)."""

from __future__ import annotations

from datetime import datetime

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.status_transitions import RequestId
from optin.flows.context import Context
from optin.flows.delivery.mail_limits import MailRequester, mailbox_digest, take_form_mail, take_reader_mail
from optin.flows.delivery.mail_order import MailKind
from optin.flows.request_policy import RESEND
from optin.store.database_interface import Tx
from optin.store.mail_outbox import enqueue, is_queued
from optin.store.requests import DeclaredData, SealedRequest, count_resend, load_request


def resend_confirmation(
    tx: Tx, context: Context, request: RequestId, now: datetime, asker: MailRequester = MailRequester.FORM
) -> bool:
    """Queue the confirmation mail again; return whether it was queued.

    Nothing is queued for a request that is gone, confirmed, already waiting to be sent, or sent often
    enough. The visitor is told the same in every case (D7). What a reader of the mailbox asks is counted
    for readers alone.
    """
    stored = load_request(tx, request)
    if stored is None or stored.confirmed_at is not None or is_queued(tx, request):
        return False
    if asker is MailRequester.FORM and stored.resent >= context.policy.unconfirmed.resend:
        context.policy.limited(RESEND)
        return False
    sealed = SealedRequest.open(context.vault, request, stored.sealed)
    email = EmailAddress(DeclaredData.parse(sealed.declaration).email)
    if not _take(tx, context, email, sealed.code, asker, now):
        return False
    count_resend(tx, request, erase_at=context.policy.unconfirmed.keep.after(now))
    enqueue(tx, MailKind.CONFIRMATION, request, context.policy.mail_domain, now)
    return True


def _take(
    tx: Tx, context: Context, email: EmailAddress, code: str, asker: MailRequester, now: datetime
) -> bool:
    if asker is MailRequester.READER:
        return take_reader_mail(tx, context, email, now)
    mailbox = mailbox_digest(context.vault, email)
    tx.hold(mailbox)
    return take_form_mail(tx, context, mailbox, code, now)
