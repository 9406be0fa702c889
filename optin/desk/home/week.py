"""What a marketer sees first: whether this week is normal, and what each magnet brings."""

from __future__ import annotations

from dataclasses import dataclass

from optin.desk.held_counts import WrittenSite
from optin.desk.magnets.rows import MagnetRow, row_of
from optin.desk.magnets.standing import Standing, StandingMagnet, every_magnet
from optin.desk.weekly_charts import Chart, stacked
from optin.flows.reports.beyond_chance import Verdict, verdict
from optin.flows.reports.recent_weeks import NOTHING, WEEK, RecentWeeks, WeekSums
from optin.services.site_edition import Edition

MOST_MAGNETS = 10


@dataclass(frozen=True)
class Number:
    """One number of this week. `before`: of the same days of last week; `whole`: it is of all last week.

    `verdict`: how they differ; None where the days cannot be told apart.
    """

    key: str
    now: int
    before: int
    verdict: Verdict | None
    purpose: str = ""
    channel: str = ""
    waiting: int = 0  # sign-ups that may still be confirmed


@dataclass(frozen=True)
class WeekRow:
    """A week as the table behind the chart shows it. `name`: its number."""

    name: str
    sums: WeekSums


@dataclass(frozen=True)
class Week:
    """The week."""

    recent: RecentWeeks
    numbers: tuple[Number, ...]
    chart: Chart
    weeks: tuple[WeekRow, ...]
    magnets: tuple[MagnetRow, ...]
    more: int  # magnets that are not among them

    @property
    def verdict(self) -> Verdict:
        """How the sign-ups stand to those of last week."""
        return verdict(self.recent.sign_ups.now, self.recent.sign_ups.before)


def week_of(recent: RecentWeeks, edition: Edition, written: WrittenSite | None) -> Week:
    """Return the part about this week."""
    this = recent.by_monday.get(recent.monday, NOTHING)
    last = recent.by_monday.get(recent.monday - WEEK, NOTHING)
    weeks = tuple(
        WeekRow(str(monday.isocalendar().week), recent.by_monday.get(monday, NOTHING))
        for monday in recent.mondays
    )
    rows = [row_of(it, recent, 1) for it in every_magnet(edition, written, recent.at)]
    rows = [it for it in rows if it.sums.sign_ups or it.sums.views or it.at.standing is Standing.ONLINE]
    rows.sort(key=lambda it: (-it.sums.sign_ups, -it.sums.views, it.at.title.casefold()))
    waiting = sum(it.sums.waiting for it in weeks)
    days = (("sign-ups", recent.sign_ups, 0), ("confirmed", recent.confirmed, waiting))
    return Week(
        recent,
        (
            Number("views", this.views, last.views, None),
            *(
                Number(key, it.now, it.before, verdict(it.now, it.before), waiting=may)
                for key, it, may in days
            ),
            *(
                Number(
                    "consents",
                    it.begun,
                    it.begun_before,
                    verdict(it.begun, it.begun_before),
                    it.purpose,
                    it.channel,
                )
                for it in recent.consents
            ),
            Number("downloads", this.downloads, last.downloads, None),
        ),
        stacked([(it.name, it.sums) for it in weeks]),
        weeks,
        tuple(rows[:MOST_MAGNETS]),
        max(0, len(rows) - MOST_MAGNETS),
    )


def magnets_waiting(
    edition: Edition, written: WrittenSite | None, recent_at: RecentWeeks | None
) -> tuple[StandingMagnet, ...]:
    """Return the magnets that wait for somebody: with mistakes, not served yet, or about to open."""
    if recent_at is None:
        return ()
    now = recent_at.at
    soon = now + WEEK
    return tuple(
        it
        for it in every_magnet(edition, written, now)
        if it.standing in {Standing.MISTAKES, Standing.UNSERVED}
        or (it.standing is Standing.WAITING and it.opens is not None and it.opens <= soon)
    )
