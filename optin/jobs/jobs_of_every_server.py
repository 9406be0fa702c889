"""The background jobs of every server, whatever its site is."""

from __future__ import annotations

import asyncio
from functools import partial

from optin.jobs.background_job import Job, RoundDone, every, pause
from optin.jobs.clock_watch import keep_clock
from optin.jobs.sign_event_log import keep_log
from optin.jobs.sweep_runner import sweep_by_itself
from optin.services.installation import WAL_RETRY_SECONDS, Installation

SWEEP_STALE_SECONDS = 2 * 3600.0  # a large one takes its time beside live traffic
STALE_SECONDS = 60.0
COUNT_SECONDS = 5.0  # so much of the counts is lost when a process is killed


async def keep_wal_truncated(installation: Installation, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Empty SQLite's write-ahead log after each erasure, until that succeeds or `stop` is set (R5)."""

    async def truncate_if_needed() -> None:
        if installation.wal_has_erased.is_set():
            await asyncio.to_thread(installation.truncate_wal)

    await every(WAL_RETRY_SECONDS, truncate_if_needed, stop, round_done)


async def keep_counts(installation: Installation, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Write the counts of views and downloads to the store at intervals, and at the end."""
    while not stop.is_set():
        await pause(stop, COUNT_SECONDS)
        await asyncio.to_thread(installation.keep_counts)
        round_done()


def installation_jobs(installation: Installation) -> list[Job]:
    """Return the background jobs that every server has."""
    return [
        Job("sweep", partial(sweep_by_itself, installation), SWEEP_STALE_SECONDS),
        Job("clock", partial(keep_clock, installation), STALE_SECONDS),
        Job("log", partial(keep_log, installation), STALE_SECONDS),
        Job("wal", partial(keep_wal_truncated, installation), STALE_SECONDS),
        Job("counts", partial(keep_counts, installation), STALE_SECONDS),
    ]
