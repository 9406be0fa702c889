"""Views and sign-ups by week, magnet, variant and source: sums without a person (W8, W9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from optin.store.database_interface import Tx
from optin.store.row_queries import add_to_sums

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
    """Add views and sign-ups to the sums."""
    add_to_sums(tx, "source_sum", SourceKey._fields, counts)


def all_source_sums(tx: Tx) -> dict[SourceKey, int]:
    """Return every sum."""
    rows = tx.all("SELECT monday, magnet, variant, source, kind, count FROM source_sum")
    return {SourceKey(date.fromisoformat(row[0]), *row[1:5]): row[5] for row in rows}
