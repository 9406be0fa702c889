"""Read the addresses of mail servers and PostgreSQL servers, which may contain a password; of DNS servers.

A sign that has a meaning in an address (# / ? [ ] @ %, a space) cuts a password short, or makes another host
of it, and no parser says so. Here such an address is refused. What is said never holds any part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote

WANTED_LOGIN = "The user name or password in the address has a character that must be percent-encoded."
CURE_LOGIN = (
    "Write it percent-encoded: # as %23, / as %2F, ? as %3F, [ as %5B, ] as %5D, @ as %40, : as %3A,"
    " % as %25, \\ as %5C, a space as %20."
)
WANTED_MAIL = "The address of the mail server is not smtp://user:password@host:587, smtps://… or file:FOLDER."
CURE_MAIL = "Write it like smtp://user:password@mail.example.com:587"
WANTED_POSTGRES = "The address of the PostgreSQL server cannot be read."
CURE_POSTGRES = "Write it like postgresql://user:password@db.example.com:5432/optin"

MOST_PORT = 65_535
DNS_PORT = 53
_ENCODED = r"%[0-9A-Fa-f]{2}"
_USER = rf"(?P<user>(?:[^:/?#\[\]\\%\s]|{_ENCODED})*)"
_PASSWORD = rf"(?P<password>(?:[^@/?#\[\]\\%\s]|{_ENCODED})*)"
_HOST = r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[\w.-]+))"
_MAIL = re.compile(
    rf"(?P<scheme>smtps?)://(?:{_USER}(?::{_PASSWORD})?@)?{_HOST}(?::(?P<port>[0-9]{{1,5}}))?/?"
    r"(?:\?(?P<query>[^@#]*))?",
    re.IGNORECASE,
)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class AddressRefused(ValueError):
    """An address that cannot be read as meant: the fault and the cure, without any part of the address."""

    def __init__(self, wanted: str, cure: str) -> None:
        super().__init__(f"{wanted} {cure}")
        self.wanted = wanted
        self.cure = cure


@dataclass(frozen=True)
class MailServer:
    """A mail server, from its address. `authority`: the certificate file in `?ca=`."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    authority: str


def read_mail_server(text: str) -> MailServer:
    """Return the server that smtp://… or smtps://… names. Raises AddressRefused."""
    found = _MAIL.fullmatch(text.strip())
    if found is None or not _is_sound(found):
        if "@" in text:
            raise AddressRefused(WANTED_LOGIN, CURE_LOGIN)
        raise AddressRefused(WANTED_MAIL, CURE_MAIL)
    query = parse_qs(found["query"] or "")
    tls = found["scheme"].lower() == "smtps"
    return MailServer(
        host=found["host"] or found["six"],
        port=int(found["port"] or 0) or (465 if tls else 587),
        tls=tls,
        user=unquote(found["user"] or ""),
        password=unquote(found["password"] or ""),
        authority=query.get("ca", [""])[0],
    )


def _is_sound(found: re.Match[str]) -> bool:
    """Return whether no part of an address would be silently ignored."""
    port = 1 if found["port"] is None else int(found["port"])
    keys = parse_qs(found["query"] or "", keep_blank_values=True).keys()
    return 0 < port <= MOST_PORT and keys <= {"ca"} and bool(found["user"] or not found["password"])


def check_postgres_address(text: str) -> None:
    """Refuse an address that libpq would misread, or whose parts its errors would quote.

    libpq takes # ? [ ] in a password as they are; it ends a user name and password at the first @ or /.
    Raises AddressRefused.
    """
    rest = text.partition("://")[2]
    before, _, after = rest.partition("@")
    login, servers = (before, after) if "@" in rest and "/" not in before else ("", rest)
    place, _, query = servers.partition("?")
    pairs = [pair for pair in query.split("&") if pair]
    misread = "@" in place or any("=" not in pair or "@" in pair.partition("=")[0] for pair in pairs)
    if misread or _BAD_PERCENT.search(rest) or any(sign.isspace() for sign in login):
        if "@" in rest:
            raise AddressRefused(WANTED_LOGIN, CURE_LOGIN)
        raise AddressRefused(WANTED_POSTGRES, CURE_POSTGRES)


def parse_resolver(text: str) -> tuple[str, int]:
    """Return address and port of ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT. Raises ValueError."""
    host, port = text, str(DNS_PORT)
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or (port if closed else "")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    number = int(port)
    if not 0 < number <= MOST_PORT:
        raise ValueError(port)
    return str(ip_address(host)), number


def parse_listening(text: str) -> tuple[str, int]:
    """Return address and port of ADDRESS:PORT or [ADDRESS]:PORT, for a server. Raises ValueError."""
    host, _, port = text.rpartition(":")
    host, number = host.removeprefix("[").removesuffix("]"), int(port)
    if not 0 < number <= MOST_PORT:
        raise ValueError(port)
    return str(ip_address(host)), number


def is_on_this_machine(host: str) -> bool:
    """Return whether a host is this machine, so that traffic stays on it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
