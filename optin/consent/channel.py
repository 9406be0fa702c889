"""Channels by which people are approached, and how one differs from another. Pure.

To add a channel:
1. Put one value in CHANNELS; an address that there is not yet is an `Address` of its own.
2. Its picture, if it has one: templates/channels/<name>.html.
3. In the folder of each language: `consent.by.<name>` and `consent.lasts.<name>` in optin.po, its words in
   law.toml.

Whoever treats channels differently asks the channel, and never which one it is. A stored channel that is not
here any more can be shown, withdrawn and erased; nobody is approached by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from optin.consent.email_and_telephone import (
    EmailAddress,
    address_key,
    country_of,
    international,
    parse_email,
    parse_phone,
)

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_LABEL = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_PLAIN_EMAIL = re.compile(rf"[a-z0-9_]+(?:[.+-][a-z0-9_]+)*@{_LABEL}(?:\.{_LABEL})*\.[a-z]{{2,24}}")


def _no_country(_value: str) -> str:
    return ""


@dataclass(frozen=True)
class Address:
    """A kind of address: the field that asks for it, and its normal form."""

    field: str  # its name in forms, in exports, in what is kept of a person
    noun: str  # for the people of the site
    parse: Callable[[str, str], str]  # text and country to the normal form; raises ValueError
    show: Callable[[str], str]  # the normal form as people read it
    identity: Callable[[str], str]  # the normal form to what tells it from all others
    label: bytes  # before what is digested, so that digests of different kinds never meet
    personal_data: str  # DPV's term
    # typed by the person and verified by nobody, so several may give the same; else it is the mailbox, which
    # every form asks and the confirmation proves
    declared: bool
    input_type: str = "text"
    autocomplete: str = "off"
    country: Callable[[str], str] = _no_country  # of the normal form (ISO 3166); empty: it tells none
    quick: re.Pattern[str] | None = None  # what is its own identity as it stands, in small letters

    def key(self, text: str, country: str) -> str:
        """Return the identity of an address, however it is written. Raises ValueError."""
        lower = text.lower() if self.quick is not None and text.isascii() else ""
        if self.quick is not None and self.quick.fullmatch(lower):
            return lower  # most addresses of a list; the full reading takes twenty times as long
        return self.identity(self.parse(text, country))

    def plain(self, value: str) -> str:
        """Return a value in its normal form, which can carry no text; empty for anything else."""
        try:
            return value if self.parse(value, "") == value else ""
        except ValueError:
            return ""

    def own(self, fields: Mapping[str, object]) -> str:
        """Return the address of this kind among a form's declared fields; empty when there is none."""
        return str(fields.get(self.field) or "") if self.declared else ""


@dataclass(frozen=True, order=True)
class Channel:
    """A channel by which a person is approached. Channels with one name are equal."""

    value: str
    address: Address = field(compare=False, repr=False)
    medium: str = field(compare=False, repr=False)  # in the standard vocabulary, and for people of the site
    known: bool = field(default=True, repr=False)

    EMAIL: ClassVar[Channel]
    PHONE: ClassVar[Channel]

    def __str__(self) -> str:
        return self.value

    def __hash__(self) -> int:
        return hash(self.value)  # an audit looks up millions

    @property
    def by_mail(self) -> bool:
        """Whether messages arrive in the mailbox that confirmed."""
        return not self.address.declared


def _parse_email(text: str, _country: str) -> str:
    return parse_email(text)


def _email_identity(address: str) -> str:
    return address_key(EmailAddress(address)).decode()


def _parse_nothing(_text: str, _country: str) -> str:
    msg = "an address of a channel that is unknown"
    raise ValueError(msg)


MAILBOX = Address(
    "email", "e-mail address", _parse_email, str, _email_identity, b"", "pd:EmailAddress", declared=False,
    autocomplete="email", quick=_PLAIN_EMAIL,
)  # fmt: skip
TELEPHONE = Address(
    "phone", "telephone number", parse_phone, international, str, b"tel:", "pd:TelephoneNumber",
    declared=True, input_type="tel", autocomplete="tel", country=country_of,
)  # fmt: skip
_UNKNOWN = Address(
    "", "address", _parse_nothing, str, str, b"unknown:", "pd:Contact", declared=True
)  # fmt: skip

Channel.EMAIL = Channel("email", MAILBOX, "e-mail")
Channel.PHONE = Channel("phone", TELEPHONE, "telephone")
CHANNELS = {channel.value: channel for channel in (Channel.EMAIL, Channel.PHONE)}


def channel_named(name: str) -> Channel:
    """Return a channel by its stored name. Raises ValueError for a malformed name."""
    found = CHANNELS.get(name)
    if found is None and _NAME.fullmatch(f"{name}") is None:
        msg = f"{name!r} is no channel"
        raise ValueError(msg)
    return found or Channel(name, _UNKNOWN, name, known=False)


def declared_addresses() -> tuple[Address, ...]:
    """Return the kinds of addresses that a form asks for besides the mailbox."""
    found = (channel.address for channel in CHANNELS.values() if channel.address.declared)
    return tuple(dict.fromkeys(found))


def address_at(name: str) -> Address | None:
    """Return the kind of address that the form field `name` asks for, if any."""
    return next((it for it in (MAILBOX, *declared_addresses()) if it.field == name), None)
