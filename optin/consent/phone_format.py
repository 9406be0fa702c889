"""Telephone numbers as people read them: with the country, in groups."""

from __future__ import annotations

import phonenumbers


def international(number: str) -> str:
    """Return a number in E.164 in international form: +31 20 123 4567; what is none as it is."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
