"""Addresses and telephone numbers in one cell of a list; other text around them is ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from optin.consent.channel import MAILBOX, TELEPHONE
from optin.consent.email_and_telephone import parse_email
from optin.consent.typed_email_address import without_mailto

EMAIL, PHONE = MAILBOX.field, TELEPHONE.field
# nobody sees these: soft hyphen, spaces without width, marks of direction, byte order mark
_UNSEEN = dict.fromkeys(
    [0x00AD, 0x2060, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_ONE_EMAIL = re.compile(
    r"[^\s<>()\[\]\",;:@'\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
    r"[^\s<>()\[\]\",;:@\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]*@[\w.-]*\w"
)
_BETWEEN_EMAILS = re.compile(r"[\s<>()\[\]\",;:|/\\]+")
_IN_BRACKETS = re.compile(r"<([^<>@]*@[^<>@]*)>")
_ONE_PHONE = re.compile(r"(?=(?:\D*\d){7})[+(]?[\d][\d ()./-]{6,24}")
_PHONES = re.compile(r"[+(]?(?:\d[ ()./-]*){7,15}")
_BETWEEN_PHONES = re.compile(r"[;,|\n]|\s[/&+]\s|\s(?:of|or|en|and|und|oder|ou|et)\s")
_DATE = re.compile(r"\b\d{1,4}([-./])\d{1,2}\1\d{2,4}\b(?:[ T]*\d{1,2}[:.]\d{2}(?:[:.]\d{2})?)?")
_LEAST_DIGITS = 7


def own_addresses(kind: str, cell: str) -> tuple[str, ...]:
    """Return every address in a cell of the address column; a cell of any other form unchanged."""
    text = cell.strip()
    return (text,) if _ONE[kind].fullmatch(text) else _OWN[kind](text)


def addresses_within(kind: str, cell: str) -> tuple[str, ...]:
    """Return everything in a cell that looks like an address or a number."""
    return _WITHIN[kind](cell)


def is_address(kind: str, cell: str) -> bool:
    """Return whether a cell holds only addresses, perhaps with names."""
    text = cell.strip()
    if kind == PHONE:
        return _ONE_PHONE.fullmatch(text) is not None and _DATE.fullmatch(text) is None
    if "@" not in text or not _emails(text):
        return False
    return text.endswith(">") or all("@" in part for part in _email_parts(text))


def _email_parts(text: str) -> list[str]:
    words = (word for word in _BETWEEN_EMAILS.split(text) if word)
    return [word for word in words if word.casefold() != "mailto"]


def _emails(cell: str) -> tuple[str, ...]:
    if "@" not in cell and "%40" not in cell:
        return ()
    seen = without_mailto(cell.translate(_UNSEEN), "<", ">")
    if "<" not in seen:
        return _split(seen)
    parts = _IN_BRACKETS.split(seen)  # in turn: what stands outside, and inside a pair of < and >
    return tuple(
        found for place, part in enumerate(parts) for found in (_inside if place % 2 else _split)(part)
    )


def _split(text: str) -> tuple[str, ...]:
    found = (part.partition("?")[0].strip("'.") for part in _email_parts(text) if "@" in part)
    return tuple(part for part in found if not part.startswith("@") and not part.endswith("@"))


def _inside(text: str) -> tuple[str, ...]:
    """Return the one address between < and >, even around a sign that separates addresses elsewhere."""
    found, whole = _split(text), text.strip()
    if found == (whole,):  # as nearly always; reading it takes long, and there are millions
        return found
    try:
        parse_email(whole)
    except ValueError:
        return found
    return (whole,)


def _own_emails(text: str) -> tuple[str, ...]:
    seen = text.translate(_UNSEEN).strip()
    return (seen,) if _ONE_EMAIL.fullmatch(seen) else _emails(seen) or (text,)


def _own_phones(text: str) -> tuple[str, ...]:
    parts = [part.strip() for part in _BETWEEN_PHONES.split(text.translate(_UNSEEN))]
    numbers = tuple(part for part in parts if sum(map(str.isdigit, part)) >= _LEAST_DIGITS)
    return numbers if len(numbers) > 1 else (text.translate(_UNSEEN),)


def _phones(cell: str) -> tuple[str, ...]:
    return tuple(_PHONES.findall(_DATE.sub(" ", cell.translate(_UNSEEN))))


_ONE: Mapping[str, re.Pattern[str]] = {EMAIL: _ONE_EMAIL, PHONE: re.compile(r"[+(]?\d[\d ().-]{6,18}")}
_OWN: Mapping[str, Callable[[str], tuple[str, ...]]] = {EMAIL: _own_emails, PHONE: _own_phones}
_WITHIN: Mapping[str, Callable[[str], tuple[str, ...]]] = {EMAIL: _emails, PHONE: _phones}
