"""Implements the courier's outbox on the store: claims mails and records results."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from contextlib import suppress
from datetime import timedelta

from optin.errors import OptinError, SetupRefused
from optin.flows.delivery.backoff import wait_before
from optin.flows.delivery.deliver_mails import (
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    MOMENT,
    Attempt,
    MailInputs,
    claim_orders,
    hold_back,
)
from optin.flows.delivery.mail_order import MailKind, MailState, Order, Verdict
from optin.flows.evidence.receipt import NotSigned
from optin.flows.returned_mails.record_sending import forget_refusals, record_sending
from optin.mail.recipient_domains import RecipientDomains
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation
from optin.store.database_interface import Tx, read, written
from optin.store.mail_outbox import give_up_crashing_mails, has_suspects, hurry, revive
from optin.store.sending_claims import ClaimBatch

mail_log = logging.getLogger("optin.mail")
SUSPECTS_EVERY_SECONDS = 5.0
MOST_CLAIMS = 8  # one after the other, while every mail that is claimed has to wait for its domain
REFUSED_WAIT = timedelta(minutes=1)  # of a receipt, while nothing is signed


class StoreOutbox:
    """The store's outbox, as the courier sees it.

    A mail with which a courier died is claimed alone, when no other is on its way: it must not take
    innocent mails along a second time.
    """

    def __init__(self, installation: Installation, domains: RecipientDomains | None = None) -> None:
        """Work on the outbox of `installation`, and send to `domains` what each takes."""
        self._installation = installation
        self._domains = domains or RecipientDomains()
        self._under_way: set[int] = set()
        self._alone = False
        self._suspects_at = time.monotonic()  # when one was tried last, or none was due
        self._late: list[tuple[Order, Verdict, str, bytes]] = []  # sent, and not recorded yet

    async def claim(self, most: int, most_unasked: int = sys.maxsize) -> list[Order]:
        """Claim up to `most` mails that are due; of those that nobody waits for, up to `most_unasked`."""
        await self._settle_late()
        if self._alone:
            return []
        orders: list[Order] = []
        if not await self._is_turn_of_suspects():
            orders = await self._claim_for_domains(most, most_unasked)
        if not orders and not self._under_way:
            orders = await self._claim(1, 1, suspect=True)
            self._alone = bool(orders)
            self._suspects_at = time.monotonic()
        self._under_way.update(order.number for order in orders)
        return orders

    def accepted(self, order: Order, message: bytes) -> None:
        """Record at once, in the file of accepted mails, that a mail server accepted a mail."""
        if self._installation.handover_log is not None:
            self._installation.handover_log.note(order, message)

    async def _is_turn_of_suspects(self) -> bool:
        """Return whether a suspect mail has waited long enough: then other sending stops for it."""
        if time.monotonic() - self._suspects_at < SUSPECTS_EVERY_SECONDS:
            return False
        installation = self._installation
        if await read(installation.store, has_suspects, now=installation.clock()):
            return True
        self._suspects_at = time.monotonic()
        return False

    async def _settle_late(self) -> None:
        """Record postponed results, so that no sent mail is claimed again."""
        while self._late:
            await self._settle(*self._late[-1])
            self._late.pop()

    async def settle(self, order: Order, verdict: Verdict, reply: str, message: bytes) -> bool:
        """Record the result of a mail; postpone that of a sent mail if the store cannot take it now."""
        self._installation.measurements.mail_tried(order.kind, verdict.value)
        try:
            return await self._settle(order, verdict, reply, message)
        except Exception:
            if verdict is Verdict.SENT:
                self._late.append((order, verdict, reply, message))
            raise
        finally:
            self._domains.done(order, verdict, reply)
            self._under_way.discard(order.number)
            self._alone = False

    async def _settle(self, order: Order, verdict: Verdict, reply: str, message: bytes) -> bool:
        installation = self._installation
        settled = await written(
            installation.store,
            record_sending,
            installation.context,
            order,
            Attempt(verdict, reply, message),
            now=installation.clock(),
        )
        if installation.handover_log is not None:
            installation.handover_log.settled(order)
        if order.kind is MailKind.ERASED:
            installation.wal_has_erased.set()
        if settled is MailState.DEAD:
            mail_log.warning("mail %s was given up: %s", order.message_id, reply)
        return settled is not MailState.LOST

    async def hurry(self) -> None:
        """Make mails due now that wait after a failed attempt."""
        await written(self._installation.store, hurry, now=self._installation.clock())

    async def revive(self, orders: list[Order]) -> None:
        """Requeue mails that were just given up."""
        now = self._installation.clock()
        until = now + wait_before(0, FIRST_WAIT_SECONDS, 2, LONGEST_WAIT_SECONDS)
        numbers = [order.number for order in orders]
        if count := await written(self._installation.store, revive, numbers=numbers, until=until):
            mail_log.warning("%d mails that were given up are queued again", count)
        recipients = [order.recipient for order in orders]
        await written(
            self._installation.store,
            forget_refusals,
            self._installation.context,
            recipients=recipients,
            now=now,
        )

    async def _claim_for_domains(self, most: int, most_unasked: int) -> list[Order]:
        """Claim mails whose domains take them now; look past those that are held back, but not for ever."""
        for _ in range(MOST_CLAIMS):
            claimed = await self._claim(most, most_unasked, suspect=False)
            waits = [(order, self._domains.wait_seconds(order)) for order in claimed]
            now = self._installation.clock()
            if held := [(order, now + timedelta(seconds=wait)) for order, wait in waits if wait]:
                with suppress(OptinError):  # their leases end by themselves
                    await written(self._installation.store, hold_back, held=held)
            if len(held) < len(claimed) or not claimed:
                return [order for order, wait in waits if not wait]
        return []

    async def _claim(self, most: int, most_unasked: int, *, suspect: bool) -> list[Order]:
        installation, now = self._installation, self._installation.clock()

        def claim(tx: Tx, wait: timedelta | None) -> tuple[list[str], list[Order]]:
            given_up = give_up_crashing_mails(tx, now, installation.store.presence.incarnation)
            return given_up, claim_orders(
                tx,
                installation.context,
                ClaimBatch(most, installation.store.presence.incarnation, most_unasked),
                now,
                suspect=suspect,
                composing=MailInputs(wait, installation.endings_of),
            )

        try:
            given_up, orders = await written(installation.store, claim, wait=None)
        except NotSigned:
            wait = await asyncio.to_thread(self._sign)
            given_up, orders = await written(installation.store, claim, wait=wait)
        for message_id in given_up:
            mail_log.warning("mail %s was given up: the server died each time it was sent", message_id)
        return orders

    def _sign(self) -> timedelta:
        """Sign the log for receipts; return how long mails wait that it does not cover yet."""
        try:
            advance_log(self._installation)
        except SetupRefused:  # the log keeper says so
            return REFUSED_WAIT
        return MOMENT
