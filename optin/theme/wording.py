"""Saying things in a language: sentences from the catalogue, moments, periods, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from optin.consent.number_format import international
from optin.consent.purpose import RetentionPeriod
from optin.consent.webinar import offset_in_words
from optin.theme.catalogue import catalogue

MOST_MINUTES = 90  # a longer wait is told in hours


class Wording:
    """One language, with a site's and a magnet's own words over the catalogue's (M9)."""

    def __init__(self, lang: str, *overrides: Mapping[str, str]) -> None:
        """Put overrides over the catalogue; the last one wins."""
        self.lang = lang
        self._texts = {**catalogue(lang)}
        for words in overrides:
            self._texts.update(words)

    def text(self, key: str, **values: object) -> str:
        """Return a sentence. Raises KeyError for an unknown key or a missing value."""
        return self._texts[key].format_map(values)

    def has(self, key: str) -> bool:
        """Tell whether there is a sentence for `key`."""
        return key in self._texts

    def day(self, moment: datetime) -> str:
        """Return a date in words: 23 november 2026."""
        utc = moment.astimezone(UTC)
        day = self._texts["date.first"] if utc.day == 1 else utc.day  # French counts the first: 1er mars
        return self.text("date", day=day, month=self._texts[f"month.{utc.month}"], year=utc.year)

    def moment(self, moment: datetime) -> str:
        """Return a moment in words, its zone named: 23 november 2026 om 21:28 UTC."""
        utc = moment.astimezone(UTC)
        return self.text("moment", date=self.day(utc), time=f"{utc:%H:%M}")

    def zoned(self, moment: datetime, zone: str) -> str:
        """Return a moment on the clock of a zone, named: Wednesday 10 March at 14:00 (…, UTC+1)."""
        local = moment.astimezone(ZoneInfo(zone))
        day = self._texts["date.first"] if local.day == 1 else local.day
        date = self.text("date", day=day, month=self._texts[f"month.{local.month}"], year=local.year)
        weekday = self._texts[f"weekday.{local.isoweekday()}"]
        offset = offset_in_words(moment, zone)
        return self.text("zoned", weekday=weekday, date=date, time=f"{local:%H:%M}", zone=zone, offset=offset)

    def number(self, number: str) -> str:
        """Return a telephone number as people read it: +31 20 123 4567."""
        return international(number)

    def wait(self, seconds: int) -> str:
        """Return how long to wait, rounded up: in minutes, or in hours where it is long: 3 minuten."""
        minutes = max(1, -(-seconds // 60))
        count, unit = (minutes, "minute") if minutes <= MOST_MINUTES else (-(-minutes // 60), "hour")
        return self.text(f"period.{unit}{'' if count == 1 else 's'}", count=count)

    def period(self, period: RetentionPeriod) -> str:
        """Return a period in words: 24 maanden."""
        count, unit = period.count_and_unit
        return self.text(f"period.{unit}{'' if count == 1 else 's'}", count=count)

    def size(self, count: int) -> str:
        """Return a file size in words: 212 kB."""
        if count < 1_000_000:  # noqa: PLR2004 - a megabyte
            return self.text("size.kilobytes", count=max(1, round(count / 1_000)))
        megabytes = f"{count / 1_000_000:.1f}".replace(".", self.text("decimal"))
        return self.text("size.megabytes", count=megabytes)
