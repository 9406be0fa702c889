"""How busy visitors keep this process, so that work that nobody waits for gives way to them.

One process does everything, and Python does one thing at a time: a letter that is written delays pages. So
such work rests after each step: the longer, the more of its time the process spends on visitors.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_SECONDS = 0.1
MOST_SECONDS = 0.002  # counted of one request: a longer one waited for a disk or its client
FREE_SHARE = 0.03  # below it, nothing rests
REST_BY_SHARE = 20.0  # how many times as long as it worked a job rests, by the share of visitors
LONGEST_REST = 15.0
LONGEST_TURN_SECONDS = 5.0


class VisitorLoad:
    """Measures which share of its time this process spends on requests. Use it on the event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without visitors."""
        self._clock = clock
        self.seconds = 0.0  # spent on requests so far
        self._looked_at, self._seen = clock(), 0.0
        self._share = 0.0

    def answered(self, seconds: float) -> None:
        """Count a request that took so long."""
        self.seconds += min(seconds, MOST_SECONDS)

    @property
    def share(self) -> float:
        """The share as of a moment ago: 0 without visitors, 1 and more when the process has no time left."""
        now = self._clock()
        passed = now - self._looked_at
        if passed >= LOOK_SECONDS:
            self._share = (self.seconds - self._seen) / passed
            self._looked_at, self._seen = now, self.seconds
        return self._share


class GiveWay:
    """Spaces out the steps of one job by the load of visitors."""

    def __init__(
        self,
        load: VisitorLoad,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Give way to the visitors of `load`."""
        self._load, self._clock, self._sleep = load, clock, sleep
        self._cost = 0.0  # seconds of a step, as measured lately
        self._free_at = clock()

    def worked(self, seconds: float) -> None:
        """Note what a step cost, in seconds of this process."""
        self._cost += (seconds - self._cost) / 4

    async def turn(self) -> None:
        """Wait for the turn of the next step: at once without visitors."""
        now = self._clock()
        self._free_at = max(self._free_at, now)
        wait = self._free_at - now
        self._free_at += self._cost * self._rest
        if wait > 0:
            await self._sleep(min(wait, LONGEST_TURN_SECONDS))

    @property
    def _rest(self) -> float:
        share = self._load.share
        return 0.0 if share < FREE_SHARE else min(share * REST_BY_SHARE, LONGEST_REST)
