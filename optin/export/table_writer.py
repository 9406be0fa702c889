"""Write rows unchanged to CSV or XLSX, by the name of the file, in constant memory (E4, E6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from optin.errors import RequestRefused
from optin.export.destination import destination
from optin.export.writers import FOR_EXCEL, FOR_PROGRAMS, CsvWriter

XLSX = ".xlsx"


class Table(Protocol):
    """A file that rows are written to."""

    def write(self, cells: Sequence[str]) -> None:
        """Write a row; spreadsheets run none of its cells as a formula."""


@contextmanager
def table(out: str, *, excel: bool = False) -> Iterator[Table]:
    """Write a file that appears whole, or not at all. Raises RequestRefused.

    `excel`: a CSV as Excel in Dutch, German or French opens it.
    """
    xlsx = Path(out).suffix.lower() == XLSX
    if xlsx and excel:
        msg = f"{out} opens in every Excel as it is; leave --excel, or name a CSV."
        raise RequestRefused(msg)
    with destination(out) as draft:
        if xlsx:
            with _spreadsheet(draft.file) as sheet:
                yield sheet
        else:
            yield CsvWriter(draft.file, FOR_EXCEL if excel else FOR_PROGRAMS)
        draft.released = True


class _Sheet:
    """One sheet; its cells are text, never formulas or links."""

    def __init__(self, sheet: object) -> None:
        self._sheet = sheet
        self._row = 0

    def write(self, cells: Sequence[str]) -> None:
        for column, cell in enumerate(cells):
            self._sheet.write_string(self._row, column, cell)  # type: ignore[attr-defined]  # an untyped library
        self._row += 1


@contextmanager
def _spreadsheet(file: IO[str]) -> Iterator[_Sheet]:
    from xlsxwriter import Workbook  # noqa: PLC0415 - heavy, and seldom needed

    book = Workbook(file.buffer, {"constant_memory": True})  # type: ignore[attr-defined]  # an untyped library
    yield _Sheet(book.add_worksheet())
    book.close()
