"""Refuse requests that no browser sends, before any page sees them, with our security headers (S1).

The HTTP server refuses what it cannot parse. What it parses may still have no path, several hosts, or a host
that is none; addresses made from such a request would lead elsewhere.
"""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = re.compile(rb"[0-9A-Za-z._~%!$&'()*+,;=:\[\]-]*")  # RFC 3986, section 3.2.2, with a port


class WellFormed:
    """Passes well-formed requests on to `inner`; `refusal` answers the others."""

    def __init__(self, inner: ASGIApp, refusal: ASGIApp) -> None:
        """Take both applications."""
        self._inner = inner
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        sound = scope["type"] != "http" or is_well_formed(scope)
        await (self._inner if sound else self._refusal)(scope, receive, send)


def is_well_formed(scope: Scope) -> bool:
    """Return whether a request has a path, one valid host (RFC 9112, 3.2) and one length (6.1)."""
    if not scope["path"].startswith("/") or scope["method"] == "CONNECT":
        return False
    hosts, lengths = [], 0
    for name, value in scope["headers"]:
        if name == b"host":
            hosts.append(value)
        elif name in {b"content-length", b"transfer-encoding"}:
            lengths += 1
    if not any(hosts) and scope.get("http_version") == "1.1":  # HTTP/1.0 needs none
        return False
    return len(hosts) <= 1 and lengths <= 1 and all(_HOST.fullmatch(host) for host in hosts)
