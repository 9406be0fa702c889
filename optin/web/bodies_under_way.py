"""Places for bodies that are under way, where only a few may be held at once (O8).

Whoever sends slowly keeps nobody out: when all places are taken, the next one gets the place of the body that
began first, of the network that has the most of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from optin.errors import PostTooSlow, StoreBusy


@dataclass(eq=False)
class _Body:
    """One that is being read. `timeout`: when it must be there."""

    network: str
    timeout: asyncio.Timeout


class BodiesUnderWay:
    """Lends places to bodies, `most` at once."""

    def __init__(self, most: int) -> None:
        """Begin with every place free."""
        self._most = most
        self._bodies: list[_Body] = []  # the one that began first comes first

    @asynccontextmanager
    async def place(self, network: str, seconds: float) -> AsyncIterator[None]:
        """Lend a place for as long as a body of `network` is read, within so many seconds.

        Raises PostTooSlow after that, and StoreBusy when somebody else got the place.
        """
        if len(self._bodies) >= self._most:
            self._make_room()
        body = _Body(network, asyncio.timeout(seconds))
        self._bodies.append(body)
        try:
            async with body.timeout:
                yield
        except TimeoutError:
            raise (PostTooSlow if body in self._bodies else StoreBusy) from None
        finally:
            if body in self._bodies:
                self._bodies.remove(body)

    def _make_room(self) -> None:
        held = Counter(it.network for it in self._bodies)
        most = max(held.values())
        first = next(it for it in self._bodies if held[it.network] == most)
        self._bodies.remove(first)
        first.timeout.reschedule(asyncio.get_running_loop().time())
