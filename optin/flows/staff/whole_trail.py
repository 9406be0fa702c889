"""The trail of the desk and what was done at the terminal, as one list, newest first, without doubles.

Whoever acts for a person at the desk leaves two rows: one of the trail, and one as any officer does. They are
of one transaction, so of one moment: the second is left out. So are an export and an entry about a breach
that the trail tells of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import TypeVar

from optin.consent.plain_text import whole_number
from optin.flows.context_with_kinds import SiteContext
from optin.flows.rights.breaches import list_breaches
from optin.flows.rights.personal_data import BY_THE_PERSON
from optin.flows.staff.accounts import SHELL
from optin.flows.staff.trail import ActKind, TrailLine, lines_of
from optin.flows.unreadable_rows import BROKEN
from optin.proof.canonical_json import Json
from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.export_records import export_runs_before
from optin.store.officer_actions import actions_before, opened_reason
from optin.store.person_numbers import known_number
from optin.store.row_queries import BEYOND_ALL, Place
from optin.store.staff_accounts import all_accounts
from optin.store.staff_trail import ActFilter, acts_at, acts_of_kinds, acts_page, open_act

T = TypeVar("T")

DESK, BREACH, EXPORT, OFFICER = "d", "c", "b", "a"  # sources, in the order of lines of one moment
EXPORTED = "exported"
OFFICER_KINDS = ("show", "export", "withdraw", "erase", "hold", "end", "object", "ask")
_OF_EXPORTS = tuple(it for it in ActKind if "export" in it)
_OF_BREACHES = tuple(it for it in ActKind if "breach" in it)
_NEAR = timedelta(days=1)  # between the order of an export at the desk and its record


@dataclass(frozen=True)
class TrailPlace:
    """A place in the list: lines after it are older. `source`: a letter of this module."""

    at: int
    source: str
    number: int

    def __str__(self) -> str:
        """Return it as an address holds it."""
        return f"{self.at}-{self.source}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> TrailPlace | None:
        """Return the place that a text names; None for what is none."""
        at, _, rest = text.partition("-")
        source, _, number = rest.partition("-")
        moment, place = whole_number(at), whole_number(number)
        if moment is None or place is None or source not in set("abcd"):
            return None
        return cls(moment, source, place)

    def for_source(self, source: str) -> Place:
        """Return where the rows of a source begin that come after this place."""
        return Place(
            self.at, self.number if source == self.source else BEYOND_ALL if source < self.source else 0
        )


@dataclass(frozen=True)
class TrailFilter:
    """Which lines are wanted. `staff`: of one account; `terminal`: only what was done there.

    `kind`: of one kind. `since` and `until`: from a moment on, and before one. `of_staff`: only what staff
    did about staff, without what concerns people.
    """

    staff: bytes | None = None
    terminal: bool = False
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    of_staff: bool = False


@dataclass(frozen=True)
class WholeTrailLine(TrailLine):
    """One line. `source`: a letter of this module. Not at the desk: `kind` is what the terminal calls it."""

    source: str = DESK

    @property
    def at_desk(self) -> bool:
        """Whether it stands in the trail of the desk."""
        return self.source == DESK

    @property
    def place(self) -> TrailPlace:
        """Its place in the list."""
        return TrailPlace(to_ms(self.at), self.source, self.number)


def whole_trail(
    tx: Tx, context: SiteContext, wanted: TrailFilter, after: TrailPlace | None, most: int
) -> list[WholeTrailLine]:
    """Return lines in order, the newest first, after a place. Nothing is changed."""
    start = TrailPlace(BEYOND_ALL, DESK, BEYOND_ALL) if after is None else after
    if wanted.until is not None and to_ms(wanted.until) <= start.at:
        start = TrailPlace(to_ms(wanted.until) - 1, DESK, BEYOND_ALL)
    sources = [_desk(tx, context, wanted, start, most)]
    if wanted.staff is None and not wanted.of_staff:
        sources += [
            _officers(tx, context, wanted, start, most),
            _exports(tx, context, wanted, start, most),
            _breaches(tx, context, wanted, start),
        ]
    together = merge(*sources, key=_order, reverse=True)
    return list(islice(together, most))


def _order(line: WholeTrailLine) -> tuple[int, str, int]:
    return to_ms(line.at), line.source, line.number


def _since(wanted: TrailFilter) -> int:
    return 0 if wanted.since is None else to_ms(wanted.since)


def _paged(read: Callable[[Place], list[Row]], place: Place, most: int) -> Iterator[Row]:
    """Yield rows from a place on, a page at a time; each begins with its number and its moment."""
    while True:
        rows = read(place)
        yield from rows
        if len(rows) < most:
            return
        place = Place(int(rows[-1][1]), int(rows[-1][0]))


def _desk(
    tx: Tx, context: SiteContext, wanted: TrailFilter, start: TrailPlace, most: int
) -> Iterator[WholeTrailLine]:
    """Yield the lines of the trail itself; what the shell did about accounts stands in it, too."""
    staff = SHELL if wanted.terminal else wanted.staff
    chosen = ActFilter(staff, wanted.kind, _since(wanted), about_nobody=wanted.of_staff)
    rows = _paged(lambda place: acts_page(tx, chosen, place, most), start.for_source(DESK), most)
    names = {it.id: it.name for it in all_accounts(tx, context.vault)}
    for row in rows:
        (line,) = lines_of(tx, context.vault, [row], names)
        yield WholeTrailLine(**vars(line))


def _officers(
    tx: Tx, context: SiteContext, wanted: TrailFilter, start: TrailPlace, most: int
) -> Iterator[WholeTrailLine]:
    """Yield what officers did for people at the terminal."""

    def read(place: Place) -> list[Row]:
        return actions_before(tx, place, _since(wanted), wanted.kind, BY_THE_PERSON, most)

    for number, at, kind, who, about, sealed in _paged(read, start.for_source(OFFICER), most):
        if any(bytes(about)) and bytes(about) in acts_at(tx, int(at)):
            continue
        try:
            why, broken = str(opened_reason(context.vault, "rights_action", bytes(sealed))["why"]), False
        except BROKEN:
            why, broken = "", True
        person = known_number(tx, context.vault, bytes(about)) if any(bytes(about)) else ""
        yield WholeTrailLine(number, from_ms(at), kind, who, person, why, broken=broken, source=OFFICER)


def _exports(
    tx: Tx, context: SiteContext, wanted: TrailFilter, start: TrailPlace, most: int
) -> Iterator[WholeTrailLine]:
    """Yield the exports that the trail does not tell of."""
    if wanted.kind not in {"", EXPORTED}:
        return

    def read(place: Place) -> list[Row]:
        return export_runs_before(tx, place, _since(wanted), most)

    for number, at, who, why, processor, exported in _paged(read, start.for_source(EXPORT), most):
        moment = from_ms(at)
        if number in _ordered_exports(tx, context, moment):
            continue
        facts: dict[str, Json] = {"export": int(number), "count": int(exported), "processor": processor}
        yield WholeTrailLine(int(number), moment, EXPORTED, who, "", why, facts, source=EXPORT)


def _ordered_exports(tx: Tx, context: SiteContext, near: datetime) -> set[Json]:
    """Return the numbers of exports that acts of the desk near a moment tell of."""
    found: set[Json] = set()
    for row in acts_of_kinds(tx, _OF_EXPORTS, to_ms(near - _NEAR), to_ms(near + _NEAR)):
        try:
            number = open_act(context.vault, row).act.facts.get("export")
        except BROKEN:
            continue
        if isinstance(number, int):
            found.add(number)
    return found


def _breaches(
    tx: Tx, context: SiteContext, wanted: TrailFilter, start: TrailPlace
) -> Iterator[WholeTrailLine]:
    """Yield the entries about breaches that the trail does not tell of; there are few."""
    at_desk: list[tuple[Json, str]] = []
    for row in acts_of_kinds(tx, _OF_BREACHES, 0, BEYOND_ALL):
        try:
            act = open_act(context.vault, row).act
        except BROKEN:
            continue
        at_desk.append((act.facts.get("breach"), act.kind))
    names = {it.name for it in all_accounts(tx, context.vault)}
    lines: list[WholeTrailLine] = []
    for listed in list_breaches(tx, context):
        breach = listed.breach
        if breach is None:
            continue
        entries = [(breach.recorded, ActKind.BREACH_RECORDED, breach.who)]
        entries += [(it.at, ActKind.BREACH_NOTIFIED, it.who) for it in breach.notifications]
        entries += [(it.at, ActKind.BREACH_CORRECTED, it.who) for it in breach.corrections]
        if breach.closing is not None:
            entries.append((breach.closing.at, ActKind.BREACH_CLOSED, breach.closing.who))
        for place, (at, kind, who) in enumerate(entries, listed.number << 8):
            if who in names and (listed.number, kind.value) in at_desk:
                at_desk.remove((listed.number, kind.value))
                continue
            facts: dict[str, Json] = {"breach": listed.number}
            lines.append(WholeTrailLine(place, at, kind.value, who, facts=facts, source=BREACH))
    first = start.for_source(BREACH)
    for line in sorted(lines, key=_order, reverse=True):
        moment = to_ms(line.at)
        is_wanted = wanted.kind in {"", line.kind} and moment >= _since(wanted)
        if is_wanted and (moment, line.number) < (first.at, first.number):
            yield line
