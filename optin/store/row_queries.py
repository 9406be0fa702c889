"""Questions that can be put to any table: how many rows, whether there is one, which among many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from optin.store.database_interface import Tx, Value

SumKey = TypeVar("SumKey", bound=tuple[date | str, ...])


BEYOND_ALL = 2**62  # beyond every number and moment


@dataclass(frozen=True)
class Place:
    """Where a page of rows begins, the newest first: before a moment, or at it and with a lower number."""

    at: int
    number: int


# after WHERE and a condition, in a table with `id` and `at`; `most` rows from the values of a `Place` on
PAGE = "at <= :at AND (at < :at OR id < :id) AND at >= :since ORDER BY at DESC, id DESC LIMIT :most"


def list_parameters(values: Sequence[bytes]) -> tuple[dict[str, Value], str]:
    """Return values as query parameters, and the SQL list that names them."""
    named: dict[str, Value] = {f"v{_letters(place)}": value for place, value in enumerate(values)}
    return named, ", ".join(f":{name}" for name in named)


def _letters(number: int) -> str:
    """Return a number in letters: parameter names have no digits."""
    return str(number).translate(_AS_LETTERS)


_AS_LETTERS = str.maketrans("0123456789", "abcdefghij")


def count_rows(tx: Tx, which: str, **values: Value) -> int:
    """Return how many rows there are. `which`: a table and a condition, as after FROM."""
    row = tx.one(f"SELECT COUNT(*) FROM {which}", **values)
    return 0 if row is None else int(row[0])


def add_to_sums(tx: Tx, table: str, columns: Sequence[str], counts: Mapping[SumKey, int]) -> None:
    """Add counts to the sums in `table`, by the columns of its key; the first is a Monday.

    In a fixed order, so that two processes never wait for each other.
    """
    names = ", ".join(columns)
    values = ", ".join(f":{it}" for it in columns)
    tx.many(
        f"INSERT INTO {table}({names}, count) VALUES ({values}, :count)"
        f" ON CONFLICT ({names}) DO UPDATE SET count = {table}.count + excluded.count",
        [
            {**dict(zip(columns, map(str, key), strict=True)), "count": count}
            for key, count in sorted(counts.items())
        ],
    )


def has_row(tx: Tx, which: str, **values: Value) -> bool:
    """Return whether there is such a row."""
    return tx.one(f"SELECT 1 FROM {which} LIMIT 1", **values) is not None
