"""Port numbers that nobody else can get before the server under test listens on them.

A number that was free a moment ago may belong to another program now: the kernel gives it to the next
one that asks for any port, and to outgoing connections. So a socket stays bound to it, without listening.
The kernel then gives the number to nobody, refuses connections to it, and still lets a server listen on
it that names it and sets SO_REUSEADDR, as every server here does.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """Reserve a port on every address of this machine, until the block ends."""
    with _bound() as held:
        yield _number(held)


def _bound() -> socket.socket:
    both = socket.has_dualstack_ipv6()
    held = socket.socket(socket.AF_INET6 if both else socket.AF_INET)
    if both:
        held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("", 0))
    return held


def _number(held: socket.socket) -> int:
    port: int = held.getsockname()[1]
    return port


_NOBODY = _bound()  # for as long as this process runs
NOBODY = _number(_NOBODY)
"""A port on which nobody listens."""
NO_MAIL = f"smtp://127.0.0.1:{NOBODY}"
"""A mail server that is down, for tests that are not about mail."""
