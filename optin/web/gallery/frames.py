"""Show a page or mail in a frame: light or dark, whatever the machine prefers, and without effects."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from optin.site.own_templates import template_finding
from optin.theme.dev_views import BrokenView
from optin.theme.samples import LINK_ENDS
from optin.theme.theme import Asset, Theme
from optin.theme.views import Frame
from optin.web.gallery.exhibits import Broken, Previewed
from optin.web.preview_page import as_preview, note

LIGHT, DARK = "light", "dark"
ASSETS = "/dev/gallery/static"
# no script, no form that leads anywhere, and only the gallery may frame it
POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self';"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)")
_META = re.compile(r'(<meta name="(?:supported-)?color-schemes?" content=")[^"]*(")')
_PROPERTY = re.compile(r"(color-schemes?\s*:\s*)(?:light dark|dark light)")
_POLICY_INSIDE = re.compile(r'<meta http-equiv="(?:Content-Security-Policy|refresh)"[^>]*>', re.IGNORECASE)
_SCRIPT = re.compile(r"<script\b[^>]*>.*?</script>", re.IGNORECASE | re.DOTALL)  # would not run in any case
_ALWAYS, _NEVER = "(min-width: 0)", "(max-width: 0)"


def in_scheme(text: str, scheme: str) -> str:
    """Return HTML or a stylesheet as a browser shows it that prefers `scheme`, light or dark."""
    decided = _QUERY.sub(lambda query: _ALWAYS if query[1] == scheme else _NEVER, text)
    return _PROPERTY.sub(rf"\g<1>{scheme}", _META.sub(rf"\g<1>{scheme}\g<2>", decided))


def framed(html: str, scheme: str, look: str, base_url: str) -> str:
    """Return a page for a frame: in one scheme, its files from the gallery, its links from this machine."""
    here = html.replace(f'="{base_url}/', '="/')
    shown = in_scheme(_SCRIPT.sub("", _POLICY_INSIDE.sub("", here)), scheme)
    return re.sub(r"(?<=[\"'(, ])/static/(?=[^\s\"'()]+)", f"{ASSETS}/{look}/{scheme}/", shown)


def asset_in_scheme(asset: Asset, scheme: str, look: str) -> bytes:
    """Return a file of a page; a stylesheet or a drawing in one scheme."""
    if not asset.content_type.startswith(("text/css", "image/svg")):
        return asset.data
    text = in_scheme(asset.data.decode("utf-8", "replace"), scheme)
    return text.replace("/static/", f"{ASSETS}/{look}/{scheme}/").encode()


def page_of(theme: Theme, view: object, root: Path, frame: Frame) -> str:
    """Return the HTML of an exhibit; when it cannot be made, a page with its place and reason."""
    if isinstance(view, Broken):
        return broken_page(theme, view.problem, root, frame)
    try:
        if isinstance(view, Previewed):
            page = theme.page(view.view).encode()
            return as_preview(page, note(theme.wording(frame.lang), LINK_ENDS), "").decode()
        return theme.page(view)
    except Exception as problem:  # noqa: BLE001 - a template of the site, or a kind: programs of others
        return broken_page(theme, problem, root, frame)


def broken_page(theme: Theme, problem: Exception, root: Path, frame: Frame) -> str:
    """Return a page that says why an exhibit cannot be made."""
    it = template_finding(root, problem)
    try:
        return theme.page(BrokenView(frame, ((f"{it.path}:{it.line}", it.message, it.cure),)))
    except Exception:  # noqa: BLE001 - the template of every page is the broken one
        return f"<!doctype html><title>Error</title><p>{escape(f'{it.path}:{it.line}: {it.message}')}</p>"
