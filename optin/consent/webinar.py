"""A webinar: when it is on whose clock, for how many, and where, which only who confirmed is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from optin.consent.magnet_details import Details

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
DAY_BEFORE, HOUR_BEFORE = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class Webinar(Details):
    """One webinar. `place` is where it is held: never on a page that everybody gets."""

    starts_at: datetime  # UTC
    minutes: int
    zone: str  # IANA, as Europe/Amsterdam
    host: str
    place: str
    capacity: int = 0  # 0: as many as come
    replay: str = ""  # where the recording is
    cancelled: bool = False

    @property
    def ends_at(self) -> datetime:
        """When it is over (UTC)."""
        return self.starts_at + timedelta(minutes=self.minutes)

    @property
    def closes_at(self) -> datetime | None:
        """From when on nobody can register: its start, unless there is a recording to hand out."""
        if self.cancelled:
            return LONG_AGO
        return None if self.replay else self.starts_at

    @property
    def zones(self) -> frozenset[str]:
        """Its zone."""
        return frozenset({self.zone})

    def declared(self) -> dict[str, Any]:
        """Return what its page says of it. Not the place; and not what may change without a new promise."""
        return {
            "start": self.starts_at.isoformat().replace("+00:00", "Z"),
            "minutes": self.minutes,
            "zone": self.zone,
            "host": self.host,
        }

    def plan(self) -> dict[str, Any]:
        """Return what stands in people's calendars: a change of it is mailed."""
        return {**self.declared(), "place": self.place, "cancelled": self.cancelled}

    def kept(self) -> dict[str, Any]:
        """Return all of it as JSON values, for when its page is gone."""
        return {**self.plan(), "capacity": self.capacity, "replay": self.replay}

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Self:
        """Read what `kept` returned. Raises KeyError, TypeError or ValueError when it is none."""
        return cls(
            starts_at=datetime.fromisoformat(plain["start"]),
            minutes=plain["minutes"],
            zone=plain["zone"],
            host=plain["host"],
            place=plain["place"],
            capacity=plain["capacity"],
            replay=plain["replay"],
            cancelled=plain["cancelled"],
        )


def moments_of(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return the moments (UTC) when a clock in `zone` shows `local`: none in a gap, two as it goes back."""
    found = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(it for it in found if it.astimezone(zone).replace(tzinfo=None, fold=0) == local))


def after_gap(local: datetime, zone: ZoneInfo) -> datetime:
    """Return what the clock shows in place of a time that it leaves out."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone).replace(tzinfo=None)


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Return every zone by its name, those of regions: Europe/Amsterdam, and UTC."""
    return tuple(sorted(name for name in available_timezones() if "/" in name or name == "UTC"))


def zone_of(name: str) -> ZoneInfo | None:
    """Return a zone by its IANA name, or None."""
    try:
        return ZoneInfo(name) if name in zone_names() else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def offset_in_words(moment: datetime, zone: str) -> str:
    """Return how far the clock of a zone is from UTC at a moment: UTC+1, UTC+5:30, UTC."""
    shift = moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    minutes = round(shift.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    if not minutes:
        return "UTC"
    return f"UTC{'+' if minutes > 0 else '−'}{hours}{f':{rest:02}' if rest else ''}"
