"""`::: benefits`: what a reader gains, each with an icon, a few words in bold, and a few more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from optin.site.blocks.block import Block, BlockHint, BlockReading, Directive, shown_text, words_in
from optin.site.blocks.list_items import bold_items
from optin.site.findings import nearest
from optin.theme.icons import icons_in
from optin.theme.theme import OURS

MOST = 6
MOST_BOLD_WORDS, MOST_WORDS = 5, 9
EXAMPLE = "- :clock: **Ready in minutes** One page for each call."
_ICON = re.compile(r":([a-z0-9-]+):")


@dataclass(frozen=True)
class Benefit:
    """What a reader gains, as HTML, with the name of an icon."""

    icon: str
    title: str
    text: str


@dataclass(frozen=True)
class Benefits:
    """What a reader gains."""

    heading: str
    benefits: tuple[Benefit, ...]


def _read(directive: Directive, reading: BlockReading) -> Benefits | None:
    found: list[Benefit] = []
    icons = sorted(icons_in(OURS))
    for item in bold_items(directive, reading, EXAMPLE):
        named = _ICON.fullmatch(item.before)
        if item.before and named is None:
            message = "Before the words in bold stands nothing but the name of an icon."
            reading.refuse(item.line, message, f"Write it like: {EXAMPLE}")
            return None
        icon = named[1] if named else "check"
        if icon not in icons:
            reading.refuse(item.line, f"The icon {icon!r} is unknown.", nearest(icon, icons))
            return None
        found.append(Benefit(icon, item.bold, item.after))
    return Benefits(directive.heading, tuple(found)) if found else None


def _hints(value: object) -> Iterator[BlockHint]:
    if not isinstance(value, Benefits):
        return
    if len(value.benefits) > MOST:
        message = f"There are {len(value.benefits)} benefits; people read {MOST} at most."
        yield BlockHint(message, "Keep those that your readers ask about.")
    for it in value.benefits:
        bold, more = words_in(it.title), words_in(it.text)
        if bold > MOST_BOLD_WORDS or more > MOST_WORDS:
            message = f"The benefit {shown_text(it.title).strip()!r} has {bold} words and {more} more."
            yield BlockHint(message, f"Say it in {MOST_BOLD_WORDS} words and {MOST_WORDS} more.")


BENEFITS = Block(about="what a reader gains", read=_read, hints=_hints)
