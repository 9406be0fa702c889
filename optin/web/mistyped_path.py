"""Mistyped addresses, and addresses damaged by mail programs: find the page that is plainly meant.

A page that everybody gets is redirected to (GET, HEAD). Everything else, such as a link with a token or a
form that is posted, is answered as if it had been asked for properly: no token stands in a new address, no
posted form is lost. Only addresses that exist are redirected to, so nobody is sent to another site.
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
        if meant == path:
            await self._inner(scope, receive, send)
        elif scope["method"] in {"GET", "HEAD"} and meant in self._pages():
            await send({"type": "http.response.start", "status": MOVED, "headers": _leading_to(meant, scope)})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._inner({**scope, "path": meant, "raw_path": quote(meant).encode()}, receive, send)


def _leading_to(path: str, scope: Scope) -> list[tuple[bytes, bytes]]:
    query = scope.get("query_string", b"")
    location = quote(path).encode() + (b"?" + query if query else b"")
    return [(b"location", location), (b"cache-control", PAGE_CACHE.encode()), (b"content-length", b"0")]
