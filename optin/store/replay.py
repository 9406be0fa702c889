"""What a restored backup must be told: withdrawals and erasures, in their order, by digests only (S7).

A line is written in the transaction of what it tells; it is copied to a file kept apart (`bootstrap`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optin.proof.canonical import Json, canonical, parse
from optin.store.transaction import Tx, from_ms, to_ms

PAGE_LINES = 1_000


@dataclass(frozen=True)
class ReplayLine:
    """One withdrawal or erasure. `number` grows; `told` holds digests and ids, nothing personal."""

    number: int
    at: datetime
    told: dict[str, Json]


def remember(tx: Tx, told: dict[str, Json], now: datetime) -> None:
    """Let a restored backup be told of this."""
    tx.run("INSERT INTO replay(at, line) VALUES (:now, :line)", now=to_ms(now), line=canonical(told).decode())


def put_line(tx: Tx, line: ReplayLine) -> None:
    """Put a line back under its own number, in place of what replaying it wrote, in a restored database."""
    tx.run("DELETE FROM replay WHERE id >= :id", id=line.number)
    tx.run(
        "INSERT INTO replay(id, at, line) VALUES (:id, :at, :line) ON CONFLICT (id) DO NOTHING",
        id=line.number,
        at=to_ms(line.at),
        line=canonical(line.told).decode(),
    )


def lines_after(tx: Tx, number: int) -> list[ReplayLine]:
    """Return the next lines after one."""
    rows = tx.all(
        "SELECT id, at, line FROM replay WHERE id > :number ORDER BY id LIMIT :most",
        number=number,
        most=PAGE_LINES,
    )
    return [ReplayLine(row[0], from_ms(row[1]), parse(row[2])) for row in rows]


def last_line(tx: Tx) -> int:
    """Return the number of the last line; 0 when there is none."""
    row = tx.one("SELECT MAX(id) FROM replay")
    return 0 if row is None or row[0] is None else int(row[0])
