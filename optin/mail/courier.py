"""The courier: takes what is due from the outbox, sends it, records what became of it (D1, S6).

It keeps a few lanes full, claims only what it can send at once, and rather sends nothing than a mail
whose claim it cannot record.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from optin.errors import OptinError
from optin.flows.orders import MailOrder, Verdict
from optin.mail.composing import Composer
from optin.mail.outcome import Outcome
from optin.mail.signing import Signer
from optin.mail.transport import Transport

log = logging.getLogger("optin.mail")

LANES = 4
POLL_SECONDS = 1.0
BACK_OFF_SECONDS = 5.0


class Outbox(Protocol):
    """What is to be sent."""

    async def claim(self, most: int) -> list[MailOrder]:
        """Take up to `most` due mails; nobody else gets them for a while."""

    async def settle(self, order: MailOrder, verdict: Verdict, reply: str, message: bytes) -> bool:
        """Record what became of a mail; False when it is another courier's by now."""


class Courier:
    """Sends until it is told to stop."""

    def __init__(
        self,
        outbox: Outbox,
        composer: Composer,
        transport: Transport,
        signer: Signer,
        sender: str,
        clock: Callable[[], datetime],
        lanes: int = LANES,
    ) -> None:
        """Carry mails from `outbox` over `transport`."""
        self._outbox = outbox
        self._composer = composer
        self._transport = transport
        self._signer = signer
        self._sender = sender
        self._clock = clock
        self._lanes = lanes
        self._woken = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look into the outbox now: something was put there. Call it from the event loop."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Carry until `stop`; then finish what is under way, claim nothing more, hang up."""
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                claimed = await self._fill_lanes()
                await self._rest(stopping, idle=claimed == 0)
        finally:
            stopping.cancel()
            if self._under_way:
                await asyncio.wait(self._under_way)
            await self._transport.close()

    async def _fill_lanes(self) -> int:
        free = self._lanes - len(self._under_way)
        self._woken.clear()
        if free <= 0:
            return 0
        try:
            orders = await self._outbox.claim(free)
        except OptinError as problem:
            log.warning("outbox unavailable: %s", problem.log_line)
            await asyncio.sleep(BACK_OFF_SECONDS if not self._under_way else 0)
            return 0
        for order in orders:
            task = asyncio.ensure_future(self._carry(order))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(orders)

    async def _rest(self, stopping: asyncio.Future[Any], *, idle: bool) -> None:
        """Wait for a free lane, a call, the next poll, or the end."""
        if not idle and len(self._under_way) < self._lanes:
            return
        woken = asyncio.ensure_future(self._woken.wait())
        waits: set[asyncio.Future[Any]] = {stopping, woken, *self._under_way}
        await asyncio.wait(waits, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()

    async def _carry(self, order: MailOrder) -> None:
        message = b""
        try:
            message = self._signer.sign(self._composer.compose(order, self._clock()))
            outcome = await self._transport.send(self._sender, order.recipient, message)
        except Exception as problem:  # noqa: BLE001 - one mail that cannot be made must not stop the rest
            log.error("a %s mail failed: %s", order.kind, type(problem).__name__)  # noqa: TRY400 - S4
            outcome = Outcome(Verdict.LATER, type(problem).__name__)
        try:
            await self._outbox.settle(order, outcome.verdict, outcome.reply, message)
        except Exception as problem:  # noqa: BLE001 - its lease ends, and it is tried again
            log.error("a verdict was not recorded: %s", type(problem).__name__)  # noqa: TRY400 - S4
