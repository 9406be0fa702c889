"""How far optin has read who unsubscribed in each processor's tool: a mark for each (W11)."""

from __future__ import annotations

from datetime import datetime, timedelta

from optin.store.database_interface import Tx, to_ms


def claim_pull(tx: Tx, processor: str, source: str, every: timedelta, now: datetime) -> str | None:
    """Claim the next reading of a tool; return the mark to begin with, None when it is not due.

    Of several servers one claims it, for as long as `every`. A reading of another `source` begins anew.
    """
    row = tx.one(
        f"SELECT source, mark, next_at FROM tool_mark WHERE processor = :processor {tx.for_update}",
        processor=processor,
    )
    same = row is not None and row[0] == source
    if row is not None and same and to_ms(now) < row[2] <= to_ms(now + every):  # else a clock was ahead
        return None
    mark = str(row[1]) if row is not None and same else ""
    _write(tx, processor, source, mark, now + every)
    return mark


def store_pull_mark(tx: Tx, processor: str, source: str, mark: str) -> None:
    """Store the mark of a reading whose consents were all withdrawn."""
    tx.run(
        "UPDATE tool_mark SET mark = :mark WHERE processor = :processor AND source = :source",
        mark=mark,
        processor=processor,
        source=source,
    )


def _write(tx: Tx, processor: str, source: str, mark: str, due: datetime) -> None:
    tx.run(
        "INSERT INTO tool_mark(processor, source, mark, next_at)"
        " VALUES (:processor, :source, :mark, :due) ON CONFLICT (processor) DO UPDATE SET"
        " source = excluded.source, mark = excluded.mark, next_at = excluded.next_at",
        processor=processor,
        source=source,
        mark=mark,
        due=to_ms(due),
    )
