"""Count the variants of each magnet for their comparison (O4).

Only requests count that came when all wordings were served. Of what was erased since the week is known and
not the moment: once there is such a request in the first week, the comparison begins at the Monday after.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from optin.consent.compare_variants import Comparison, WordingCounts, compare
from optin.consent.form_version import IN_HTML
from optin.consent.status_transitions import EventKind
from optin.store.events_to_count import ServedVersion
from optin.store.weekly_event_sums import ANSWERED, monday_of

_WEEK = timedelta(days=7)
_ASKED, _CONFIRMED = "asked", "confirmed"
_SUMS = {EventKind.REQUESTED.value: _ASKED, ANSWERED: _CONFIRMED}


@dataclass
class VariantCounts:
    """Counts of the variants served now, from the moment when all of them were served."""

    versions: Mapping[str, ServedVersion] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)  # by form version
    _whole: Counter[tuple[str, str]] = field(default_factory=Counter)  # in the weeks after the first
    _first: Counter[tuple[str, str]] = field(default_factory=Counter)  # in the rest of the first week
    _erased: set[str] = field(default_factory=set)  # magnets of whose first week something is erased

    @classmethod
    def of(cls, versions: Mapping[str, ServedVersion], served: Collection[str], since: date | None) -> Self:
        """Begin for each magnet with several variants; `since`: count from then on.

        Pages and frames draw lots alike, so they count together; pasted HTML draws none.
        """
        wordings: dict[str, list[str]] = defaultdict(list)
        for form in served:
            if form in versions and versions[form].shown_in != IN_HTML:
                wordings[versions[form].magnet].append(form)
        begins: dict[str, datetime] = {}
        for forms in wordings.values():
            places = {(versions[form].variant, versions[form].shown_in) for form in forms}
            if len(places) == len(forms) and len({variant for variant, _ in places}) > 1:
                start = max(versions[form].first for form in forms)
                if since is not None:
                    start = max(start, _moment(monday_of(since)))
                begins |= dict.fromkeys(forms, start)
        return cls(versions, begins)

    def add(self, form: str, asked: str, *, confirmed: bool) -> None:
        """Count one request posted at `asked` (RFC 3339)."""
        since = self.since.get(form)
        moment = datetime.fromisoformat(asked)
        if since is None or moment < since:
            return
        counter = self._whole if moment >= _next_monday(since) else self._first
        counter[form, _ASKED] += 1
        counter[form, _CONFIRMED] += confirmed

    def add_sum(self, form: str, monday: date, kind: str, count: int) -> None:
        """Count the erased requests of a week."""
        since = self.since.get(form)
        if since is None or kind not in _SUMS or monday < monday_of(since.date()):
            return
        if monday == monday_of(since.date()) and since > _moment(monday):
            self._erased.add(self.versions[form].magnet)
        else:
            self._whole[form, _SUMS[kind]] += count

    def add_week(self, form: str, monday: date, asked: int, confirmed: int) -> None:
        """Count the requests of a week together, erased ones left out; of its first week, none are known."""
        since = self.since.get(form)
        if since is None or monday < monday_of(since.date()):
            return
        if monday == monday_of(since.date()) and since > _moment(monday):
            self._erased.add(self.versions[form].magnet)
        else:
            self._whole[form, _ASKED] += asked
            self._whole[form, _CONFIRMED] += confirmed

    def comparisons(self) -> Iterator[Comparison]:
        """Yield a comparison for each magnet."""
        by_magnet: dict[str, list[str]] = defaultdict(list)
        for form in sorted(self.since, key=self.versions.__getitem__):
            by_magnet[self.versions[form].magnet].append(form)
        for magnet, forms in by_magnet.items():
            since, counts = self.since[forms[0]], self._whole
            if magnet in self._erased:
                since = _next_monday(since)
            else:
                counts = self._whole + self._first
            yield compare(
                magnet,
                since,
                [
                    WordingCounts(
                        variant,
                        ", ".join(self.versions[form].label for form in shown),
                        sum(counts[form, _ASKED] for form in shown),
                        sum(counts[form, _CONFIRMED] for form in shown),
                    )
                    for variant, shown in self._by_variant(forms).items()
                ],
            )

    def _by_variant(self, forms: Sequence[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for form in forms:
            found[self.versions[form].variant].append(form)
        return found


def _moment(monday: date) -> datetime:
    return datetime.combine(monday, time(), UTC)


def _next_monday(moment: datetime) -> datetime:
    return _moment(monday_of(moment.date()) + _WEEK)
