"""Read a list of text with any delimiter: yield its rows, or refuse with the line number.

A stray quote is what hides people: it swallows the rows up to the next quote, or up to the end.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO

from optin.errors import RequestRefused
from optin.export.contact_list_row import MAX_COLUMNS, ContactListRow
from optin.export.contacts_in_cell import is_address

MAX_LINE_CHARACTERS = 250_000  # of a line, and of a row over several lines
SAMPLE_LINES, SAMPLE_CHARACTERS = 60, 1_000_000
DELIMITERS = ",;\t|"
_BEGIN_BYTES = 4_096
_TWO_CHARACTERS = 4  # bytes of UTF-16; fewer do not show it
_SEPARATOR_LINE = re.compile(r'\ufeff?"?sep=([^\w\s"@]|\t)"?\s*', re.IGNORECASE)  # Excel's own
# as mail programs list people: "Bakker, Jan" <jan@example.com>, Piet <piet@example.com>
_RECIPIENTS = re.compile(
    r'(?:[^"<>\n]*(?:"[^"\n]*"\s*)?<[^<>\s@]{1,200}@[^<>\s@]{1,300}>)+[^"<>\n]*\n?', re.DOTALL
)
_QUOTED_NAME = re.compile(r'"\s*<')
_BYTE_ORDER_MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)


def read_delimited(path: Path, encoding: str, kind: str) -> Iterator[ContactListRow]:
    """Yield the rows of a list of addresses or numbers (`kind`) as text. Raises RequestRefused, OSError."""
    encoding = _encoding(path, encoding)
    try:
        with path.open(encoding=encoding, newline="") as file:
            yield from _rows(path, _lines(path, file, encoding), kind)
    except LookupError:
        msg = f"There is no encoding {encoding!r}; write utf-8, cp1252 or utf-16."
        raise RequestRefused(msg) from None


def _encoding(path: Path, named: str) -> str:
    """Return the encoding detected from the first bytes, or the one that was named."""
    with path.open("rb") as file:
        begin = file.read(_BEGIN_BYTES)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if begin.startswith(mark):
            return encoding
    first, second = begin[::2].count(0), begin[1::2].count(0)
    if len(begin) >= _TWO_CHARACTERS and max(first, second) * 3 > len(begin) and not min(first, second):
        return "utf-16-le" if second else "utf-16-be"  # without a mark, as few programs write it
    return named


def _rows(path: Path, lines: Iterator[str], kind: str) -> Iterator[ContactListRow]:
    sample = _sample(lines)
    if _are_recipients(sample):
        yield from _line_by_line(chain(sample, lines))
        return
    separator = _SEPARATOR_LINE.fullmatch(sample[0]) if sample else None
    skipped = 0 if separator is None else 1
    delimiter = _delimiter(sample, kind) if separator is None else separator[1]
    feed = _Feed(chain(sample[skipped:], lines))
    reader = csv.reader(iter(feed), delimiter=delimiter, strict=True)
    before = skipped
    while True:
        feed.taken = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _RowTooLong:
            msg = (
                f"{path.name}, line {before + 1}: a row begins there that is longer than"
                f" {MAX_LINE_CHARACTERS:,} characters. A quote may be missing; nothing of the list was used."
            )
            raise RequestRefused(msg) from None
        except csv.Error as problem:
            raise RequestRefused(_no_row(path, before + 1, reader.line_num + skipped, problem)) from None
        number = reader.line_num + skipped
        if len(cells) > MAX_COLUMNS:
            msg = f"{path.name}, line {number} has {len(cells)} columns; {MAX_COLUMNS} at most."
            raise RequestRefused(msg)
        if number > before + 1 and any(_hides_rows(cell, delimiter, kind) for cell in cells):
            msg = (
                f"{path.name}, line {before + 1}: a quote there makes one cell of lines {before + 1} to"
                f" {number}, with other rows in it. Remove the stray quote; nothing of the list was used."
            )
            raise RequestRefused(msg)
        before = number
        if any(cells):
            yield ContactListRow(number, tuple(cells))


def _sample(lines: Iterator[str]) -> list[str]:
    """Return the first lines; fewer when they are long."""
    sample: list[str] = []
    characters = 0
    for line in islice(lines, SAMPLE_LINES):
        sample.append(line)
        characters += len(line)
        if characters > SAMPLE_CHARACTERS:
            break
    return sample


class _RowTooLong(Exception):
    pass


class _Feed:
    """Feeds lines to the CSV reader, with a limit on the lines of one row. Raises _RowTooLong."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.taken = 0  # characters since it was set to 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.taken += len(line)
            if self.taken > MAX_LINE_CHARACTERS:
                raise _RowTooLong
            yield line


def _are_recipients(lines: Sequence[str]) -> bool:
    """Return whether each line, perhaps below a header, is a recipient list as mail programs write it."""
    filled = [line for line in lines if line.strip()]
    quoted = any(map(_QUOTED_NAME.search, filled))
    return quoted and all(map(_RECIPIENTS.fullmatch, filled[1:] or filled))


def _line_by_line(lines: Iterator[str]) -> Iterator[ContactListRow]:
    """Yield each line as a row of one cell: quotes belong to names."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield ContactListRow(number, (line.strip(),))


def _no_row(path: Path, first: int, last: int, problem: csv.Error) -> str:
    if "field larger" in str(problem):
        return (
            f"{path.name}, line {first}: a quote there, or in the lines up to {last}, opens a cell that is"
            " longer than any. Remove the stray quote; nothing of the list was used."
        )
    if "quote" in str(problem) or "expected after" in str(problem) or "unexpected end" in str(problem):
        seen = "" if last == first else f" (noticed in line {last})"
        return (
            f"{path.name}, line {first}: a quote there opens a cell that does not end where it should{seen}."
            " Remove the stray quote, or write two for one inside a cell; nothing of the list was used."
        )
    return f"{path.name}, line {last}: this is not a row of a list ({problem})."


def _hides_rows(cell: str, delimiter: str, kind: str) -> bool:
    """Return whether a cell over several lines has an address between separators, so hides rows."""
    lines = cell.splitlines() if "\n" in cell or "\r" in cell else ()
    rows = (line.split(delimiter) for line in lines if delimiter in line)
    return any(is_address(kind, part.strip(' "')) for row in rows for part in row)


def _delimiter(sample: Sequence[str], kind: str) -> str:
    """Return the delimiter with which most rows have a cell for the address alone."""
    return max(DELIMITERS, key=lambda sign: _fitness(sample, sign, kind))


def _fitness(sample: Sequence[str], delimiter: str, kind: str) -> tuple[int, float, int]:
    try:
        rows = [cells for cells in csv.reader(sample, delimiter=delimiter) if any(cells)]
    except csv.Error:
        return 0, 0.0, 0
    if not rows:
        return 0, 0.0, 0
    width, often = Counter(map(len, rows)).most_common(1)[0]
    fitting = sum(any(is_address(kind, cell) for cell in cells) for cells in rows)
    return fitting, often / len(rows) if width > 1 else 0.0, width


def _lines(path: Path, file: IO[str], encoding: str) -> Iterator[str]:
    """Yield the lines, each text and not too long. Raises RequestRefused."""
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(MAX_LINE_CHARACTERS)
        except (UnicodeDecodeError, UnicodeError):
            msg = (
                f"{path.name} is not {encoding} from line {_first_unreadable(path, encoding) or number} on;"
                " save it as UTF-8, or name its encoding: --encoding cp1252"
            )
            raise RequestRefused(msg) from None
        if not line:
            return
        if "\0" in line:
            msg = f"{path.name}, line {number} holds a NUL byte, so it is not a text file."
            raise RequestRefused(msg)
        if len(line) == MAX_LINE_CHARACTERS:
            msg = f"{path.name}, line {number} is longer than {MAX_LINE_CHARACTERS:,} characters."
            raise RequestRefused(msg)
        yield line


def _first_unreadable(path: Path, encoding: str) -> int:
    """Return the first line that this encoding cannot decode; 0 when line ends cannot be found.

    The reader decodes in blocks, so it notices many lines too early.
    """
    if re.match(r"utf.?(16|32)", encoding):
        return 0
    number = 0
    with path.open("rb") as file:
        while line := file.readline(4 * MAX_LINE_CHARACTERS):
            number += 1
            try:
                line.decode(encoding)
            except UnicodeDecodeError as problem:
                return number + line[: problem.start].count(b"\r")
            number += line.rstrip(b"\r\n").count(b"\r")
    return 0
