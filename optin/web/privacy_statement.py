"""The privacy statement: the one in force by language, and every earlier version (F2)."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from optin.errors import PageUnknown
from optin.flows.consents.earlier_page_versions import view_statement
from optin.web.app_context import app_context_of, language_of
from optin.web.security_headers import PAGE_CACHE

_VERSION = re.compile(r"[0-9a-f]{16,64}")


async def get_privacy(request: Request) -> Response:
    """Redirect to the statement in force, in the visitor's language."""
    app_context = app_context_of(request)
    statement = app_context.frame(language_of(request)).privacy_url
    return RedirectResponse(statement, 307, {"cache-control": "no-cache", "vary": "accept-language"})


async def get_privacy_version(request: Request) -> Response:
    """Show an earlier statement, byte for byte."""
    version = request.path_params["version"]
    if _VERSION.fullmatch(version) is None:
        raise PageUnknown
    statement = await app_context_of(request).view(view_statement, version=version)
    return HTMLResponse(statement.page, headers={"cache-control": PAGE_CACHE})
