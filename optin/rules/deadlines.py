"""Deadlines that the law gives a controller, as dated data: a change of law is a row (L8, L9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import pairwise

from pydantic import Field, model_validator

from optin.consent.retention_period import RetentionPeriod
from optin.errors import RulesUnusable
from optin.rules.contact_rule import DataTable
from optin.rules.rule_files import DEADLINES, read_table


class DeadlineName(StrEnum):
    """What has a deadline by law."""

    REQUEST_ANSWER = "request-answer"
    REQUEST_EXTENSION = "request-extension"
    BREACH_AUTHORITY = "breach-authority"


class Deadline(DataTable):
    """One deadline: a period in months or in hours, and the days on which it is the law."""

    id: DeadlineName
    months: int = Field(default=0, ge=0, le=120)
    hours: int = Field(default=0, ge=0, le=100_000)
    since: date
    until: date | None = None
    article: str
    source: str
    pending: str = ""  # a proposal to change it
    checked: date  # when it was last compared with its source

    @model_validator(mode="after")
    def _one_unit(self) -> Deadline:
        if (self.months > 0) == (self.hours > 0):
            msg = "a deadline has months or hours"
            raise ValueError(msg)
        return self

    @property
    def period(self) -> RetentionPeriod:
        """The period, for people to read."""
        count, unit = (self.months, "month") if self.months else (self.hours, "hour")
        return RetentionPeriod.parse(f"{count} {unit}")

    def holds_on(self, day: date) -> bool:
        """Return whether it is the law on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


class _DeadlineTable(DataTable):
    deadlines: tuple[Deadline, ...] = Field(min_length=1)


Deadlines = Mapping[DeadlineName, Sequence[Deadline]]


@cache
def law_deadlines() -> Deadlines:
    """Return the deadlines that come with optin. Raises RulesUnusable."""
    return read_deadlines(files("optin.rules").joinpath(DEADLINES).read_text("utf-8"))


def read_deadlines(text: str) -> Deadlines:
    """Read deadlines by name, oldest first. Raises RulesUnusable for one that is missing, or holds twice."""
    rows = read_table(_DeadlineTable, DEADLINES, text).deadlines
    found = {
        name: sorted((it for it in rows if it.id is name), key=lambda it: it.since) for name in DeadlineName
    }
    for name, deadlines in found.items():
        if not deadlines or deadlines[-1].until is not None:
            raise RulesUnusable(DEADLINES, f"no row of {name} holds from now on")
        for earlier, later in pairwise(deadlines):
            if earlier.until is None or later.since != earlier.until + timedelta(days=1):
                raise RulesUnusable(DEADLINES, f"the rows of {name} overlap or leave a gap at {later.since}")
    return found


def deadlines_checked() -> date:
    """Return the day on which the oldest row that is the law now was compared with its source."""
    return min(rows[-1].checked for rows in law_deadlines().values())


def deadline_on(name: DeadlineName, day: date) -> Deadline | None:
    """Return the deadline that is the law on a day; None before there was one."""
    return next((it for it in law_deadlines()[name] if it.holds_on(day)), None)


def months_after(day: date, months: int) -> date:
    """Return the last day of a period of months that runs from a day (Regulation 1182/71, article 3(2)(c)).

    A weekend or holiday at its end is not skipped as article 3(4) allows: holidays differ by country, and an
    earlier day is never too late. Raises OverflowError or ValueError past the year 9999.
    """
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a calendar day has no zone
    return RetentionPeriod("", months=months).after(start).date()
