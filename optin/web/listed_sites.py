"""Forms on pages of other sites: in frames (W6), or pasted as HTML (W7); on the listed sites alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.form_version import IN_FRAME, IN_HTML
from optin.errors import PageUnknown, SiteUnlisted
from optin.site.embedding_sites import origin_in_browsers
from optin.web.app_context import app_context_of, framed_slug

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]


def in_frames_alone(answer: Answer) -> Answer:
    """Return an endpoint for forms in frames; without a listed site it does not exist."""

    async def checked(request: Request) -> Response:
        if framed_slug(request) is None:
            raise PageUnknown
        return await answer(request)

    return checked


def require_shown_place(request: Request, shown_in: str) -> None:
    """Pass a form that was sent from where its version is shown. Raises SiteUnlisted.

    Else a form that somebody copied into a page of his own would be evidence of the page it was copied from.
    Browsers say from where a form comes (Fetch Standard, "Origin header"; Fetch Metadata, "Sec-Fetch-Site").
    A page whose referrer policy is no-referrer, as all of optin's, sends the Origin "null", which is nobody's
    address; and what a program sends says nothing at all.
    """
    origin = request.headers.get("origin", "")
    if shown_in == IN_HTML:
        _require_listed(request, origin or _origin_of(request.headers.get("referer", "")))
        return
    settings = app_context_of(request).edition.site.settings
    ours = {origin_in_browsers(address) for address in (settings.base_url, settings.pages_url)}
    # built pages may stand on any host; those for frames come from here alone
    elsewhere = shown_in == IN_FRAME and request.headers.get("sec-fetch-site") in _OTHER_ORIGINS
    if elsewhere or origin not in {"", "null", *ours}:
        raise SiteUnlisted


_OTHER_ORIGINS = {"same-site", "cross-site"}


def _require_listed(request: Request, origin: str) -> None:
    if origin not in app_context_of(request).edition.site.settings.embed.sites:
        raise SiteUnlisted


def _origin_of(page: str) -> str:
    try:
        parts = urlsplit(page)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
