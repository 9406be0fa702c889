"""Examine the real set-up once a day; `[notify]` tells what changed, and the desk shows the findings (O3).

One server of a site does it: whoever finds first that the last examination was a day ago.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from optin.jobs.background_job import Job, RoundDone, every, pause
from optin.services.installation import Installation
from optin.services.site_edition import Edition

log = logging.getLogger("optin.doctor")
FIRST_SECONDS = 60.0  # after the start: the proxy may wait for the server to be ready
LOOK_SECONDS = 600.0
STALE_SECONDS = 3_600.0


def examination_job(installation: Installation, edition: Callable[[], Edition]) -> Job:
    """Return the job. `edition`: the one that is served now."""
    return Job("doctor", partial(keep_examining, installation, edition), STALE_SECONDS)


async def keep_examining(
    installation: Installation, edition: Callable[[], Edition], stop: asyncio.Event, round_done: RoundDone
) -> None:
    """Examine the set-up each day until `stop` is set."""
    await pause(stop, FIRST_SECONDS)
    await every(
        LOOK_SECONDS, lambda: asyncio.to_thread(examine_if_due, installation, edition()), stop, round_done
    )


def examine_if_due(installation: Installation, edition: Edition) -> None:
    """Examine the set-up if nobody did for a day."""
    # what it needs is imported a minute after the start, which waits for nothing
    from optin.services.doctor.finding import exit_status  # noqa: PLC0415 - as said above
    from optin.services.doctor.kept_examination import claim, examine_and_keep, is_due  # noqa: PLC0415 - same

    # asked again after the claim: another server may have just finished
    if is_due(installation) and claim(installation) and is_due(installation):
        found = examine_and_keep(edition, installation)
        log.info("examined the set-up: %s; see: optin doctor", exit_status(found.findings).name.lower())
