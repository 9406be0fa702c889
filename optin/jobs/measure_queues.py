"""Measures at intervals what waits in the database, for whoever reads the numbers of this server (O5)."""

from __future__ import annotations

from functools import partial

from optin.jobs.background_job import Job, every
from optin.services.installation import Installation
from optin.services.measurements import Unmeasured
from optin.store.database_interface import read
from optin.store.queue_depths import queue_depths

MEASURE_SECONDS = 15.0
STALE_SECONDS = 300.0


def measure_jobs(installation: Installation) -> list[Job]:
    """Return the job, where anybody reads the numbers. Reading them asks no database, however often."""

    async def measure() -> None:
        depths = await read(installation.store, queue_depths)
        installation.measurements.measured(depths, installation.clock())

    if isinstance(installation.measurements, Unmeasured):
        return []
    return [Job("measure", partial(every, MEASURE_SECONDS, measure), STALE_SECONDS)]
