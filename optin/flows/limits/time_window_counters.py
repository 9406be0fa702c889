"""Count in fixed windows of time, across all server processes of the site (D8, O8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.flows.context import Context
from optin.store.database_interface import EPOCH, Tx
from optin.store.encryption import Vault
from optin.store.limit_counters import CounterTable, LimitedCount, take_amount, take_amounts


@dataclass(frozen=True)
class Window:
    """A window length, aligned to 1970 (UTC): the hours, minutes or days of a clock."""

    what: str  # the setting that it limits
    length: timedelta

    def begin(self, now: datetime) -> datetime:
        """Return the beginning of the window that contains `now`."""
        return now - (now - EPOCH) % self.length

    def end(self, now: datetime) -> datetime:
        """Return the end of the window that contains `now`."""
        return self.begin(now) + self.length

    def key(self, vault: Vault, now: datetime, who: bytes = b"") -> bytes:
        """Return the digest under which `who` is counted in it."""
        return vault.limit_digest(f"{self.what} {self.begin(now).isoformat()}", who)


@dataclass(frozen=True)
class Share:
    """How many requests one network may make in a window."""

    window: Window
    network: str
    most: int

    def key(self, vault: Vault, now: datetime) -> bytes:
        """Return the digest under which the network is counted."""
        return self.window.key(vault, now, self.network.encode())


def take_shares(tx: Tx, context: Context, shares: Sequence[Share], now: datetime) -> int:
    """Count one in each share until one is used up; return how many were counted."""
    amounts = [(it.key(context.vault, now), LimitedCount(1, it.most, it.window.end(now))) for it in shares]
    return take_amounts(tx, CounterTable.NETWORK, amounts)


def take_for_site(tx: Tx, context: Context, window: Window, amount: int, most: int, now: datetime) -> bool:
    """Count `amount` for the whole site, all or nothing; False when the window allows less."""
    return take_amount(
        tx, CounterTable.SITE, window.key(context.vault, now), LimitedCount(amount, most, window.end(now))
    )
