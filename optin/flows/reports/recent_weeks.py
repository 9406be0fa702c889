"""What staff see first: this week against the last, eight weeks of sign-ups, what each magnet brings (O4).

1. Two windows: this week until now, and the same days of the week before.
2. Posted forms by version and week; those erased since, from the sums.
3. Views, sources and downloads, from the sums: by whole weeks.
4. Consents in force; wordings compared, see `variant_counts`.

Counted are events, not people. A week is an ISO week in UTC. Every row of the requests is looked at once:
callers keep the answer for a while.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from optin.consent.compare_variants import Comparison
from optin.consent.status_transitions import EventKind
from optin.flows.reports.variant_counts import VariantCounts
from optin.flows.request_policy import RequestPolicy
from optin.store.database_interface import Runner
from optin.store.events_to_count import ServedVersion, served_versions
from optin.store.recent_counts import (
    ConsentCounts,
    FormWeek,
    Window,
    count_consents,
    count_forms_by_week,
    forms_posted_since,
)
from optin.store.source_sums import SIGNED_UP, VIEWED, SourceKey, all_source_sums
from optin.store.weekly_event_sums import ANSWERED, DOWNLOADED, all_weekly_sums, monday_of

WEEK = timedelta(days=7)
WEEKS_SHOWN = 8
WEEKS_COUNTED = 4  # of a magnet: this week and the three before it
ENDING_SOON = timedelta(days=30)


@dataclass(frozen=True)
class WeekSums:
    """What a magnet brought in a week. `confirmed`: of its sign-ups, whenever; `waiting`: they still may."""

    sign_ups: int = 0
    confirmed: int = 0
    waiting: int = 0
    views: int = 0  # pages sent
    downloads: int = 0  # fetches

    def __add__(self, other: WeekSums) -> WeekSums:
        """Return both together."""
        return WeekSums(
            self.sign_ups + other.sign_ups,
            self.confirmed + other.confirmed,
            self.waiting + other.waiting,
            self.views + other.views,
            self.downloads + other.downloads,
        )

    @property
    def never(self) -> int:
        """The sign-ups that nobody confirmed in time."""
        return max(0, self.sign_ups - self.confirmed - self.waiting)


NOTHING = WeekSums()


@dataclass(frozen=True)
class SameDays:
    """A count of this week until now, and of the same days of last week."""

    now: int
    before: int


@dataclass(frozen=True)
class VersionCount:
    """A form version of a magnet, and what it brought since it was first served."""

    served: ServedVersion
    digest: str
    sign_ups: int
    confirmed: int


@dataclass(frozen=True)
class RecentWeeks:
    """All of it, as of `at`."""

    at: datetime
    mondays: tuple[date, ...]  # of the weeks shown, the running one last
    weeks: Mapping[str, Mapping[date, WeekSums]]  # by magnet
    sign_ups: SameDays
    confirmed: SameDays  # confirmations in these days, whenever the form was sent
    consents: Sequence[ConsentCounts]
    versions: Mapping[str, Sequence[VersionCount]]  # by magnet, the first one first
    comparisons: Mapping[str, Comparison]  # by magnet
    sources: Mapping[str, Mapping[str, int]]  # sign-ups of the weeks counted, by magnet and source
    by_monday: Mapping[date, WeekSums] = field(default_factory=dict)  # all magnets together

    @property
    def monday(self) -> date:
        """The first day of the running week."""
        return self.mondays[-1]

    def of(self, magnet: str, weeks: int = WEEKS_COUNTED) -> WeekSums:
        """Return the sums of a magnet over the last weeks, the running one among them."""
        found = self.weeks.get(magnet, {})
        return sum((found.get(monday, NOTHING) for monday in self.mondays[-weeks:]), NOTHING)

    def series(self, magnet: str) -> tuple[WeekSums, ...]:
        """Return the sums of a magnet, week by week."""
        found = self.weeks.get(magnet, {})
        return tuple(found.get(monday, NOTHING) for monday in self.mondays)


@dataclass
class RecentCount:
    """One run of counting. It blocks: every row of the requests is read."""

    read: Runner
    policy: RequestPolicy
    now: datetime
    _weeks: dict[str, dict[date, WeekSums]] = field(default_factory=lambda: defaultdict(dict))
    _versions: Mapping[str, ServedVersion] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)
    _confirmed: Counter[str] = field(default_factory=Counter)

    def run(self) -> RecentWeeks:
        """Count everything."""
        now = self.now.astimezone(UTC)
        monday = monday_of(now.date())
        mondays = tuple(monday - WEEK * back for back in reversed(range(WEEKS_SHOWN)))

        # 1. Two windows.
        begins = datetime.combine(monday, time(), UTC)
        this, before = Window(begins, now), Window(begins - WEEK, now - WEEK)

        # 2. Posted forms.
        self._versions = self.read(served_versions)
        compared = VariantCounts.of(self._versions, self.policy.offers.digests, None)
        oldest = min((mondays[0], *(monday_of(it.date()) for it in compared.since.values())))
        forms = self.read(count_forms_by_week, now=now, this=this, before=before, oldest=oldest)
        sums = self.read(all_weekly_sums)
        self._add_forms(forms)
        self._add_erased(sums)

        # 3. Views, sources and downloads.
        sources = self.read(all_source_sums)
        self._add_views(sources)
        signed = sum(it.get(monday, NOTHING).sign_ups for it in self._weeks.values())
        earlier = sum(it.earlier for it in forms) + self._erased_early(sums, monday - WEEK)
        confirmed = [sum(it.confirmed_in[place] for it in forms) for place in (0, 1)]

        # 4. Consents and wordings.
        ending = now + ENDING_SOON
        consents = self.read(count_consents, now=now, this=this, before=before, ending=ending)
        everything: dict[date, WeekSums] = defaultdict(WeekSums)
        for weeks in self._weeks.values():
            for day, found in weeks.items():
                everything[day] += found
        return RecentWeeks(
            at=now,
            mondays=mondays,
            weeks=self._weeks,
            sign_ups=SameDays(signed, earlier),
            confirmed=SameDays(*confirmed),
            consents=consents,
            versions=self._by_magnet(),
            comparisons={it.magnet: it for it in self._compared(compared, forms, sums, begins)},
            sources=self._sources(sources, mondays[-WEEKS_COUNTED]),
            by_monday=everything,
        )

    # 2. Posted forms.
    def _add_forms(self, forms: Sequence[FormWeek]) -> None:
        for it in forms:
            if it.form in self._versions:
                self._asked[it.form] += it.asked
                self._confirmed[it.form] += it.confirmed
                self._add(it.form, it.monday, WeekSums(it.asked, it.confirmed, it.waiting))

    def _add_erased(self, sums: Mapping[tuple[date, str, str], int]) -> None:
        for (monday, form, kind), count in sums.items():
            if form not in self._versions:
                continue
            if kind == EventKind.REQUESTED:
                self._asked[form] += count
                self._add(form, monday, WeekSums(sign_ups=count))
            elif kind == ANSWERED:
                self._confirmed[form] += count
                self._add(form, monday, WeekSums(confirmed=count))
            elif kind == DOWNLOADED:
                self._add(form, monday, WeekSums(downloads=count))

    def _erased_early(self, sums: Mapping[tuple[date, str, str], int], monday: date) -> int:
        """Return how many erased requests of last week came in the days compared.

        Their moment is not known. What is kept unconfirmed for a week or longer was sent a week ago or
        earlier when it is erased, so in these days; of what is kept shorter, a part as large as they are.
        """
        erased = sum(
            count
            for (week, form, kind), count in sums.items()
            if week == monday and kind == EventKind.REQUESTED and form in self._versions
        )
        if self.policy.unconfirmed.keep.after(self.now) >= self.now + WEEK:
            return erased
        passed = self.now - datetime.combine(monday + WEEK, time(), UTC)
        return round(erased * (passed / WEEK))

    def _add(self, form: str, monday: date, more: WeekSums) -> None:
        weeks = self._weeks[self._magnet(self._versions[form].magnet)]
        weeks[monday] = weeks.get(monday, NOTHING) + more

    def _magnet(self, name: str) -> str:
        """Return the current name of a magnet."""
        return self.policy.offers.current(name)

    # 3. Views, sources and downloads.
    def _add_views(self, sums: Mapping[SourceKey, int]) -> None:
        for key, count in sums.items():
            if key.kind == VIEWED:
                weeks = self._weeks[self._magnet(key.magnet)]
                weeks[key.monday] = weeks.get(key.monday, NOTHING) + WeekSums(views=count)

    def _sources(self, sums: Mapping[SourceKey, int], since: date) -> Mapping[str, Mapping[str, int]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for key, count in sums.items():
            if key.kind == SIGNED_UP and key.monday >= since:
                found[self._magnet(key.magnet)][key.source] += count
        return found

    # 4. Consents and wordings.
    def _by_magnet(self) -> Mapping[str, Sequence[VersionCount]]:
        found: dict[str, list[VersionCount]] = defaultdict(list)
        for form, it in sorted(self._versions.items(), key=lambda pair: pair[1]):
            found[self._magnet(it.magnet)].append(
                VersionCount(it, form, self._asked[form], self._confirmed[form])
            )
        return found

    def _compared(
        self,
        counts: VariantCounts,
        forms: Sequence[FormWeek],
        sums: Mapping[tuple[date, str, str], int],
        begins: datetime,
    ) -> Iterator[Comparison]:
        """Yield a comparison for each magnet with wordings; one that began this week, to the moment."""
        new = {form for form, since in counts.since.items() if since > begins}
        for it in forms:
            if it.form not in new:
                counts.add_week(it.form, it.monday, it.asked, it.confirmed)
        for (monday, form, kind), count in sums.items():
            counts.add_sum(form, monday, kind, count)
        for form, moment, confirmed in self.read(forms_posted_since, since=begins) if new else ():
            if form in new:
                counts.add(form, moment.isoformat(), confirmed=confirmed)
        yield from counts.comparisons()
