"""What a consent is for: purpose, channel, retention, and the controller who asks (GDPR 4(7), 4(11))."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NewType, Self

from optin.consent.channel import Channel, channel_named

PurposeId = NewType("PurposeId", str)

_PERIOD = re.compile(r"(?P<count>[1-9][0-9]{0,3}) *(?P<unit>hour|day|week|month|year)s?")
_MONTHS = {"month": 1, "year": 12}
_HOURS = {"hour": 1, "day": 24, "week": 24 * 7}
MOST_YEARS = 100  # a longer promise nobody keeps, and calendars end at the year 9999


@dataclass(frozen=True, order=True, slots=True)
class ConsentKey:
    """Which consent of a person is meant: for one purpose, by one channel."""

    purpose: PurposeId
    channel: Channel

    def __str__(self) -> str:
        return f"{self.purpose} by {self.channel}"

    @staticmethod
    def parse(purpose: str, channel: str) -> ConsentKey:
        """Return the key that two stored words name. Raises ValueError for what is no name of a channel."""
        return _key(purpose, channel_named(channel))


@lru_cache(maxsize=1_024)  # few are used, and each event names one
def _key(purpose: str, channel: Channel) -> ConsentKey:
    return ConsentKey(PurposeId(purpose), channel)


@dataclass(frozen=True)
class RetentionPeriod:
    """How long something is kept (GDPR 5(1)(e)), in calendar months or in hours, never both."""

    text: str
    months: int = 0
    hours: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "24 months", "7 days", "72 hours". Raises ValueError for anything else, or too long."""
        found = _PERIOD.fullmatch(text.strip())
        if found is None:
            msg = f"{text!r} is no period; write a whole number and hours, days, weeks, months or years"
            raise ValueError(msg)
        count, unit = int(found["count"]), found["unit"]
        months, hours = count * _MONTHS.get(unit, 0), count * _HOURS.get(unit, 0)
        if months > MOST_YEARS * 12 or hours > MOST_YEARS * 365 * 24:
            msg = f"{text!r} is longer than {MOST_YEARS} years; write a shorter period"
            raise ValueError(msg)
        return cls(text=f"{count} {unit}{'s' if count > 1 else ''}", months=months, hours=hours)

    def after(self, moment: datetime) -> datetime:
        """Return the moment at which the period that starts at `moment` ends.

        A month ends on the same day of a later month, or on that month's last day where it is shorter.
        """
        total = moment.year * 12 + moment.month - 1 + self.months
        year, month = total // 12, total % 12 + 1
        day = min(moment.day, monthrange(year, month)[1])
        return moment.replace(year=year, month=month, day=day) + timedelta(hours=self.hours)

    @property
    def count_and_unit(self) -> tuple[int, str]:
        """The period as a number and the singular of its unit, for saying it in another language."""
        count, unit = self.text.split()
        return int(count), unit.removesuffix("s")


@dataclass(frozen=True)
class Controller:
    """Who decides about the data and must prove the consent (GDPR 4(7), 7(1), 13(1)(a))."""

    name: str
    address: tuple[str, ...]
    email: str
    phone: str = ""
    register: str = ""


@dataclass(frozen=True)
class ConsentQuestion:
    """One box: one purpose, one channel, in the words that are shown (recital 32)."""

    purpose: PurposeId
    channel: Channel
    wording: str
    retention: RetentionPeriod

    @property
    def key(self) -> ConsentKey:
        """Which consent it asks for."""
        return ConsentKey(self.purpose, self.channel)
