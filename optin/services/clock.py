"""The one clock of the program: it never goes back unsaid, and it is watched while a server runs (O7)."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from optin.consent.clock import CLOCKS_DIFFER, FOLLOWED
from optin.flows.retention.clock import read_clock, watch_clock
from optin.jobs.job import RoundDone, every
from optin.store.clock_mark import newest_event
from optin.store.transaction import EPOCH, MILLISECOND, read, written

if TYPE_CHECKING:
    from optin.services.installation import Installation

LOOK_SECONDS = 2.0  # at what other processes wrote
MARK_ROUNDS = 30  # of these looks: the mark moves once a minute


def utc_now() -> datetime:
    """Return this moment, in UTC, as the machine says it."""
    return datetime.now(UTC)


def running_seconds() -> float:
    """Return how long the machine runs, asleep or not: nobody sets this clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


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


class ClockWatch:
    """Watches the clock of one process: against what nobody sets, and against the mark."""

    def __init__(self, installation: Installation) -> None:
        """Begin with nothing: how far the clock is from the mark is seen in the first round."""
        self._office = installation
        self._trusted: timedelta | None = None  # between the two clocks, when this one was trusted last

    def _between(self) -> timedelta:
        return utc_now() - EPOCH - timedelta(seconds=running_seconds())

    async def look(self) -> None:
        """Learn the newest moment of the other processes; say at once when the clock begins to be doubted."""
        installation = self._office
        reading = await read(installation.store, read_clock, installation.context, installation.clock())
        if reading.doubted != installation.clock_doubted:
            await self.mark()
        if isinstance(installation.clock, SteadyClock):
            installation.clock.learn(await read(installation.store, newest_event, vault=installation.vault))

    async def mark(self) -> None:
        """Move the mark, or say that the clock is doubted."""
        installation, now = self._office, self._office.clock()
        between = self._between()
        slipped = timedelta() if self._trusted is None else abs(between - self._trusted)
        steady = now + slipped <= installation.policy.sweep.clock_jump.after(now)
        even = self._trusted is not None and slipped < CLOCKS_DIFFER
        look = await written(
            installation.store, watch_clock, installation.context, now, steady=steady, even=even
        )
        installation.say_clock(look)
        accepted = look.known is not None and abs(now - look.known) < CLOCKS_DIFFER  # by somebody just now
        if look.doubted:
            self._trusted = None
        elif self._trusted is None or (accepted and not steady):
            self._trusted = between


async def keep_clock(installation: Installation, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Watch the clock until `stop` is set: the mark moves, and a jump is said once (O7)."""
    watch, rounds = ClockWatch(installation), itertools.count()

    async def watched() -> None:
        await watch.look()
        if next(rounds) % MARK_ROUNDS == 0:
            await watch.mark()

    await every(LOOK_SECONDS, watched, stop, round_done)
