"""Measures how long requests keep this process busy, so that background work gives way to them."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Receive, Scope, Send

from optin.services.visitor_load import VisitorLoad


class VisitorTime:
    """Passes requests on, and tells `load` how long each took."""

    def __init__(self, inner: ASGIApp, load: VisitorLoad) -> None:
        """Pass on to `inner`."""
        self._inner = inner
        self._answered = load.answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and measure."""
        began = time.perf_counter()
        try:
            await self._inner(scope, receive, send)
        finally:
            self._answered(time.perf_counter() - began)
