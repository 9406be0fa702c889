"""The desk hooks of a kind: what staff see of one magnet of it, what waits, and what they may do.

A kind returns values, and the desk shows them as it shows its own: no kind writes HTML there. Whoever reads
these pages may look at no person, so nothing in them names or points to one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from optin.flows.context import Context
from optin.store.database_interface import Tx


class Mood(StrEnum):
    """How something stands, as the desk marks it."""

    GOOD = "good"
    DUE = "due"  # somebody has to do something
    WRONG = "wrong"
    PLAIN = "none"


@dataclass(frozen=True)
class Phrase:
    """A sentence of the kind's words. `values`: what it names; `count` chooses its form, moments are UTC."""

    key: str
    values: Mapping[str, str | int | datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class PublicLink:
    """A link to a public page or file of the site. `path`: below its address."""

    path: str
    words: Phrase


# a text as it is; a moment in UTC; a float is a share, from 0 to 1
Shown: TypeAlias = str | int | float | datetime | Phrase | PublicLink


@dataclass(frozen=True)
class DeskFact:
    """A line of facts: what it is, and its value."""

    label: Phrase
    value: Shown


@dataclass(frozen=True)
class DeskTable:
    """A table. The first value of a row is its heading; numbers stand to the right."""

    title: Phrase
    columns: tuple[Phrase, ...]
    rows: tuple[tuple[Shown, ...], ...]


@dataclass(frozen=True)
class DeskAct:
    """What a marketer may do with the magnet now. Its page asks first, and then calls `run`.

    `name`: stands in its address, and in the trail. `label`: of its button; `question`: what happens, and
    whether it can be undone. `field`: the label of the one text that it asks for; None: it asks for none.
    `run`: write; gets the magnet's address, that text and the moment. It raises RequestRefused to refuse.
    """

    name: str
    label: Phrase
    question: Phrase
    run: Callable[[Tx, Context, str, str, datetime], object]
    field: Phrase | None = None


@dataclass(frozen=True)
class MagnetReport:
    """What the desk shows of one magnet: one sentence that says how it stands, facts, tables, acts."""

    answer: Phrase
    mood: Mood = Mood.PLAIN
    facts: tuple[DeskFact, ...] = ()
    tables: tuple[DeskTable, ...] = ()
    acts: tuple[DeskAct, ...] = ()


@dataclass(frozen=True)
class WaitingMagnet:
    """A magnet with which somebody has to do something, for the first page of the desk."""

    magnet: str
    words: Phrase


def no_report(_tx: Tx, _context: Context, _magnet: str, _now: datetime) -> MagnetReport | None:
    """Return no page of one magnet."""


def nothing_waits(_tx: Tx, _context: Context, _now: datetime) -> Sequence[WaitingMagnet]:
    """Return no magnet."""
    return ()


@dataclass(frozen=True)
class DeskPart:
    """The desk hooks of a kind; by default the desk shows what it shows of every magnet, and no more.

    `report`: read; the page of one magnet, by its address, also of one that was removed; None: there is none.
    `waits`: read; the magnets with which somebody has to do something. A kind that sets it has its
    `FlowPart.warnings` told by mail and by commands, and not once more on the first page.
    """

    report: Callable[[Tx, Context, str, datetime], MagnetReport | None] = no_report
    waits: Callable[[Tx, Context, datetime], Sequence[WaitingMagnet]] = nothing_waits

    @property
    def has_report(self) -> bool:
        """Whether there is a page of one magnet."""
        return self.report is not no_report

    @property
    def tells_what_waits(self) -> bool:
        """Whether it tells the desk what waits."""
        return self.waits is not nothing_waits
