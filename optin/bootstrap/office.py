"""The running office: store, keys, courier and clock of one installation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from optin.bootstrap.opening import open_keys, open_store
from optin.errors import OptinError
from optin.flows.deliver import claim_orders, settle_order
from optin.flows.orders import MailOrder, Verdict
from optin.flows.policy import RequestPolicy
from optin.flows.sweep import STEP, sweep_outbox, sweep_unconfirmed
from optin.settings import Settings
from optin.store.log import StoredCheckpoint, integrate, sign_checkpoint
from optin.store.transaction import Store, written
from optin.store.vault import Vault

log = logging.getLogger("optin.sweep")

SWEEP_SECONDS = 600
INTEGRATE_SECONDS = 0.2
SIGN_EVERY = 5  # rounds: at most one checkpoint a second, besides those that receipts need


def utc_now() -> datetime:
    """Return this moment, in UTC: the one clock of the program."""
    return datetime.now(UTC)


@dataclass
class Office:
    """What every request and command works with."""

    store: Store
    vault: Vault
    policy: RequestPolicy
    use: str = "serve"
    clock: Callable[[], datetime] = utc_now
    wake_courier: Callable[[], None] = field(default=lambda: None)


@contextmanager
def open_office(
    settings: Settings, policy: RequestPolicy, use: str = "serve", *, serving: bool = False
) -> Iterator[Office]:
    """Open the installation for a server (`serving`) or for one command; close it at the end.

    Raises SetupRefused when store or keys cannot be used; nothing is overwritten.
    """
    keys = open_keys(settings, use)
    vault = Vault(keys)
    store = open_store(settings.store, settings.root, vault, origin=settings.log_origin, serving=serving)
    try:
        yield Office(store=store, vault=vault, policy=policy, use=keys.use)
    finally:
        store.close()


class StoreOutbox:
    """The store's outbox, as the courier sees it.

    A mail with which a courier died is claimed alone, when no other is on its way: it must not take
    innocent mails along a second time.
    """

    def __init__(self, office: Office) -> None:
        """Work on the outbox of `office`."""
        self._office = office
        self._under_way: set[int] = set()
        self._alone = False

    async def claim(self, most: int) -> list[MailOrder]:
        """Claim up to `most` mails that are due."""
        if self._alone:
            return []
        orders = await self._claim(most, suspect=False)
        if not orders and not self._under_way:
            orders = await self._claim(1, suspect=True)
            self._alone = bool(orders)
        self._under_way.update(order.number for order in orders)
        return orders

    async def settle(self, order: MailOrder, verdict: Verdict, reply: str, message: bytes) -> bool:
        """Record what became of a mail."""
        office = self._office
        try:
            return await written(
                office.store,
                partial(
                    settle_order,
                    vault=office.vault,
                    order=order,
                    verdict=verdict,
                    reply=reply,
                    message=message,
                    now=office.clock(),
                ),
            )
        finally:
            self._under_way.discard(order.number)
            self._alone = False

    async def _claim(self, most: int, *, suspect: bool) -> list[MailOrder]:
        office = self._office
        return await written(
            office.store,
            partial(
                claim_orders,
                vault=office.vault,
                policy=office.policy,
                most=most,
                now=office.clock(),
                suspect=suspect,
            ),
        )


def sweep(office: Office) -> int:
    """Erase what has had its time, step by step; return how many requests went (D6)."""
    erased = 0
    while count := office.store.submit(partial(sweep_unconfirmed, now=office.clock())).result():
        erased += count
    while office.store.submit(partial(sweep_outbox, now=office.clock())).result() == STEP:
        pass
    truncate = getattr(office.store, "truncate_journal", None)
    if erased and truncate is not None:
        truncate()
    return erased


def advance_log(office: Office) -> StoredCheckpoint:
    """Take queued events into the log and sign a checkpoint over them (P4)."""
    while office.store.submit(integrate).result():
        pass
    return office.store.submit(partial(sign_checkpoint, vault=office.vault, now=office.clock())).result()


async def keep_log(office: Office, stop: asyncio.Event) -> None:
    """Integrate several times a second, sign at most once, until `stop` is set."""
    rounds = 0
    while not stop.is_set():
        try:
            await written(office.store, integrate)
            if rounds % SIGN_EVERY == 0:
                await written(office.store, partial(sign_checkpoint, vault=office.vault, now=office.clock()))
        except OptinError as problem:
            log.warning("log put off: %s", problem.log_line)
        rounds += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), INTEGRATE_SECONDS)


async def sweep_by_itself(office: Office, stop: asyncio.Event) -> None:
    """Sweep now and then until `stop` is set (R8)."""
    while not stop.is_set():
        try:
            await asyncio.to_thread(sweep, office)
        except OptinError as problem:
            log.warning("sweep put off: %s", problem.log_line)
        try:
            await asyncio.wait_for(stop.wait(), SWEEP_SECONDS)
        except TimeoutError:
            continue
