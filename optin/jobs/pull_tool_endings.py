"""Read who unsubscribed in the tools of processors, and withdraw those consents (R2, W11)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from itertools import islice

from optin.export.connectors.lead_fields import is_ahead
from optin.export.connectors.tool import ToolTrouble, TroubleKind
from optin.flows.rights.withdrawals_in_tools import (
    ToolEndings,
    ToolReading,
    ToolUnsubscription,
    withdraw_unsubscribed,
)
from optin.jobs.background_job import Job, RoundDone, pause
from optin.jobs.processor_lanes import SetupFaults
from optin.jobs.tool_receiver import ToolReceiver
from optin.services.installation import Installation
from optin.store.database_interface import written
from optin.store.tool_marks import claim_pull, store_pull_mark

log = logging.getLogger("optin.webhook")

EVERY = timedelta(minutes=15)
LOOK_SECONDS = 30.0
READ_SECONDS = 600.0  # all calls of one reading
STALE_SECONDS = 1800.0
MANY = 100  # ends in one reading: somebody should know
AT_ONCE = 100  # people in one transaction


async def pull_endings(
    installation: Installation, processor: str, receiver: ToolReceiver, every: timedelta = timedelta(0)
) -> ToolEndings | None:
    """Read who unsubscribed in a tool since the last time and withdraw their consents; None when not due yet.

    The mark is stored after everything was withdrawn: after an interruption the same people are read again,
    which changes nothing. A mark ahead of the clock is not used: if a tool's clock was wrong once, the ends
    until that time would be missed. Raises ToolTrouble, EndingUnwritten.
    """
    source, now = receiver.address, installation.clock()
    claim = partial(claim_pull, processor=processor, source=source, every=every, now=now)
    mark = await written(installation.store, claim)
    if mark is None:
        return None
    if is_ahead(mark, now):
        mark = ""
    connection = receiver.connection
    stops = await connection.carry_out(lambda account: connection.tool.stops(account, mark), READ_SECONDS)
    reading = ToolReading(processor, connection.purposes(), now)
    done, left = ToolEndings(), iter(stops.found)
    while batch := [ToolUnsubscription(it.email, it.purposes, it.at) for it in islice(left, AT_ONCE)]:
        take = partial(
            withdraw_unsubscribed,
            context=installation.context,
            reading=reading,
            ends=batch,
            now=installation.clock(),
        )
        done += await written(installation.store, take)
    if done.withdrawn or done.broken:
        await asyncio.to_thread(installation.note_ending)
    if is_ahead(stops.mark, now):
        return done
    await written(installation.store, store_pull_mark, processor=processor, source=source, mark=stops.mark)
    return done


def pull_jobs(installation: Installation, receivers: Mapping[str, ToolReceiver]) -> list[Job]:
    """Return a job for each tool that reads who unsubscribed there, every fifteen minutes."""
    return [
        Job(f"unsubscribed in {name}", _Puller(installation, name, it).run, STALE_SECONDS)
        for name, it in receivers.items()
    ]


class _Puller:
    """Reads who unsubscribed in one tool, again and again."""

    def __init__(self, installation: Installation, processor: str, receiver: ToolReceiver) -> None:
        self._installation = installation
        self._processor = processor
        self._receiver = receiver
        self._faults = SetupFaults(receiver.label, processor, receiver.cure)

    async def run(self, stop: asyncio.Event, round_done: RoundDone) -> None:
        """Read when it is due, until `stop` is set."""
        while not stop.is_set():
            await self._pull()
            round_done()
            await pause(stop, LOOK_SECONDS)

    async def _pull(self) -> None:
        at = asyncio.get_running_loop().time()
        try:
            done = await pull_endings(self._installation, self._processor, self._receiver, EVERY)
        except ToolTrouble as trouble:
            if trouble.kind is TroubleKind.SETUP:
                self._faults.failed(trouble.says, "", at)
            else:
                log.warning(
                    "%s %s: who unsubscribed there could not be read: %s",
                    self._receiver.label,
                    self._processor,
                    trouble.says,
                )
            return
        if done is None:
            return
        self._faults.worked("", at)
        if done.broken:
            log.error(
                "%s %s: the rows of %d people who unsubscribed there cannot be read: they are suppressed, and"
                " the log does not tell of it; see: optin audit",
                self._receiver.label,
                self._processor,
                done.broken,
            )
        if done.withdrawn:
            about = (self._receiver.label, self._processor, done.withdrawn)
            log.info("%s %s: %d consents were withdrawn there", *about)
        if done.withdrawn >= MANY:
            log.warning(
                "%s %s: it ended %d consents at once. They are withdrawn for good; if nobody asked for that,"
                " find out in the tool who did it",
                *about,
            )
