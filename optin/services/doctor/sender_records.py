"""Names and records of a sender in the DNS, as text: pure functions that the checks share."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from optin.settings.site import SiteSettings

STRING_BYTES = 255  # of one string of a TXT record


def domain_of(address: str) -> str:
    """Return the domain of an e-mail address as the DNS has it."""
    domain = address.rpartition("@")[2].lower()
    return domain if domain.isascii() else domain.encode("idna").decode()


def from_domain(settings: SiteSettings) -> str:
    """Return the domain in the From line."""
    return domain_of(settings.sender.address)


def envelope_domain(settings: SiteSettings) -> str:
    """Return the domain that bounces go to: that of MAIL FROM, for which SPF is asked (RFC 7208, 2.4)."""
    return domain_of(settings.bounces.address or settings.sender.address)


def sending_domains(settings: SiteSettings) -> list[str]:
    """Return the domains that name us as a sender, each once."""
    return [*dict.fromkeys((envelope_domain(settings), from_domain(settings)))]


def own_host(settings: SiteSettings) -> str:
    """Return the name that we say in EHLO."""
    return urlsplit(settings.base_url).hostname or ""


def record_line(name: str, text: str) -> str:
    """Return a TXT record as a zone file has it, in strings of a length that the DNS takes."""
    pieces = [text[at : at + STRING_BYTES] for at in range(0, len(text), STRING_BYTES)]
    return f"{name}. IN TXT {' '.join(f'{chr(34)}{it}{chr(34)}' for it in pieces)}"


def with_addresses(record: str, addresses: Sequence[str]) -> str:
    """Return an SPF record that covers these addresses as well."""
    head, *rest = record.split() or ["v=spf1"]
    return " ".join([head, *(f"ip{ip_address(it).version}:{it}" for it in addresses), *rest])


def tags_of(record: bytes) -> dict[str, str]:
    """Return the tags of a DKIM or DMARC record, by name (RFC 6376, 3.2)."""
    pairs = (it.partition("=") for it in record.decode("utf-8", "replace").split(";"))
    return {name.strip(): value.strip() for name, sign, value in pairs if sign}
