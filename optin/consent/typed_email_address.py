"""E-mail addresses as people type and paste them: read when the meaning is plain, never guessed."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from urllib.parse import unquote

from optin.consent.email_and_telephone import EmailAddress, parse_email

MOST_CHARACTERS = 1_000  # of a text in which an address is looked for
_JOINERS = "\u200c\u200d"  # they cannot be seen either, but some scripts are spelled with them
_AROUND = ' .,;:<>()[]"“”„‟«»‹›‘’‚‛'  # no address begins or ends with these
_MAY_BEGIN = "'`{"  # an address may: they go only with another at its end
_MAY_END = "'`}"  # a domain never does
_AT = str.maketrans({"\uff20": "@", "\ufe6b": "@"})  # of keyboards that write wide letters
_MAILTO = re.compile(r"(?<![\w.!#$%&*+/=?^|~-])mailto:([^?\s]*)", re.IGNORECASE)
_QUERY = re.compile(rf"({_MAILTO.pattern})\?\S*", re.IGNORECASE)
_BY_NAME = re.compile(r"[^<>@]*<([^<>]+)>\W*")  # Name <address>
_LOOKS_SO = re.compile(r"[^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"]+")


MISSING, INVALID, SEVERAL = "email-missing", "email-invalid", "email-several"


class AddressRefused(ValueError):
    """The input has no single plain meaning. `reason`: a key of the catalogues, `problem.<reason>`."""

    def __init__(self, reason: str) -> None:
        """Take the problem: MISSING, INVALID or SEVERAL."""
        super().__init__(reason)
        self.reason = reason


def parse_typed_email(text: str) -> EmailAddress:
    """Return the address that is plainly meant. Raises AddressRefused.

    Dropped are what cannot be seen, punctuation and quotes around it, `mailto:` with its `?subject=`, and the
    name in `Name <a@b>`. What is an address as it was typed loses nothing. The same address twice is one; two
    different ones are refused.
    """
    cleaned = without_invisible(text[: MOST_CHARACTERS + 1]).translate(_AT)
    if not cleaned.strip(_AROUND + _MAY_BEGIN + _MAY_END):
        raise AddressRefused(MISSING)
    if len(cleaned) > MOST_CHARACTERS:
        raise AddressRefused(INVALID)
    plain = without_mailto(_QUERY.sub(r"\1", cleaned))
    named = _BY_NAME.fullmatch(plain)
    one = plain if named is None else named[1]
    one = re.sub(r"\s*@\s*", "@", one) if one.count("@") == 1 else one
    return _unwrapped(one) or _only(_LOOKS_SO.findall(plain))


def without_mailto(text: str, before: str = "", behind: str = "") -> str:
    """Return a text with each `mailto:` link replaced by its percent-decoded address.

    `before` and `behind`: what to put around it, where it must not run together with other words.
    """
    return _MAILTO.sub(lambda link: f"{before}{unquote(link[1])}{behind}", text)


def _unwrapped(text: str) -> EmailAddress | None:
    """Return the address in a text that holds only punctuation around it; None when there is none."""
    while True:
        text = text.strip(_AROUND)
        with suppress(ValueError):
            return parse_email(text)
        inner = text
        if inner.endswith(tuple(_MAY_END)):
            inner = inner[inner.startswith(tuple(_MAY_BEGIN)) : -1]
        if inner == text:
            return None
        text = inner


def _only(candidates: list[str]) -> EmailAddress:
    """Return the one address among several that are the same. Raises AddressRefused."""
    if len(candidates) < 2:  # noqa: PLR2004 - beside a single one stands what nobody can place
        raise AddressRefused(INVALID)
    found = {_unwrapped(it) for it in candidates}
    first = found.pop()
    if first is None or found:
        raise AddressRefused(SEVERAL)
    return first


def without_invisible(text: str) -> str:
    """Return a text without invisible characters, and with plain spaces."""
    keep = "" if text.replace("\u200c", "").replace("\u200d", "").isascii() else _JOINERS
    return "".join(
        " " if unicodedata.category(sign) in {"Zs", "Zl", "Zp"} or sign in "\t\r\n" else sign
        for sign in text
        if sign in keep or sign in "\t\r\n" or unicodedata.category(sign) not in {"Cc", "Cf"}
    )
