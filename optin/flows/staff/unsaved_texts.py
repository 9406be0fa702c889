"""Keep what somebody typed in the editor and could not save, for a day and for that account alone (K3).

A save is refused when the file was changed meanwhile, and cannot be done when the session has ended. Whose
session that was, its row still tells for as long as these texts are kept.
"""

from __future__ import annotations

from datetime import datetime

from optin.consent.staff_role import UNSAVED_KEPT, Role
from optin.flows.context import Context
from optin.flows.staff.sign_in import StaffSession, digest_of
from optin.store.database_interface import Tx
from optin.store.staff_accounts import account_by_id
from optin.store.staff_sessions import find_session
from optin.store.unsaved_texts import UnsavedText, drop_text, find_text, keep_text

__all__ = ["UnsavedText", "ended_session", "find_unsaved", "keep_unsaved", "throw_away"]

MOST_TEXTS = 10  # of one account; the oldest one goes
MOST_BYTES = 1_000_000  # as much as a file of a site may have


def keep_unsaved(tx: Tx, context: Context, staff_id: bytes, magnet: str, data: bytes, now: datetime) -> bool:
    """Keep a text; return whether it is: not one that is too large, nor of a closed account."""
    account = account_by_id(tx, context.vault, staff_id)
    if account is None or not account.has(Role.MARKETER) or len(data) > MOST_BYTES:
        return False
    keep_text(tx, context.vault, UnsavedText(staff_id, magnet, now, data), MOST_TEXTS)
    return True


def find_unsaved(tx: Tx, context: Context, staff_id: bytes, magnet: str, now: datetime) -> UnsavedText | None:
    """Return what somebody typed for a magnet and did not save; None when its time is over."""
    found = find_text(tx, context.vault, staff_id, magnet)
    return found if found is not None and now < found.at + UNSAVED_KEPT else None


def throw_away(tx: Tx, context: Context, staff_id: bytes, magnet: str) -> None:  # noqa: ARG001 - a flow
    """Delete what somebody typed for a magnet: it was saved, or is not wanted."""
    drop_text(tx, staff_id, magnet)


def ended_session(tx: Tx, context: Context, secret: str, now: datetime) -> StaffSession | None:
    """Return whose session a cookie's secret began, when it has ended by itself; it opens nothing.

    None for a live one, for one that was signed out, and for a closed account.
    """
    stored = find_session(tx, context.vault, digest_of(secret))
    if stored is None or stored.times.is_live(now):
        return None
    account = account_by_id(tx, context.vault, stored.staff_id)
    if account is None or account.removed is not None:
        return None
    return StaffSession(account, stored.times, secret)
