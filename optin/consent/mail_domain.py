"""Domains of e-mail addresses: one normal form, and which domains are whose. Pure."""

from __future__ import annotations

from optin.consent.email_and_telephone import EmailAddress, address_key, parse_email
from optin.consent.misspelt_domain import is_mail_provider

_MOST_CHARACTERS = 253  # RFC 1035, section 2.3.4, without the dot at the end
# Second levels under which everybody registers: the usual ones of all countries, then those of some. A public
# suffix that is missing here is only accepted, and the list of `optin do-not-contact list` shows it.
_SHARED = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})
_SHARED_IN = {
    "at": {"gv", "or"},
    "fr": {"asso", "gouv", "nom", "prd", "presse", "tm"},
    "jp": {"go", "ne", "or"},
    "kr": {"go", "ne", "or", "re"},
    "nz": {"geek", "gen", "govt", "school"},
    "pl": {"gmina", "info", "waw"},
    "uk": {"ltd", "me", "mod", "nhs", "plc", "police", "sch"},
    "za": {"law", "nom", "web"},
}
_COUNTRY_CODE_LETTERS = 2  # ISO 3166
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")  # which part a domain as well (RFC 3490, section 3.1)


class DomainRefused(ValueError):
    """A text that is no domain of one organisation; the message says why."""


def parse_mail_domain(text: str) -> str:
    """Return a domain in lower case, in ASCII (A-labels, RFC 5891). Raises DomainRefused.

    A domain of everybody, such as com or co.uk, is refused: an entry for it would be about all who are there.
    """
    bare = text.strip().translate(_DOTS).lower().removeprefix("@").rstrip(".")
    if bare and "." not in bare:
        msg = f"{bare!r} is an ending that everybody registers under; name a domain, such as example.com."
        raise DomainRefused(msg)
    try:
        domain = domain_of(parse_email(f"a@{bare}"))
    except ValueError:
        msg = f"{text.strip()!r} is no domain of e-mail addresses, such as example.com."
        raise DomainRefused(msg) from None
    labels = domain.split(".")
    if len(domain) > _MOST_CHARACTERS or _is_everybodys(labels):
        msg = f"{domain} belongs to everybody who registers a name there; name a domain below it."
        raise DomainRefused(msg)
    return domain


def _is_everybodys(labels: list[str]) -> bool:
    name, ending = labels[0], ".".join(labels[1:])
    return name in _SHARED_IN.get(ending, ()) or (
        name in _SHARED and len(ending) == _COUNTRY_CODE_LETTERS and ending.isalpha()
    )


def domain_of(address: EmailAddress) -> str:
    """Return the domain of an address in lower case, in ASCII. Raises ValueError when it has none."""
    return address_key(address).decode().rpartition("@")[2]


def domain_and_parents(domain: str) -> list[str]:
    """Return a domain and every domain above it, without the last ending alone."""
    labels = domain.split(".")
    return [".".join(labels[place:]) for place in range(len(labels) - 1)]


def is_shared_domain(domain: str) -> bool:
    """Return whether a domain is a large mail provider's, where anybody has an address."""
    return is_mail_provider(domain)
