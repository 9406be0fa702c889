"""Details of a webinar: date, zone, seats, and the place, which only confirmed people learn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from optin.kinds.api.forms import Details

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
DAY_BEFORE, HOUR_BEFORE = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class Webinar(Details):
    """One webinar. `place`: where it is held; never on a public page."""

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
        """When it ends (UTC)."""
        return self.starts_at + timedelta(minutes=self.minutes)

    @property
    def closes_at(self) -> datetime | None:
        """From when on the form is closed: its start, unless there is a recording to hand out."""
        if self.cancelled:
            return LONG_AGO
        return None if self.replay else self.starts_at

    @property
    def zones(self) -> frozenset[str]:
        """Its zone."""
        return frozenset({self.zone})

    def declared(self) -> dict[str, Any]:
        """Return what its page declares: without the place, and without what may change freely."""
        return {
            "start": self.starts_at.isoformat().replace("+00:00", "Z"),
            "minutes": self.minutes,
            "zone": self.zone,
            "host": self.host,
        }

    def plan(self) -> dict[str, Any]:
        """Return the content of people's calendar entries: a change of it is mailed."""
        return {**self.declared(), "place": self.place, "cancelled": self.cancelled}

    def kept(self) -> dict[str, Any]:
        """Return everything as JSON values, to store in case its page is removed."""
        return {**self.plan(), "capacity": self.capacity, "replay": self.replay}

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Self:
        """Read what `kept` returned. Raises KeyError, TypeError or ValueError for other values."""
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
