"""Watch the clock while a server runs: advance the mark for deletions, and log a jump once (O7)."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

from optin.consent.wrong_clock import CLOCKS_DIFFER
from optin.flows.deletion_clock import read_clock, watch_clock
from optin.jobs.background_job import RoundDone, every
from optin.services.installation import Installation
from optin.services.steady_clock import SteadyClock, clock_drift
from optin.store.database_interface import read, written
from optin.store.latest_known_time import newest_event

LOOK_SECONDS = 2.0  # at what other processes wrote
MARK_ROUNDS = 30  # of these looks: the mark moves once a minute


class ClockWatch:
    """Compares this process's clock with a monotonic clock and with the stored mark."""

    def __init__(self, installation: Installation) -> None:
        """Begin without a reading: the first round compares the clock with the mark."""
        self._installation = installation
        self._trusted: timedelta | None = None  # between the two clocks, when this one was trusted last

    async def look(self) -> None:
        """Read the newest event of other processes; report at once when the clock becomes doubted."""
        installation = self._installation
        reading = await read(installation.store, read_clock, installation.context, installation.clock())
        if reading.doubted != installation.clock_doubted:
            await self.mark()
        if isinstance(installation.clock, SteadyClock):
            installation.clock.learn(await read(installation.store, newest_event, vault=installation.vault))

    async def mark(self) -> None:
        """Advance the mark, or report that the clock is doubted."""
        installation, now = self._installation, self._installation.clock()
        between = clock_drift()
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
    """Watch the clock until `stop` is set: advance the mark, and report a jump once (O7)."""
    watch, rounds = ClockWatch(installation), itertools.count()

    async def watched() -> None:
        await watch.look()
        if next(rounds) % MARK_ROUNDS == 0:
            await watch.mark()

    await every(LOOK_SECONDS, watched, stop, round_done)
