"""Texts in a language: sentences from the catalogue, moments, periods, sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from optin.consent.channel import Channel, channel_named
from optin.consent.email_and_telephone import international
from optin.consent.retention_period import RetentionPeriod
from optin.consent.time_zones import offset_in_words
from optin.theme.catalogue import Sentence, catalogue, catalogue_path, plural_form
from optin.theme.cldr import amount, month_name, percent, quantity, weekday_name
from optin.theme.zones import UNIVERSAL, needs_name, zone_name

Words: TypeAlias = Callable[[], Mapping[str, Sentence]]
SMALL_SHARE = 0.1
MOST_MINUTES = 90  # a longer wait is told in hours


class Wording:
    """The texts of one language, with those of a site and of a magnet over the catalogue's (M9)."""

    def __init__(
        self, lang: str, *overrides: Mapping[str, str], zone: str = UNIVERSAL, more: Words = dict
    ) -> None:
        """Apply overrides to the catalogue; the last one wins. `zone`: the time zone of moments.

        `more`: sentences of kinds, looked at where the catalogue lacks a key.
        """
        self.lang = lang
        self._zone = zone
        self._more = more
        self._own = {key: text for words in overrides for key, text in words.items()}
        self._texts = {**catalogue(lang), **self._own}

    def text(self, key: str, **values: object) -> str:
        """Return a sentence, in the plural form for `count`.

        What is said of a kind that is not installed any more is said as of any other: `kind.other`.
        Raises KeyError for an unknown key or a missing value.
        """
        text, count = self._texts.get(key), values.get("count")
        if text is None:
            sentence = self._more().get(key)
            other = self._texts.get(f"{key.rpartition('.')[0]}.other")
            text = other if sentence is None else sentence.in_form(key, count)
        elif isinstance(count, int) and key not in self._own:
            text = plural_form(catalogue_path(self.lang), key, count) or text
        if text is None:
            raise KeyError(key)
        return text.format_map(values)

    def has(self, key: str) -> bool:
        """Return whether there is a sentence for `key`."""
        return key in self._texts or key in self._more()

    def of_kind(self, key: str, kind: str, **values: object) -> str:
        """Return the sentence that a kind has for `key`, else the one for every kind."""
        own = f"{key}.{kind}"
        return self.text(own if self.has(own) else key, **values)

    def date(self, date: date) -> str:
        """Return a date in words: 23 november 2026."""
        day = self._texts["date.first"] if date.day == 1 else date.day  # French counts the first: 1er mars
        return self.text("date", day=day, month=month_name(date.month, self.lang), year=date.year)

    def written(self, day: str) -> str:
        """Return a date written as 2026-11-23 in words."""
        return self.date(date.fromisoformat(day))

    def day(self, moment: datetime, zone: str = "") -> str:
        """Return the date of a moment, in a zone or in the site's own."""
        return self.date(self._local(moment, zone))

    def clock(self, moment: datetime, zone: str = "") -> str:
        """Return the time of day of a moment, in a zone or in the site's own: 22:28."""
        return f"{self._local(moment, zone):%H:%M}"

    def moment(self, moment: datetime) -> str:
        """Return a moment in the site's time zone: 23 november 2026 om 22:28 uur.

        The zone is named for readers who could take it for another.
        """
        told = self._moment(moment, self._zone)
        if not needs_name(self._zone, self.lang, moment):
            return told
        return self.text("moment.zone", moment=told, zone=zone_name(self._zone, self.lang, moment))

    def machine(self, moment: datetime) -> str:
        """Return a moment for programs, in UTC: 2026-11-23T21:28:00Z."""
        return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def moment_and_utc(self, moment: datetime) -> str:
        """Return a moment in the site's time zone and in UTC, for evidence."""
        utc = moment.astimezone(UTC)
        if self._local(moment).replace(tzinfo=None) == utc.replace(tzinfo=None):
            return self.text("moment.zone", moment=self._moment(moment, UNIVERSAL), zone=UNIVERSAL)
        time = self.text("moment.utc", time=f"{utc:%H:%M}")
        if self._local(moment).date() != utc.date():
            time = f"{self.date(utc)}, {time}"
        return self.text("moment.zone", moment=self._moment(moment, self._zone), zone=time)

    def zoned(self, moment: datetime, zone: str) -> str:
        """Return a moment in a zone, with its name: Wednesday 10 March at 14:00 (…, UTC+1)."""
        local = self._local(moment, zone)
        return self.text(
            "moment.with-offset",
            weekday=weekday_name(local.weekday(), self.lang),
            date=self.date(local),
            time=f"{local:%H:%M}",
            zone=zone,
            offset=offset_in_words(moment, zone),
        )

    def _moment(self, moment: datetime, zone: str) -> str:
        return self.text("moment.here", date=self.day(moment, zone), time=self.clock(moment, zone))

    def _local(self, moment: datetime, zone: str = "") -> datetime:
        return moment.astimezone(ZoneInfo(zone or self._zone))

    def channel(self, channel: Channel | str) -> str:
        """Return the words for a channel: by telephone."""
        name = str(channel)
        known = f"consent.by.{name}"
        return self.text(known) if self.has(known) else self.text("consent.by.other", channel=name)

    def address(self, channel: Channel | str) -> str:
        """Return the name of the address that a channel uses."""
        return self.text(f"field.{channel_named(str(channel)).address.field}")

    def declared(self, channel: Channel | str, corrected: object = False) -> str:  # noqa: FBT002 - templates
        """Return the note that a channel's address was not verified; empty for the mailbox."""
        found = channel_named(str(channel))
        if not found.known or not found.address.declared:
            return ""
        return self.text(f"consent.{found.address.field}.{'corrected' if corrected else 'declared'}")

    def number(self, number: str) -> str:
        """Return a telephone number in groups: +31 20 123 4567."""
        return international(number)

    def amount(self, number: int) -> str:
        """Return a whole number: 3.008."""
        return amount(number, self.lang)

    def percent(self, share: float) -> str:
        """Return a share in whole percents, a small one to a tenth: 75 %, 5,6 %."""
        return percent(round(share, 2 if share >= SMALL_SHARE else 3), self.lang)

    def wait(self, seconds: int) -> str:
        """Return a waiting time, rounded up, in minutes or in hours: 3 minuten."""
        minutes = max(1, -(-seconds // 60))
        count, unit = (minutes, "minute") if minutes <= MOST_MINUTES else (-(-minutes // 60), "hour")
        return self._quantity(count, f"duration-{unit}")

    def period(self, period: RetentionPeriod) -> str:
        """Return a period in words: 24 maanden."""
        count, unit = period.count_and_unit
        return self._quantity(count, f"duration-{unit}")

    def size(self, count: int) -> str:
        """Return a file size in words: 212 kB."""
        if count < 1_000_000:  # noqa: PLR2004 - a megabyte
            return self._quantity(max(1, round(count / 1_000)), "digital-kilobyte", "short")
        return self._quantity(round(count / 1_000_000, 1), "digital-megabyte", "short")

    def _quantity(self, number: float, unit: str, length: Literal["short", "long"] = "long") -> str:
        first, second = quantity(number, unit, self.lang, length=length)
        return self.text("quantity", number=first, unit=second)
