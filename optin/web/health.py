"""What whoever runs the server asks it: whether the process runs, and whether it can do its work (O5)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from optin.web.app_context import desk_of
from optin.web.headers import NO_STORE

READY, NOT_READY = 200, 503
_HEADERS = {"cache-control": NO_STORE}


async def get_live(_request: Request) -> Response:
    """Say that the process answers; asks nothing else, so that a database that is away restarts nobody."""
    return JSONResponse({"status": "live"}, headers=_HEADERS)


async def get_ready(request: Request) -> Response:
    """Say whether people can be served, and what each check found."""
    report = await desk_of(request).readiness.report()
    return JSONResponse(report.as_json(), READY if report.is_ready else NOT_READY, _HEADERS)


HEALTH_ROUTES = (
    Route("/health", get_ready, methods=["GET"]),
    Route("/health/live", get_live, methods=["GET"]),
    Route("/health/ready", get_ready, methods=["GET"]),
)
