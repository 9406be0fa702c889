"""Makes a span of each request, named by the pattern of its route, never by its address (O5)."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optin.services.spans import Spans
from optin.web.counted_requests import RoutePatterns
from optin.web.request_admission import REQUEST_ID


class TracedRequests:
    """Passes requests on; what is done for one belongs to its span."""

    def __init__(self, inner: ASGIApp, spans: Spans, patterns: RoutePatterns) -> None:
        """Trace with these names."""
        self._inner, self._spans, self._patterns = inner, spans, patterns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and trace."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        status, name = 500, ""

        async def seen(message: Message) -> None:
            nonlocal status, name
            if message["type"] == "http.response.start":
                status = message["status"]
                name = next((value.decode() for key, value in message["headers"] if key == REQUEST_ID), "")
            await send(message)

        with self._spans.request(self._patterns.method_of(scope)) as span:
            try:
                await self._inner(scope, receive, seen)
            finally:
                span.answered(self._patterns.route_of(scope, status), status, name)
