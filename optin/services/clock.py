"""The one clock of the program: it never goes back without saying so (O7)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from optin.consent.clock import FOLLOWED
from optin.store.transaction import EPOCH, MILLISECOND


def utc_now() -> datetime:
    """Return this moment, in UTC, as the machine says it."""
    return datetime.now(UTC)


def running_seconds() -> float:
    """Return how long the machine runs, asleep or not: nobody sets this clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def clock_drift() -> timedelta:
    """Return how far the clock is from the one that nobody sets: it changes when somebody sets it."""
    return utc_now() - EPOCH - timedelta(seconds=running_seconds())


class SteadyClock:
    """Says the moment, never before the newest event that is known while clocks differ by minutes only.

    A clock that goes back further is followed: `went_back` is told from which moment to which.
    """

    def __init__(self, went_back: Callable[[datetime, datetime], object] = lambda _was, _now: None) -> None:
        """Start with whatever the machine says."""
        self.went_back = went_back
        self._latest = EPOCH
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Return this moment, in UTC."""
        with self._lock:
            now, was = utc_now(), self._latest
            back = now < self._latest - FOLLOWED
            self._latest = now if back or now > self._latest else self._latest + MILLISECOND
            said = self._latest
        if back:
            self.went_back(was, now)
        return said

    def learn(self, moment: datetime | None) -> None:
        """Know of an event that another process wrote, perhaps by a clock that is ahead."""
        with self._lock:
            self._latest = max(self._latest, moment or EPOCH)
