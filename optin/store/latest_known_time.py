"""Read and write the clock mark and the sweep's daily share; find events about the clock.

The clock mark is the last moment at which the clock was known to be right. It is sealed: without the keys
nobody can write a later one. When it is removed or replaced by an earlier one, the clock is doubted sooner,
never later.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from optin.consent.status_transitions import CLOCK_EVENTS, EventKind
from optin.consent.wrong_clock import ClockSetBack
from optin.proof.canonical_json import parse
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.events import stored_event
from optin.store.row_queries import count_rows

MARK, DAY = "clock", "sweep-day"  # rows of `installation`
NEWEST_LOOKED_AT = 20  # events: those that optin did not write are passed over


def known_moment(tx: Tx, vault: Vault) -> datetime | None:
    """Return the last moment at which the clock was known to be right; None in a store without events.

    It is the clock mark. A store of an earlier version has no mark: then it follows from the events about
    the clock, or is the moment of the newest event. The moments in rows of checkpoints are not used: nothing
    shows who wrote them.
    """
    mark = _load(tx, vault, MARK)
    if mark is not None:
        return from_ms(mark["at"])
    last = last_clock_event(tx, vault)
    if last is not None and last["kind"] == EventKind.CLOCK_DOUBTED:  # what came after it is doubtful too
        return datetime.fromisoformat(last["known"])
    back = set_backs(tx, vault)
    if back:
        return back[-1].was
    return newest_event(tx, vault)


def store_clock_mark(tx: Tx, vault: Vault, moment: datetime) -> None:
    """Store that the clock was right at `moment`."""
    _save(tx, vault, MARK, {"at": to_ms(moment)})


def newest_event(tx: Tx, vault: Vault) -> datetime | None:
    """Return the time of the newest genuine event."""
    rows = tx.all(
        "SELECT id, request_id, body, leaf, mac FROM event WHERE body IS NOT NULL ORDER BY id DESC"
        " LIMIT :most",
        most=NEWEST_LOOKED_AT,
    )
    genuine = (it for it in map(stored_event, rows) if it.genuine(vault))
    newest = next(genuine, None)
    return None if newest is None else datetime.fromisoformat(str(parse(newest.body)["at"]))


def clock_events(tx: Tx, vault: Vault) -> list[tuple[int, dict[str, Any]]]:
    """Return every genuine event about the clock with its number, oldest first."""
    rows = tx.all(
        "SELECT id, request_id, body, leaf, mac FROM event WHERE request_id IS NULL AND body IS NOT NULL"
        " AND body LIKE :of_the_clock ORDER BY id",
        of_the_clock='%"kind":"clock-%',
    )
    found = [(it.number, dict(parse(it.body))) for it in map(stored_event, rows) if it.genuine(vault)]
    return [(number, body) for number, body in found if body["kind"] in CLOCK_EVENTS]


def set_backs(tx: Tx, vault: Vault) -> list[ClockSetBack]:
    """Return each time the clock went back, oldest first, with the number of its event."""
    return [
        ClockSetBack(number, datetime.fromisoformat(body["at"]), datetime.fromisoformat(body["was"]))
        for number, body in clock_events(tx, vault)
        if body["kind"] == EventKind.CLOCK_SET_BACK
    ]


def last_clock_event(tx: Tx, vault: Vault) -> dict[str, Any] | None:
    """Return the newest event that doubts or accepts the clock."""
    told = [body for _, body in clock_events(tx, vault) if body["kind"] != EventKind.CLOCK_SET_BACK]
    return told[-1] if told else None


@dataclass(frozen=True)
class SweepDay:
    """The people at the first sweep of a day, and how many were erased or lost a consent since."""

    day: str  # ISO date, UTC
    people: int
    taken: int = 0
    told: bool = False  # the operator knows that more waits


def sweep_day(tx: Tx, vault: Vault, now: datetime) -> SweepDay:
    """Return the counts for the day of `now`, locked until this transaction ends."""
    tx.hold(DAY.encode())
    kept = _load(tx, vault, DAY)
    day = None if kept is None else SweepDay(**kept)
    if day is not None and day.day == now.date().isoformat():
        return day
    return SweepDay(now.date().isoformat(), count_rows(tx, "subject"))


def add_to_day(tx: Tx, vault: Vault, day: SweepDay, count: int) -> None:
    """Add people who were erased or lost a consent by a sweep."""
    _save(tx, vault, DAY, asdict(replace(day, taken=day.taken + count)))


def mark_told(tx: Tx, vault: Vault, day: SweepDay) -> None:
    """Record that the operator was informed of this day's backlog."""
    _save(tx, vault, DAY, asdict(replace(day, told=True)))


def _load(tx: Tx, vault: Vault, name: str) -> dict[str, Any] | None:
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=name)
    return None if row is None else dict(json.loads(vault.open(_place(name), bytes(row[0]))))


def _save(tx: Tx, vault: Vault, name: str, value: dict[str, Any]) -> None:
    tx.run(
        "INSERT INTO installation(name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=name,
        value=vault.seal(_place(name), json.dumps(value).encode()),
    )


def _place(name: str) -> EncryptedCell:
    return EncryptedCell("installation", name.encode())
