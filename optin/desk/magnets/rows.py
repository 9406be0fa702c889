"""One row of a table of magnets: what it brought, with a share only where that says something."""

from __future__ import annotations

from dataclasses import dataclass

from optin.consent.compare_variants import wilson_interval
from optin.desk.magnets.standing import StandingMagnet
from optin.desk.weekly_charts import small_bars
from optin.flows.reports.beyond_chance import TOO_FEW
from optin.flows.reports.recent_weeks import NOTHING, RecentWeeks, WeekSums


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval (Wilson)."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class MagnetRow:
    """A magnet with its sums. `series`: sign-ups by week; `path`: their small bars."""

    at: StandingMagnet
    sums: WeekSums
    series: tuple[int, ...]
    path: str
    share: Share | None  # of sign-ups that were confirmed; None: too few to say
    versions: int


def row_of(it: StandingMagnet, recent: RecentWeeks | None, weeks: int) -> MagnetRow:
    """Return the row of a magnet over the last weeks. `recent`: None while it is being counted."""
    if recent is None:
        return MagnetRow(it, NOTHING, (), "", None, 0)
    sums = recent.of(it.slug, weeks)
    series = tuple(week.sign_ups for week in recent.series(it.slug))
    versions = len(recent.versions.get(it.slug, ()))
    return MagnetRow(it, sums, series, small_bars(series), share_of(sums.confirmed, sums.sign_ups), versions)


def share_of(part: int, whole: int) -> Share | None:
    """Return a share with its interval; None of fewer than 20."""
    if whole < TOO_FEW:
        return None
    return Share(part / whole, *wilson_interval(part, whole))
