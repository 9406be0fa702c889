"""A pool of connections to one mail server, as many as it accepts.

A mail waits for whichever connection is free first; none waits for one that is being opened. One that
somebody waits for goes before all others. The number grows while the server takes more, up to a maximum. When
it refuses one beside others that are open, that is what it takes: the number stays there, and one more is
tried now and then, ever more seldom while it is refused.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from optin.mail.send_outcome import SendOutcome

GROW_AFTER_SECONDS = 10.0
LONGEST_GROW_SECONDS = 3600.0

C = TypeVar("C")


class ServerUnusable(Exception):
    """No connection is possible; holds the outcome for the mail that wanted one."""

    def __init__(self, outcome: SendOutcome) -> None:
        super().__init__(outcome.reply)
        self.outcome = outcome


class ConnectionPool(Generic[C]):
    """Lends connections of type C, each to one mail at a time."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[C]],
        leave: Callable[[C], Awaitable[None]],
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open with `connect`, which raises ServerUnusable, close with `leave`; at most `most` at once."""
        self._connect = connect
        self._leave = leave
        self._most = most
        self._clock = clock
        self._free: list[C] = []
        self._busy = 0
        self._opening: set[asyncio.Task[None]] = set()
        self._asked: deque[asyncio.Future[C]] = deque()  # of mails that somebody waits for
        self._unasked: deque[asyncio.Future[C]] = deque()
        self._limit = 1  # what the server takes, as far as is known
        self._refused = False  # it has refused one more
        self._grow_after = GROW_AFTER_SECONDS
        self._grow_at = 0.0

    @property
    def limit(self) -> int:
        """The number of connections that the server is known to accept at once."""
        return self._limit

    @property
    def opened(self) -> int:
        """Number of open connections, lent or free."""
        return len(self._free) + self._busy

    async def take(self, *, asked: bool = True) -> C:
        """Return a connection as soon as one is free or opened. Raises ServerUnusable.

        `asked`: somebody waits for the mail.
        """
        if self._free:
            self._busy += 1
            return self._free.pop()
        waiter: asyncio.Future[C] = asyncio.get_running_loop().create_future()
        (self._asked if asked else self._unasked).append(waiter)
        self._open_more()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.give_back(waiter.result())
            raise

    def give_back(self, connection: C) -> None:
        """Return a connection to the pool."""
        self._busy -= 1
        self._offer(connection)

    async def drop(self, connection: C) -> None:
        """Close a lent connection."""
        await self._leave(connection)
        self._busy -= 1
        self._open_more()

    async def replace(self, connection: C) -> C:
        """Close a lent connection and return a new one in its place. Raises ServerUnusable."""
        await self._leave(connection)
        try:
            return await self._connect()
        except ServerUnusable:
            self._busy -= 1
            self._open_more()
            raise

    def note_refusal(self) -> None:
        """Record that the server accepts no more connections than are open besides the lent one."""
        self._shrink(self.opened - 1)

    async def close(self) -> None:
        """Close every connection that is not lent."""
        for task in tuple(self._opening):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        free, self._free = self._free, []
        for connection in free:
            await self._leave(connection)

    def _offer(self, connection: C) -> None:
        while (waiter := self._next_waiter()) is not None:
            if not waiter.done():
                self._busy += 1
                waiter.set_result(connection)
                break
        else:
            self._free.append(connection)
        self._open_more()

    def _next_waiter(self) -> asyncio.Future[C] | None:
        """Take out whoever waits longest, of those with the mails that go first."""
        waiting = self._asked or self._unasked
        return waiting.popleft() if waiting else None

    def _open_more(self) -> None:
        """Open connections for waiting mails, up to the number that the server accepts."""
        waiting = sum(not waiter.done() for waiter in (*self._asked, *self._unasked))
        if waiting and self._refused and self._limit < self._most and self._clock() >= self._grow_at:
            self._limit += 1
            self._grow_at = self._clock() + self._grow_after
        wanted = min(waiting, self._limit - self.opened) - len(self._opening)
        for _ in range(wanted):
            task = asyncio.ensure_future(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        this = asyncio.current_task()
        try:
            connection = await self._connect()
        except ServerUnusable as problem:
            self._opening.discard(this)
            self._failed(problem)
            return
        self._opening.discard(this)
        if self._refused:
            self._grow_after = GROW_AFTER_SECONDS
        else:
            self._limit = min(self._most, max(self._limit, 2 * (self.opened + 1)))
        self._offer(connection)

    def _failed(self, problem: ServerUnusable) -> None:
        """Handle a failed connection: others open are the server's limit; with none, the server is down."""
        if self.opened:
            self._shrink(self.opened)
            return
        if self._opening:
            return  # one of those may come through
        self._limit, self._refused = 1, False  # when it is there again, begin anew
        while (waiter := self._next_waiter()) is not None:
            if not waiter.done():
                waiter.set_exception(ServerUnusable(problem.outcome))

    def _shrink(self, limit: int) -> None:
        if self._refused and limit <= self._limit:
            self._grow_after = min(self._grow_after * 2, LONGEST_GROW_SECONDS)
        self._refused = True
        self._limit = max(1, limit)
        self._grow_at = self._clock() + self._grow_after
