"""Statistics: weekly counts by magnet, from events and anonymous sums, without tracking anybody (O4).

1. Request by request: in which weeks it was sent and confirmed, and what became of each consent.
2. The sums: downloads, and the requests that were erased since, so that old weeks stay whole.
3. How many events are blank: the consents of who was erased are in no number.
4. How the wordings of a magnet compare, since all of them are served: see `variant_counts`.
5. Views and sources, as sums that were counted as such: see `funnel`; so are letters, and mails that came
   back.

Counted are events, not people. A week is an ISO week in UTC.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

from optin.consent.compare_variants import Comparison, wilson_interval
from optin.consent.status_transitions import EventKind
from optin.errors import RequestRefused
from optin.flows.reports.funnel import Funnel, SourceCount, counts_by_source, funnels_of
from optin.flows.reports.variant_counts import VariantCounts
from optin.flows.reports.week_count import ConsentCount, WeekCount, week_name
from optin.flows.request_policy import RequestPolicy
from optin.proof.canonical_json import Json, parse
from optin.store.database_interface import Runner
from optin.store.events_to_count import ServedVersion, page_about_nobody, requests_page, served_versions
from optin.store.letters import all_letter_sums
from optin.store.source_sums import all_source_sums
from optin.store.unreachable_addresses import all_report_sums
from optin.store.weekly_event_sums import ANSWERED, DOWNLOADED, all_weekly_sums, monday_of

WEEK = timedelta(days=7)
UNCONFIRMED = "unconfirmed"  # why a sweep erased a request
_FIRST = b""
_COUNTED = (EventKind.REQUESTED.value, EventKind.CONFIRMED.value, EventKind.WITHDRAWN.value)


@dataclass(frozen=True)
class Rate:
    """The share of requests that were confirmed, with its 95 % interval (Wilson)."""

    magnet: str
    version: str
    asked: int
    confirmed: int
    share: float | None  # None: nobody was asked
    low: float
    high: float
    variant: str = ""  # as above


@dataclass(frozen=True)
class ErasedEvents:
    """Number of erased events by reason; no count includes them."""

    unconfirmed: int
    erased: int


@dataclass(frozen=True)
class LetterCount:
    """How many letters of a purpose were sent in a week."""

    week: str
    monday: date
    purpose: str
    name: str
    sent: int


@dataclass(frozen=True)
class ReportCount:
    """How many reports of a kind changed something in a week: mails that came back, complaints."""

    week: str
    monday: date
    cause: str
    source: str
    count: int


@dataclass(frozen=True)
class Statistics:
    """All counts. `notes` say what the numbers leave out."""

    until: datetime
    since: date | None
    magnet: str | None
    weeks: tuple[WeekCount, ...]
    rates: tuple[Rate, ...]
    blank: ErasedEvents
    notes: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()  # of the wordings that are served now
    funnels: tuple[Funnel, ...] = ()
    sources: tuple[SourceCount, ...] = ()
    letters: tuple[LetterCount, ...] = ()  # of purposes; of no magnet, so of none when one is asked for
    returned: tuple[ReportCount, ...] = ()  # likewise


@dataclass
class _Tally:
    """One week's counts of one form version: requests by kind, consents by purpose and channel."""

    requests: Counter[str] = field(default_factory=Counter)
    consents: Counter[tuple[str, str, str]] = field(default_factory=Counter)


@dataclass
class StatisticsCount:
    """One run of counting, in memory that grows with the result and not with the requests."""

    read: Runner
    policy: RequestPolicy
    now: datetime
    since: date | None = None  # from the beginning of its week on
    magnet: str | None = None
    unreadable: int = 0
    _tallies: dict[tuple[date, str], _Tally] = field(default_factory=lambda: defaultdict(_Tally))
    _rates: Counter[tuple[str, str]] = field(default_factory=Counter)
    _versions: dict[str, ServedVersion] = field(default_factory=dict)
    _comparing: VariantCounts = field(default_factory=VariantCounts)

    def run(self) -> Statistics:
        """Count everything. Raises RequestRefused when there is no such magnet."""
        self._versions = self.read(served_versions)
        if self.magnet is not None:
            self._versions = {form: it for form, it in self._versions.items() if it.magnet == self.magnet}
            if not self._versions:
                msg = f"No page of a magnet {self.magnet!r} was ever served; see the folder magnets/."
                raise RequestRefused(msg)
        self._comparing = VariantCounts.of(self._versions, self.policy.offers.digests, self.since)
        for bodies in self._each_request():
            try:
                self._count([parse(body) for body in bodies])
            except (KeyError, TypeError, ValueError):
                self.unreadable += 1
        self._add_sums()
        blank = self._blank()
        weeks = tuple(self._weeks())
        sums = {
            key: count
            for key, count in self.read(all_source_sums).items()
            if self._counts(key.monday.isoformat()) and self.magnet in {None, key.magnet}
        }
        return Statistics(
            until=self.now,
            since=None if self.since is None else _monday(self.since.isoformat()),
            magnet=self.magnet,
            weeks=weeks,
            rates=tuple(self._each_rate()),
            blank=blank,
            notes=tuple(self._notes(blank)),
            comparisons=tuple(self._comparing.comparisons()),
            funnels=tuple(funnels_of(sums, weeks)),
            sources=tuple(counts_by_source(sums)),
            letters=() if self.magnet else tuple(self._letters()),
            returned=() if self.magnet else tuple(self._returned()),
        )

    # 1. Request by request.
    def _each_request(self) -> Iterator[Sequence[str]]:
        after = _FIRST
        while page := self.read(requests_page, after=after):
            yield from page.requests
            after = page.last

    def _count(self, events: Sequence[dict[str, Json]]) -> None:
        """Count one request. One made by a renewal mail or on the personal page is no posted form."""
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
        self._comparing.add(form, asked, confirmed=EventKind.CONFIRMED in moments)

    def _counts(self, at: str) -> bool:
        return self.since is None or _monday(at[:10]) >= _monday(self.since.isoformat())

    # 2. The sums.
    def _add_sums(self) -> None:
        for (monday, form, kind), count in self.read(all_weekly_sums).items():
            if form not in self._versions or not self._counts(monday.isoformat()):
                continue
            self._comparing.add_sum(form, monday, kind, count)
            if kind != ANSWERED:
                self._tallies[monday, form].requests[kind] += count
            if kind in {EventKind.REQUESTED, ANSWERED}:
                asked = kind == EventKind.REQUESTED
                self._rates[form, EventKind.REQUESTED if asked else EventKind.CONFIRMED] += count

    # 3. How many events are blank.
    def _blank(self) -> ErasedEvents:
        after, blank = 0, Counter[bool]()
        while page := self.read(page_about_nobody, after=after):
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
        return ErasedEvents(unconfirmed=blank[True], erased=blank[False])

    def _weeks(self) -> Iterator[WeekCount]:
        for monday, form in sorted(self._tallies, key=lambda place: (place[0], self._versions[place[1]])):
            tally = self._tallies[monday, form]
            magnet, version = self._versions[form].magnet, self._versions[form].label
            yield WeekCount(
                week=week_name(monday),
                monday=monday,
                magnet=magnet,
                version=version,
                requests=tally.requests[EventKind.REQUESTED],
                confirmed=tally.requests[EventKind.CONFIRMED],
                downloads=tally.requests[DOWNLOADED],
                consents=tuple(
                    ConsentCount(*about, *(tally.consents[*about, kind] for kind in _COUNTED))
                    for about in sorted({(purpose, channel) for purpose, channel, _ in tally.consents})
                ),
                variant=self._versions[form].variant,
            )

    def _letters(self) -> Iterator[LetterCount]:
        for it in self.read(all_letter_sums):
            if self._counts(it.monday.isoformat()):
                yield LetterCount(week_name(it.monday), it.monday, it.purpose, it.name, it.sent)

    def _returned(self) -> Iterator[ReportCount]:
        for key, count in sorted(self.read(all_report_sums).items()):
            if self._counts(key.monday.isoformat()):
                yield ReportCount(week_name(key.monday), key.monday, key.cause, key.source, count)

    def _each_rate(self) -> Iterator[Rate]:
        for form in sorted({form for _, form in self._tallies}, key=self._versions.__getitem__):
            served = self._versions[form]
            asked = self._rates[form, EventKind.REQUESTED]
            confirmed = self._rates[form, EventKind.CONFIRMED]
            share = confirmed / asked if asked else None
            bounds = wilson_interval(confirmed, asked)
            yield Rate(served.magnet, served.label, asked, confirmed, share, *bounds, served.variant)

    def _notes(self, blank: ErasedEvents) -> Iterator[str]:
        yield (
            f"Requests of the last {self.policy.unconfirmed.link.text} may still be confirmed. Downloads are"
            " counted, not people: a file that is fetched twice counts twice."
        )
        if blank.unconfirmed or blank.erased:
            yield (
                f"{blank.unconfirmed + blank.erased} events, of all magnets and times, are blank:"
                f" {blank.unconfirmed} of requests that nobody confirmed, {blank.erased} of people who were"
                " erased. Their requests are counted, their consents are not."
            )
        if self.unreadable:
            yield f"{self.unreadable} requests or erasures cannot be read and are left out; see: optin audit"


@lru_cache(maxsize=4_096)  # most events share their day with many
def _monday(day: str) -> date:
    """Return the first day of the week that a day (YYYY-MM-DD) is in."""
    return monday_of(date.fromisoformat(day))
