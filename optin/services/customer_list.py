"""Read a list of customers, row by row, or a folder of invoices alone (L2). Nothing is stored here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from optin.bases.basis_part import SUBSCRIBER
from optin.consent.channel import declared_addresses
from optin.consent.email_and_telephone import parse_email
from optin.errors import RequestRefused
from optin.export.contact_list_reader import PeopleList
from optin.export.contact_list_row import ContactListRow
from optin.invoices.customer_statement import StatedCustomer
from optin.rules.contact_rule import Subscriber

EVIDENCE, DAY, PRODUCT = "evidence", "day", "product"
# columns that are taken over as they stand, by the field of the statement
_TEXTS = {
    "name": "name",
    "number": "number",
    "told": "told_at_collection",
    "told-at-collection": "told_at_collection",
    "own-sale": "own_sale",
    "linked": "linked",
    "checked": "checked",
}
COLUMNS = (*(it.field for it in declared_addresses()), *_TEXTS, EVIDENCE, DAY, PRODUCT, SUBSCRIBER)
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T]00:00(?::00)?)?", re.ASCII)  # a spreadsheet may add midnight
_SPACES = re.compile(r"[\s_-]+")


@dataclass(frozen=True)
class ListedCustomer:
    """One row of a list, or one invoice of a folder: what is stated, and its evidence. `where`: its place."""

    where: str
    stated: StatedCustomer = field(repr=False)
    evidence: Path


@dataclass(frozen=True)
class FaultyRow:
    """A row that cannot be used: its place, and the reason with its cure, as sentences."""

    where: str
    reason: str = field(repr=False)


def columns_of(people: PeopleList, name: str) -> Mapping[str, int]:
    """Return the place of each column that a list of customers has. Raises RequestRefused."""
    if people.header is None:
        msg = f"{name} has no header; name its columns: email, {', '.join(COLUMNS)}."
        raise RequestRefused(msg)
    found: dict[str, int] = {}
    for place, title in enumerate(people.header):
        column = _SPACES.sub("-", title.strip().casefold())
        if column in COLUMNS:
            if column in found:
                msg = f"{name} has two columns {column!r}; leave one."
                raise RequestRefused(msg)
            found[column] = place
    if EVIDENCE not in found:
        msg = (
            f"{name} has no column {EVIDENCE!r}; it names the invoice of each row, a file in --evidence-dir."
        )
        raise RequestRefused(msg)
    return found


def unused_columns(people: PeopleList, columns: Mapping[str, int]) -> tuple[str, ...]:
    """Return the titles of columns that are not read."""
    used = {people.column, *columns.values()}
    return tuple(it for place, it in enumerate(people.header or ()) if place not in used and it.strip())


def listed_customers(
    people: PeopleList, columns: Mapping[str, int], folder: Path, common: StatedCustomer
) -> Iterator[ListedCustomer | FaultyRow]:
    """Yield each row of a list. `common`: what holds for every row that does not say otherwise.

    Raises RequestRefused where the list cannot be read on, with the line.
    """
    inside = folder.resolve()
    for line in people.rows:
        where = f"line {line.number}"
        cells = {name: _cell(line, place) for name, place in columns.items()}
        if not any(cells.values()) and not people.value(line):
            continue
        try:
            stated = _stated(people.value(line), cells, common)
            yield ListedCustomer(where, stated, _file_inside(inside, cells[EVIDENCE]))
        except ValueError as problem:
            yield FaultyRow(where, str(problem))


def customers_in_folder(folder: Path, common: StatedCustomer) -> Iterator[ListedCustomer]:
    """Yield each file of a folder, in the order of their names; the invoice names its customer."""
    for name in sorted(it.name for it in os.scandir(folder) if it.is_file(follow_symlinks=False)):
        yield ListedCustomer(name, common, folder / name)


def _cell(line: ContactListRow, place: int) -> str:
    cells: Sequence[str] = line.cells
    return cells[place].strip() if place < len(cells) else ""


def _stated(email: str, cells: Mapping[str, str], common: StatedCustomer) -> StatedCustomer:
    """Return what a row states. Raises ValueError, as a sentence."""
    try:
        address = parse_email(email)
    except ValueError:
        msg = f"{email!r} is not an e-mail address. Write one in this row."
        raise ValueError(msg) from None
    subscriber = cells.get(SUBSCRIBER, "").casefold()
    if subscriber and subscriber not in {*Subscriber}:
        msg = f"{subscriber!r} is no subscriber. Write {', '.join(Subscriber)}, or nothing."
        raise ValueError(msg)
    texts = {_TEXTS[name]: cells[name] for name in _TEXTS if cells.get(name)}
    numbers = [cells.get(it.field, "") for it in declared_addresses()]
    return replace(
        common,
        email=address,
        phone=next(filter(None, numbers), ""),
        product=cells.get(PRODUCT) or common.product,
        day=_day(cells.get(DAY, "")),
        subscriber=subscriber or common.subscriber,
        **texts,
    )


def _day(text: str) -> date | None:
    if not text:
        return None
    found = _DAY.fullmatch(text)
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        msg = f"{text!r} is no day. Write it like 2026-11-02."
        raise ValueError(msg) from None


def _file_inside(folder: Path, name: str) -> Path:
    """Return a file of the folder. Raises ValueError for a name that leads out of it."""
    if not name:
        msg = "There is no evidence. Name the file of the invoice."
        raise ValueError(msg)
    try:
        path = (folder / name).resolve()
        whole = path.is_relative_to(folder) and "\0" not in name
        if whole and path.is_file():
            return path
    except (OSError, ValueError):
        whole = True
    problem = "is not there" if whole else "is not in the folder of the evidence"
    msg = f"{name} {problem}. Put the invoice there, or correct its name."
    raise ValueError(msg)
