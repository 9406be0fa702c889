"""Whether somebody may be called at a moment: by the hours of a law or a code, and how often (L8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from functools import cache

from optin.rules.contact_rule import Hours, Tries

SATURDAY, SUNDAY = 5, 6


def is_within(hours: Hours, country: str, at: datetime) -> bool:
    """Return whether a local moment lies within the hours. `at`: in the time zone of the person called."""
    if at.date() in _public_holidays(country, at.year):
        return False
    by_day: dict[int, tuple[str, ...]] = {SATURDAY: hours.saturday, SUNDAY: ()}
    spans = by_day.get(at.weekday(), hours.weekdays)
    ends_early = f"{at:%m-%d}" in hours.early
    latest = time.fromisoformat(hours.early_until) if ends_early else time.max
    return any(begin <= at.time() < min(end, latest) for begin, end in map(_span, spans))


def too_many_tries(tries: Tries, earlier: Iterable[datetime], at: datetime) -> bool:
    """Return whether one more try would be too many; `earlier`: those without success."""
    recent = [it for it in earlier if at - timedelta(days=tries.days) < it <= at]
    return len(recent) >= tries.most


def is_silence(tries: Tries, refusals: Sequence[datetime], at: datetime) -> bool:
    """Return whether a no is so fresh that it must be respected by silence."""
    return any(it <= at < it + timedelta(days=tries.silence_days) for it in refusals)


def _span(text: str) -> tuple[time, time]:
    begin, _, end = text.partition("-")
    return time.fromisoformat(begin), time.fromisoformat(end)


@cache
def _public_holidays(country: str, year: int) -> frozenset[object]:
    import holidays  # noqa: PLC0415 - slow to import, and no command needs it to start

    return frozenset(holidays.country_holidays(country, years=year))
