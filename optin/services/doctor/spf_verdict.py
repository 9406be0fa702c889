"""What an SPF record says of an address (RFC 7208), by pyspf over our own look-ups."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from optin.services.doctor.dns_records import look_up
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import NotChecked, printable

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its source: invalid escapes in docstrings
    import spf

MOST_LOOK_UPS = 10  # RFC 7208, 4.6.4
NOBODYS = "240.0.0.1"  # RFC 1112: an address that no record lists
_Look = Callable[[str, str], list[Any]]
_asked: ContextVar[_Look] = ContextVar("look_up")


@dataclass(frozen=True)
class SpfVerdict:
    """The result for one address: pass, fail, softfail, neutral, none, permerror or temperror.

    `look_ups`: how many the record needed until then.
    """

    result: str
    explanation: str
    look_ups: int


def spf_verdict(examination: Examination, domain: str, address: str, ehlo: str) -> SpfVerdict:
    """Return what the record of `domain` says of mail that comes from `address`. Raises NotChecked."""

    def look(name: str, kind: str) -> list[Any]:
        return [_VALUES[kind](it) for it in look_up(examination, name, kind)]

    _asked.set(look)
    query = spf.query(
        i=address, s=f"postmaster@{domain}", h=ehlo, receiver="optin", querytime=examination.reach.seconds
    )
    result, _, explanation = query.check()
    if result == "temperror":
        msg = f"The SPF record of {domain} could not be evaluated: {printable(str(explanation))}"
        raise NotChecked(msg)
    return SpfVerdict(str(result), printable(str(explanation)), int(query.lookups))


_VALUES: dict[str, Callable[[Any], Any]] = {
    "A": lambda it: it.address,
    "AAAA": lambda it: it.address,
    "MX": lambda it: (it.preference, it.exchange.to_text(omit_final_dot=True)),
    "PTR": lambda it: it.target.to_text(omit_final_dot=True),
    "TXT": lambda it: it.strings,
}


def _look_up(name: str, kind: str, _strict: object, _timeout: object) -> list[tuple[tuple[str, str], Any]]:
    """Answer the library, in its own form."""
    try:
        return [((name, kind), it) for it in _asked.get()(name, kind)]
    except NotChecked as problem:
        raise spf.TempError(str(problem)) from None


spf.DNSLookup = _look_up
