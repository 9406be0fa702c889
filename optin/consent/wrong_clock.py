"""Wrong clocks: when a clock is doubted, and what the log says about one that went back. Reads no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.consent.retention_period import RetentionPeriod

CLOCKS_DIFFER = timedelta(minutes=5)  # between processes, and between an event and its commit
FOLLOWED = timedelta(minutes=15)  # so far a process follows another whose clock is ahead


@dataclass(frozen=True)
class ClockReading:
    """A clock's time (UTC), and when it was last known to be right; None: never."""

    now: datetime
    known: datetime | None
    jump: RetentionPeriod  # how far the two may be apart

    @property
    def doubted(self) -> bool:
        """Whether nothing may be deleted by this clock."""
        if self.known is None:
            return False
        return self.now > self.jump.after(self.known) or self.known > self.jump.after(self.now)

    @property
    def sentence(self) -> str:
        """The sentence for the operator, with the cure."""
        ahead = self.known is None or self.now > self.known
        right = "because no server ran for that long" if ahead else "because it was ahead before"
        known = "no moment" if self.known is None else f"{self.known:%Y-%m-%d %H:%M} UTC"
        return (
            f"The clock of this machine says {self.now:%Y-%m-%d %H:%M} UTC; it was last known to be right at"
            f" {known}. Until somebody looks, nothing is deleted and nothing expires. If the clock is wrong,"
            f" correct it. If it is right, {right}, run:"
            ' optin sweep --accept-clock --why "…"'
        )


@dataclass(frozen=True)
class ClockSetBack:
    """An event that says that the clock went back, from `was` to `at`. `place`: its index among events."""

    place: int
    at: datetime
    was: datetime

    def explains(self, at: datetime, latest: datetime) -> bool:
        """Return whether an event of `at` may follow one of `latest` because of this."""
        return self.at - CLOCKS_DIFFER <= at and latest <= self.was + CLOCKS_DIFFER


def set_back_over(place: int, at: datetime, set_backs: Iterable[ClockSetBack]) -> ClockSetBack | None:
    """Return the later step back by which the event at `place` bears a time of a fast clock; or None."""
    later = (it for it in set_backs if it.place > place)
    return next((it for it in later if it.at + CLOCKS_DIFFER < at <= it.was + CLOCKS_DIFFER), None)


def explained(place: int, at: datetime, latest: datetime, set_backs: Iterable[ClockSetBack]) -> bool:
    """Return whether an event at `place` may be earlier than one before it.

    Notes before the event were heeded when they came; but a process whose clock is ahead may write on after
    them, close to `was`. And another process may note it a moment after the event.
    """
    return any(
        it.explains(at, latest) and (it.place > place or latest >= it.was - CLOCKS_DIFFER) for it in set_backs
    )
