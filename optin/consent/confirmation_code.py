"""The one-time code in the confirmation mail: short, typed by hand, with few attempts (D3)."""

from __future__ import annotations

import hmac
import secrets
import unicodedata

DIGITS = 8  # with five tries a request: one chance in twenty million
MAX_TRIES = 5


def new_code() -> str:
    """Return a new code."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def spaced_code(code: str) -> str:
    """Return the code in two groups of four, for reading."""
    return f"{code[:4]} {code[4:]}"


def code_matches(code: str, typed: str) -> bool:
    """Return whether `typed` is the code, with any spaces, in the decimal digits of any script."""
    return hmac.compare_digest(code.encode(), digits_of(typed).encode())


def digits_of(typed: str) -> str:
    """Return the typed digits in ASCII."""
    return "".join(str(unicodedata.decimal(sign)) for sign in typed if sign.isdecimal())
