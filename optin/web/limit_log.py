"""Log reached limits: each kind once a minute, without persons (S4, D8)."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from optin.errors import OptinError
from optin.flows.request_policy import ignore_limit
from optin.jobs.background_job import RoundDone, pause

log = logging.getLogger("optin.limits")

EVERY_SECONDS = 60.0
LOOK_SECONDS = 5.0


class LimitLog:
    """Counts hits by kind; logs the first at once, and the rest when its minute is over."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, also: Callable[[str], None] = ignore_limit
    ) -> None:
        """Begin without hits. `clock` returns seconds. `also` is told of each hit."""
        self._clock, self._also = clock, also
        self._lock = threading.Lock()  # mails are counted on the store's thread
        self._counted: Counter[str] = Counter()
        self._said: dict[str, float] = {}

    def note(self, kind: str) -> None:
        """Count one hit of a limit, by the name of its setting."""
        with self._lock:
            self._counted[kind] += 1
        self._also(kind)
        self.say()

    def say(self, *, everything: bool = False) -> None:
        """Log the count of each kind whose last line is a minute old; of every kind at the end."""
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


async def do_nothing() -> None:
    """Do nothing else."""


async def keep_limit_log(
    limit_log: LimitLog,
    stop: asyncio.Event,
    round_done: RoundDone,
    look: Callable[[], Awaitable[None]] = do_nothing,
) -> None:
    """Log the counts of each minute until `stop` is set. `look`: called each time."""
    while not stop.is_set():
        await pause(stop, LOOK_SECONDS)
        limit_log.say(everything=stop.is_set())
        with suppress(OptinError):  # the store is busy: next time
            await look()
        round_done()
