"""Sending the confirmation mail again, a few times and no more (D6)."""

from __future__ import annotations

from datetime import datetime

from optin.consent.address import EmailAddress
from optin.consent.consent_record import RequestId
from optin.flows.context import Context
from optin.flows.delivery.mail_limits import Asker, mailbox_digest, take_form_mail, take_reader_mail
from optin.flows.delivery.mail_order import MailKind
from optin.flows.policy import RESEND, RequestPolicy
from optin.store.outbox import enqueue, is_queued
from optin.store.requests import Declared, Sealed, count_resend, load_request
from optin.store.transaction import Tx
from optin.store.vault import Vault


def resend_confirmation(
    tx: Tx,
    context: Context,
    request: RequestId,
    now: datetime,
    asker: Asker = Asker.FORM,
) -> bool:
    """Queue the confirmation mail once more; tell whether that was done.

    Nothing is queued for a request that is gone, confirmed, already waiting to be sent, or sent often
    enough. The visitor is told the same in every case (D7). What a reader of the mailbox asks is counted
    for readers alone.
    """
    stored = load_request(tx, request)
    if stored is None or stored.confirmed_at is not None or is_queued(tx, request):
        return False
    if asker is Asker.FORM and stored.resent >= context.policy.unconfirmed.resend:
        context.policy.limited(RESEND)
        return False
    sealed = Sealed.open(context.vault, request, stored.sealed)
    email = EmailAddress(Declared.parse(sealed.declaration).email)
    if not _take(tx, context.vault, email, sealed.code, context.policy, now, asker):
        return False
    count_resend(tx, request, erase_at=context.policy.unconfirmed.keep.after(now))
    enqueue(tx, MailKind.CONFIRMATION, request, context.policy.mail_domain, now)
    return True


def _take(
    tx: Tx, vault: Vault, email: EmailAddress, code: str, policy: RequestPolicy, now: datetime, asker: Asker
) -> bool:
    if asker is Asker.READER:
        return take_reader_mail(tx, Context(vault, policy), email, now)
    mailbox = mailbox_digest(vault, email)
    tx.hold(mailbox)
    return take_form_mail(tx, Context(vault, policy), mailbox, code, now)
