"""One row of a list, as all list readers yield it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_COLUMNS = 1_000


@dataclass(frozen=True, slots=True)
class ContactListRow:
    """One row. `number`: its line in the file, from 1."""

    number: int
    cells: tuple[str, ...]
