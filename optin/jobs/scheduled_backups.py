"""Make a backup when it is time, where `[backup]` names a folder (S7). One server of a site does it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from optin.errors import OptinError
from optin.jobs.background_job import Job, RoundDone, every, pause
from optin.services.installation import Installation
from optin.services.site_edition import Edition

log = logging.getLogger("optin.backup")
FIRST_SECONDS = 30.0
LOOK_SECONDS = 60.0
STALE_SECONDS = 24 * 3_600.0  # a large store takes its time beside live traffic, and so does a slow line


def backup_job(installation: Installation, edition: Callable[[], Edition]) -> Job:
    """Return the job. `edition`: the one that is served now."""
    return Job("backup", partial(keep_backing_up, installation, edition), STALE_SECONDS)


async def keep_backing_up(
    installation: Installation, edition: Callable[[], Edition], stop: asyncio.Event, round_done: RoundDone
) -> None:
    """Make backups in time until `stop` is set."""
    await pause(stop, FIRST_SECONDS)
    await every(
        LOOK_SECONDS,
        lambda: asyncio.to_thread(back_up_if_due, installation, edition(), stop.is_set),
        stop,
        round_done,
    )


def never() -> bool:
    """Return that nobody stops."""
    return False


def back_up_if_due(installation: Installation, edition: Edition, stopped: Callable[[], bool] = never) -> None:
    """Make a backup if it is time and no other server makes it; log the result.

    A failure is tried again after an hour: it is kept, and `optin doctor` tells it.
    """
    # what it needs is imported after the start, which waits for nothing
    from optin.services.scheduled_backup import claim, is_due, make_backup  # noqa: PLC0415 - as said above

    # asked again after the claim: another server may have just finished
    if is_due(installation, edition) and claim(installation) and is_due(installation, edition):
        try:
            file = make_backup(installation, edition, stopped)
        except OptinError as problem:
            log.error("the backup failed, and is tried again in an hour: %s", problem)  # noqa: TRY400 - a set-up's mistake needs no traceback
        else:
            done = "is complete" if file.is_handed_over else "is handed over after the next start"
            log.info("the backup %s of %d bytes %s", file.name, file.size, done)
