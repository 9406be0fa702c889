"""What the operator's log says of limits that are hit: each kind once a minute, and no person (S4, D8)."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from optin.errors import OptinError
from optin.jobs.job import RoundDone, rest

log = logging.getLogger("optin.limits")

EVERY_SECONDS = 60.0
LOOK_SECONDS = 5.0


class LimitLog:
    """Counts hits by kind; says the first at once, and those that follow when its minute is over."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start counting from nothing. `clock` tells seconds."""
        self._clock = clock
        self._lock = threading.Lock()  # mails are counted on the store's thread
        self._counted: Counter[str] = Counter()
        self._said: dict[str, float] = {}

    def note(self, kind: str) -> None:
        """Count one hit of a limit, by the name of its setting."""
        with self._lock:
            self._counted[kind] += 1
        self.say()

    def say(self, *, everything: bool = False) -> None:
        """Log what was counted of each kind whose last line is a minute old; of every kind at the end."""
        with self._lock:
            now = self._clock()
            due = {
                kind: count
                for kind, count in self._counted.items()
                if everything or now - self._said.get(kind, -EVERY_SECONDS) >= EVERY_SECONDS
            }
            for kind in due:
                del self._counted[kind]
                self._said[kind] = now
        for kind, count in due.items():
            log.warning("limit hit: kind=%s count=%d", kind, count)


async def nothing_else() -> None:
    """Look at nothing else."""


async def keep_limit_log(
    limit_log: LimitLog,
    stop: asyncio.Event,
    round_done: RoundDone,
    look: Callable[[], Awaitable[None]] = nothing_else,
) -> None:
    """Say what is still to be said of each minute, until `stop` is set. `look`: at what else, each time."""
    while not stop.is_set():
        await rest(stop, LOOK_SECONDS)
        limit_log.say(everything=stop.is_set())
        with suppress(OptinError):  # the store is busy: next time
            await look()
        round_done()
