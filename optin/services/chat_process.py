"""The process that sends one message through a chat service, by the library apprise, and ends.

The library calls whatever its addresses say, in its own ways, and cannot be interrupted. So it has a process
of its own, which the server ends at its deadline, with nothing of the server's environment; and each
connection that is opened in it, by whatever code, goes to a public IP address or is refused. The order comes
on standard input, for an address holds a secret; the result is one line of JSON on standard output.

Rules for editors: never print an address, nor what the library or a server says; it may repeat a secret.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable
from typing import Any

from optin.services.public_ip_address import is_public

PROGRAMS = frozenset(("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork"))
CALLS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
NOT_PUBLIC = "its name leads to an address that is not public"
UNKNOWN = "not the address of a chat service that apprise knows"
NOT_SECURE = "not a protocol with TLS; apprise has one for most services, such as ntfys:// for ntfy://"
MAIL = "an address for e-mail; write name@domain as to, then optin sends the mail itself"
NO_ANSWER = "no answer"


class ConnectionGuard:
    """Audit hook that refuses other programs, and connections to IP addresses that may not be reached."""

    def __init__(self, may_reach: Callable[[str], bool]) -> None:
        """Take the rule for IP addresses."""
        self._may_reach = may_reach
        self.refused = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at an event of the interpreter. Raises PermissionError."""
        if event in PROGRAMS:
            raise PermissionError(event)
        if event in CALLS:
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else None  # none: a socket file of this machine
            if not isinstance(host, str) or not self._may_reach(host):
                self.refused = True
                raise PermissionError(NOT_PUBLIC)


class _StatusReader(logging.Handler):
    """Keeps the HTTP status out of what the library logs."""

    status = ""

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.search(r"error=([1-5]\d\d)\b", record.getMessage()):
            self.status = f"status {found[1]}"


def send(order: dict[str, str], guard: ConnectionGuard, *, only_tls: bool) -> tuple[bool, str]:
    """Send one message; return whether it was taken, and a word for the log without anything secret."""
    import apprise  # noqa: PLC0415 - half a second; only after the guard

    asset = apprise.AppriseAsset(http_redirects=False, storage_mode=apprise.PersistentStoreMode.MEMORY)
    log, reader = logging.getLogger("apprise"), _StatusReader()
    log.handlers, log.propagate = [reader], False
    plugin = apprise.Apprise.instantiate(order["address"], asset=asset, suppress_exceptions=True)
    if plugin is None:
        return False, UNKNOWN
    scheme = order["address"].partition("://")[0].lower()
    if scheme.startswith("mailto"):
        return False, MAIL
    secure: Any = plugin.secure_protocol  # none, a name or several
    if only_tls and scheme not in ([secure] if isinstance(secure, str) else secure or ()):
        return False, NOT_SECURE
    plugin.redirects, plugin.verify_certificate = False, True  # whatever the address says
    sent = bool(plugin.notify(title=order["title"], body=order["body"], body_format="text"))
    if sent:
        return True, "sent"
    return False, NOT_PUBLIC if guard.refused else reader.status or NO_ANSWER


def main(may_reach: Callable[[str], bool] = is_public, *, only_tls: bool = True) -> None:
    """Read an order, send it, print the result. Only tests give other rules."""
    order = json.load(sys.stdin)
    guard = ConnectionGuard(may_reach)
    sys.addaudithook(guard)
    try:
        sent, said = send(order, guard, only_tls=only_tls)
    except Exception as problem:  # noqa: BLE001 - the library may raise anything
        sent, said = False, type(problem).__name__
    sys.stdout.write(json.dumps({"sent": sent, "said": said}))


if __name__ == "__main__":
    main()
