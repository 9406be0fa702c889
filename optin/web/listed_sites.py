"""Forms on pages of other sites: in frames (W6), or pasted as HTML (W7); on the listed sites alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from optin.errors import PageUnknown, SiteUnlisted
from optin.web.app_context import app_context_of, framed_slug

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]


def in_frames_alone(answer: Answer) -> Answer:
    """Return an endpoint for forms in frames; without a listed site it does not exist."""

    async def checked(request: Request) -> Response:
        if framed_slug(request) is None:
            raise PageUnknown
        return await answer(request)

    return checked


def require_listed_site(request: Request) -> None:
    """Pass a form that a listed site sent. Raises SiteUnlisted.

    Browsers say from where a form comes (Fetch Standard, "Origin header"); a page whose referrer policy is
    no-referrer sends "null", which is nobody's address.
    """
    sent_from = request.headers.get("origin") or _origin_of(request.headers.get("referer", ""))
    listed = app_context_of(request).edition.site.settings.embed.sites
    if sent_from not in listed:
        raise SiteUnlisted


def _origin_of(page: str) -> str:
    try:
        parts = urlsplit(page)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
