"""Replaying: a restored backup is told what people withdrew, and who was erased, since it was made (S7).

Nothing is given by it, only taken (P8): each line ends consents, and what is unknown here is suppressed.
"""

from __future__ import annotations

from datetime import datetime

from optin.consent.event import restored
from optin.consent.record import EventKind
from optin.flows.erase import BY_RESTORE, erase_person
from optin.flows.withdraw import withdraw_from
from optin.store.events import add_events
from optin.store.replay import ReplayLine, put_line
from optin.store.subjects import EVERYTHING, find_subject, suppress
from optin.store.transaction import Tx
from optin.store.vault import Vault


def replay_line(tx: Tx, vault: Vault, line: ReplayLine) -> str:
    """Do what a line tells, at its moment, under its own number; return its kind."""
    kind, person = str(line.told["kind"]), bytes.fromhex(str(line.told["person"]))
    if kind == EventKind.ERASED:
        wanted = bool(line.told.get("suppressed", True))
        gone = erase_person(tx, vault, person, BY_RESTORE, line.at, suppress_all=wanted)
        if gone is None and wanted:
            suppress(tx, person, EVERYTHING, EVERYTHING, line.at)
    else:
        purpose, channel = str(line.told["purpose"]), str(line.told["channel"])
        subject = find_subject(tx, person)
        if subject is not None:
            withdraw_from(tx, vault, subject, {(purpose, channel)}, line.at)
        suppress(tx, person, purpose, channel, line.at)
    put_line(tx, line)
    return kind


def finish_restore(tx: Tx, vault: Vault, size: int, now: datetime) -> None:
    """Log that a backup of `size` events was put back: whoever holds a later receipt can be told why."""
    add_events(tx, vault, None, [restored(now, size)])
