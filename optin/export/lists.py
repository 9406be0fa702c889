"""Reading a list from anywhere, row by row, in flat memory: CSV of any shape, or the first sheet of an XLSX.

What cannot be read is a sentence with its line. Nothing of a list is stored.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO

from optin.errors import RequestRefused

MAX_COLUMNS = 1_000
MAX_LINE_CHARACTERS = 1_000_000
MAX_XLSX_BYTES = 2_000_000_000  # unpacked
SAMPLE_ROWS = 50
DELIMITERS = ",;\t|"
_NAMES = {
    "email": re.compile(
        r"e-?mail(?:[ _-]?(?:ad+res+e?|id))?|mail|courriel|(?:adresse[ _-]?)?(?:e-?mail|électronique)"
    ),
    "phone": re.compile(
        r"(?:telefoon|telefon|téléphone|telephone|phone|mobiel|mobile?|handy|gsm|cell|tel)"
        r"[\w .-]*(?:number|nummer|numéro|nr|no)?"
    ),
}
_LOOKS = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "phone": re.compile(r"(?=(?:\D*\d){7})[+(]?[\d][\d ()./-]{6,24}"),
}
_HOLDS = {  # somewhere in a cell: "Jan <jan@example.nl> (home)"
    "email": re.compile(r"[^\s<>()\[\]\"',;:@]+@[^\s<>()\[\]\"',;:@]+"),
    "phone": re.compile(r"[+(]?(?:\d[ ()./-]*){7,15}"),
}
MAX_CELL_CHARACTERS = 1_000  # of a cell that is searched
_OF = {"email": "an e-mail address", "phone": "a telephone number"}


@dataclass(frozen=True)
class Line:
    """One row of a list. `number` is its line in the file, from 1."""

    number: int
    cells: tuple[str, ...]


@dataclass
class PeopleList:
    """A list that was opened: its header, if it has one, which column is the address, and its rows."""

    header: tuple[str, ...] | None
    column: int
    rows: Iterator[Line]
    kind: str  # email or phone

    def value(self, line: Line) -> str:
        """Return the address of a row; empty where the row is too short."""
        return line.cells[self.column].strip() if self.column < len(line.cells) else ""

    def others(self, line: Line) -> tuple[str, ...]:
        """Return the addresses in the other cells of a row: a second one is of a person as well."""
        others = (cell for place, cell in enumerate(line.cells) if place != self.column)
        return tuple(address for cell in others for address in _held(self.kind, cell))


def open_list(path: Path, kind: str, column: str | None, encoding: str) -> PeopleList:
    """Open a list and find the column of `kind` (email or phone), or take the one called `column`.

    Raises RequestRefused with the line.
    """
    lines = _spreadsheet(path) if zipfile.is_zipfile(path) else _text(path, encoding)
    sample = list(islice(lines, SAMPLE_ROWS))
    if not sample:
        msg = f"{path.name} is empty."
        raise RequestRefused(msg)
    first = tuple(cell.strip() for cell in sample[0].cells)
    has_header = not any(_held(kind, cell) for cell in first)
    found = _named(path, first, column) if column is not None else _found(sample, first, kind)
    if found is None:
        msg = (
            f"{path.name} has no column with {_OF[kind]}; line {sample[0].number} reads"
            f" {', '.join(first[:6])!r}. Name the column with --column."
        )
        raise RequestRefused(msg)
    rows = chain(sample[1:] if has_header else sample, lines)
    return PeopleList(sample[0].cells if has_header else None, found, rows, kind)


def _held(kind: str, cell: str) -> list[str]:
    return _HOLDS[kind].findall(cell[:MAX_CELL_CHARACTERS])


def _named(path: Path, first: Sequence[str], column: str) -> int:
    folded = [cell.casefold() for cell in first]
    if column.strip().casefold() in folded:
        return folded.index(column.strip().casefold())
    if column.isascii() and column.isdigit() and 1 <= int(column) <= MAX_COLUMNS:
        return int(column) - 1
    msg = f"{path.name} has no column {column!r}; line 1 reads {', '.join(first[:6])!r}."
    raise RequestRefused(msg)


def _found(sample: Sequence[Line], first: Sequence[str], kind: str) -> int | None:
    """Return the column that is called so; else the one whose cells mostly look so."""
    named = [place for place, cell in enumerate(first) if _NAMES[kind].fullmatch(cell.casefold())]
    if named:
        return named[0]
    hits: dict[int, int] = {}
    for line in sample:
        for place, cell in enumerate(line.cells):
            if _LOOKS[kind].fullmatch(cell.strip()):
                hits[place] = hits.get(place, 0) + 1
    best = max(hits, key=lambda place: (hits[place], -place), default=None)
    return best if best is not None and hits[best] * 2 >= len(sample) - 1 else None


def _text(path: Path, encoding: str) -> Iterator[Line]:
    """Yield the rows of a CSV, whatever parts its cells."""
    with path.open("rb") as raw:
        start = raw.read(4)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif start.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    try:
        with path.open(encoding=encoding, newline="") as file:
            yield from _parsed(path, file, encoding)
    except LookupError:
        msg = f"There is no encoding {encoding!r}; write utf-8, cp1252 or utf-16."
        raise RequestRefused(msg) from None


def _parsed(path: Path, file: IO[str], encoding: str) -> Iterator[Line]:
    lines = _lines(path, file, encoding)
    first = next(lines, "")
    delimiter = max(DELIMITERS, key=lambda sign: _outside_quotes(first).count(sign))
    reader = csv.reader(chain([first] if first else [], lines), delimiter=delimiter, strict=False)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            msg = f"{path.name}, line {reader.line_num}: this is no row of a list ({problem})."
            raise RequestRefused(msg) from None
        if len(cells) > MAX_COLUMNS:
            msg = f"{path.name}, line {reader.line_num} has {len(cells)} columns; {MAX_COLUMNS} at most."
            raise RequestRefused(msg)
        if any(cells):
            yield Line(reader.line_num, tuple(cells))


def _outside_quotes(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def _lines(path: Path, file: IO[str], encoding: str) -> Iterator[str]:
    """Yield lines of bearable length that are text. Raises RequestRefused."""
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(MAX_LINE_CHARACTERS)
        except (UnicodeDecodeError, UnicodeError):
            msg = (
                f"{path.name} is not {encoding} from line {number} on; save it as UTF-8, or name its"
                " encoding: --encoding cp1252"
            )
            raise RequestRefused(msg) from None
        if not line:
            return
        if "\0" in line:
            msg = f"{path.name}, line {number} holds a NUL: this is no list of text."
            raise RequestRefused(msg)
        if len(line) == MAX_LINE_CHARACTERS:
            msg = f"{path.name}, line {number} is longer than {MAX_LINE_CHARACTERS:,} characters."
            raise RequestRefused(msg)
        yield line


def _spreadsheet(path: Path) -> Iterator[Line]:
    """Yield the rows of the first sheet, as they read; formulas by the value that was saved with them."""
    from openpyxl import load_workbook  # noqa: PLC0415 - heavy, and seldom needed

    _check_size(path)
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its own size is not to be believed
        rows = sheet.iter_rows(values_only=True)
    except Exception as problem:  # noqa: BLE001 - a foreign library's many ways to fail on a foreign file
        msg = f"{path.name} is no spreadsheet that can be read ({type(problem).__name__})."
        raise RequestRefused(msg) from None
    number = 0
    while True:
        number += 1
        try:
            row = next(rows, None)
        except Exception as problem:  # noqa: BLE001 - as above, in the middle of it
            msg = f"{path.name} breaks off as a spreadsheet in line {number} ({type(problem).__name__})."
            raise RequestRefused(msg) from None
        if row is None:
            book.close()
            return
        if len(row) > MAX_COLUMNS:
            msg = f"{path.name}, line {number} has more columns than {MAX_COLUMNS}."
            raise RequestRefused(msg)
        cells = tuple("" if cell is None else str(cell) for cell in row)
        if any(cells):
            yield Line(number, cells)


def _check_size(path: Path) -> None:
    """See that a packed file is no bomb. Raises RequestRefused."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        size = 0  # the reader says what is wrong
    if size > MAX_XLSX_BYTES:
        msg = f"{path.name} is larger inside than any list."
        raise RequestRefused(msg)
