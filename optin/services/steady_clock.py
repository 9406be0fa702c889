"""The one clock of the program: it never goes back silently (O7)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from optin.consent.wrong_clock import FOLLOWED
from optin.store.database_interface import EPOCH, MILLISECOND


def utc_now() -> datetime:
    """Return the current time of this machine, in UTC."""
    return datetime.now(UTC)


def running_seconds() -> float:
    """Return the seconds since the machine started, sleep included: a clock that nobody can set."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def clock_drift() -> timedelta:
    """Return the offset of the clock from the one that nobody can set: it changes when the clock is set."""
    return utc_now() - EPOCH - timedelta(seconds=running_seconds())


class SteadyClock:
    """Tells the time, never before the newest known event, as long as clocks differ by minutes only.

    A clock that goes back further is followed: `went_back` is told from which moment to which.
    """

    def __init__(self, went_back: Callable[[datetime, datetime], object] = lambda _was, _now: None) -> None:
        """Begin with the machine's time."""
        self.went_back = went_back
        self._latest = EPOCH
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Return the current time, in UTC."""
        with self._lock:
            now, was = utc_now(), self._latest
            back = now < self._latest - FOLLOWED
            self._latest = now if back or now > self._latest else self._latest + MILLISECOND
            said = self._latest
        if back:
            self.went_back(was, now)
        return said

    def learn(self, moment: datetime | None) -> None:
        """Take note of an event of another process, whose clock may be ahead."""
        with self._lock:
            self._latest = max(self._latest, moment or EPOCH)
