"""Look up records in the DNS: each name once in an examination, side by side, all within one time limit.

A name that has no such record is an empty answer. A server that hangs, lies about the question, or sends what
nobody can read gives none: then nothing is known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from optin.server_addresses import parse_resolver
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import NotChecked, printable

if TYPE_CHECKING:
    from dns.resolver import Resolver

DNS_SECONDS = 1.5  # for all look-ups of an examination together
MOST_TRY_SECONDS = 0.7  # for one packet: the next is sent well before the whole time is over
MOST_AHEAD = 30  # look-ups at once: who answers may name as many servers as he likes


def text_records(examination: Examination, name: str) -> list[bytes]:
    """Return the TXT records of a name, each joined (RFC 7208, 3.3). Raises NotChecked."""
    return [b"".join(it.strings) for it in look_up(examination, name, "TXT")]


def mail_exchangers(examination: Examination, domain: str) -> list[str]:
    """Return the mail servers of a domain, the preferred first; `.` for a domain without mail (RFC 7505)."""
    found = sorted(look_up(examination, domain, "MX"), key=lambda it: it.preference)
    return [it.exchange.to_text(omit_final_dot=len(it.exchange) > 1) for it in found]


def addresses_of(examination: Examination, name: str) -> list[str]:
    """Return the IP addresses of a name. Raises NotChecked."""
    ask_ahead(examination, [(name, "AAAA")])
    return [it.address for kind in ("A", "AAAA") for it in look_up(examination, name, kind)]


def names_of(examination: Examination, address: str) -> list[str]:
    """Return the names that the DNS has for an IP address (PTR). Raises NotChecked."""
    pointer = ip_address(address).reverse_pointer
    return [it.target.to_text(omit_final_dot=True) for it in look_up(examination, pointer, "PTR")]


def look_up(examination: Examination, name: str, kind: str) -> list[Any]:
    """Return the records of a name and kind. Raises NotChecked when there is no answer."""
    return examination.once(f"dns {kind} {name.lower()}", lambda: _look_up(examination, name, kind))


def ask_ahead(examination: Examination, questions: Iterable[tuple[str, str]]) -> None:
    """Begin to look up names of a kind, each in a thread; who needs one later finds it or waits for it."""
    for name, kind in [*questions][:MOST_AHEAD]:
        threading.Thread(target=_ask, args=(examination, name, kind), name=f"dns {kind}", daemon=True).start()


def _ask(examination: Examination, name: str, kind: str) -> None:
    with suppress(Exception):  # whoever needs it gets the same
        look_up(examination, name, kind)


def _seconds_left(examination: Examination) -> float:
    limit = min(DNS_SECONDS, examination.reach.seconds)
    ends: float = examination.once("dns ends", lambda: time.monotonic() + limit)
    return ends - time.monotonic()


def _look_up(examination: Examination, name: str, kind: str) -> list[Any]:
    from dns.exception import DNSException  # noqa: PLC0415 - only an examination needs it
    from dns.name import from_text  # noqa: PLC0415 - the same
    from dns.resolver import NXDOMAIN, NoAnswer  # noqa: PLC0415 - the same

    left = _seconds_left(examination)
    if left <= 0:
        msg = f"There was no time left to ask the DNS about {printable(name)[:100]} ({kind})."
        raise NotChecked(msg, _CURE)
    try:
        whole = from_text(name if name.isascii() else name.encode("idna").decode())
        return [*_resolver(examination).resolve(whole, kind, lifetime=left)]
    except (NXDOMAIN, NoAnswer):
        return []
    except (DNSException, OSError, UnicodeError, ValueError) as problem:
        msg = f"The DNS gave no answer about {printable(name)[:100]} ({kind}; {type(problem).__name__})."
        raise NotChecked(msg, _CURE) from None


_CURE = "See that the resolver of this machine works (/etc/resolv.conf), or name another with --resolver."


def _resolver(examination: Examination) -> Resolver:
    return examination.once("resolver", lambda: _open_resolver(examination))


def _open_resolver(examination: Examination) -> Resolver:
    from dns.resolver import Resolver  # noqa: PLC0415 - only an examination needs it

    named = examination.reach.resolver or examination.settings.mail_server.resolver
    resolver = Resolver(configure=not named)
    if named:
        address, resolver.port = parse_resolver(named)
        resolver.nameservers = [address]
    resolver.timeout = min(MOST_TRY_SECONDS, examination.reach.seconds / 2)
    return resolver
