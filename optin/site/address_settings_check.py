"""Check the form of addresses of a site, a store or a mail server; none of them is contacted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address

from optin.server_addresses import (
    CURE_MAIL,
    WANTED_MAIL,
    AddressRefused,
    check_postgres_address,
    read_mail_server,
)

_BASE = re.compile(r"https?://(\[(?P<six>[0-9A-Fa-f:.]+)\]|[\w-]+(\.[\w-]+)*)(:(?P<port>[0-9]{1,5}))?")
_STORE = re.compile(r"sqlite:///.+|postgres(ql)?://.+")
MOST_PORT = 65_535


@dataclass(frozen=True)
class AddressSetting:
    """A setting that is an address: its name, its expected form, and the check of a text.

    Its value is never shown: there may be a password in it.
    """

    name: str
    wanted: str
    cure: str
    sound: Callable[[str], bool]
    refusal: Callable[[str], AddressRefused | None] = lambda _text: None  # says it more exactly

    def fault(self, text: str) -> tuple[str, str] | None:
        """Return what is wrong with a value, and its cure; None when it is valid."""
        refusal = self.refusal(text)
        if refusal is not None:
            return refusal.wanted, refusal.cure
        return None if self.sound(text) else (self.wanted, self.cure)


def is_base_address(text: str) -> bool:
    """Return whether a text is a scheme and a host, perhaps with a port, and nothing more."""
    found = _BASE.fullmatch(text)
    if found is None or int(found["port"] or 0) > MOST_PORT:
        return False
    try:
        return found["six"] is None or bool(IPv6Address(found["six"]))
    except ValueError:
        return False


def is_store_address(text: str) -> bool:
    """Return whether a text names a SQLite file or a PostgreSQL server."""
    return _STORE.fullmatch(text) is not None


def is_mail_address(text: str) -> bool:
    """Return whether a text names a mail server, or a folder for mails."""
    if text.startswith("file:"):
        return text != "file:"
    return mail_refusal(text) is None


def mail_refusal(text: str) -> AddressRefused | None:
    """Return why the address of a mail server cannot be used."""
    if text.startswith("file:"):
        return None
    try:
        read_mail_server(text)
    except AddressRefused as problem:
        return problem
    return None


def store_refusal(text: str) -> AddressRefused | None:
    """Return why the address of a PostgreSQL server cannot be used."""
    if not text.startswith(("postgresql://", "postgres://")):
        return None
    try:
        check_postgres_address(text)
    except AddressRefused as problem:
        return problem
    return None


ADDRESS_SETTINGS = (
    AddressSetting(
        "base_url",
        "The base address is not https://host.",
        "Write the scheme and the host, nothing more.",
        is_base_address,
    ),
    AddressSetting(
        "store",
        "The store is neither sqlite:///FILE nor postgresql://…",
        "Write it like sqlite:///var/optin.db",
        is_store_address,
        store_refusal,
    ),
    AddressSetting("mail", WANTED_MAIL, CURE_MAIL, is_mail_address, mail_refusal),
)
