"""Questions that can be put to any table: how many rows, whether there is one, which among many."""

from __future__ import annotations

from collections.abc import Sequence

from optin.store.database_interface import Tx, Value


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


def has_row(tx: Tx, which: str, **values: Value) -> bool:
    """Return whether there is such a row."""
    return tx.one(f"SELECT 1 FROM {which} LIMIT 1", **values) is not None
