"""Sending the confirmation mail again, a few times and no more (D6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from optin.consent.address import EmailAddress, mailbox_of
from optin.consent.record import RequestId
from optin.flows.orders import MailKind
from optin.flows.policy import PER_ADDRESS, RESEND, RequestPolicy
from optin.store.outbox import enqueue, is_queued
from optin.store.requests import (
    Declared,
    Sealed,
    count_recent,
    count_resend,
    load_request,
    peek_request,
)
from optin.store.transaction import Tx
from optin.store.vault import Vault

DAY = timedelta(days=1)


def resend_confirmation(tx: Tx, request: RequestId, policy: RequestPolicy, now: datetime) -> bool:
    """Queue the confirmation mail once more; tell whether that was done.

    Nothing is queued for a request that is gone, confirmed, already waiting to be sent, or sent often
    enough. The visitor is told the same in every case (D7).
    """
    stored = load_request(tx, request)
    if stored is None or stored.confirmed_at is not None or is_queued(tx, request):
        return False
    if stored.resent >= policy.resend:
        policy.limited(RESEND)
        return False
    if count_recent(tx, stored.email_index, now - DAY) >= policy.per_address_per_day:
        policy.limited(PER_ADDRESS)
        return False
    count_resend(tx, request, erase_at=policy.keep.after(now))
    enqueue(tx, MailKind.CONFIRMATION, request, policy.mail_domain, now)
    return True


def mailbox_behind(tx: Tx, vault: Vault, request: RequestId) -> bytes:
    """Return the digest of the mailbox that a request mails to; empty when it is gone. Changes nothing."""
    stored = peek_request(tx, request)
    if stored is None:
        return b""
    declared = Declared.parse(Sealed.open(vault, stored.id, stored.sealed).declaration)
    return vault.index(mailbox_of(EmailAddress(declared.email)))
