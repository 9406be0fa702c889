"""Counting in windows of time, together with every other server process of the site (D8, O8)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from optin.store.limits import Amount, Counted, take, take_each
from optin.store.transaction import Store, written_alone
from optin.store.vault import Vault

EPOCH = datetime.fromtimestamp(0, UTC)
MOST_NETWORKS = 100_000  # in memory, about 20 MB; a flood from more of them is for the limit of the site


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


@dataclass
class _Seen:
    """What a process knows of one window."""

    begun: datetime
    counts: dict[bytes, int] = field(default_factory=dict)
    full: set[bytes] = field(default_factory=set)  # these cost the store nothing more


class NetworkCounts:
    """Counts each client network by itself."""

    def __init__(self, store: Store, vault: Vault) -> None:
        """Count in memory where one process serves: a restart forgets the windows that run."""
        self._store, self._vault = store, vault
        self._seen: dict[Window, _Seen] = {}

    async def hit(self, shares: Sequence[Share], now: datetime) -> Window | None:
        """Count one in each share; return the window in which it is one too many, if any."""
        keys = [share.window.key(self._vault, now, share.network.encode()) for share in shares]
        for share, key in zip(shares, keys, strict=True):
            if key in self._now(share.window, now).full:
                return share.window
        taken = await self._take(shares, keys, now)
        if taken == len(shares):
            return None
        window = shares[taken].window
        self._now(window, now).full.add(keys[taken])
        return window

    async def _take(self, shares: Sequence[Share], keys: Sequence[bytes], now: datetime) -> int:
        """Count one after the other until one is too many; return how many were not."""
        if self._store.shared:
            amounts = [
                (key, Amount(1, it.most, it.window.end(now))) for key, it in zip(keys, shares, strict=True)
            ]
            return await written_alone(self._store, take_each, where=Counted.NETWORK, amounts=amounts)
        for place, (key, share) in enumerate(zip(keys, shares, strict=True)):
            counts = self._now(share.window, now).counts
            if counts.get(key, 0) >= share.most:
                return place
            if len(counts) >= MOST_NETWORKS:
                counts.clear()
            counts[key] = counts.get(key, 0) + 1
        return len(shares)

    def _now(self, window: Window, now: datetime) -> _Seen:
        seen = self._seen.get(window)
        if seen is None or seen.begun != window.begin(now):
            seen = self._seen[window] = _Seen(window.begin(now))
        return seen


@dataclass
class _Held:
    """What a process holds of one window."""

    begun: datetime
    left: int = 0
    full: bool = False

    def one(self) -> bool:
        if self.left:
            self.left -= 1
            return True
        return False


class SiteQuota:
    """Counts the whole site: takes a few from the store at a time, so that most cost it nothing.

    No process ever gives out what it did not take, so together they never exceed the limit. What a process
    holds and does not give out until the window ends, or it stops, is lost: the limit is then reached early.
    """

    def __init__(self, store: Store, vault: Vault, window: Window, most: int, share: int) -> None:
        """Give out `most` in each window, taking one `share`-th of it at a time."""
        self._store, self._vault, self._window, self._most = store, vault, window, most
        self._size = max(1, most // share)
        self._held = _Held(EPOCH)
        self._lock = asyncio.Lock()

    async def spend(self, now: datetime) -> bool:
        """Give out one; False when the window has no more."""
        held = self._now(now)
        if held.one():
            return True
        async with self._lock:
            if not held.left and not held.full:
                await self._refill(held, now)
            return held.one()

    def is_spent(self, now: datetime) -> bool:
        """Tell whether the window is known to have no more."""
        held = self._now(now)
        return held.full and not held.left

    def give_back(self, now: datetime) -> None:
        """Take back one that was given out at `now` and not used, while its window runs."""
        held = self._now(now)
        held.left += 1

    def _now(self, now: datetime) -> _Held:
        if self._held.begun != self._window.begin(now):
            self._held = _Held(self._window.begin(now))
        return self._held

    async def _refill(self, held: _Held, now: datetime) -> None:
        """Take some, or the last one."""
        key, until = self._window.key(self._vault, now), self._window.end(now)
        for count in dict.fromkeys((self._size, 1)):
            amount = Amount(count, self._most, until)
            if await written_alone(self._store, take, where=Counted.SITE, key=key, amount=amount):
                held.left += count
                return
        held.full = True
