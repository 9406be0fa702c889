"""The courier: takes what is due from the outbox, sends it, records what became of it (D1, S6).

It keeps a few lanes full, claims only what it can send at once, and rather sends nothing than a mail
whose claim it cannot record. While the mail server is down it asks now and then, not for every mail.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from optin.consent.address import as_mailed
from optin.flows.orders import Order, Verdict
from optin.mail.composing import Composer
from optin.mail.outcome import Outcome
from optin.mail.signing import Signer
from optin.mail.transport import Transport

log = logging.getLogger("optin.mail")

LANES = 24  # mails in hand: more than there are connections, so that claims and verdicts share commits
POLL_SECONDS = 1.0
BACK_OFF_SECONDS = 5.0
LONGEST_BACK_OFF_SECONDS = 60.0


class Outbox(Protocol):
    """What is to be sent."""

    async def claim(self, most: int) -> list[Order]:
        """Take up to `most` due mails; nobody else gets them for a while."""

    async def settle(self, order: Order, verdict: Verdict, reply: str, message: bytes) -> bool:
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
        self._failures = 0  # connections that failed, one after the other

    def wake(self) -> None:
        """Look into the outbox now: something was put there. Call it from the event loop."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Carry until `stop`; then finish what is under way, claim nothing more, hang up."""
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                if not self._failures:
                    await self._fill_lanes(self._lanes)
                await self._rest(stopping)
                if self._failures and not self._under_way:
                    await self._ask_server(stopping)
        finally:
            stopping.cancel()
            if self._under_way:
                await asyncio.wait(self._under_way)
            await self._transport.close()

    async def _ask_server(self, stopping: asyncio.Future[Any]) -> None:
        """Wait a while after the server was down, then try one mail."""
        wait = min(BACK_OFF_SECONDS * 2 ** (self._failures - 1), LONGEST_BACK_OFF_SECONDS)
        await asyncio.wait({stopping}, timeout=wait)
        if not stopping.done() and await self._fill_lanes(1) == 0:
            self._failures = 0  # nothing to try it with; the next mail will tell

    async def _fill_lanes(self, lanes: int) -> int:
        free = lanes - len(self._under_way)
        self._woken.clear()
        if free < lanes // 2:
            return 0
        try:
            orders = await self._outbox.claim(free)
        except Exception as problem:  # noqa: BLE001 - whatever it is, mail must go on later
            log.warning("outbox unavailable: %s", type(problem).__name__)
            await asyncio.sleep(BACK_OFF_SECONDS if not self._under_way else 0)
            return 0
        for order in orders:
            task = asyncio.ensure_future(self._carry(order))
            self._under_way.add(task)
            task.add_done_callback(self._delivered)
        return len(orders)

    def _delivered(self, task: asyncio.Task[None]) -> None:
        """Look for more when half of the lanes are free: a claim for several costs as much as for one."""
        self._under_way.discard(task)
        if len(self._under_way) <= self._lanes // 2:
            self._woken.set()

    async def _rest(self, stopping: asyncio.Future[Any]) -> None:
        """Wait for free lanes, a call, the next poll, or the end."""
        woken = asyncio.ensure_future(self._woken.wait())
        waits: set[asyncio.Future[Any]] = {stopping, woken}
        await asyncio.wait(waits, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()

    async def _carry(self, order: Order) -> None:
        message = b""
        try:
            message = self._signer.sign(self._composer.compose(order, self._clock()))
            outcome = await self._transport.send(self._sender, as_mailed(order.recipient), message)
            self._failures = min(self._failures + 1, 10) if outcome.server_down else 0
        except Exception as problem:  # noqa: BLE001 - one mail that cannot be made must not stop the rest
            log.error("a %s mail failed: %s", order.kind, type(problem).__name__)  # noqa: TRY400 - S4
            outcome = Outcome(Verdict.LATER, type(problem).__name__)
        try:
            await self._outbox.settle(order, outcome.verdict, outcome.reply, message)
        except Exception as problem:  # noqa: BLE001 - its lease ends, and it is tried again
            log.error("a verdict was not recorded: %s", type(problem).__name__)  # noqa: TRY400 - S4
