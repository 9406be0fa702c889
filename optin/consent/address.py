"""Addresses at which people are reached: an e-mail address, a telephone number. Their one normal form."""

from __future__ import annotations

from typing import NewType

import phonenumbers
from email_validator import EmailNotValidError, validate_email

EmailAddress = NewType("EmailAddress", str)
PhoneNumber = NewType("PhoneNumber", str)  # E.164, "+31201234567"

MAX_ADDRESS_CHARACTERS = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets


def parse_email(text: str) -> EmailAddress:
    """Return the address as mail is sent to it. Raises ValueError when it cannot be one."""
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
    """Return the one spelling under which a mailbox is looked up: no two cases make two people."""
    return address.casefold().encode()


def parse_phone(text: str, country: str) -> PhoneNumber:
    """Return the number in E.164. `country` (ISO 3166) reads national numbers. Raises ValueError."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as problem:
        msg = "not a telephone number"
        raise ValueError(msg) from problem
    if not phonenumbers.is_valid_number(number):
        msg = "not a telephone number in use"
        raise ValueError(msg)
    return PhoneNumber(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
