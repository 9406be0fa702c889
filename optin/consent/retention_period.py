"""Retention periods, in calendar months or in hours (GDPR 5(1)(e)). Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

_PERIOD = re.compile(r"(?P<count>[1-9][0-9]{0,3}) *(?P<unit>hour|day|week|month|year)s?")
_MONTHS = {"month": 1, "year": 12}
_HOURS = {"hour": 1, "day": 24, "week": 24 * 7}
MOST_YEARS = 100  # a longer promise nobody keeps, and calendars end at the year 9999


@dataclass(frozen=True)
class RetentionPeriod:
    """How long data are kept (GDPR 5(1)(e)): in calendar months or in hours, never both."""

    text: str
    months: int = 0
    hours: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "24 months", "7 days", "72 hours". Raises ValueError for other texts and too long periods."""
        found = _PERIOD.fullmatch(text.strip())
        if found is None:
            msg = f"{text!r} is not a period; write a whole number and hours, days, weeks, months or years"
            raise ValueError(msg)
        count, unit = int(found["count"]), found["unit"]
        months, hours = count * _MONTHS.get(unit, 0), count * _HOURS.get(unit, 0)
        if months > MOST_YEARS * 12 or hours > MOST_YEARS * 365 * 24:
            msg = f"{text!r} is longer than {MOST_YEARS} years; write a shorter period"
            raise ValueError(msg)
        return cls(text=f"{count} {unit}{'s' if count > 1 else ''}", months=months, hours=hours)

    def after(self, moment: datetime) -> datetime:
        """Return the end of the period that starts at `moment`.

        A month ends on the same day of a later month, or on that month's last day where it is shorter.
        """
        total = moment.year * 12 + moment.month - 1 + self.months
        year, month = total // 12, total % 12 + 1
        day = min(moment.day, monthrange(year, month)[1])
        return moment.replace(year=year, month=month, day=day) + timedelta(hours=self.hours)

    @property
    def count_and_unit(self) -> tuple[int, str]:
        """The period as a number and a singular unit, for translation."""
        count, unit = self.text.split()
        return int(count), unit.removesuffix("s")
