"""Notices that only people were meant to read: whom they name, and what they say of each. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from optin.bounces.notice_signs import ORIGINAL_FOLLOWS

_MOST_CHARACTERS = 16_000  # of a notice before the copy of the mail
MOST_RECIPIENTS = 100  # that one notice names
# An address in running words, and one in a header field, where = is part of many (VERP, BATV).
ADDRESS = re.compile(
    r"(?<![\w.@])[^\s<>()\[\]{},;:\"'`@|\\/]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}(?![\w@])"
)
FIELD_ADDRESS = re.compile(r"[^\s<>()\[\]{},;:\"@]{1,64}@[\w.-]{1,255}")

_KEY = re.compile(r"^(?:smtp|rfc-?822|account|for|to|rcpt|recipient)=", re.IGNORECASE)  # Exchange 5.5, logs

# A line names a recipient when it begins with the address, or with one of these words before it.
_BEGINS = re.compile(r"[\s>*|.\"'<\[(-]*(?:smtp:|to:?\s*<|mailto:|e-?mail:)?[\s\"'<(]*", re.IGNORECASE)
_NAMES = re.compile(
    r"(?:recipients?(?: address)?(?:\(s\))?|original address|address(?:ed)?(?: to)?|rcpt to|error-for"
    r"|failed to|deliver(?:ed|able)?(?: to)?"
    r"|delivery (?:to|failed \d+ attempts)|user|userid|mailbox|account|to local user|message to"
    r"|undeliverable to|account named"
    r"|cannot be delivered|intended|unknown|is full|destinataire|empfänger|ontvanger"
    r"|couldn't be delivered to|person)"
    r"[\s:=('\"<\[]*(?:smtp:)?[\s'\"<(]*$",
    re.IGNORECASE,
)
# Addresses in these lines are other people's.
_OF_OTHERS = re.compile(
    r"^[\s>*-]*(?:from|sender|reply-to|cc|message-id|return-path|received|subject|date|x-[\w-]+|errors-to"
    r"|mail from|in-reply-to"
    r"|>>> mail|sent <<< mail|<<< 2|.{0,200}(?:contact|please send|mail to <?postmaster|assistance"
    r"|help ?desk|questions?|by mailing))\b",
    re.IGNORECASE,
)
_ORIGINAL_TO = re.compile(r"^[\s>]*(?:to|an|à|aan|para):", re.IGNORECASE)
_NOBODY = re.compile(
    r"^(?:postmaster|mailer-daemon|abuse|support|helpdesk|webmaster|hostmaster)@", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Mention:
    """An address that a notice names, and the words about it up to the next one."""

    address: str
    words: str


def before_the_original(text: str) -> str:
    """Return a notice without the copy of the mail that it is about."""
    shown = text[: _MOST_CHARACTERS * 2]
    follows = ORIGINAL_FOLLOWS.search(shown, 1)
    return (shown[: follows.start()] if follows else shown)[:_MOST_CHARACTERS]


def mentions(notice: str, ours: Collection[str]) -> list[Mention]:
    """Return the recipients that a notice names, in order; ours, in lower case, are left out."""
    lines = notice.split("\n")
    named: list[tuple[int, str]] = []
    others: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        if "@" not in line or _OF_OTHERS.match(line[:400]):
            continue
        for found in ADDRESS.finditer(line[:1000]):
            address = _KEY.sub("", found[0]).strip(".")
            if address.lower() in ours or _NOBODY.match(address):
                continue
            before = line[: found.start()]
            sure = not _ORIGINAL_TO.match(line) and (
                _BEGINS.fullmatch(before[-60:]) or _NAMES.search(before[-60:])
            )
            (named if sure else others).append((number, address))
    return _with_words(lines, named or others)


def _with_words(lines: list[str], named: list[tuple[int, str]]) -> list[Mention]:
    if not named:
        return []
    first: dict[str, int] = {}
    for number, address in named:
        first.setdefault(address.lower(), number)
    begins = sorted(set(first.values()))
    written = {address.lower(): address for _, address in reversed(named)}
    ends = dict(zip(begins, [*begins, len(lines)][1:], strict=True))
    return [
        Mention(written[key], "\n".join(lines[begin : ends[begin]]))
        for key, begin in list(first.items())[:MOST_RECIPIENTS]
    ]
