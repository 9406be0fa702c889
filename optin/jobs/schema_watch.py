"""Checks, while the server runs, that nobody changes the schema of its database.

The store itself refuses a write that something foreign might swallow. This finds the rest within a minute,
also while nobody writes; it tells the operator, and whoever asks whether the server is ready.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from optin.errors import WriteLost
from optin.jobs.background_job import Job, RoundDone, every
from optin.services.health import CheckResult
from optin.services.installation import Installation

log = logging.getLogger("optin.store")

LOOK_SECONDS = 60
STALE_SECONDS = 300


def schema_job(installation: Installation) -> Job:
    """Return the job that compares the schema every minute."""
    return Job("schema", partial(keep_schema, installation), STALE_SECONDS)


async def keep_schema(installation: Installation, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Compare the schema every minute until `stop` is set."""
    await every(LOOK_SECONDS, partial(asyncio.to_thread, look_at_schema, installation), stop, round_done)


def look_at_schema(installation: Installation) -> None:
    """Compare the schema by its full text; log what is not optin's, every time, until it is put right."""
    installation.schema_findings = tuple(installation.store.schema_findings())
    if installation.schema_findings:
        log.error("%s", WriteLost(installation.schema_findings).log_line)


async def check_schema(installation: Installation) -> CheckResult:
    """Readiness check: return the foreign or altered objects of the last comparison."""
    return CheckResult(not installation.schema_findings, {"found": list(installation.schema_findings)})
