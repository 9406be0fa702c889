"""What somebody sees and sets of their own account at the desk: sessions, language, keyboard shortcuts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from optin.flows.context import Context
from optin.flows.staff.sign_in import StaffSession
from optin.flows.staff.trail import ActKind, Doing, record
from optin.store.database_interface import Tx
from optin.store.staff_accounts import account_by_id, lock_accounts, save_account
from optin.store.staff_sessions import end_session, sessions_of


@dataclass(frozen=True)
class OwnSession:
    """One session of an account: when it began and was last used (UTC). `is_this`: the reader's own."""

    begun: datetime
    seen: datetime
    is_this: bool


def own_sessions(tx: Tx, context: Context, session: StaffSession, now: datetime) -> list[OwnSession]:  # noqa: ARG001 - a flow
    """Return the sessions of an account that still hold, the newest first."""
    return [
        OwnSession(times.begun, times.seen, is_this=digest == session.digest)
        for digest, times in sessions_of(tx, session.account.id)
        if times.is_live(now)
    ]


def end_other_sessions(tx: Tx, context: Context, session: StaffSession, now: datetime) -> int:
    """End every session of an account but this one; return how many."""
    others = [digest for digest, _ in sessions_of(tx, session.account.id) if digest != session.digest]
    ended = sum(end_session(tx, digest) for digest in others)
    doing = Doing(session.account.id, ActKind.SESSIONS_ENDED, facts={"count": ended})
    record(tx, context.vault, doing, now)
    return ended


def set_preferences(tx: Tx, context: Context, staff_id: bytes, lang: str, *, shortcuts: bool) -> None:
    """Show the desk in this language from now on, with or without keyboard shortcuts.

    "": as the browser asks. An account that was closed meanwhile stays as it is.
    """
    lock_accounts(tx)
    account = account_by_id(tx, context.vault, staff_id)
    if account is not None and account.removed is None:
        save_account(tx, context.vault, replace(account, lang=lang, shortcuts=shortcuts))
