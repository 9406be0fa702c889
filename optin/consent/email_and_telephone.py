"""Addresses of people: an e-mail address, a telephone number, each in one normal form."""

from __future__ import annotations

import string
import unicodedata
from typing import NewType

import phonenumbers
from email_validator import EmailNotValidError, validate_email

EmailAddress = NewType("EmailAddress", str)
PhoneNumber = NewType("PhoneNumber", str)  # E.164, "+31201234567"

ALIASES = {"googlemail.com": "gmail.com"}
WITHOUT_DOTS = frozenset({"gmail.com"})
# who calls these pays whoever gave them
NOT_TO_CALL = (phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST)

MAX_ADDRESS_CHARACTERS = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets


def parse_email(text: str) -> EmailAddress:
    """Return the address in the form mail is sent to. Raises ValueError when it is not valid."""
    if len(text) > MAX_ADDRESS_CHARACTERS:
        msg = "too long for an e-mail address"
        raise ValueError(msg)
    try:
        checked = validate_email(text.strip(), check_deliverability=False)
    except EmailNotValidError as problem:
        msg = "not an e-mail address"
        raise ValueError(msg) from problem
    return EmailAddress(checked.normalized)


def address_key(address: EmailAddress) -> bytes:
    """Return the key of a mailbox: two addresses belong to one person exactly when their keys are equal.

    The domain as the mail system resolves it (IDNA 2008 A-label, lower case; RFC 5891), the part before
    the @ in NFC with its ASCII letters in lower case. Nothing else is folded: straße.example and
    strasse.example are two domains, and may have two owners. Raises ValueError when a domain has no A-label.
    """
    if address.isascii():
        return address.lower().encode()
    name, _, domain = address.rpartition("@")
    name = unicodedata.normalize("NFC", name).translate(_ASCII_LOWER)
    return f"{name}@{_ascii_domain(domain)}".encode()


def as_mailed(address: EmailAddress) -> str:
    """Return the address in a form that any mail server accepts: the domain in ASCII (RFC 5891).

    Only a name before the @ that is not in ASCII still asks for a server that speaks RFC 6531.
    """
    name, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{name}@{_ascii_domain(domain)}"


def mailbox_of(address: EmailAddress) -> EmailAddress:
    """Return the mailbox that an address most likely ends in; only for counting (D8).

    What follows a + is dropped, and the dots that Google ignores. Two people may be folded into one: who
    somebody is must never follow from this.
    """
    name, _, domain = address_key(address).decode().rpartition("@")
    domain = ALIASES.get(domain, domain)
    name = name.partition("+")[0] or name
    return EmailAddress(f"{name.replace('.', '') if domain in WITHOUT_DOTS else name}@{domain}")


_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def _ascii_domain(domain: str) -> str:
    """Return the A-label form of a domain, in lower case. Raises ValueError when it has none."""
    if domain.isascii():
        return domain.lower()
    try:
        found = validate_email(f"a@{domain}", check_deliverability=False).ascii_domain
    except EmailNotValidError as problem:
        msg = "no domain of an e-mail address"
        raise ValueError(msg) from problem
    return found.lower()


def parse_phone(text: str, country: str) -> PhoneNumber:
    """Return the number in E.164. `country` (ISO 3166) reads national numbers. Raises ValueError.

    An extension is refused, for E.164 would lose it; so is a number that costs whoever calls it.
    """
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as problem:
        msg = "not a telephone number"
        raise ValueError(msg) from problem
    if not phonenumbers.is_valid_number(number):
        msg = "not a telephone number in use"
        raise ValueError(msg)
    if number.extension or phonenumbers.number_type(number) in NOT_TO_CALL:
        msg = "not a telephone number that is called as it is"
        raise ValueError(msg)
    return PhoneNumber(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def country_of(number: str) -> str:
    """Return the country (ISO 3166) of a number in E.164; empty for one of no country, such as satellites."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ""
    return "" if region in {None, "001"} else str(region)


def international(number: str) -> str:
    """Return an E.164 number in international form: +31 20 123 4567; other values unchanged."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
