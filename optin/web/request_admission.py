"""Admit requests: each complete and in time, limited per network and in total (O8).

A form is read to its end before anything works on it, save the few large ones of the desk, which are read
only once it is known who sends them. So nobody who sends it slowly, himself or through a
proxy that passes on each byte as it comes, keeps others waiting.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optin.errors import PostTooSlow, TooManyRequests
from optin.services.log_lines import begin_request
from optin.web.app_context import AppContext
from optin.web.connection_limits import THIS_MACHINE
from optin.web.error_pages import refuse
from optin.web.health import HEALTH_ROUTES
from optin.web.post_limits import network_of
from optin.web.read_posted_form import LARGE_POSTS, MAX_POST_BYTES

FAULT = 500
REQUEST_ID = b"x-request-id"
MOST_DISCARDED_BYTES = 64 << 20  # of a body that is refused; of a larger one the connection is closed
UNCOUNTED = frozenset(route.path for route in HEALTH_ROUTES)  # asked above all when a process is full


class _Body:
    """The body of a request. `comes`: whether more of it comes."""

    def __init__(self, receive: Receive) -> None:
        """Begin before its first part."""
        self._receive = receive
        self.comes = True

    async def part(self) -> Message:
        """Return the next part, or that the client left."""
        message = await self._receive()
        self.comes = message.get("more_body", False)
        return message

    async def discard(self, until: float) -> None:
        """Read the rest and keep nothing of it, until a time of the loop's clock, in seconds.

        Many proxies and browsers take an answer only after they have sent the whole body.
        """
        left = MOST_DISCARDED_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while self.comes and left > 0:
                    left -= len((await self.part()).get("body", b""))


class Admission:
    """Passes complete requests to `inner` when it is their turn."""

    def __init__(self, inner: ASGIApp, app_context: AppContext) -> None:
        """Begin without requests."""
        self._inner = inner
        self._app_context = app_context
        self._limits = app_context.edition.site.settings.server
        self._turns = asyncio.Semaphore(self._limits.requests)
        self._present: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a request, or refuse it."""
        if scope["type"] != "http" or scope["path"] in UNCOUNTED:
            await self._inner(scope, receive, send)
            return
        request, name, body = Request(scope), begin_request(), _Body(receive)
        posted, now = scope["method"] == "POST", asyncio.get_running_loop().time
        is_large = LARGE_POSTS.fullmatch(scope["path"]) is not None
        began = now()

        async def named(message: Message) -> None:
            """Tell who runs into a fault of ours the id of the request: its log lines bear it."""
            if message["type"] == "http.response.start":
                if posted:  # its turn has ended by now
                    await body.discard((now() if is_large else began) + self._limits.body_seconds)
                if message["status"] >= FAULT:
                    message["headers"] = [*message["headers"], (REQUEST_ID, name.encode())]
            await send(message)

        try:
            with self._place(request):
                inward = await self._whole(body) if posted and not is_large else body.part
                await self._in_turn(scope, inward, named)
        except (TooManyRequests, PostTooSlow) as problem:
            await (await refuse(request, problem))(scope, receive, send)

    @contextmanager
    def _place(self, request: Request) -> Iterator[None]:
        """Count a request for its network, behind any proxy. Raises TooManyRequests."""
        address = self._app_context.limits.client(request)
        network = None if address is None else network_of(address)
        if network is None or network in THIS_MACHINE:
            yield
            return
        if self._present[network] >= self._limits.connections_per_network:
            self._app_context.limits.log.note("connections_per_network")
            raise TooManyRequests(self._limits.body_seconds)
        self._present[network] += 1
        try:
            yield
        finally:
            self._present[network] -= 1
            if not self._present[network]:
                del self._present[network]

    async def _whole(self, body: _Body) -> Receive:
        """Return a receiver that has a request's whole body. Raises PostTooSlow.

        Of a body larger than any form it holds no more than shows that.
        """
        messages: list[Message] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while body.comes and size <= MAX_POST_BYTES:
                    message = await body.part()
                    messages.append(message)
                    size += len(message.get("body", b""))
        except TimeoutError:
            self._app_context.limits.log.note("body_seconds")
            raise PostTooSlow from None

        async def replay() -> Message:
            return messages.pop(0) if messages else await body.part()

        return replay

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on in its turn, which ends when the answer begins: some clients read slowly."""
        await self._turns.acquire()
        working = True

        async def send_on(message: Message) -> None:
            nonlocal working
            if working:
                working = False
                self._turns.release()
            await send(message)

        try:
            await self._inner(scope, receive, send_on)
        finally:
            if working:
                self._turns.release()
