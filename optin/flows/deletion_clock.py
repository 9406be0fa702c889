"""The clock that deletions rely on: checked before each deletion, doubted after a jump (O7).

A server moves the mark forward each minute while its clock runs evenly. A clock that is more than a day
(`[sweep] clock_jump`) away from the mark is doubted: by it nothing is deleted and nothing expires. Sign-ups,
withdrawals and erasures that people ask for go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from optin.consent.event_content import clock_doubted, rfc3339
from optin.consent.status_transitions import EventKind
from optin.consent.wrong_clock import ClockReading
from optin.errors import ClockDoubted
from optin.flows.context import Context
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.events import add_events
from optin.store.latest_known_time import known_moment, last_clock_event, store_clock_mark


def read_clock(tx: Tx, context: Context, now: datetime) -> ClockReading:
    """Return the clock's time, and when it was last known to be right. Changes nothing."""
    return ClockReading(now, known_moment(tx, context.vault), context.policy.sweep.clock_jump)


def trust_clock(tx: Tx, context: Context, now: datetime) -> None:
    """Check that data may be deleted by this clock. Raises ClockDoubted."""
    look = read_clock(tx, context, now)
    if look.doubted:
        raise ClockDoubted(look.sentence)


def trusted_moment(tx: Tx, context: Context, now: datetime) -> datetime:
    """Return the clock's time; of a clock that is doubted and ahead, when it was last known to be right.

    What a law requires to keep is measured by it: a wrong clock ends no such duty, whoever asks.
    """
    look = read_clock(tx, context, now)
    return min(now, look.known) if look.doubted and look.known is not None else now


def mark_clock(tx: Tx, vault: Vault, look: ClockReading, *, steady: bool) -> None:
    """Advance the stored mark while the clock is trusted; log an event when it becomes doubted.

    `steady`: this process saw its clock run evenly; else the mark stays where it is.
    """
    if look.doubted:
        last = last_clock_event(tx, vault)
        if look.known is not None and not _is_noted(last, look.known):
            add_events(tx, vault, None, [clock_doubted(look.now, look.known)])
    elif steady and (look.known is None or look.now > look.known):
        store_clock_mark(tx, vault, look.now)


def _is_noted(last: Mapping[str, Any] | None, known: datetime) -> bool:
    """Return whether the log holds this very doubt: while it lasts, the mark does not move."""
    return last is not None and (last["kind"], last.get("known")) == (EventKind.CLOCK_DOUBTED, rfc3339(known))


def watch_clock(tx: Tx, context: Context, now: datetime, *, steady: bool, even: bool = False) -> ClockReading:
    """Compare the clock with its mark, and advance the mark.

    `even`: it ran like the one that nobody sets ever since it was trusted, so it is right however old the
    mark is. The machine may have slept, or the database was away.
    """
    look = read_clock(tx, context, now)
    if even and look.known is not None and now > look.known:
        look = replace(look, known=now)
        store_clock_mark(tx, context.vault, now)
    mark_clock(tx, context.vault, look, steady=steady)
    return look
