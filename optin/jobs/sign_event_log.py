"""Adds events to the log as leaves of the tree, and signs checkpoints (P4)."""

from __future__ import annotations

import asyncio
import itertools
import logging

from optin.errors import LogDiverged
from optin.jobs.background_job import RoundDone, every
from optin.services.event_log_signer import sign_log
from optin.services.installation import Installation
from optin.store.database_interface import written
from optin.store.event_log import integrate

past_log = logging.getLogger("optin.log")
INTEGRATE_SECONDS = 0.2
SIGN_EVERY = 5  # rounds: at most one checkpoint a second, besides those that receipts need


async def keep_log(installation: Installation, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Integrate several times a second, sign at most once, until `stop` is set.

    A log that is not the one that was signed before is not signed: it is said once, loudly; events go on
    becoming leaves, and it is looked at again (O9).
    """
    rounds, said = itertools.count(), ""

    async def advance() -> None:
        nonlocal said
        await written(installation.store, integrate)
        if next(rounds) % SIGN_EVERY:
            return
        try:
            await asyncio.to_thread(_sign_and_note, installation)
            said = ""
        except LogDiverged as problem:
            if said != str(problem):
                past_log.critical("NOTHING IS SIGNED ANY MORE: %s", problem)
            said = str(problem)

    await every(INTEGRATE_SECONDS, advance, stop, round_done)


def _sign_and_note(installation: Installation) -> None:
    if installation.unwritten.is_set():
        installation.note_ending()
    sign_log(installation.store, installation.vault, installation.journal, installation.clock())
