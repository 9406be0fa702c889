"""E-mail addresses as people type and paste them: taken for what is plainly meant, never guessed at."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from optin.consent.address import EmailAddress, parse_email

MOST_CHARACTERS = 1_000  # of a text in which an address is looked for
_JOINERS = "\u200c\u200d"  # they cannot be seen either, but some scripts are spelled with them
_AROUND = " .,;:<>()[]{}\"'`“”„‟«»‹›‘’‚‛"
_AT = str.maketrans({"\uff20": "@", "\ufe6b": "@"})  # of keyboards that write wide letters
_MAILTO = re.compile(r"mailto:([^?\s]*)(?:\?\S*)?", re.IGNORECASE)
_BY_NAME = re.compile(r"[^<>@]*<([^<>]+)>\W*")  # Name <address>
_LOOKS_SO = re.compile(r"[^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"]+")


MISSING, INVALID, SEVERAL = "email-missing", "email-invalid", "email-several"


class AddressRefused(ValueError):
    """No single address is plainly meant. `reason` is a key of the catalogues: `problem.<reason>`."""

    def __init__(self, reason: str) -> None:
        """Say which problem it is: MISSING, INVALID or SEVERAL."""
        super().__init__(reason)
        self.reason = reason


def parse_typed_email(text: str) -> EmailAddress:
    """Return the address that is plainly meant. Raises AddressRefused.

    Dropped are what cannot be seen, punctuation and quotes around it, `mailto:` with its `?subject=`, and the
    name in `Name <a@b>`. The same address twice is one; two different ones are refused.
    """
    cleaned = without_unseen(text[: MOST_CHARACTERS + 1]).translate(_AT)
    if not cleaned.strip(_AROUND):
        raise AddressRefused(MISSING)
    if len(cleaned) > MOST_CHARACTERS:
        raise AddressRefused(INVALID)
    plain = _MAILTO.sub(lambda link: unquote(link[1]), cleaned)
    named = _BY_NAME.fullmatch(plain)
    one = (plain if named is None else named[1]).strip(_AROUND)
    one = re.sub(r"\s*@\s*", "@", one) if one.count("@") == 1 else one
    try:
        return parse_email(one)
    except ValueError:
        return _only(_LOOKS_SO.findall(plain))


def _only(candidates: list[str]) -> EmailAddress:
    """Return the one address among several that are the same. Raises AddressRefused."""
    if len(candidates) < 2:  # noqa: PLR2004 - beside a single one stands what nobody can place
        raise AddressRefused(INVALID)
    try:
        found = [parse_email(it.strip(_AROUND)) for it in candidates]
    except ValueError:
        raise AddressRefused(SEVERAL) from None
    if len(set(found)) > 1:
        raise AddressRefused(SEVERAL)
    return found[0]


def without_unseen(text: str) -> str:
    """Return a text without what cannot be seen, with plain spaces for the others."""
    keep = "" if text.replace("\u200c", "").replace("\u200d", "").isascii() else _JOINERS
    return "".join(
        " " if unicodedata.category(sign) in {"Zs", "Zl", "Zp"} or sign in "\t\r\n" else sign
        for sign in text
        if sign in keep or sign in "\t\r\n" or unicodedata.category(sign) not in {"Cc", "Cf"}
    )
