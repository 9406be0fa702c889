"""`::: numbers`: at most three numbers that can be checked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from optin.site.blocks.block import Block, BlockReading, Directive, shown_text
from optin.site.blocks.list_items import bold_items

MOST = 3
EXAMPLE = "- **12** pages"
_UNIT = re.compile(r"(?P<number>[^<]*\d\S*)\s+(?P<unit>[^\s\d<][^<]*)")


@dataclass(frozen=True)
class Number:
    """A number with what it counts, as HTML. `unit`: words in bold after the number, set smaller."""

    number: str
    label: str
    unit: str = ""


@dataclass(frozen=True)
class Numbers:
    """Up to three numbers."""

    heading: str
    numbers: tuple[Number, ...]


def _read(directive: Directive, reading: BlockReading) -> Numbers | None:
    items = bold_items(directive, reading, EXAMPLE)
    for item in items:
        if item.before or not item.after or not any(sign.isdigit() for sign in shown_text(item.bold)):
            message = "An item of the block 'numbers' is a number in bold and what it counts."
            reading.refuse(item.line, message, f"Write it like: {EXAMPLE}")
            return None
    if len(items) > MOST:
        message = f"The block 'numbers' has {len(items)} numbers; nobody remembers more than {MOST}."
        reading.refuse(items[MOST].line, message, f"Keep the {MOST} that matter to a reader.")
        return None
    return Numbers(directive.heading, tuple(_number(it.bold, it.after) for it in items)) if items else None


def _number(bold: str, label: str) -> Number:
    parts = _UNIT.fullmatch(bold)
    return Number(bold, label) if parts is None else Number(parts["number"], label, parts["unit"])


NUMBERS = Block(about="up to three numbers", read=_read)
