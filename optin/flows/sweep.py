"""Sweeping: what has had its time goes by itself, in small steps beside live traffic (D6, R8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from optin.store.outbox import forget_settled
from optin.store.requests import due_for_erasure, erase_request
from optin.store.transaction import Tx

STEP = 100  # measured: larger steps make live sign-ups wait
SETTLED_KEPT = timedelta(days=30)


def sweep_unconfirmed(tx: Tx, now: datetime) -> int:
    """Erase up to one step of requests that were never confirmed; return how many."""
    due = due_for_erasure(tx, now, STEP)
    for request in due:
        erase_request(tx, request, "unconfirmed", now)
    return len(due)


def sweep_outbox(tx: Tx, now: datetime) -> int:
    """Forget up to one step of mails that were settled long ago; return how many."""
    return forget_settled(tx, now - SETTLED_KEPT, STEP)
