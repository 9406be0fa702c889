"""What served magnets promised and hand out later: files by their digest, reports, what their kinds keep.

A magnet may be removed before everybody has what they were promised; then this says what that was.
Nothing here is about a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.store.transaction import Tx, from_ms, to_ms

SERVED_EVERY = timedelta(hours=1)  # how often it is written down that a magnet is still served
SERVED_WITHIN = timedelta(days=1)  # what was served so lately may be served by another process
SLACK = timedelta(hours=1)  # a promise is kept longer by this, and so is written once an hour at most


@dataclass(frozen=True)
class PromisedFile:
    """A file that is handed out: the SHA-256 of its bytes, the name that people save it by, its size."""

    digest: str
    name: str
    size: int


@dataclass(frozen=True)
class Promise:
    """What one form of a magnet hands out, by its face: the magnet's only form by ""."""

    magnet: str
    outcome: str
    file: PromisedFile | None = None
    report: str = ""  # JSON of a long report


@dataclass(frozen=True)
class PromisedDetails:
    """What a magnet's kind kept of it when it was served last."""

    name: str  # an address of the magnet, perhaps an earlier one
    magnet: str  # its address then
    kind: str
    details: str  # JSON


def keep_promise(tx: Tx, promise: Promise, now: datetime) -> None:
    """Keep what is promised now in place of what was before; a file stays where there is no other."""
    file = promise.file
    tx.run(
        "INSERT INTO promise(magnet, outcome, file, name, size, report, served_at, until)"
        " VALUES (:magnet, :outcome, :file, :name, :size, :report, :now, 0)"
        " ON CONFLICT (magnet, outcome) DO UPDATE SET served_at = :now, report = :report,"
        " file = CASE WHEN :file = '' THEN promise.file ELSE :file END,"
        " name = CASE WHEN :file = '' THEN promise.name ELSE :name END,"
        " size = CASE WHEN :file = '' THEN promise.size ELSE :size END",
        magnet=promise.magnet,
        outcome=promise.outcome,
        file="" if file is None else file.digest,
        name="" if file is None else file.name,
        size=0 if file is None else file.size,
        report=promise.report,
        now=to_ms(now),
    )


def promise_of(tx: Tx, magnet: str, outcome: str) -> Promise | None:
    """Return what a magnet promised in its last served version."""
    row = tx.one(
        "SELECT file, name, size, report FROM promise WHERE magnet = :magnet AND outcome = :outcome",
        magnet=magnet,
        outcome=outcome,
    )
    if row is None:
        return None
    return Promise(magnet, outcome, PromisedFile(row[0], row[1], int(row[2])) if row[0] else None, row[3])


def all_promises(tx: Tx) -> list[tuple[Promise, datetime]]:
    """Return everything that was ever promised, each with when it was last seen to be served."""
    rows = tx.all("SELECT magnet, outcome, file, name, size, report, served_at FROM promise")
    return [
        (
            Promise(row[0], row[1], PromisedFile(row[2], row[3], int(row[4])) if row[2] else None, row[5]),
            from_ms(row[6]),
        )
        for row in rows
    ]


def mark_served(tx: Tx, served: Iterable[tuple[str, str]], now: datetime) -> None:
    """Write down, now and then, that these magnets and outcomes are still served."""
    for magnet, outcome in sorted(served):
        tx.run(
            "UPDATE promise SET served_at = :now"
            " WHERE magnet = :magnet AND outcome = :outcome AND served_at < :before",
            magnet=magnet,
            outcome=outcome,
            now=to_ms(now),
            before=to_ms(now - SERVED_EVERY),
        )


def promise_until(tx: Tx, magnet: str, outcome: str, until: datetime) -> None:
    """Keep what was promised until a moment at least. Do it last: others may wait for this row."""
    tx.run(
        "UPDATE promise SET until = :later WHERE magnet = :magnet AND outcome = :outcome AND until < :until",
        magnet=magnet,
        outcome=outcome,
        until=to_ms(until),
        later=to_ms(until + SLACK),
    )


def needed_files(tx: Tx, now: datetime) -> frozenset[str]:
    """Return the digests of files that are served, or promised until later."""
    rows = tx.all(
        "SELECT DISTINCT file FROM promise WHERE file <> '' AND (until > :now OR served_at > :served)",
        now=to_ms(now),
        served=to_ms(now - SERVED_WITHIN),
    )
    return frozenset(row[0] for row in rows)


def keep_details(tx: Tx, kept: PromisedDetails) -> None:
    """Keep what a magnet's kind says of it now in place of what it said before."""
    tx.run(
        "INSERT INTO served_details(name, magnet, kind, details) VALUES (:name, :magnet, :kind, :details)"
        " ON CONFLICT (name) DO UPDATE SET magnet = :magnet, kind = :kind, details = :details",
        name=kept.name,
        magnet=kept.magnet,
        kind=kept.kind,
        details=kept.details,
    )


def all_details(tx: Tx) -> list[PromisedDetails]:
    """Return what the kinds of all magnets kept of them when they were served last."""
    rows = tx.all("SELECT name, magnet, kind, details FROM served_details ORDER BY name")
    return [PromisedDetails(*row) for row in rows]
