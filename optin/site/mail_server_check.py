"""Check what `[mail_server]` in `optin.toml` says of addresses and domains (O3, D1)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from optin.consent.mail_domain import DomainRefused, parse_mail_domain
from optin.server_addresses import parse_resolver
from optin.settings.site import MailServerTable
from optin.site.law_lint import Objection
from optin.site.toml_and_markdown_reader import Path_

_DOMAIN_CURE = "Write what stands after the @ in addresses, such as gmail.com."


def objections_to_mail_server(table: MailServerTable) -> Iterator[tuple[Path_, Objection]]:
    """Check the addresses that mail is sent from, that of a DNS server, and the domains of recipients."""
    for name in table.domains:
        try:
            written = parse_mail_domain(name)
        except DomainRefused as problem:
            yield ("mail_server", "domains", name), Objection("mail-server", str(problem), _DOMAIN_CURE)
            continue
        if written != name:
            said = f"{name!r} is written {written} in addresses."
            yield ("mail_server", "domains", name), Objection("mail-server", said, f"Write {written}.")
    for place, text in enumerate(table.addresses):
        try:
            ip_address(text)
        except ValueError:
            where: Path_ = ("mail_server", "addresses", place)
            cure = "Write it like 192.0.2.10."
            yield where, Objection("mail-server", f"{text!r} is no IP address.", cure)
    resolver = table.resolver
    try:
        if resolver:
            parse_resolver(resolver)
    except ValueError:
        where = ("mail_server", "resolver")
        cure = "Write it like 9.9.9.9 or 127.0.0.1:5353."
        yield where, Objection("mail-server", f"{resolver!r} is no address of a DNS server.", cure)
