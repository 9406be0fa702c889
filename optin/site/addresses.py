"""What can be the address of a site, a store or a mail server. None is asked whether it is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import urlsplit

_BASE = re.compile(r"https?://(\[(?P<six>[0-9A-Fa-f:.]+)\]|[\w-]+(\.[\w-]+)*)(:(?P<port>[0-9]{1,5}))?")
_STORE = re.compile(r"sqlite:///.+|postgres(ql)?://.+")
MOST_PORT = 65_535


@dataclass(frozen=True)
class AddressSetting:
    """A setting that is an address: its name, what it should be, and whether a text is one.

    Its value is never shown: there may be a password in it.
    """

    name: str
    wanted: str
    cure: str
    sound: Callable[[str], bool]


def is_base_address(text: str) -> bool:
    """Tell whether a text is scheme and host, with a port perhaps, and nothing more."""
    found = _BASE.fullmatch(text)
    if found is None or int(found["port"] or 0) > MOST_PORT:
        return False
    try:
        return found["six"] is None or bool(IPv6Address(found["six"]))
    except ValueError:
        return False


def is_store_address(text: str) -> bool:
    """Tell whether a text names a SQLite file or a PostgreSQL server."""
    return _STORE.fullmatch(text) is not None


def is_mail_address(text: str) -> bool:
    """Tell whether a text names a mail server, or a folder that mails are written to."""
    if text.startswith("file:"):
        return text != "file:"
    try:
        parts = urlsplit(text)
        return parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


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
    ),
    AddressSetting(
        "mail",
        "The way out for mail is not smtp://user:password@host:587, smtps://… or file:FOLDER.",
        "Write it like smtp://user:password@mail.example.com:587",
        is_mail_address,
    ),
)
