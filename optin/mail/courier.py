"""The courier: claims due mails from the outbox, sends them, and records the results (D1, S6).

It keeps a few lanes full, claims only what it can send at once, and rather sends nothing than a mail
whose claim it cannot record. Some lanes are kept for mails that somebody waits for; the others give way to
visitors. While the mail server is down, or refuses one mail after another because of us,
it tries one now and then; when one is accepted, all that waited is tried at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from optin.consent.email_and_telephone import as_mailed
from optin.flows.delivery.mail_order import Order, Verdict
from optin.mail.compose_mails import Composer
from optin.mail.dkim_signing import Signer
from optin.mail.repeated_refusals import RepeatedRefusals
from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_refusals import MailTrouble
from optin.mail.transport import Transport
from optin.mail.trouble_log import TroubleLog

LANES = 24  # mails in hand: more than there are connections, so that claims and verdicts share commits
LANES_A_PLACE = 3  # for each mail that can be on its way at once: what is claimed must not wait for long
# a mail costs a busy process so many times what its text costs: it is claimed, sent and recorded, in threads
# that wait for each other (measured by tests.benchmarks.jobs)
COST_OF_ALL = 10.0
ASKED_SHARE = 3  # one of so many lanes is kept for mails that somebody waits for
REFUSALS_OF_US = 3  # one after the other, until it is no use to try every mail
MOST_FAILURES = 10
HURRY_EVERY_SECONDS = 60.0
POLL_SECONDS = 1.0
BACK_OFF_SECONDS = 5.0
LONGEST_BACK_OFF_SECONDS = 60.0


class Outbox(Protocol):
    """The queue of mails that the courier sends."""

    async def claim(self, most: int, most_unasked: int) -> list[Order]:
        """Claim up to `most` due mails; no other process gets them for a while.

        `most_unasked`: so many at most that nobody waits for.
        """

    def accepted(self, order: Order, message: bytes) -> None:
        """Record at once that a mail server accepted a mail; `settle` follows."""

    async def settle(self, order: Order, verdict: Verdict, reply: str, message: bytes) -> bool:
        """Record the result of sending; return False when another courier has claimed the mail."""

    async def hurry(self) -> None:
        """Make mails due now that wait after a failed attempt."""

    async def revive(self, orders: list[Order]) -> None:
        """Requeue mails that were just abandoned."""


class Pace(Protocol):
    """Spaces out the writing of mails that nobody waits for."""

    async def turn(self) -> None:
        """Wait until the next may be written."""

    def worked(self, seconds: float) -> None:
        """Note how many seconds of this process one costs."""


@dataclass(frozen=True)
class MailWriter:
    """Writes mails: their text, the domain's signature, and the sender address.

    `returns`: to which address each comes back; None: to the sender's.
    """

    composer: Composer
    signer: Signer
    sender: str
    returns: Callable[[Order, datetime], str] | None = None

    def comes_back_to(self, order: Order, now: datetime) -> str:
        """Return the envelope sender of a mail (RFC 5321, 4.4)."""
        return self.sender if self.returns is None else self.returns(order, now)

    def write(self, order: Order, now: datetime) -> bytes:
        """Return the bytes of a mail, signed."""
        return self.signer.sign(self.composer.compose(order, now))


class Courier:
    """Sends mails until it is stopped. `pace`: of those that nobody waits for; None: as fast as possible."""

    pace: Pace | None = None

    def __init__(
        self,
        outbox: Outbox,
        writer: MailWriter,
        transport: Transport,
        clock: Callable[[], datetime],
        lanes: int = LANES,
        troubles: TroubleLog | None = None,
    ) -> None:
        """Send mails from `outbox` by `transport`."""
        self._outbox = outbox
        self._writer = writer
        self._transport = transport
        self._clock = clock
        self._lanes = lanes
        self._woken = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._unasked: set[asyncio.Task[None]] = set()  # of these, those that nobody waits for
        self._more_asked = False  # as far as is known, somebody waits for a mail that has no lane yet
        self._troubles = troubles or TroubleLog()
        self._alike = RepeatedRefusals()
        self._failures = 0  # rounds of tries that failed, one after the other
        self._round = 0
        self._of_us = 0  # mails refused because of us, one after the other
        self._troubled = False  # since a mail was accepted
        self._hurried_at = -HURRY_EVERY_SECONDS

    def write_with(
        self, composer: Composer, sender: str, returns: Callable[[Order, datetime], str] | None = None
    ) -> None:
        """Write mails in the words of another edition from now on. Call it from the event loop."""
        self._writer = replace(self._writer, composer=composer, sender=sender, returns=returns)

    def wake(self) -> None:
        """Check the outbox now, because a mail was queued. Call it from the event loop."""
        self._woken.set()

    async def run(self, stop: asyncio.Event, round_done: Callable[[], None] = lambda: None) -> None:
        """Send until `stop`; then claim nothing more, finish the mails in progress, and disconnect.

        Raises what the outbox raised at a claim, when what was under way has come to its end.
        """
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await self._hurry()  # what kept mails waiting may have been mended before this start
            while not stop.is_set():
                if not self._failures:
                    await self._fill_lanes(self._lanes_now())
                round_done()
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

    def _lanes_now(self) -> int:
        return min(self._lanes, LANES_A_PLACE * self._transport.places)

    async def _fill_lanes(self, lanes: int) -> int:
        """Claim mails for the free lanes; return how many."""
        free, unasked_lanes = lanes - len(self._under_way), _unasked_lanes(lanes)
        free_unasked = min(free, unasked_lanes - len(self._unasked))
        self._woken.clear()
        if free < max(1, lanes // 6):
            self._more_asked = True
            return 0
        if free_unasked < unasked_lanes // 2:
            free_unasked = 0
        orders = await self._outbox.claim(free, free_unasked)
        self._more_asked = sum(order.asked for order in orders) == free
        for order in orders:
            task = asyncio.ensure_future(self._carry(order))
            self._under_way.add(task)
            if not order.asked:
                self._unasked.add(task)
            task.add_done_callback(self._delivered)
        return len(orders)

    def _delivered(self, task: asyncio.Task[None]) -> None:
        """Claim more when half of the lanes are free: claiming several costs as much as claiming one."""
        self._under_way.discard(task)
        self._unasked.discard(task)
        lanes, unasked = self._lanes_now(), len(self._unasked)
        asked = len(self._under_way) - unasked
        room_for_asked = self._more_asked and asked <= (lanes - unasked) // 2
        if room_for_asked or (unasked <= _unasked_lanes(lanes) // 2 and len(self._under_way) <= lanes // 2):
            self._woken.set()

    async def _rest(self, stopping: asyncio.Future[Any]) -> None:
        """Wait for free lanes, a wake-up, the next poll, or the end."""
        woken = asyncio.ensure_future(self._woken.wait())
        waits: set[asyncio.Future[Any]] = {stopping, woken}
        await asyncio.wait(waits, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()

    async def _carry(self, order: Order) -> None:
        message, round_, writer = b"", self._round, self._writer
        try:
            now = self._clock()
            message = await self._written(writer, order, now)
            accepted = partial(self._outbox.accepted, order, message)
            sender, recipient = writer.comes_back_to(order, now), as_mailed(order.recipient)
            outcome = await self._transport.send(sender, recipient, message, accepted, asked=order.asked)
        except Exception as problem:  # noqa: BLE001 - one mail that cannot be made must not stop the rest
            name = type(problem).__name__
            self._troubles.fail(f"{order.kind} {name}", f"a {order.kind} mail failed: {name}")
            outcome = SendOutcome(Verdict.LATER, name)
        outcome = self._weighed(order, outcome)
        self._count(outcome, round_)
        settled = await self._recorded(
            "verdict", self._outbox.settle(order, outcome.verdict, outcome.reply, message)
        )
        if settled and outcome.verdict is Verdict.REFUSED and self._alike.was_raised(outcome.likeness):
            await self._recorded("revival", self._outbox.revive([order]))  # noticed while it was recorded
        elif outcome.trouble is MailTrouble.ALIKE and (given_up := self._alike.given_up()):
            await self._recorded("revival", self._outbox.revive(given_up))
        elif outcome.verdict is Verdict.SENT and self._troubled:
            await self._hurry()

    async def _written(self, writer: MailWriter, order: Order, now: datetime) -> bytes:
        """Return the bytes of a mail, in its turn."""
        if order.asked or self.pace is None:
            return writer.write(order, now)
        await self.pace.turn()
        began = time.thread_time()
        text = writer.composer.compose(order, now)
        composed = time.thread_time()
        message = writer.signer.sign(text)
        self.pace.worked((composed - began) * COST_OF_ALL + time.thread_time() - composed)
        return message

    def _weighed(self, order: Order, outcome: SendOutcome) -> SendOutcome:
        """Postpone a mail that is refused in the same words as several others: we may be at fault."""
        if outcome.verdict is Verdict.SENT:
            self._alike.clear()
        if not outcome.likeness or not self._alike.count(outcome.likeness, order):
            return outcome
        self._troubles.shout(MailTrouble.ALIKE, outcome.reply)
        return replace(outcome, verdict=Verdict.LATER, trouble=MailTrouble.ALIKE)

    def _count(self, outcome: SendOutcome, round_: int) -> None:
        """Count failed rounds: at most one for all mails that were being sent at the same time."""
        if outcome.verdict is Verdict.SENT:
            self._failures = self._of_us = 0
            self._troubles.mail_left()
            return
        if outcome.server_down or outcome.trouble is not None:
            self._troubled = True
        self._of_us += outcome.trouble is not None and not outcome.server_down
        failed = outcome.server_down or (outcome.trouble is not None and self._of_us >= REFUSALS_OF_US)
        if failed and round_ == self._round:
            self._round += 1
            self._failures = min(self._failures + 1, MOST_FAILURES)

    async def _hurry(self) -> None:
        """Retry waiting mails at once, but not repeatedly while a server accepts and refuses in turns."""
        now = time.monotonic()
        if now - self._hurried_at >= HURRY_EVERY_SECONDS:
            self._hurried_at, self._troubled = now, False
            await self._recorded("hurry", self._outbox.hurry())
            self.wake()

    async def _recorded(self, what: str, work: Awaitable[object]) -> bool:
        """Run an outbox operation; when the outbox fails, leases expire and the mail is claimed again."""
        try:
            await work
        except Exception as problem:  # noqa: BLE001 - whatever it is, mail must go on
            name = type(problem).__name__
            self._troubles.fail(f"{what} {name}", f"a {what} was not recorded: {name}")
            return False
        return True


def _unasked_lanes(lanes: int) -> int:
    """Return how many lanes mails may take that nobody waits for."""
    return lanes - lanes // ASKED_SHARE
