"""Lists in blocks: each item on one line, beginning with words in bold where the block wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it.tree import SyntaxTreeNode

from optin.site.blocks.block import BlockReading, Directive


@dataclass(frozen=True)
class Item:
    """One item of a list, by its line, and the parts of its text."""

    line: int
    parts: Sequence[SyntaxTreeNode]


@dataclass(frozen=True)
class BoldItem:
    """An item like `before **bold** after`, as HTML."""

    line: int
    before: str
    bold: str
    after: str


def items_of(directive: Directive, reading: BlockReading, example: str) -> tuple[Item, ...]:
    """Return the items of a block that is one list; another content is a finding with `example`."""
    found: list[Item] = []
    for node in directive.content:
        if node.type not in {"bullet_list", "ordered_list"}:
            message = f"The block {directive.name!r} is a list, and this line is none of its items."
            reading.refuse(reading.line(node), message, f"Begin each line with a hyphen: {example}")
            return ()
        for item in node.children:
            line = reading.line(item)
            if len(item.children) != 1 or item.children[0].type != "paragraph":
                message = f"An item of the block {directive.name!r} is one line of text."
                reading.refuse(line, message, f"Write it like: {example}")
                return ()
            found.append(Item(line, item.children[0].children[0].children))
    if not found:
        message = f"The block {directive.name!r} is empty."
        reading.refuse(directive.line, message, f"Write below it: {example}")
    return tuple(found)


def bold_items(directive: Directive, reading: BlockReading, example: str) -> tuple[BoldItem, ...]:
    """Return the items of a list in which each has words in bold; none after a finding."""
    found: list[BoldItem] = []
    for item in items_of(directive, reading, example):
        place = next((at for at, part in enumerate(item.parts) if part.type == "strong"), None)
        if place is None:
            message = f"This item of the block {directive.name!r} has no words in bold."
            reading.refuse(item.line, message, f"Write it like: {example}")
            return ()
        before = reading.html(item.parts[:place]).strip()
        bold = reading.html(item.parts[place].children).strip()
        found.append(BoldItem(item.line, before, bold, reading.html(item.parts[place + 1 :]).strip()))
    return tuple(found)
