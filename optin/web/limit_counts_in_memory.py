"""A process's memory of limit windows: most posts then need no access to the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.flows.limits.time_window_counters import Share, Window, take_for_site, take_shares
from optin.services.installation import Installation
from optin.store.database_interface import EPOCH, written_alone

MOST_NETWORKS = 100_000  # in memory, about 20 MB; a flood from more of them is for the limit of the site


@dataclass
class _Seen:
    """A process's count in one window."""

    begun: datetime
    counts: dict[bytes, int] = field(default_factory=dict)
    full: set[bytes] = field(default_factory=set)  # these cost the store nothing more


class NetworkCounts:
    """Counts each client network separately."""

    def __init__(self, installation: Installation) -> None:
        """Count in memory when there is one process: a restart forgets the present windows."""
        self._installation = installation
        self._seen: dict[Window, _Seen] = {}

    async def hit(self, shares: Sequence[Share], now: datetime) -> Window | None:
        """Count one in each share; return the first window above its limit, if any."""
        keys = [share.key(self._installation.vault, now) for share in shares]
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
        """Count one after the other until one is above its limit; return how many were not."""
        if self._installation.store.shared:
            store, context = self._installation.store, self._installation.context
            return await written_alone(store, take_shares, context, shares, now)
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
class _Reserve:
    """A process's reserve in one window."""

    begun: datetime
    left: int = 0
    full: bool = False

    def one(self) -> bool:
        if self.left:
            self.left -= 1
            return True
        return False


class SiteQuota:
    """Counts for the whole site: takes a few from the store at a time, so that most need no access.

    No process ever gives out what it did not take, so together they never exceed the limit. What a process
    holds and does not give out until the window ends, or it stops, is lost: the limit is then reached early.
    """

    def __init__(self, installation: Installation, window: Window, most: int, share: int) -> None:
        """Allow `most` in each window, taking one `share`-th of it at a time."""
        self._installation, self._window, self._most = installation, window, most
        self._size = max(1, most // share)
        self._held = _Reserve(EPOCH)
        self._lock = asyncio.Lock()

    async def spend(self, now: datetime) -> bool:
        """Use one; False when the window has none left."""
        held = self._now(now)
        if held.one():
            return True
        async with self._lock:
            if not held.left and not held.full:
                await self._refill(held, now)
            return held.one()

    def is_spent(self, now: datetime) -> bool:
        """Return whether the window is known to have none left."""
        held = self._now(now)
        return held.full and not held.left

    def give_back(self, now: datetime) -> None:
        """Return one that was used at `now` in vain, while its window lasts."""
        held = self._now(now)
        held.left += 1

    def _now(self, now: datetime) -> _Reserve:
        if self._held.begun != self._window.begin(now):
            self._held = _Reserve(self._window.begin(now))
        return self._held

    async def _refill(self, held: _Reserve, now: datetime) -> None:
        """Take some from the store, or the last one."""
        store, context = self._installation.store, self._installation.context
        for count in dict.fromkeys((self._size, 1)):
            if await written_alone(store, take_for_site, context, self._window, count, self._most, now):
                held.left += count
                return
        held.full = True
