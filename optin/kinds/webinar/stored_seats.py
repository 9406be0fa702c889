"""Store of webinars: seats and waiting lists, by ids, and the last announced plan of each webinar."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.kinds.api.flows import RequestId, SubjectId
from optin.kinds.api.store import Row, Tx, to_ms

SEATED, WAITING, GIVEN_UP = "seat", "waiting", "given-up"


@dataclass(frozen=True)
class AnnouncedPlan:
    """The plan of a webinar announced last, with its sequence number (RFC 5545)."""

    sequence: int
    plan: Mapping[str, Any]

    def differs(self, plan: Mapping[str, Any]) -> bool:
        """Return whether the announced plan differs from this one."""
        return dict(self.plan) != plan


@dataclass(frozen=True)
class Seat:
    """One person's seat, of one request. `sequence`: the plan announced to this person last."""

    magnet: str
    subject: SubjectId
    request: RequestId
    state: str
    sequence: int
    replayed: bool


def lock_occasion(tx: Tx, magnet: str, plan: Mapping[str, Any]) -> AnnouncedPlan:
    """Lock a webinar's seats and return the announced plan; the first time, announce `plan`."""
    tx.run(
        "INSERT INTO occasion(magnet, sequence, plan) VALUES (:magnet, 0, :plan) ON CONFLICT DO NOTHING",
        magnet=magnet,
        plan=json.dumps(plan),
    )
    row = tx.one(f"SELECT sequence, plan FROM occasion WHERE magnet = :magnet {tx.for_update}", magnet=magnet)
    return AnnouncedPlan(0, plan) if row is None else AnnouncedPlan(row[0], json.loads(row[1]))


def peek_occasion(tx: Tx, magnet: str) -> AnnouncedPlan | None:
    """Return the announced plan; None when nobody ever took a seat."""
    row = tx.one("SELECT sequence, plan FROM occasion WHERE magnet = :magnet", magnet=magnet)
    return None if row is None else AnnouncedPlan(row[0], json.loads(row[1]))


def tell_occasion(tx: Tx, magnet: str, sequence: int, plan: Mapping[str, Any]) -> None:
    """Record the newly announced plan."""
    tx.run(
        "UPDATE occasion SET sequence = :sequence, plan = :plan WHERE magnet = :magnet",
        magnet=magnet,
        sequence=sequence,
        plan=json.dumps(plan),
    )


_COLUMNS = "magnet, subject_id, request_id, state, sequence, replayed"


def find_seat(tx: Tx, magnet: str, subject: SubjectId) -> Seat | None:
    """Return a person's seat at a webinar, whatever its state."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM seat WHERE magnet = :magnet AND subject_id = :subject",
        magnet=magnet,
        subject=subject,
    )
    return None if row is None else _seat(row)


def has_seat(tx: Tx, request: RequestId, magnet: str) -> bool:
    """Return whether there is a seat of this request at a webinar, whatever its state."""
    sql = "SELECT 1 FROM seat WHERE request_id = :request AND magnet = :magnet"
    return tx.one(sql, request=request, magnet=magnet) is not None


def is_one_of(tx: Tx, magnet: str, others: Collection[str]) -> bool:
    """Return whether a webinar is one of `others`, perhaps by another address: with the same plan."""
    if magnet in others or not others:
        return magnet in others
    here = peek_occasion(tx, magnet)
    there = (peek_occasion(tx, name) for name in others)
    return here is not None and any(it is not None and not it.differs(here.plan) for it in there)


def save_seat(tx: Tx, seat: Seat, now: datetime) -> None:
    """Store a seat anew; a person who takes one again is the last on the waiting list."""
    tx.run(
        f"INSERT INTO seat({_COLUMNS}, at)"
        " VALUES (:magnet, :subject, :request, :state, :sequence, :replayed, :at)"
        " ON CONFLICT (magnet, subject_id) DO UPDATE SET request_id = excluded.request_id,"
        " state = excluded.state, sequence = excluded.sequence, replayed = excluded.replayed,"
        " at = excluded.at",
        magnet=seat.magnet,
        subject=seat.subject,
        request=seat.request,
        state=seat.state,
        sequence=seat.sequence,
        replayed=int(seat.replayed),
        at=to_ms(now),
    )


def update_seat(tx: Tx, seat: Seat) -> None:
    """Update a seat; its place on the waiting list stays."""
    tx.run(
        "UPDATE seat SET state = :state, sequence = :sequence, replayed = :replayed"
        " WHERE magnet = :magnet AND subject_id = :subject",
        magnet=seat.magnet,
        subject=seat.subject,
        state=seat.state,
        sequence=seat.sequence,
        replayed=int(seat.replayed),
    )


def count_seated(tx: Tx, magnet: str) -> int:
    """Count the seats that are taken."""
    row = tx.one(
        "SELECT COUNT(*) FROM seat WHERE magnet = :magnet AND state = :state", magnet=magnet, state=SEATED
    )
    return 0 if row is None else int(row[0])


def seats_by_state(tx: Tx, magnet: str) -> dict[str, int]:
    """Count the seats of a webinar by their state: taken, waiting, given up."""
    rows = tx.all("SELECT state, COUNT(*) FROM seat WHERE magnet = :m GROUP BY state", m=magnet)
    return {str(row[0]): int(row[1]) for row in rows}


def count_told(tx: Tx, magnet: str, sequence: int) -> tuple[int, int]:
    """Count who has a seat, or waits: who was mailed the plan `sequence`, and who the recording."""
    row = tx.one(
        "SELECT SUM(CASE WHEN sequence >= :sequence THEN 1 ELSE 0 END), SUM(replayed) FROM seat"
        " WHERE magnet = :magnet AND state <> :gone",
        magnet=magnet,
        sequence=sequence,
        gone=GIVEN_UP,
    )
    return (0, 0) if row is None else (int(row[0] or 0), int(row[1] or 0))


def waiting_for(tx: Tx, magnet: str, most: int) -> list[Seat]:
    """Return the waiting list, first one first."""
    return _in_line(tx, "state = :state", magnet=magnet, most=most, state=WAITING)


def untold(tx: Tx, magnet: str, sequence: int, most: int) -> list[Seat]:
    """Return the people with a seat, or waiting, who were not mailed the plan `sequence` yet."""
    which = "state <> :gone AND sequence < :sequence"
    return _in_line(tx, which, magnet=magnet, most=most, gone=GIVEN_UP, sequence=sequence)


def unreplayed(tx: Tx, magnet: str, most: int) -> list[Seat]:
    """Return the people with a seat, or waiting, who were not mailed the recording yet."""
    return _in_line(tx, "state <> :gone AND replayed = 0", magnet=magnet, most=most, gone=GIVEN_UP)


def _in_line(tx: Tx, which: str, **values: str | int) -> list[Seat]:
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM seat WHERE magnet = :magnet AND {which} ORDER BY at, subject_id LIMIT :most",
        **values,
    )
    return [_seat(row) for row in rows]


def _seat(row: Row) -> Seat:
    return Seat(row[0], SubjectId(row[1]), RequestId(row[2]), row[3], row[4], bool(row[5]))
