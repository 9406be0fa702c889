"""Show other servers of a database that this one runs, and take over the work of dead ones."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from optin.jobs.background_job import Job, RoundDone, every
from optin.services.installation import Installation
from optin.services.interrupted_sendings import recover_crashed_work

STALE_SECONDS = 60.0


def presence_job(installation: Installation, folder: Path) -> Job:
    """Return the job by which servers that share a database know of each other; idle for a single server.

    `folder`: where servers write down which mails they hand over.
    """
    store = installation.store

    def look() -> None:
        recover_crashed_work(store, installation.context, installation.clock(), folder)

    async def keep_present(stop: asyncio.Event, round_done: RoundDone) -> None:
        seconds = store.presence.beat_seconds
        if seconds is not None:
            await every(seconds, partial(asyncio.to_thread, look), stop, round_done)

    return Job("presence", keep_present, STALE_SECONDS)
