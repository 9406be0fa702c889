"""Read the rows of a spreadsheet (XLSX) in constant memory, all of them or none."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from optin.errors import RequestRefused
from optin.export.contact_list_row import MAX_COLUMNS, ContactListRow
from optin.export.xlsx_reader import MOST_CELL_CHARACTERS, Sheet, Workbook
from optin.export.xml_element_reader import TooLarge

MAX_XLSX_BYTES = 2_000_000_000  # unpacked
_SHEETS = re.compile(r"xl/worksheets/[^/]+\.xml")
# a formula without the value that a spreadsheet program saves beside it; a text may rightly be empty
_NOT_WORKED_OUT = re.compile(
    rb"<(?:\w+:)?c(?![^>]*\st=\"str\")(?:\s[^>]*)?>\s*"
    rb"<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_CHUNK_BYTES = 1_000_000
_LONGEST_FORMULA_BYTES = 100_000


def read_spreadsheet(path: Path, name: str | None) -> Iterator[ContactListRow]:
    """Yield the rows of the sheet `name`, or of the only one with rows; formulas as their values.

    Raises RequestRefused.
    """
    _check_whole(path)
    with path.open("rb") as file:  # opened here, for the library judges a file by its name
        try:
            book = Workbook(file)
        except TooLarge as problem:
            raise RequestRefused(_too_large(path.name, problem)) from None
        except Exception as problem:  # noqa: BLE001 - a foreign library's many ways to fail on a foreign file
            msg = f"{path.name} cannot be read as a spreadsheet ({type(problem).__name__})."
            raise RequestRefused(msg) from None
        sheet = _chosen(path, book, name)
        if sheet is not None:
            yield from _rows(path, book, sheet)


def _chosen(path: Path, book: Workbook, name: str | None) -> Sheet | None:
    """Return the sheet to read; None when no sheet has rows. Raises RequestRefused."""
    if name is not None:
        named = [it for it in book.sheets if it.title.casefold() == name.strip().casefold()]
        if not named:
            known = ", ".join(repr(it.title) for it in book.sheets)
            msg = f"{path.name} has no sheet {name!r}; there are: {known}."
            raise RequestRefused(msg)
        return named[0]
    filled = [it for it in book.sheets if next(_rows(path, book, it), None) is not None]
    if len(filled) > 1:
        known = ", ".join(repr(it.title) for it in filled)
        msg = (
            f"{path.name} has rows on {len(filled)} sheets: {known}. One is read at a time, so that nobody is"
            " overlooked: name it with --sheet."
        )
        raise RequestRefused(msg)
    return filled[0] if filled else None


def _rows(path: Path, book: Workbook, sheet: Sheet) -> Iterator[ContactListRow]:
    """Yield the rows that are not empty. Raises RequestRefused."""
    rows, number = book.rows(sheet), 0
    while True:
        try:
            number, row = next(rows, (number, None))
        except TooLarge as problem:
            raise RequestRefused(_too_large(f"{path.name}, below line {number},", problem)) from None
        except Exception as problem:  # noqa: BLE001 - as above, in the middle of it
            raise RequestRefused(_broken_off(path, number + 1, problem)) from None
        if row is None:
            return
        if len(row) > MAX_COLUMNS:
            msg = f"{path.name}, line {number} has more columns than {MAX_COLUMNS}."
            raise RequestRefused(msg)
        cells = tuple(map(_shown, row))
        if any(len(cell) > MOST_CELL_CHARACTERS for cell in cells):
            msg = f"{path.name}, line {number} has a cell of more than {MOST_CELL_CHARACTERS:,} characters."
            raise RequestRefused(msg)
        if any(cells):
            yield ContactListRow(number, cells)


def _too_large(where: str, problem: TooLarge) -> str:
    return f"{where} has {problem}. No spreadsheet program saves such a file; nothing of it was used."


def _shown(value: object) -> str:
    """Return a cell as it is displayed: a whole number without a fraction."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _broken_off(path: Path, number: int, problem: Exception) -> str:
    return f"{path.name} breaks off as a spreadsheet in line {number} ({type(problem).__name__})."


def _check_whole(path: Path) -> None:
    """Refuse a decompression bomb, and a formula without a value. Raises RequestRefused."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > MAX_XLSX_BYTES:
                msg = f"{path.name} is larger inside than any list."
                raise RequestRefused(msg)
            bare = any(_has_bare_formula(archive, it) for it in members if _SHEETS.fullmatch(it.filename))
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as problem:
        raise RequestRefused(_broken_off(path, 1, problem)) from None
    if bare:
        msg = (
            f"{path.name} has formulas whose results were never saved, so they cannot be read;"
            " open it in a spreadsheet program and save it."
        )
        raise RequestRefused(msg)


def _has_bare_formula(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    with archive.open(member) as file:
        before = b""
        while chunk := file.read(_CHUNK_BYTES):
            window = before + chunk
            if (b"<f" in window or b":f" in window) and _NOT_WORKED_OUT.search(window):
                return True
            before = window[-_LONGEST_FORMULA_BYTES:]
    return False
