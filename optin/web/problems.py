"""Errors for programs: problem details in JSON (RFC 9457), for the addresses that only programs ask."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import JSONResponse, Response

from optin.errors import OptinError, ProcessorKeyUnknown, QuestionUnreadable, StoreBusy, TooManyRequests
from optin.web.security_headers import NO_STORE

FOR_PROGRAMS = ("/may/", "/bounces/")
MEDIA_TYPE = "application/problem+json"


def is_for_programs(path: str) -> bool:
    """Return whether only programs ask an address."""
    return f"{path}/".startswith(FOR_PROGRAMS)


def problem(status: int, detail: str = "", **headers: str) -> Response:
    """Return the details of an error; `detail` quotes no address."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        content["detail"] = detail
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(content, status, {"cache-control": NO_STORE, **named}, MEDIA_TYPE)


def problem_of(error: OptinError) -> Response:
    """Return the details of an error of the domain."""
    if isinstance(error, ProcessorKeyUnknown):
        return problem(error.status, str(error), www_authenticate="Bearer")
    if isinstance(error, StoreBusy | TooManyRequests):
        return problem(error.status, "Ask again later.", retry_after=str(error.retry_after_seconds))
    return problem(error.status, str(error) if isinstance(error, QuestionUnreadable) else "")
