"""From views to downloads, and where leads come from: sums alone, by magnet and source (W8, W9).

A funnel begins with the first week in which views of its magnet were counted. Without that, sign-ups of the
time before would stand beside fewer views.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from optin.flows.reports.week_count import WeekCount
from optin.store.source_sums import SIGNED_UP, VIEWED, SourceKey


@dataclass(frozen=True)
class Funnel:
    """How far people came with one magnet, from the week of `since` on."""

    magnet: str
    since: date  # Monday of the first week with counted views
    views: int
    requests: int
    confirmed: int  # in these weeks
    downloads: int


@dataclass(frozen=True)
class SourceCount:
    """Views and sign-ups of a magnet in one wording, by one source; without a source it is empty."""

    magnet: str
    variant: str
    source: str
    views: int
    requests: int


def funnels_of(sums: Mapping[SourceKey, int], weeks: Sequence[WeekCount]) -> Iterator[Funnel]:
    """Yield a funnel for each magnet whose views were counted."""
    views: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for key, count in sums.items():
        if key.kind == VIEWED:
            views[key.magnet][key.monday] += count
    for magnet, by_week in sorted(views.items()):
        since = min(by_week)
        rest = [week for week in weeks if week.magnet == magnet and week.monday >= since]
        yield Funnel(
            magnet,
            since,
            sum(by_week.values()),
            sum(week.requests for week in rest),
            sum(week.confirmed for week in rest),
            sum(week.downloads for week in rest),
        )


def counts_by_source(sums: Mapping[SourceKey, int]) -> Iterator[SourceCount]:
    """Yield the counts by source, for each magnet that has a source at all; most views first."""
    found: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, count in sums.items():
        found[key.magnet, key.variant, key.source][key.kind] += count
    named = {magnet for magnet, _, source in found if source}
    ordered = sorted(
        found.items(),
        key=lambda item: (*item[0][:2], not item[0][2], -item[1][VIEWED], -item[1][SIGNED_UP], item[0][2]),
    )
    for (magnet, variant, source), counts in ordered:
        if magnet in named:
            yield SourceCount(magnet, variant, source, counts[VIEWED], counts[SIGNED_UP])
