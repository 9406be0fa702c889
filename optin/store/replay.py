"""What a restored backup must be told: withdrawals and erasures, by digests only (S7).

A line is written in the transaction of what it tells; from there it is copied to a file kept apart
(`bootstrap`). A line is known by its own digest, never by a number: it may be told twice, and transactions
end in any order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.proof.canonical import Json, canonical, parse
from optin.store.transaction import Row, Tx, from_ms, to_ms

PAGE_LINES = 1_000


@dataclass(frozen=True)
class ReplayLine:
    """One withdrawal or erasure. `told` holds digests and names of purposes, nothing personal."""

    at: datetime
    told: dict[str, Json]

    @property
    def name(self) -> bytes:
        """The digest of moment and meaning: the same line has the same name everywhere."""
        return hashlib.sha256(canonical({**self.told, "at": to_ms(self.at)})).digest()


def remember(tx: Tx, told: dict[str, Json], now: datetime) -> bool:
    """Let a restored backup be told of this; return False when it is written here already."""
    added = tx.run(
        "INSERT INTO replay(name, at, line) VALUES (:name, :at, :line) ON CONFLICT (name) DO NOTHING",
        name=ReplayLine(now, told).name,
        at=to_ms(now),
        line=canonical(told).decode(),
    )
    return added > 0


def rename_person(tx: Tx, old: str, new: str) -> None:
    """Tell the lines about a person (digest in hexadecimal) again under the digest it has now."""
    for at, line in tx.all("SELECT at, line FROM replay WHERE line LIKE :about", about=f'%"{old}"%'):
        told: dict[str, Json] = parse(line)
        remember(tx, {**told, "person": new}, from_ms(at))


def lines_waiting(tx: Tx, number: int) -> list[tuple[int, ReplayLine]]:
    """Return the next lines after `number` that are in no file yet, each with its number."""
    rows = tx.all(
        "SELECT id, at, line FROM replay WHERE kept = 0 AND id > :number ORDER BY id LIMIT :most",
        number=number,
        most=PAGE_LINES,
    )
    return [(row[0], _line(row[1:])) for row in rows]


def mark_kept(tx: Tx, numbers: Sequence[int]) -> None:
    """Note that these lines are in the file, and on its disk."""
    tx.many("UPDATE replay SET kept = 1 WHERE id = :id", [{"id": number} for number in numbers])


def mark_waiting(tx: Tx) -> None:
    """Let every line be written to the file anew: it is another one, or has lost something."""
    tx.run("UPDATE replay SET kept = 0 WHERE kept <> 0")


def kept_lines(tx: Tx) -> list[ReplayLine]:
    """Return every line that a file has had."""
    return [_line(row) for row in tx.each("SELECT at, line FROM replay WHERE kept <> 0 ORDER BY id")]


def count_lines(tx: Tx, before: datetime) -> int:
    """Count the lines that are older than `before`."""
    row = tx.one("SELECT COUNT(*) FROM replay WHERE at < :before", before=to_ms(before))
    return 0 if row is None else int(row[0])


def forget_lines(tx: Tx, before: datetime, most: int) -> int:
    """Remove lines older than `before`; return how many."""
    return tx.run(
        "DELETE FROM replay WHERE id IN (SELECT id FROM replay WHERE at < :before ORDER BY at LIMIT :most)",
        before=to_ms(before),
        most=most,
    )


def _line(row: Row) -> ReplayLine:
    return ReplayLine(from_ms(row[0]), parse(row[1]))
