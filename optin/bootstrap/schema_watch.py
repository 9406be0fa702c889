"""Sees, while the server runs, that the schema of its database stays the one that optin makes.

The store itself refuses a write that something foreign might swallow. This finds the rest within a minute,
also while nobody writes; it tells the operator, and whoever asks whether the server is ready.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from optin.bootstrap.health import Found
from optin.bootstrap.jobs import Job, RoundDone, every
from optin.bootstrap.office import Office
from optin.errors import WriteLost

log = logging.getLogger("optin.store")

LOOK_SECONDS = 60
STALE_SECONDS = 300


def schema_job(office: Office) -> Job:
    """Return the job that looks at the schema every minute."""
    return Job("schema", partial(keep_schema, office), STALE_SECONDS)


async def keep_schema(office: Office, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Look at the schema every minute until `stop` is set."""
    await every(LOOK_SECONDS, partial(asyncio.to_thread, look_at_schema, office), stop, round_done)


def look_at_schema(office: Office) -> None:
    """Compare the schema by its full text; log what is not optin's, every time, until it is put right."""
    office.schema_findings = tuple(office.store.schema_findings())
    if office.schema_findings:
        log.error("%s", WriteLost(office.schema_findings).log_line)


async def check_schema(office: Office) -> Found:
    """Tell what the last look at the schema found: names of tables and triggers."""
    return Found(not office.schema_findings, {"found": list(office.schema_findings)})
