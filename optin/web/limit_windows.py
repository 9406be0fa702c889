"""Counting in windows of time, together with every other server process of the site (D8, O8)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from optin.store.limits import Amount, Counted, take
from optin.store.transaction import Store, written_alone
from optin.store.vault import Vault

EPOCH = datetime.fromtimestamp(0, UTC)


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


class NetworkCounts:
    """Counts each client network by itself."""

    def __init__(self, store: Store, vault: Vault, window: Window, most: int) -> None:
        """Count in memory where one process serves: a restart forgets the running window."""
        self._store, self._vault, self._window, self._most = store, vault, window, most
        self._begun = EPOCH
        self._memory: dict[bytes, int] = {}
        self._full: set[bytes] = set()  # in this window: these cost the store nothing more

    async def hit(self, network: str, now: datetime) -> bool:
        """Count one; False when it is one too many."""
        if self._begun != self._window.begin(now):
            self._begun = self._window.begin(now)
            self._memory, self._full = {}, set()
        key = self._window.key(self._vault, now, network.encode())
        if key in self._full:
            return False
        taken = await self._take(key, now)
        if not taken:
            self._full.add(key)
        return taken

    async def _take(self, key: bytes, now: datetime) -> bool:
        if self._store.shared:
            amount = Amount(1, self._most, self._window.end(now))
            return await written_alone(
                self._store, partial(take, where=Counted.NETWORK, key=key, amount=amount)
            )
        count = self._memory.get(key, 0)
        self._memory[key] = count + 1
        return count < self._most


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
            if await written_alone(self._store, partial(take, where=Counted.SITE, key=key, amount=amount)):
                held.left += count
                return
        held.full = True
