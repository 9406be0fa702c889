"""Statistics: how the magnets do by week, counted from events and sums, without following anybody (O4).

1. Request by request: in which weeks it was sent and confirmed, and what became of each consent.
2. The sums: downloads, and the requests that were erased since, so that old weeks stay whole.
3. How many events are blank: the consents of who was erased are in no number.

Counted are events, not people. A week is an ISO week in UTC.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from math import sqrt
from typing import Any

from optin.consent.record import EventKind
from optin.errors import RequestRefused
from optin.flows.policy import RequestPolicy
from optin.proof.canonical import Json, parse
from optin.store.counting import page_about_nobody, requests_page, served_versions
from optin.store.tally import ANSWERED, DOWNLOADED, monday_of, tallied
from optin.store.transaction import Operation

Read = Callable[[Operation[Any]], Any]

WEEK = timedelta(days=7)
UNCONFIRMED = "unconfirmed"  # why a sweep erased a request
_FIRST = b""
_SCORE = 1.959963984540054  # of the normal distribution, for 95 %
_COUNTED = (EventKind.REQUESTED.value, EventKind.CONFIRMED.value, EventKind.WITHDRAWN.value)


@dataclass(frozen=True)
class ConsentCount:
    """What happened in a week to the consents for one purpose and channel."""

    purpose: str
    channel: str
    asked: int
    confirmed: int
    withdrawn: int


@dataclass(frozen=True)
class WeekCount:
    """One week of one form version."""

    week: str  # as 2026-W48
    monday: date
    magnet: str
    version: str
    requests: int
    confirmed: int
    downloads: int  # of the file; a person may fetch it twice
    consents: tuple[ConsentCount, ...]


@dataclass(frozen=True)
class Rate:
    """How many of those asked confirmed, with the interval that holds the true share (Wilson, 95 %)."""

    magnet: str
    version: str
    asked: int
    confirmed: int
    share: float | None  # None: nobody was asked
    low: float
    high: float


@dataclass(frozen=True)
class Blank:
    """How many events were erased, and why: they are in no number."""

    unconfirmed: int
    erased: int


@dataclass(frozen=True)
class Statistics:
    """Everything that was counted. `notes` say what the numbers do not."""

    until: datetime
    since: date | None
    magnet: str | None
    weeks: tuple[WeekCount, ...]
    rates: tuple[Rate, ...]
    blank: Blank
    notes: tuple[str, ...]


@dataclass
class _Tally:
    """What happened in one week to one form version: requests by kind, consents by what they are for."""

    requests: Counter[str] = field(default_factory=Counter)
    consents: Counter[tuple[str, str, str]] = field(default_factory=Counter)


@dataclass
class Count:
    """One counting, in memory that grows with what it will show, not with the requests."""

    read: Read
    policy: RequestPolicy
    now: datetime
    since: date | None = None  # from the beginning of its week on
    magnet: str | None = None
    unreadable: int = 0
    _tallies: dict[tuple[date, str], _Tally] = field(default_factory=lambda: defaultdict(_Tally))
    _rates: Counter[tuple[str, str]] = field(default_factory=Counter)
    _versions: dict[str, tuple[str, int]] = field(default_factory=dict)

    def run(self) -> Statistics:
        """Count everything. Raises RequestRefused when there is no such magnet."""
        self._versions = self.read(served_versions)
        if self.magnet is not None:
            self._versions = {form: it for form, it in self._versions.items() if it[0] == self.magnet}
            if not self._versions:
                msg = f"No page of a magnet {self.magnet!r} was ever served; see the folder magnets/."
                raise RequestRefused(msg)
        for bodies in self._each_request():
            try:
                self._count([parse(body) for body in bodies])
            except (KeyError, TypeError, ValueError):
                self.unreadable += 1
        self._add_sums()
        blank = self._blank()
        return Statistics(
            until=self.now,
            since=None if self.since is None else _monday(self.since.isoformat()),
            magnet=self.magnet,
            weeks=tuple(self._weeks()),
            rates=tuple(self._each_rate()),
            blank=blank,
            notes=tuple(self._notes(blank)),
        )

    # 1. Request by request.
    def _each_request(self) -> Iterator[Sequence[str]]:
        after = _FIRST
        while page := self.read(partial(requests_page, after=after)):
            yield from page.requests
            after = page.last

    def _count(self, events: Sequence[dict[str, Json]]) -> None:
        """Count one request. What was asked by mail or on the personal page is no form that was sent."""
        form = str(events[0]["form"])
        if form not in self._versions:
            return
        moments: dict[str, str] = {}  # of each kind, the first
        consents: list[tuple[date, str, str, str]] = []
        for event in events:
            kind, at = str(event["kind"]), str(event["at"])
            moments.setdefault(kind, at)
            if kind in _COUNTED and event["purpose"] is not None and self._counts(at):
                consents.append((_monday(at[:10]), str(event["purpose"]), str(event["channel"]), kind))
        asked = moments[EventKind.REQUESTED]
        for monday, purpose, channel, kind in consents:
            self._tallies[monday, form].consents[purpose, channel, kind] += 1
        if any(event["kind"] == EventKind.REQUESTED and "through" in event for event in events):
            return
        for kind in (EventKind.REQUESTED, EventKind.CONFIRMED):
            if kind in moments and self._counts(moments[kind]):
                self._tallies[_monday(moments[kind][:10]), form].requests[kind] += 1
            if kind in moments and self._counts(asked):
                self._rates[form, kind] += 1

    def _counts(self, at: str) -> bool:
        return self.since is None or _monday(at[:10]) >= _monday(self.since.isoformat())

    # 2. The sums.
    def _add_sums(self) -> None:
        for (monday, form, kind), count in self.read(tallied).items():
            if form not in self._versions or not self._counts(monday.isoformat()):
                continue
            if kind != ANSWERED:
                self._tallies[monday, form].requests[kind] += count
            if kind in {EventKind.REQUESTED, ANSWERED}:
                asked = kind == EventKind.REQUESTED
                self._rates[form, EventKind.REQUESTED if asked else EventKind.CONFIRMED] += count

    # 3. How many events are blank.
    def _blank(self) -> Blank:
        after, blank = 0, Counter[bool]()
        while page := self.read(partial(page_about_nobody, after=after)):
            for number, body in page:
                after = number
                try:
                    plain = parse(body)
                except ValueError:
                    self.unreadable += 1
                    continue
                numbers = plain.get("events")
                if plain.get("kind") == EventKind.ERASED and isinstance(numbers, list):
                    blank[plain.get("reason") == UNCONFIRMED] += len(numbers)
        return Blank(unconfirmed=blank[True], erased=blank[False])

    def _weeks(self) -> Iterator[WeekCount]:
        for monday, form in sorted(self._tallies, key=lambda place: (place[0], self._versions[place[1]])):
            tally = self._tallies[monday, form]
            magnet, ordinal = self._versions[form]
            yield WeekCount(
                week=week_name(monday),
                monday=monday,
                magnet=magnet,
                version=f"v{ordinal}",
                requests=tally.requests[EventKind.REQUESTED],
                confirmed=tally.requests[EventKind.CONFIRMED],
                downloads=tally.requests[DOWNLOADED],
                consents=tuple(
                    ConsentCount(*about, *(tally.consents[*about, kind] for kind in _COUNTED))
                    for about in sorted({(purpose, channel) for purpose, channel, _ in tally.consents})
                ),
            )

    def _each_rate(self) -> Iterator[Rate]:
        for form in sorted({form for _, form in self._tallies}, key=self._versions.__getitem__):
            magnet, ordinal = self._versions[form]
            asked = self._rates[form, EventKind.REQUESTED]
            confirmed = self._rates[form, EventKind.CONFIRMED]
            share = confirmed / asked if asked else None
            yield Rate(magnet, f"v{ordinal}", asked, confirmed, share, *wilson(confirmed, asked))

    def _notes(self, blank: Blank) -> Iterator[str]:
        yield (
            f"Requests of the last {self.policy.link.text} may still be confirmed. Downloads are counted, not"
            " people: a file that is fetched twice counts twice."
        )
        if blank.unconfirmed or blank.erased:
            yield (
                f"{blank.unconfirmed + blank.erased} events, of all magnets and times, are blank:"
                f" {blank.unconfirmed} of requests that nobody confirmed, {blank.erased} of people who were"
                " erased. Their requests are counted, their consents are not."
            )
        if self.unreadable:
            yield f"{self.unreadable} requests or erasures cannot be read and are left out; see: optin audit"


def wilson(successes: int, tries: int) -> tuple[float, float]:
    """Return the bounds between which the true share lies, with 95 % confidence (Wilson 1927).

    It holds for few tries and for shares near nothing and all, where the usual formula does not.
    """
    if not tries:
        return 0.0, 1.0
    share, square = successes / tries, _SCORE**2
    centre = share + square / (2 * tries)
    half = _SCORE * sqrt(share * (1 - share) / tries + square / (4 * tries**2))
    whole = 1 + square / tries
    return max(0.0, (centre - half) / whole), min(1.0, (centre + half) / whole)


def week_name(monday: date) -> str:
    """Return how ISO 8601 names a week: 2026-W53 goes on into January 2027."""
    year, week, _ = monday.isocalendar()
    return f"{year:04}-W{week:02}"


@lru_cache(maxsize=4_096)  # most events share their day with many
def _monday(day: str) -> date:
    """Return the first day of the week that a day (YYYY-MM-DD) is in."""
    return monday_of(date.fromisoformat(day))
