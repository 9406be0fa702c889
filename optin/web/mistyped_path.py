"""Mistyped addresses, and addresses damaged by mail programs: find the page that is plainly meant.

A page that everybody gets is redirected to (GET, HEAD). Everything else, such as a link with a token or a
form that is posted, is answered as if it had been asked for properly: no token stands in a new address, no
posted form is lost. Only addresses that exist are redirected to, so nobody is sent to another site.

A proxy may let only some networks reach the desk. So what begins with its address is answered only in that
very spelling, which the proxy knows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from optin.web.security_headers import PAGE_CACHE

MOVED = 301
# what a sentence, a bracket or a mark-up puts behind a link; a token ends in a letter, digit, - or _
_GLUED = " ./,;:!?)]}>\"'*\\|’”»“„«‹›…<([{"
_DASHES = dict.fromkeys(
    map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-"
)  # for a hyphen, by a word processor
_FOR_PROGRAMS = ("/static/", "/log/tile/", "/dev/")  # nobody types these
_GUARDED = {"desk", "health"}  # by some proxies, by how the address begins
_LONGEST = 2_000  # characters


def corrected_path(path: str) -> str:
    """Return the path that is plainly meant; `path` itself when there is nothing to correct.

    Dropped: what cannot be seen, spaces, doubled slashes, punctuation at the end. The first part is a name
    in small letters, whatever a telephone's keyboard made of it. What follows is left as it is, for it may be
    signed.
    """
    if path.startswith(_FOR_PROGRAMS) or len(path) > _LONGEST:
        return path
    seen = "".join(sign for sign in path if unicodedata.category(sign) not in {"Cc", "Cf", "Zs", "Zl", "Zp"})
    first, *rest = [part for part in seen.rstrip(_GLUED).split("/") if part] or [""]
    return "/" + "/".join([first.translate(_DASHES).lower(), *rest])


class TypedPaths:
    """Corrects the path of a request before `inner` sees it."""

    def __init__(self, inner: ASGIApp, pages: Callable[[], Collection[str]]) -> None:
        """Redirect to `pages`, the public paths, looked up at each request."""
        self._inner = inner
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, redirect, or pass on with a corrected path."""
        path = scope["path"] if scope["type"] == "http" else ""
        meant = corrected_path(path) if path else path
        passes_by = _passes_by(path, meant)
        leads = meant in self._pages() or (passes_by and meant[1:] in _GUARDED)
        if meant != path and leads and scope["method"] in {"GET", "HEAD"}:
            await send({"type": "http.response.start", "status": MOVED, "headers": _leading_to(meant, scope)})
            await send({"type": "http.response.body", "body": b""})
        elif meant == path or passes_by:
            await self._inner(scope, receive, send)
        else:
            await self._inner({**scope, "path": meant, "raw_path": quote(meant).encode()}, receive, send)


def _passes_by(path: str, meant: str) -> bool:
    """Return whether a proxy that guards what is meant would not know it in this spelling."""
    first = meant.split("/")[1] if meant else ""
    return first in _GUARDED and not f"{path}/".startswith(f"/{first}/")


def _leading_to(path: str, scope: Scope) -> list[tuple[bytes, bytes]]:
    query = scope.get("query_string", b"")
    location = quote(path).encode() + (b"?" + query if query else b"")
    return [(b"location", location), (b"cache-control", PAGE_CACHE.encode()), (b"content-length", b"0")]
