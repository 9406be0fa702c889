"""`::: inside`: a look into the file, some of its pages with a line about each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from optin.site.blocks.block import Block, BlockHint, BlockReading, Directive
from optin.site.blocks.list_items import Item, items_of
from optin.site.model import PictureFile

MOST = 8
BEST = 4
EXAMPLE = "- 2: the decision chart"
_PAGE = re.compile(r"\s*(\d{1,4})\s*:\s*")


@dataclass(frozen=True)
class InsidePage:
    """A page of the file, with what is on it, as HTML."""

    number: int
    caption: str
    picture: PictureFile


@dataclass(frozen=True)
class Inside:
    """Some pages of the file."""

    heading: str
    pages: tuple[InsidePage, ...]


def _read(directive: Directive, reading: BlockReading) -> Inside | None:
    captions: dict[int, str] = {}
    items = items_of(directive, reading, EXAMPLE)
    for item in items:
        number = _number(item)
        if number is None or number in captions:
            message = "An item of the block 'inside' is the number of a page, a colon, and what is on it."
            reading.refuse(item.line, message, f"Write each page once, like: {EXAMPLE}")
            return None
        first, *rest = item.parts
        shown = _PAGE.sub("", first.content, count=1)
        captions[number] = f"{reading.text(shown)}{reading.html(rest)}"
        if len(captions) > MOST:
            message = f"The block 'inside' shows more than {MOST} pages; people should want the rest."
            reading.refuse(item.line, message, f"Keep the {BEST} that show most.")
            return None
    if not items:
        return None
    pictures = reading.pages(directive.line_of("file"), directive.option("file"), tuple(captions))
    pages = tuple(
        InsidePage(number, caption, picture)
        for (number, caption), picture in zip(captions.items(), pictures, strict=False)
    )
    return Inside(directive.heading, pages) if pages else None


def _number(item: Item) -> int | None:
    """Return the number of a page; None where the item does not begin with one and go on."""
    first = item.parts[0]
    found = _PAGE.match(first.content) if first.type == "text" else None
    whole = found is not None and (found.end() < len(first.content) or len(item.parts) > 1)
    return int(found[1]) if found is not None and whole and int(found[1]) else None


def _hints(value: object) -> Iterator[BlockHint]:
    if isinstance(value, Inside) and len(value.pages) > BEST:
        message = f"The look inside shows {len(value.pages)} pages; {BEST} stand beside each other."
        yield BlockHint(message, f"Keep the {BEST} that show most.")


INSIDE = Block(
    about="a look into the file",
    read=_read,
    options={"file": "Another PDF of the magnet's folder than the one that people get."},
    hints=_hints,
)
