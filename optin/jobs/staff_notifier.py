"""Tell staff of confirmed requests and of what waits: by the site's mail, or through chat services (W12).

Never in the way of a lead: each receiver has a lane of its own, and what a chat service does not take for a
day is dropped. A mail to staff waits as every mail does.
A message through a chat service is sent by a process of its own (`services.chat_process`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from optin.flows.delivery.staff_notices import (
    OutgoingNotice,
    claim_staff_notices,
    queue_staff_mail,
    record_notice_result,
)
from optin.flows.delivery.waiting_matters import queue_waiting_notices
from optin.jobs.background_job import Job, RoundDone, every, pause
from optin.mail.staff_message import title_and_text
from optin.services.chat_sender import ChatMessage, ChatResult, ChatSender
from optin.services.installation import Installation
from optin.services.site_edition import Edition
from optin.settings.site import WAITS, Notify
from optin.store.database_interface import read, written
from optin.store.staff_notices import is_due, keep_receivers

log = logging.getLogger("optin.notify")

POLL_SECONDS = 1.0
STALE_SECONDS = 300.0
LOOK_SECONDS = 60.0  # between two looks at what waits


def notify_jobs(
    installation: Installation, edition: Callable[[], Edition], sender: ChatSender | None
) -> list[Job]:
    """Return the jobs that register who is told, and tell each of them.

    `edition`: the one that is served now. `sender`: none prints instead of sending, for `optin dev`.
    """
    receivers = edition().site.settings.notify
    registered = asyncio.Event()

    async def keep_registered(_stop: asyncio.Event, _round_done: RoundDone) -> None:
        """Store who is told: once."""
        forgotten = await written(
            installation.store, keep_receivers, receivers=[*receivers], now=installation.clock()
        )
        registered.set()
        if forgotten:
            log.warning("%d notices were dropped: [notify] no longer has their receivers", forgotten)

    notifier = _Notifier(installation, edition, sender, registered)
    lanes = {name: _Lane(notifier, name, it) for name, it in receivers.items()}
    return [
        Job("notices", keep_registered, STALE_SECONDS),
        *(Job(f"notices to {name}", lane.run, STALE_SECONDS) for name, lane in lanes.items()),
    ]


@dataclass(frozen=True)
class _Notifier:
    """What the lanes share. `registered`: set once the store knows who is told."""

    installation: Installation
    edition: Callable[[], Edition]
    sender: ChatSender | None
    registered: asyncio.Event


class _Lane:
    """Tells one receiver."""

    def __init__(self, notifier: _Notifier, receiver: str, notify: Notify) -> None:
        self._installation = notifier.installation
        self._edition = notifier.edition
        self._sender = notifier.sender
        self._registered = notifier.registered
        self._receiver = receiver
        self._notify = notify
        self._look_again_at = 0.0  # at what waits, by a clock that nobody sets

    async def run(self, stop: asyncio.Event, round_done: RoundDone) -> None:
        """Tell the receiver what is due, until `stop` is set."""
        while not stop.is_set() and not self._registered.is_set():
            await pause(stop, POLL_SECONDS / 10)
        await every(POLL_SECONDS, self.round, stop, round_done)

    async def round(self) -> None:
        """Tell the receiver, if that is due."""
        store, now = self._installation.store, self._installation.clock()
        if WAITS in self._notify.events and time.monotonic() >= self._look_again_at:
            look = partial(queue_waiting_notices, context=self._installation.context)
            await written(store, look, receiver=self._receiver, now=now)
            self._look_again_at = time.monotonic() + LOOK_SECONDS
        if not await read(store, is_due, receiver=self._receiver, now=now):
            return
        if self._notify.variable:
            claim = partial(claim_staff_notices, context=self._installation.context)
            outgoing = await written(store, claim, receiver=self._receiver, now=now)
            if outgoing is not None:
                await self._tell(outgoing)
            return
        to = {"email": self._notify.to, "lang": self._edition().site.settings.languages[0]}
        queue = partial(queue_staff_mail, context=self._installation.context, to=to)
        if await written(store, queue, receiver=self._receiver, now=now):
            self._installation.wake_courier()

    async def _tell(self, outgoing: OutgoingNotice) -> None:
        result = await self._send(outgoing)
        outcome = await written(
            self._installation.store,
            record_notice_result,
            claimed=outgoing.claimed,
            now=self._installation.clock(),
            sent=result.sent,
            clock_doubted=self._installation.clock_doubted,
        )
        if not result.sent:
            log.warning("notify %s: no message was sent: %s; it is tried again", self._receiver, result.said)
        if outcome.dropped:
            log.error(
                "notify %s: %d notices could not be sent for a day and were dropped; see: optin notify test",
                self._receiver,
                outcome.dropped,
            )

    async def _send(self, outgoing: OutgoingNotice) -> ChatResult:
        edition = self._edition()
        title, text = title_and_text(edition.theme, edition.site.settings.languages[0], outgoing.digest)
        if self._sender is None:
            log.info("notify %s: %s; optin dev sends no chat messages", self._receiver, title)
            return ChatResult(sent=True, said="printed")
        address = os.environ.get(self._notify.variable, "")
        if not address:
            return ChatResult(sent=False, said=f"{self._notify.variable} is not set")
        return await self._sender.send(address, ChatMessage(title, text))
