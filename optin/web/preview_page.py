"""A page that is not public yet, for a colleague with a signed link (W10).

The page is the one that visitors will get. In front of it stands that it is a preview, and its forms lead
back here, where nothing is stored. Whoever made the template: both are put in after the page was rendered.
"""

from __future__ import annotations

import re
from datetime import datetime
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from optin.consent.form_version import Slug
from optin.consent.preview_link import read_preview
from optin.consent.signed_links import LinkKind
from optin.errors import PageUnknown, PreviewExpired, PreviewOnly
from optin.site.magnet_life import MagnetPhase
from optin.theme.wording import Wording
from optin.web.app_context import AppContext, app_context_of, see_other
from optin.web.security_headers import NO_STORE

_BODY = re.compile(rb"<body\b[^>]*>", re.IGNORECASE)
_TARGET = re.compile(
    rb"""(<(?:form|button|input)\b[^>]*?\s(?:form)?action\s*=\s*)(?:"[^"]*"|'[^']*'|[^\s"'>]+)""",
    re.IGNORECASE,
)


async def get_preview(request: Request) -> Response:
    """Show a draft, or a page before its day. One that is public already is redirected to."""
    app_context, slug, until = _allowed(request)
    magnet = app_context.edition.site.magnets.get(slug)
    if magnet is not None and magnet.phase_at(app_context.installation.clock()) is not MagnetPhase.WAITING:
        return see_other(f"/{slug}")
    page = app_context.edition.publication.preview(slug)
    lang = app_context.edition.site.language_of(slug)
    if page is None or lang is None:
        raise PageUnknown
    words = app_context.edition.theme.wording(lang)
    shown = as_preview(page, note(words, until), request.url.path)
    return HTMLResponse(shown, headers={"cache-control": NO_STORE, "x-robots-tag": "noindex"})


async def post_preview(request: Request) -> Response:
    """Say that a preview takes no form. Nothing of it is read."""
    _allowed(request)
    raise PreviewOnly


def _allowed(request: Request) -> tuple[AppContext, Slug, datetime]:
    """Return what a link shows, and until when. Raises LinkForged or PreviewExpired."""
    app_context, slug = app_context_of(request), Slug(request.path_params["slug"])
    now = app_context.installation.clock()
    payload = app_context.installation.vault.links.read(
        LinkKind.PREVIEW, request.path_params["token"], now, None
    )
    until = read_preview(payload, slug)
    if until <= now:
        raise PreviewExpired
    return app_context, slug, until


def note(words: Wording, until: datetime) -> bytes:
    """Return the note at the top of a preview, as HTML."""
    title, text = words.text("preview.title"), words.text("preview.text", moment=words.moment(until))
    inside = f'<div class="wide"><p><strong>{escape(title)}</strong> {escape(text)}</p></div>'
    return f'<aside class="preview" aria-label="{escape(title)}">{inside}</aside>'.encode()


def as_preview(page: bytes, note: bytes, path: str) -> bytes:
    """Return a page with the note at its top, whose forms are posted to `path`."""
    target = f'"{escape(path)}"'.encode()
    led = _TARGET.sub(lambda before: before[1] + target, page)
    marked, bodies = _BODY.subn(lambda body: body[0] + note, led, count=1)
    return marked if bodies else note + led  # HTML may leave the tag out
