"""Counting in windows of time, together with every other server process of the site (D8, O8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.flows.context import Context
from optin.store.limits import Amount, Counted, take, take_each
from optin.store.transaction import EPOCH, Tx
from optin.store.vault import Vault


@dataclass(frozen=True)
class Window:
    """A length of time, counted from 1970 (UTC): the hours, minutes or days of a clock."""

    what: str  # the setting that it limits
    length: timedelta

    def begin(self, now: datetime) -> datetime:
        """Return when the window began that `now` lies in."""
        return now - (now - EPOCH) % self.length

    def end(self, now: datetime) -> datetime:
        """Return when it ends."""
        return self.begin(now) + self.length

    def key(self, vault: Vault, now: datetime, who: bytes = b"") -> bytes:
        """Return the digest under which `who` is counted in it."""
        return vault.limit_digest(f"{self.what} {self.begin(now).isoformat()}", who)


@dataclass(frozen=True)
class Share:
    """How many one network may have in a window."""

    window: Window
    network: str
    most: int

    def key(self, vault: Vault, now: datetime) -> bytes:
        """Return the digest under which the network is counted."""
        return self.window.key(vault, now, self.network.encode())


def take_shares(tx: Tx, context: Context, shares: Sequence[Share], now: datetime) -> int:
    """Count one in each share until one has no more; return how many were counted."""
    amounts = [(it.key(context.vault, now), Amount(1, it.most, it.window.end(now))) for it in shares]
    return take_each(tx, Counted.NETWORK, amounts)


def take_for_site(tx: Tx, context: Context, window: Window, amount: int, most: int, now: datetime) -> bool:
    """Count `amount` for the whole site, all of it or nothing; False when the window allows less."""
    return take(tx, Counted.SITE, window.key(context.vault, now), Amount(amount, most, window.end(now)))
