"""A server that is about to stop ends its connections with an answer, and not under the next request.

A proxy keeps connections open for its next requests. Where a server closes one of them just as a request
comes, that request is lost; a proxy tries a page once more, but no form. So the last answers say so:
`Connection: close` (RFC 9112, 9.6). Meanwhile the server goes on accepting; nobody waits.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optin.web.connection_limits import any_connection

LEAVE_SECONDS = 1.0  # connections that are idle for longer are closed without an answer
LOOK_SECONDS = 0.05
_CLOSE = (b"connection", b"close")


class LastAnswers:
    """An application; once `leaves` is set, each of its answers ends its connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.leaves = False

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass on."""
        return self._app(scope, receive, _closing(send) if self.leaves else send)

    async def leave(self, listening: socket.socket, seconds: float) -> None:
        """Let answers end their connections, until none is open, or for so long."""
        self.leaves = True
        await asyncio.to_thread(_wait_until_none, listening.getsockname()[1], seconds)


def _wait_until_none(port: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and any_connection(port):
        time.sleep(LOOK_SECONDS)


def _closing(send: Send) -> Send:
    async def send_closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], _CLOSE]}
        await send(message)

    return send_closing
