"""The one-time code of the confirmation mail: short, typed by hand, few tries (D3)."""

from __future__ import annotations

import hmac
import secrets
import unicodedata

DIGITS = 8  # with five tries a request: one chance in twenty million
MAX_TRIES = 5


def new_code() -> str:
    """Return a fresh code."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def spaced(code: str) -> str:
    """Return the code as it is read aloud: two groups of four."""
    return f"{code[:4]} {code[4:]}"


def matches(code: str, typed: str) -> bool:
    """Return whether `typed` is the code, however it was spaced, in the decimal digits of any script."""
    return hmac.compare_digest(code.encode(), digits_of(typed).encode())


def digits_of(typed: str) -> str:
    """Return the digits that were typed, in ASCII."""
    return "".join(str(unicodedata.decimal(sign)) for sign in typed if sign.isdecimal())
