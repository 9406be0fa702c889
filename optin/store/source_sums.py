"""Views and sign-ups by week, magnet, variant and source: sums without a person (W8, W9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from optin.store.database_interface import Tx

VIEWED = "viewed"
SIGNED_UP = "signed-up"


class SourceKey(NamedTuple):
    """What is counted together. `variant` is empty for a magnet as it is written, `source` for none."""

    monday: date  # of the week in UTC
    magnet: str
    variant: str
    source: str
    kind: str


def add_to_source_sums(tx: Tx, counts: Mapping[SourceKey, int]) -> None:
    """Add to the sums, in a fixed order, so that two processes never wait for each other."""
    tx.many(
        "INSERT INTO source_sum(monday, magnet, variant, source, kind, count)"
        " VALUES (:monday, :magnet, :variant, :source, :kind, :count)"
        " ON CONFLICT (monday, magnet, variant, source, kind)"
        " DO UPDATE SET count = source_sum.count + excluded.count",
        [
            {**key._asdict(), "monday": key.monday.isoformat(), "count": count}
            for key, count in sorted(counts.items())
        ],
    )


def all_source_sums(tx: Tx) -> dict[SourceKey, int]:
    """Return every sum."""
    rows = tx.all("SELECT monday, magnet, variant, source, kind, count FROM source_sum")
    return {SourceKey(date.fromisoformat(row[0]), *row[1:5]): row[5] for row in rows}
