"""Promises of published magnets: files by digest, reports, and details stored by their kinds.

A magnet may be removed before everybody has what they were promised; then this says what that was.
Nothing here is about a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.store.database_interface import Tx, from_ms, to_ms

SERVED_EVERY = timedelta(hours=1)  # how often it is written down that a magnet is still served
SERVED_WITHIN = timedelta(days=1)  # what was served so lately may be served by another process
SLACK = timedelta(hours=1)  # a promise is kept longer by this, and so is written once an hour at most


@dataclass(frozen=True)
class PromisedFile:
    """A file to hand out: the SHA-256 of its bytes, its name for downloads, its size."""

    digest: str
    name: str
    size: int


@dataclass(frozen=True)
class Promise:
    """What one form of a magnet hands out, by the form's name; "" for a magnet with one form."""

    magnet: str
    outcome: str
    file: PromisedFile | None = None
    report: str = ""  # JSON of a long report


@dataclass(frozen=True)
class PromisedDetails:
    """The details that a kind stored of a magnet when it was last published."""

    name: str  # an address of the magnet, perhaps an earlier one
    magnet: str  # its address then
    kind: str
    details: str  # JSON


def keep_promise(tx: Tx, promise: Promise, now: datetime) -> None:
    """Store the present promises in place of the earlier ones; a file stays when it has no successor."""
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
    """Return the promises of a magnet's last published version."""
    row = tx.one(
        "SELECT file, name, size, report FROM promise WHERE magnet = :magnet AND outcome = :outcome",
        magnet=magnet,
        outcome=outcome,
    )
    if row is None:
        return None
    return Promise(magnet, outcome, PromisedFile(row[0], row[1], int(row[2])) if row[0] else None, row[3])


def all_promises(tx: Tx) -> list[tuple[Promise, datetime]]:
    """Return every promise ever made, each with when it was last published."""
    rows = tx.all("SELECT magnet, outcome, file, name, size, report, served_at FROM promise")
    return [
        (
            Promise(row[0], row[1], PromisedFile(row[2], row[3], int(row[4])) if row[2] else None, row[5]),
            from_ms(row[6]),
        )
        for row in rows
    ]


def mark_served(tx: Tx, served: Iterable[tuple[str, str]], now: datetime) -> None:
    """Record from time to time that these magnets and their forms are still published."""
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
    """Keep a promise until a moment at least. Call it last: others may wait for this row."""
    tx.run(
        "UPDATE promise SET until = :later WHERE magnet = :magnet AND outcome = :outcome AND until < :until",
        magnet=magnet,
        outcome=outcome,
        until=to_ms(until),
        later=to_ms(until + SLACK),
    )


def needed_files(tx: Tx, now: datetime) -> frozenset[str]:
    """Return the digests of files that are published, or promised until later."""
    rows = tx.all(
        "SELECT DISTINCT file FROM promise WHERE file <> '' AND (until > :now OR served_at > :served)",
        now=to_ms(now),
        served=to_ms(now - SERVED_WITHIN),
    )
    return frozenset(row[0] for row in rows)


def keep_details(tx: Tx, kept: PromisedDetails) -> None:
    """Store a kind's present details of a magnet in place of the earlier ones."""
    tx.run(
        "INSERT INTO served_details(name, magnet, kind, details) VALUES (:name, :magnet, :kind, :details)"
        " ON CONFLICT (name) DO UPDATE SET magnet = :magnet, kind = :kind, details = :details",
        name=kept.name,
        magnet=kept.magnet,
        kind=kept.kind,
        details=kept.details,
    )


def all_details(tx: Tx) -> list[PromisedDetails]:
    """Return the stored details of all magnets."""
    rows = tx.all("SELECT name, magnet, kind, details FROM served_details ORDER BY name")
    return [PromisedDetails(*row) for row in rows]
