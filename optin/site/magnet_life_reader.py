"""Read `status`, `from` and `until` of front matter: when a magnet's form opens and ends (W10)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from optin.consent.time_zones import after_gap, moments_of
from optin.site.kind_front_matter_hooks import Complaint
from optin.site.magnet_life import MagnetLife, MagnetStatus

YEARS = range(2000, 2200)  # all others are typing errors; at the ends of the calendar no clock can be read
_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::00)?)?")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class LifeReading:
    """A magnet's life as it was written, with the complaints about it."""

    life: MagnetLife
    complaints: tuple[Complaint, ...] = ()


def read_life(status: MagnetStatus, opens: str, ends: str, zone: ZoneInfo) -> LifeReading:
    """Return the life of a magnet from the words of its front matter, on the clock of `zone`.

    `from` a day begins with that day; `until` a day includes it.
    """
    complaints = [*_complaints("from", opens, zone), *_complaints("until", ends, zone)]
    if complaints:
        return LifeReading(MagnetLife(status), tuple(complaints))
    life = MagnetLife(status, _opening(opens, zone), _ending(ends, zone))
    if life.opens_at is not None and life.ends_at is not None and life.opens_at >= life.ends_at:
        message = f"It would be over (until: {ends}) before it begins (from: {opens})."
        cure = "Write an until that is later than from."
        return LifeReading(MagnetLife(status), (Complaint(("until",), message, cure, code="life"),))
    return LifeReading(life)


def _opening(text: str, zone: ZoneInfo) -> datetime | None:
    """Return when a written moment begins: of a time that comes twice, the first."""
    local, _ = _local(text)
    return None if local is None else _moments(local, zone)[0]


def _ending(text: str, zone: ZoneInfo) -> datetime | None:
    """Return when a written moment is past: a day at its end; of a time that comes twice, the second."""
    local, is_day = _local(text)
    if local is None:
        return None
    return _moments(local + _DAY, zone)[0] if is_day else _moments(local, zone)[-1]


def _moments(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return the moments (UTC) of a local time; of one that is skipped, when clocks go on."""
    return moments_of(local, zone) or (after_gap(local, zone).replace(tzinfo=zone).astimezone(UTC),)


def _local(text: str) -> tuple[datetime | None, bool]:
    """Return a local time, and whether only a day was written; None for no moment."""
    found = _WRITTEN.fullmatch(text)
    try:
        local = None if found is None else datetime.fromisoformat(f"{found[1]} {found[2] or '00:00'}")
    except ValueError:
        return None, False
    sound = local is not None and local.year in YEARS
    return (local if sound else None), found is not None and found[2] is None


def _complaints(key: str, text: str, zone: ZoneInfo) -> Iterator[Complaint]:
    local, is_day = _local(text)
    if text and local is None:
        cure = "Write a day like 2027-03-10, or a day and a time like 2027-03-10 14:00."
        yield Complaint((key,), f"{text!r} is no moment.", cure, code="life")
    elif local is not None and not is_day and not moments_of(local, zone):
        message = f"There is no {local:%H:%M} on that day in {zone.key}: the clock goes forward."
        cure = f"Write {after_gap(local, zone):%Y-%m-%d %H:%M}, or another time."
        yield Complaint((key,), message, cure, code="life")
