"""A transport in a thread of its own, so that a busy server notices acceptance at once.

On the loop that answers visitors, the answer of a mail server waits until they are answered. A server that is
killed meanwhile would send that mail again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_transport import ignore_acceptance
from optin.mail.transport import Transport

T = TypeVar("T")


class ThreadedTransport:
    """Sends by `inner` on an event loop in its own thread, started with the first mail."""

    def __init__(self, inner: Transport) -> None:
        """Start no thread yet."""
        self._inner = inner
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def places(self) -> int:
        """How many mails can be sent at once, as far as is known."""
        return self._inner.places

    async def send(
        self,
        sender: str,
        recipient: str,
        message: bytes,
        accepted: Callable[[], None] = ignore_acceptance,
        *,
        asked: bool = True,
    ) -> SendOutcome:
        """Send one mail; `accepted` is called in the other thread."""
        return await self._there(self._inner.send(sender, recipient, message, accepted, asked=asked))

    async def close(self) -> None:
        """Close every connection, and end the thread."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        await self._there(self._inner.close())
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
        self._loop = self._thread = None

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_run, args=(self._loop,), name="optin-mail", daemon=True)
            self._thread.start()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()
