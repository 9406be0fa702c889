"""What came back after mails were sent, as numbers that name nobody: for the desk (O4, O6)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from optin.consent.returned_mail import WITHDRAWING, MailReport
from optin.flows.context_with_kinds import SiteContext
from optin.store.database_interface import Tx
from optin.store.unreachable_addresses import (
    all_report_sums,
    count_unreachable,
    count_unreachable_since,
    last_arrivals,
)
from optin.store.weekly_event_sums import monday_of

WEEK = timedelta(days=7)
WEEKS_SHOWN = 8


@dataclass(frozen=True)
class ReturnedWeek:
    """The reports of one week (UTC). `complaints`: wishes to get no more among them."""

    monday: date
    hard: int
    soft: int
    complaints: int


@dataclass(frozen=True)
class WayBack:
    """A way by which reports came: so many; `last`: when a mail last came by it, None for a webhook."""

    source: str
    count: int
    last: datetime | None


@dataclass(frozen=True)
class ReturnedCounts:
    """The numbers. `since`: the first moment of last week (UTC), for `fresh` and `complaints`.

    `fresh`: addresses that became unreachable since then and still are; `unreachable`: all that are.
    """

    since: datetime
    fresh: int
    complaints: int
    unreachable: int
    weeks: tuple[ReturnedWeek, ...]  # the running one first
    ways: tuple[WayBack, ...]


def returned_counts(tx: Tx, context: SiteContext, now: datetime) -> ReturnedCounts:  # noqa: ARG001 - a flow
    """Return what came back lately."""
    this = monday_of(now.astimezone(UTC).date())
    since = datetime.combine(this - WEEK, time(), UTC)
    by_week: Counter[tuple[date, str]] = Counter()
    by_source: Counter[str] = Counter()
    for key, count in all_report_sums(tx).items():
        by_week[key.monday, key.cause] += count
        by_source[key.source] += count
    weeks = tuple(_week(by_week, this - number * WEEK) for number in range(WEEKS_SHOWN))
    last = last_arrivals(tx)
    ways = (WayBack(it, by_source[it], last.get(it)) for it in sorted({*by_source, *last}))
    return ReturnedCounts(
        since,
        count_unreachable_since(tx, since),
        weeks[0].complaints + weeks[1].complaints,
        count_unreachable(tx),
        weeks,
        tuple(ways),
    )


def _week(sums: Counter[tuple[date, str]], monday: date) -> ReturnedWeek:
    return ReturnedWeek(
        monday,
        sums[monday, MailReport.HARD.value],
        sums[monday, MailReport.SOFT.value],
        sum(sums[monday, it.value] for it in WITHDRAWING),
    )
