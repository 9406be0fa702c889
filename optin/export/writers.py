"""Write rows: CSV with its variants, XLSX with types, JSON Lines for programs (E2, E4)."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TypeAlias

from optin.errors import RequestRefused

Row: TypeAlias = dict[str, str]
Writer: TypeAlias = Callable[[IO[str], tuple[str, ...], Iterable[Row]], None]


@dataclass(frozen=True)
class CsvShape:
    """What varies between our CSV files: all are UTF-8, quoted, with CR LF line ends (RFC 4180)."""

    delimiter: str = ","
    mark: bool = False  # begins with a byte order mark


# Programs read it so. Many of them take a byte order mark for a part of the first column's name, and some
# refuse the quote behind it: Go's encoding/csv, and by it listmonk, says 'bare " in non-quoted-field'.
FOR_PROGRAMS = CsvShape()
# Excel in Dutch, German and French parts cells at a semicolon; without a mark it reads Windows-1252.
FOR_EXCEL = CsvShape(";", mark=True)

# What a spreadsheet takes for the beginning of a formula, in both widths: of a cell, and behind whatever
# parts cells in some country, for there a spreadsheet may not heed our quotes.
_SIGNS = "=+\\-@＝＋－＠|%"
_FORMULA = re.compile(rf"^[\s\"]*[{_SIGNS}]")
_FORMULA_INSIDE = re.compile(rf"([;,|\t\r\n][\s\"]*)(?=[{_SIGNS}])")
_NUMBER = re.compile(r"\+[0-9]{7,15}")  # E.164: at worst a sum, and importers need it bare


def safe_cell(text: str) -> str:
    """Return a cell that spreadsheets do not run: an apostrophe before what looks like a formula (E4)."""
    text = text.replace("\0", "")
    if not text or _NUMBER.fullmatch(text):
        return text
    first = "'" if text[0] in "\t\r\n" or _FORMULA.match(text) else ""
    return first + _FORMULA_INSIDE.sub(r"\1'", text)


class CsvWriter:
    """Writes rows whose cells are never formulas."""

    def __init__(self, file: IO[str], shape: CsvShape) -> None:
        """Begin a file of this shape."""
        if shape.mark:
            file.write("\ufeff")
        self._writer = csv.writer(
            file, delimiter=shape.delimiter, lineterminator="\r\n", quoting=csv.QUOTE_ALL
        )

    def write(self, cells: Iterable[str]) -> None:
        """Write a row."""
        self._writer.writerow([safe_cell(cell) for cell in cells])


def write_csv(
    file: IO[str], columns: tuple[str, ...], rows: Iterable[Row], shape: CsvShape = FOR_PROGRAMS
) -> None:
    """Write a header and rows, for programs unless another shape is given."""
    writer = CsvWriter(file, shape)
    writer.write(columns)
    for row in rows:
        writer.write(row[column] for column in columns)


def write_jsonl(file: IO[str], columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Write one JSON object per line, with unchanged values."""
    for row in rows:
        file.write(json.dumps({name: row[name] for name in columns}, ensure_ascii=False) + "\n")


def write_xlsx(
    file: IO[str], columns: tuple[str, ...], rows: Iterable[Row], *, in_memory: bool = False
) -> None:
    """Write one sheet in constant memory: moments as dates, everything else as text.

    `in_memory`: in memory that grows with the rows, and without a temporary file.
    """
    from xlsxwriter import Workbook  # noqa: PLC0415 - heavy, and seldom needed

    kept = {"in_memory": True} if in_memory else {"constant_memory": True}
    book = Workbook(file.buffer, {**kept, "remove_timezone": True})  # type: ignore[attr-defined]  # an untyped library
    moment, bold = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}), book.add_format({"bold": True})
    sheet = book.add_worksheet("export")
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(columns) - 1, WIDTH)
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column, bold)
    last = 0
    try:
        for last, row in enumerate(rows, start=1):
            if last >= MAX_SHEET_ROWS:
                msg = f"A spreadsheet holds {MAX_SHEET_ROWS - 1:,} leads at most; export them as CSV."
                raise RequestRefused(msg)
            for place, column in enumerate(columns):
                if column in MOMENTS:
                    sheet.write_datetime(last, place, datetime.fromisoformat(row[column]), moment)
                else:
                    sheet.write_string(last, place, row[column])
        sheet.autofilter(0, 0, last, len(columns) - 1)
    finally:
        book.close()  # its temporary files go, whatever happened


WIDTH = 24  # characters of a column
MAX_SHEET_ROWS = 1_048_576
MOMENTS = frozenset({"requested_at", "confirmed_at", "expires_at"})  # UTC
WRITERS: dict[str, Writer] = {"csv": write_csv, "xlsx": write_xlsx, "jsonl": write_jsonl}
