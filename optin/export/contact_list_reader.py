"""Read a list in constant memory, row by row: CSV of any shape, or a sheet of an XLSX file.

What cannot be read whole is a sentence with its line. Nothing of a list is stored.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from optin.consent.channel import MAILBOX, TELEPHONE
from optin.errors import RequestRefused
from optin.export.contact_list_row import MAX_COLUMNS, ContactListRow
from optin.export.contacts_in_cell import EMAIL, PHONE, addresses_within, is_address, own_addresses
from optin.export.delimited_reader import read_delimited
from optin.export.refused_files import foreign_format, is_spreadsheet
from optin.export.spreadsheet_reader import read_spreadsheet

SAMPLE_ROWS = 50
MOST_TITLE_LINES = 20
_NAMES = {
    EMAIL: re.compile(
        r"e-?mail(?:[ _-]?(?:ad+res+e?|id))?|mail|courriel|(?:adresse[ _-]?)?(?:e-?mail|électronique)"
    ),
    PHONE: re.compile(
        r"(?:telefoon|telefon|téléphone|telephone|phone|mobiel|mobile?|handy|gsm|cell|tel)"
        r"[\w .-]*(?:number|nummer|numéro|nr|no)?"
    ),
}
_NEEDED_SIGN = {EMAIL: "@", PHONE: ""}
_OF = {EMAIL: f"an {MAILBOX.noun}", PHONE: f"a {TELEPHONE.noun}"}


@dataclass
class PeopleList:
    """An opened list: its header, if any, its address column, and its rows."""

    header: tuple[str, ...] | None
    column: int
    rows: Iterator[ContactListRow]  # raises RequestRefused where the list cannot be read
    kind: str  # email or phone
    width: int  # how many columns a row has

    def value(self, line: ContactListRow) -> str:
        """Return the cell of the address column; empty when the row is too short."""
        return line.cells[self.column].strip() if self.column < len(line.cells) else ""

    def addresses(self, line: ContactListRow) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the addresses in the address column, and those in the other cells.

        What stands beyond the last column belongs to the cell of the address: it had a separator in it. So
        does everything of a row without a header that is addresses and nothing else.
        """
        own: tuple[str, ...] = own_addresses(self.kind, self.value(line))
        others: tuple[str, ...] = ()
        sign = _NEEDED_SIGN[self.kind]  # most cells hold nobody, and there are millions
        for place, cell in enumerate(line.cells):
            if place != self.column and (sign in cell or "%40" in cell):
                found = addresses_within(self.kind, cell)
                if place < self.width:
                    others += found
                else:
                    own += found
        if others and self.header is None and self._is_all_addresses(line):
            return own + others, ()
        return own, others

    def _is_all_addresses(self, line: ContactListRow) -> bool:
        return all(is_address(self.kind, cell) for cell in line.cells if cell.strip())


def open_list(
    path: Path, kind: str, column: str | None, encoding: str, sheet: str | None = None
) -> PeopleList:
    """Open a list and find the column of `kind` (email or phone), or use the one named `column`.

    `sheet`: of a spreadsheet with several. Raises RequestRefused with the line.
    """
    lines = _whole(path, kind, encoding, sheet)
    sample = list(islice(lines, SAMPLE_ROWS))
    if not sample:
        msg = f"{path.name} is empty."
        raise RequestRefused(msg)
    place = _header(sample, kind, column)
    first = sample[place or 0]
    names = [cell.strip() for cell in first.cells]
    found = _named(path, first.number, names, column) if column is not None else _found(sample, names, kind)
    if found is None:
        msg = (
            f"{path.name} has no column with {_OF[kind]}; line {first.number} reads"
            f" {', '.join(names[:6])!r}. Name the column with --column."
        )
        raise RequestRefused(msg)
    header = None if place is None else first.cells
    rows = [line for at, line in enumerate(sample) if at != place]  # a title above is judged as a row is
    width = max(len(header or ()), Counter(len(line.cells) for line in sample).most_common(1)[0][0])
    whole = PeopleList(header, found, iter(()), kind, width)
    whole.rows = _one_by_one(path, chain(rows, lines), whole)
    return whole


def _whole(path: Path, kind: str, encoding: str, sheet: str | None) -> Iterator[ContactListRow]:
    """Yield the rows of a file of any kind. Raises RequestRefused."""
    try:
        what = foreign_format(path)
        if what:
            msg = f"{path.name} is {what}."
            raise RequestRefused(msg)
        if is_spreadsheet(path):
            yield from read_spreadsheet(path, sheet)
        elif sheet is not None:
            msg = f"{path.name} has no sheets: leave out --sheet."
            raise RequestRefused(msg)
        else:
            yield from read_delimited(path, encoding, kind)
    except OSError as problem:
        msg = f"{path.name} cannot be read ({problem.strerror})."
        raise RequestRefused(msg) from None


def _one_by_one(path: Path, lines: Iterator[ContactListRow], people: PeopleList) -> Iterator[ContactListRow]:
    """Yield rows unchanged. Raises RequestRefused for two rows in one line: the second would be hidden."""
    most = max(people.width + 1, 2 * people.width - 1) if people.width > 1 else MAX_COLUMNS + 1
    for line in lines:
        if len(line.cells) >= most and any(
            addresses_within(people.kind, cell)
            for place, cell in enumerate(line.cells)
            if place >= people.width - 1 and place != people.column
        ):
            msg = (
                f"{path.name}, line {line.number} has {len(line.cells)} columns and others have"
                f" {people.width}: a line break is missing in it, or a cell with a separator needs quotes."
            )
            raise RequestRefused(msg)
        yield line


def _header(sample: Sequence[ContactListRow], kind: str, column: str | None) -> int | None:
    """Return the header row: the one that names the column, else the widest above all addresses.

    A row with somebody in it is none; above a header there are only titles, with fewer cells.
    """
    wanted = column.strip().casefold() if column is not None else None
    widths = [sum(bool(cell.strip()) for cell in line.cells) for line in sample[:MOST_TITLE_LINES]]
    peopled = [any(addresses_within(kind, cell) for cell in line.cells) for line in sample]
    for place, width in enumerate(widths):
        names = [cell.strip().casefold() for cell in sample[place].cells]
        named = wanted in names if wanted is not None else any(map(_NAMES[kind].fullmatch, names))
        if named and not peopled[place] and width > max(widths[:place], default=0):
            return place
    above = widths[: peopled.index(True)] if True in peopled else widths
    return above.index(max(above)) if above else None


def _named(path: Path, number: int, names: Sequence[str], column: str) -> int:
    folded = [name.casefold() for name in names]
    if column.strip().casefold() in folded:
        return folded.index(column.strip().casefold())
    if column.isascii() and column.isdigit() and 1 <= int(column) <= MAX_COLUMNS:
        return int(column) - 1
    msg = f"{path.name} has no column {column!r}; line {number} reads {', '.join(names[:6])!r}."
    raise RequestRefused(msg)


def _found(sample: Sequence[ContactListRow], names: Sequence[str], kind: str) -> int | None:
    """Return the column with a known name; else the one whose cells mostly hold addresses."""
    named = [place for place, name in enumerate(names) if _NAMES[kind].fullmatch(name.casefold())]
    if named:
        return named[0]
    hits: dict[int, int] = {}
    for line in sample:
        for place, cell in enumerate(line.cells):
            if is_address(kind, cell):
                hits[place] = hits.get(place, 0) + 1
    best = max(hits, key=lambda place: (hits[place], -place), default=None)
    return best if best is not None and hits[best] * 2 >= len(sample) - 1 else None
