"""Writing rows as they came, to CSV or XLSX by the name of the file, in flat memory (E4, E6)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from optin.export.destination import destination
from optin.export.writers import safe_cell

XLSX = ".xlsx"


class Table(Protocol):
    """A file that takes rows."""

    def write(self, cells: Sequence[str]) -> None:
        """Add a row; no cell of it runs as a formula."""


@contextmanager
def table(out: str) -> Iterator[Table]:
    """Write a file that appears whole, or not at all. Raises RequestRefused."""
    with destination(out) as draft:
        if Path(out).suffix.lower() == XLSX:
            with _spreadsheet(draft.file) as sheet:
                yield sheet
        else:
            yield _Csv(draft.file)
        draft.released = True


class _Csv:
    """RFC 4180, every cell in quotes, with a byte order mark."""

    def __init__(self, file: IO[str]) -> None:
        file.write("\ufeff")
        self._writer = csv.writer(file, lineterminator="\r\n", quoting=csv.QUOTE_ALL)

    def write(self, cells: Sequence[str]) -> None:
        self._writer.writerow([safe_cell(cell) for cell in cells])


class _Sheet:
    """One sheet; cells are texts, never formulas or links."""

    def __init__(self, sheet: object) -> None:
        self._sheet = sheet
        self._row = 0

    def write(self, cells: Sequence[str]) -> None:
        for column, cell in enumerate(cells):
            self._sheet.write_string(self._row, column, cell)  # type: ignore[attr-defined]
        self._row += 1


@contextmanager
def _spreadsheet(file: IO[str]) -> Iterator[_Sheet]:
    from xlsxwriter import Workbook  # noqa: PLC0415 - heavy, and seldom needed

    book = Workbook(file.buffer, {"constant_memory": True})  # type: ignore[attr-defined]
    yield _Sheet(book.add_worksheet())
    book.close()
