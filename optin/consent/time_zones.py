"""Time zones, the local time in them, and days and moments as staff type them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


def moments_of(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return the moments (UTC) of a local time in `zone`: none in a gap, two when clocks go back."""
    found = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(it for it in found if it.astimezone(zone).replace(tzinfo=None, fold=0) == local))


def typed_day(text: str) -> date | None:
    """Return a day that staff typed, as browsers write it (2026-11-30); None for what is none."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def typed_moment(text: str, zone: ZoneInfo) -> datetime:
    """Return a moment that staff typed, in UTC; without an offset it is by the clocks of `zone`.

    Raises ValueError, with a sentence, for what is no moment, and for a time that those clocks showed twice
    or never.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        msg = f"{text!r} is no moment; write it like 2026-11-30T14:05 or 2026-11-30T14:05+01:00."
        raise ValueError(msg) from None
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    moments = moments_of(found, zone)
    if len(moments) != 1:
        often = "twice" if moments else "not at all"
        msg = f"{text} happened {often} in {zone}; write the offset, as in {text}+01:00."
        raise ValueError(msg)
    return moments[0]


def after_gap(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the local time that clocks show in place of a skipped one."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone).replace(tzinfo=None)


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Return the names of all zones with a region, such as Europe/Amsterdam, and UTC."""
    return tuple(sorted(name for name in available_timezones() if "/" in name or name == "UTC"))


def zone_of(name: str) -> ZoneInfo | None:
    """Return a zone by its IANA name, or None."""
    try:
        return ZoneInfo(name) if name in zone_names() else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def offset_in_words(moment: datetime, zone: str) -> str:
    """Return the offset of a zone from UTC at a moment: UTC+1, UTC+5:30, UTC."""
    shift = moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    minutes = round(shift.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    if not minutes:
        return "UTC"
    return f"UTC{'+' if minutes > 0 else '−'}{hours}{f':{rest:02}' if rest else ''}"
