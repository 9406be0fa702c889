"""Health checks for operators: the process runs, and can do its work (O5)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from optin.web.app_context import app_context_of
from optin.web.security_headers import NO_STORE

READY, NOT_READY = 200, 503
_HEADERS = {"cache-control": NO_STORE}


async def get_live(_request: Request) -> Response:
    """Answer that the process runs; checks nothing else: a lost database is no reason to restart it."""
    return JSONResponse({"status": "live"}, headers=_HEADERS)


async def get_ready(request: Request) -> Response:
    """Answer whether visitors can be served, with the result of each check."""
    report = await app_context_of(request).readiness.report()
    return JSONResponse(report.as_json(), READY if report.is_ready else NOT_READY, _HEADERS)


HEALTH_ROUTES = (
    Route("/health", get_ready, methods=["GET"]),
    Route("/health/live", get_live, methods=["GET"]),
    Route("/health/ready", get_ready, methods=["GET"]),
)
