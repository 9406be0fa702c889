"""Errors as pages: every refusal has a status, a sentence in the visitor's language, a log line (S4)."""

from __future__ import annotations

import errno
import logging
from logging import ERROR, WARNING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from optin.errors import (
    FormUnknown,
    MagnetGone,
    OptinError,
    PageUnknown,
    SiteUnlisted,
    StoreBusy,
    TooManyRequests,
    WriteLost,
    log_line_of,
)
from optin.web.app_context import app_context_of, framed_slug, language_of, slug_of
from optin.web.problems import is_for_programs, problem_of
from optin.web.problems import problem as problem_details
from optin.web.removed_magnet_pages import gone_or_unknown

log = logging.getLogger("optin.web")

PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT}  # too many files open, or disk full
_NAMES = {404: "unknown", 405: "method"}


async def refuse(request: Request, problem: Exception) -> Response:
    """Answer a domain error."""
    if not isinstance(problem, OptinError):
        return await fail(request, problem)
    try:
        if isinstance(problem, PageUnknown):
            problem = await gone_or_unknown(request, problem)
    except OptinError as busy:
        problem = busy
    if problem.status >= StoreBusy.status:
        log.log(ERROR if isinstance(problem, WriteLost) else WARNING, "%s", problem.log_line)
    if is_for_programs(request.url.path):
        return problem_of(problem)
    wait = problem.retry_after_seconds if isinstance(problem, TooManyRequests) else 0
    lang = problem.lang if isinstance(problem, MagnetGone) and problem.lang else language_of(request)
    framed = framed_slug(request)
    form_url = _form_url(request, problem)
    answer = app_context_of(request).error(
        problem.name, problem.status, lang, wait, framed=framed, form_url=form_url
    )
    if isinstance(problem, StoreBusy | TooManyRequests):
        answer.headers["retry-after"] = str(problem.retry_after_seconds)
    return answer


def _form_url(request: Request, problem: OptinError) -> str:
    """Return the page of a form that was refused where it stood; empty for any other error."""
    refused = isinstance(problem, SiteUnlisted) or (
        isinstance(problem, FormUnknown) and framed_slug(request) is None
    )
    edition, slug = app_context_of(request).edition, slug_of(request)
    site = edition.site.settings
    return f"{site.pages_url or site.base_url}/{slug}" if refused and slug in edition.site.magnets else ""


async def refuse_http(request: Request, problem: Exception) -> Response:
    """Answer an error of the framework: no such page, no such method."""
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    if is_for_programs(request.url.path):
        allow = (problem.headers or {}).get("Allow") if isinstance(problem, HTTPException) else None
        return problem_details(status, **({"allow": allow} if allow else {}))
    name, framed = _NAMES.get(status, "malformed"), framed_slug(request)
    answer = app_context_of(request).error(name, status, language_of(request), framed=framed)
    answer.headers.update((problem.headers or {}) if isinstance(problem, HTTPException) else {})
    return answer


async def refuse_broken_off(request: Request, _problem: Exception) -> Response:
    """Answer a truncated post: broken chunks, or less than announced. Nothing is stored."""
    if is_for_programs(request.url.path):
        return problem_details(400)
    framed = framed_slug(request)
    return app_context_of(request).error("malformed", 400, language_of(request), framed=framed)


async def fail(request: Request, problem: Exception) -> Response:
    """Answer an unforeseen error. The log says where it happened, never what a visitor sent."""
    if isinstance(problem, OSError) and problem.errno in PASSING:
        return await refuse(request, StoreBusy(type(problem).__name__))
    log.error("internal error=%s", log_line_of(problem))
    if is_for_programs(request.url.path):
        return problem_details(500)
    framed = framed_slug(request)
    return app_context_of(request).error("internal", 500, language_of(request), framed=framed)
