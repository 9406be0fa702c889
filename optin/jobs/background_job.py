"""Background jobs: tasks that a server repeats besides handling requests.

A job outlives whatever error comes. It is started again after a rest, which grows while no round comes
through; the log says so once a minute at most, without personal data. A job itself catches nothing: what
must not keep other work waiting (one broken row among many) is set aside where it is found.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import TypeAlias

from optin.errors import log_line_of
from optin.proof.canonical_json import Json
from optin.services.health import CheckResult
from optin.services.measurements import Measurements, Unmeasured

log = logging.getLogger("optin.jobs")

FIRST_REST_SECONDS = 0.5
LONGEST_REST_SECONDS = 15.0  # so soon after its cause is gone, a job works again
SAY_EVERY_SECONDS = 60.0

RoundDone: TypeAlias = Callable[[], None]
Work: TypeAlias = Callable[[asyncio.Event, RoundDone], Awaitable[None]]


class Job:
    """One job of a server process. `stale_after_seconds`: without a round for so long, it has failed."""

    def __init__(
        self,
        name: str,
        work: Work,
        stale_after_seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Run `work(stop, round_done)`, which returns at `stop`, or when there is nothing to do."""
        self.name = name
        self._work = work
        self._stale_after = stale_after_seconds
        self._clock = clock
        self._round_at = clock()
        self._over = False
        self._failures = 0  # since the last round that came through
        self._unsaid = 0  # failures since the log's last line about it
        self._said_at = -math.inf
        self.measurements: Measurements = Unmeasured()

    @property
    def age_seconds(self) -> float:
        """Seconds since the last completed round; 0 for a job that has nothing to do."""
        return 0.0 if self._over else self._clock() - self._round_at

    @property
    def is_stale(self) -> bool:
        """Whether the last completed round is too long ago."""
        return self.age_seconds > self._stale_after

    @property
    def is_watched(self) -> bool:
        """Whether its rounds come at known intervals."""
        return not math.isinf(self._stale_after)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set or there is nothing to do; restart after failures."""
        while True:
            try:
                await self._work(stop, self._round_done)
            except (KeyboardInterrupt, SystemExit, GeneratorExit):
                raise
            except BaseException as problem:
                if _is_cancelled(problem):
                    raise
                self._failed(problem)
            else:
                self._over = not stop.is_set()
                return
            if stop.is_set():
                return
            await pause(stop, pause_seconds(self._failures))

    def _round_done(self) -> None:
        self._round_at = self._clock()
        self.measurements.worked(self.name)
        if self._failures:
            log.info("%s works again", self.name)
        self._failures = 0

    def _failed(self, problem: BaseException) -> None:
        self._failures += 1
        self._unsaid += 1
        self.measurements.stumbled(self.name)
        if self._clock() - self._said_at < SAY_EVERY_SECONDS:
            return
        times = f" ({self._unsaid} times by now)" if self._unsaid > 1 else ""
        log.warning("%s failed and will be tried again: %s%s", self.name, log_line_of(problem), times)
        self._said_at, self._unsaid = self._clock(), 0


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait for that many seconds, or until `stop` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def every(
    seconds: float, act: Callable[[], Awaitable[object]], stop: asyncio.Event, round_done: RoundDone
) -> None:
    """Act and pause in turns until `stop` is set."""
    while not stop.is_set():
        await act()
        round_done()
        await pause(stop, seconds)


def pause_seconds(failures: int) -> float:
    """Return the pause after that many consecutive failures."""
    return min(FIRST_REST_SECONDS * 2.0 ** min(failures - 1, 10), LONGEST_REST_SECONDS)


def job_ages(jobs: Iterable[Job]) -> Mapping[str, float]:
    """Return the seconds since the last round of each watched job, by name."""
    return {job.name: job.age_seconds for job in jobs if job.is_watched}


def stale_jobs(jobs: Iterable[Job]) -> list[str]:
    """Return the names of the jobs whose last round is too long ago."""
    return sorted(job.name for job in jobs if job.is_stale)


async def check_jobs(jobs: Iterable[Job]) -> CheckResult:
    """Readiness check: name each background job whose last round is too long ago."""
    late, waited = stale_jobs(jobs), job_ages(jobs)
    oldest = max(waited, key=lambda name: waited[name], default="")
    says: dict[str, Json] = {"oldest": oldest, "age_seconds": round(waited.get(oldest, 0.0))}
    return CheckResult(not late, {**says, "stale": list(late)} if late else says)


def _is_cancelled(problem: BaseException) -> bool:
    """Return whether this task was cancelled, and not only something that it awaited."""
    task = asyncio.current_task()
    return isinstance(problem, asyncio.CancelledError) and task is not None and task.cancelling() > 0
