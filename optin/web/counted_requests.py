"""Counts answered requests by the pattern of their route, never by their address (O5)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optin.services.measurements import Measurements

PAGE, NO_ROUTE, OTHER = "page", "none", "other"
METHODS = frozenset({"GET", "HEAD", "POST"})


class RoutePatterns:
    """Names what a request led to, in few words that hold nothing of the request."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        """Know the routes by their functions, as Starlette names them in a request's scope."""
        self._patterns: dict[Any, str] = {}
        for route in routes:
            if isinstance(route, Route):
                self._patterns.setdefault(route.endpoint, route.path)

    def method_of(self, scope: Scope) -> str:
        """Return the method, or OTHER for one that pages do not have."""
        return scope["method"] if scope["method"] in METHODS else OTHER

    def route_of(self, scope: Scope, status: int) -> str:
        """Return the pattern of the route that answered. Pages, pictures and styles are held ready: PAGE."""
        if "endpoint" in scope:
            return self._patterns.get(scope["endpoint"], OTHER)
        return PAGE if status < 400 else NO_ROUTE  # noqa: PLR2004 - a refusal


class CountedRequests:
    """Passes requests on, and counts each with its status and the seconds until its answer was sent."""

    def __init__(self, inner: ASGIApp, measurements: Measurements, patterns: RoutePatterns) -> None:
        """Count with these names."""
        self._inner = inner
        self._measurements = measurements
        self._patterns = patterns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._inner(scope, receive, counted)
        finally:
            method, route = self._patterns.method_of(scope), self._patterns.route_of(scope, status)
            self._measurements.answered(method, route, status, time.perf_counter() - began)
