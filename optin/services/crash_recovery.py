"""Recovery after a crash: mail and webhook calls of a server that died are marked as sent, or queued again.

Servers that share a database know of each other, so that one takes over what another left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from optin.errors import StoreBusy, log_line_of
from optin.flows.broken_rows import BROKEN
from optin.flows.delivery.deliver import settle_taken
from optin.jobs.job import Job, RoundDone, every
from optin.services.handover_log import left_behind
from optin.store.transaction import Store
from optin.store.vault import Vault

log = logging.getLogger("optin.mail")

HANDED_OVER = "var/handed-over"
STALE_SECONDS = 60.0


def take_back(store: Store, vault: Vault, now: datetime, folder: Path) -> None:
    """Show that this server lives; mark as sent, or queue again, what servers that died were sending.

    1. What they wrote down as handed over, in `folder`, is sent.
    2. All else is due at once.
    Raises StoreUnusable while a backup is put back.
    """
    # 1. What was handed over is sent.
    for taken in left_behind(folder, vault):
        for it in taken:
            settle = partial(
                settle_taken, vault=vault, number=it.number, fence=it.claim, message=it.message, now=now
            )
            try:
                store.submit(settle).result()
            except StoreBusy:
                raise  # the file stays for the next time
            except BROKEN as problem:
                log.warning(
                    "a mail that was handed over before a crash could not be marked as sent: %s",
                    log_line_of(problem),
                )

    # 2. All else is due at once.
    if released := store.submit(store.presence.renew, now=now).result():
        log.info("%d mails and webhook calls of a server that ended are queued again", released)


def presence_job(store: Store, vault: Vault, clock: Callable[[], datetime], folder: Path) -> Job:
    """Return the job by which servers that share a database know of each other; one alone needs none."""

    async def keep_present(stop: asyncio.Event, round_done: RoundDone) -> None:
        seconds = store.presence.beat_seconds
        if seconds is not None:
            await every(
                seconds,
                lambda: asyncio.to_thread(take_back, store, vault, clock(), folder),
                stop,
                round_done,
            )

    return Job("presence", keep_present, STALE_SECONDS)
