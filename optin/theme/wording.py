"""Saying things in a language: sentences from the catalogue, moments, periods, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from optin.consent.phone_format import international
from optin.consent.purpose import RetentionPeriod
from optin.consent.webinar import offset_in_words
from optin.theme.catalogue import catalogue
from optin.theme.zones import UNIVERSAL, needs_name, zone_name

MOST_MINUTES = 90  # a longer wait is told in hours


class Wording:
    """One language, with a site's and a magnet's own words over the catalogue's (M9)."""

    def __init__(self, lang: str, *overrides: Mapping[str, str], zone: str = UNIVERSAL) -> None:
        """Put overrides over the catalogue; the last one wins. `zone`: on whose clock moments are told."""
        self.lang = lang
        self._zone = zone
        self._texts = {**catalogue(lang)}
        for words in overrides:
            self._texts.update(words)

    def text(self, key: str, **values: object) -> str:
        """Return a sentence. Raises KeyError for an unknown key or a missing value."""
        return self._texts[key].format_map(values)

    def has(self, key: str) -> bool:
        """Tell whether there is a sentence for `key`."""
        return key in self._texts

    def date(self, date: date) -> str:
        """Return a date in words: 23 november 2026."""
        day = self._texts["date.first"] if date.day == 1 else date.day  # French counts the first: 1er mars
        return self.text("date", day=day, month=self._texts[f"month.{date.month}"], year=date.year)

    def written(self, day: str) -> str:
        """Return a date that is written as 2026-11-23 in words."""
        return self.date(date.fromisoformat(day))

    def day(self, moment: datetime, zone: str = "") -> str:
        """Return the date of a moment on the clock of a zone, if not on the site's own."""
        return self.date(self._local(moment, zone))

    def clock(self, moment: datetime, zone: str = "") -> str:
        """Return what the clock of a zone shows, if not the site's own: 22:28."""
        return f"{self._local(moment, zone):%H:%M}"

    def moment(self, moment: datetime) -> str:
        """Return a moment on the site's own clock: 23 november 2026 om 22:28 uur.

        The zone is named for readers who could take it for another.
        """
        told = self._moment(moment, self._zone)
        if not needs_name(self._zone, self.lang, moment):
            return told
        return self.text("moment.zone", moment=told, zone=zone_name(self._zone, self.lang, moment))

    def machine(self, moment: datetime) -> str:
        """Return a moment as programs read it, in UTC: 2026-11-23T21:28:00Z."""
        return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def moment_and_utc(self, moment: datetime) -> str:
        """Return a moment on the site's own clock with the same in UTC, as evidence has it."""
        utc = moment.astimezone(UTC)
        if self._local(moment).replace(tzinfo=None) == utc.replace(tzinfo=None):
            return self.text("moment.zone", moment=self._moment(moment, UNIVERSAL), zone=UNIVERSAL)
        time = self.text("moment.utc", time=f"{utc:%H:%M}")
        if self._local(moment).date() != utc.date():
            time = f"{self.date(utc)}, {time}"
        return self.text("moment.zone", moment=self._moment(moment, self._zone), zone=time)

    def zoned(self, moment: datetime, zone: str) -> str:
        """Return a moment on the clock of a zone, named: Wednesday 10 March at 14:00 (…, UTC+1)."""
        local = self._local(moment, zone)
        weekday = self._texts[f"weekday.{local.isoweekday()}"]
        return self.text(
            "zoned",
            weekday=weekday,
            date=self.date(local),
            time=f"{local:%H:%M}",
            zone=zone,
            offset=offset_in_words(moment, zone),
        )

    def _moment(self, moment: datetime, zone: str) -> str:
        return self.text("moment.here", date=self.day(moment, zone), time=self.clock(moment, zone))

    def _local(self, moment: datetime, zone: str = "") -> datetime:
        return moment.astimezone(ZoneInfo(zone or self._zone))

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
