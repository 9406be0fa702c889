"""`::: logos`: who uses or recommends it, as a row of logos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from optin.site.blocks.block import Block, BlockHint, BlockReading, Directive
from optin.site.blocks.list_items import items_of
from optin.site.model import PictureFile

EXAMPLE = "- ![Name of the company](logo.svg)"


@dataclass(frozen=True)
class Logos:
    """Logos, and one line that says what they mean, as HTML."""

    heading: str
    html: str
    pictures: tuple[PictureFile, ...]


def _read(directive: Directive, reading: BlockReading) -> Logos | None:
    words = [node for node in directive.content if node.type == "paragraph"]
    rest = [node for node in directive.content if node.type != "paragraph"]
    pictures: list[PictureFile] = []
    listed = Directive(directive.name, directive.line, directive.heading, directive.options, rest)
    for item in items_of(listed, reading, EXAMPLE):
        images = [part for part in item.parts if part.type == "image"]
        if len(images) != 1 or len(item.parts) != 1 or not images[0].content.strip():
            message = "An item of the block 'logos' is one picture with the company's name."
            reading.refuse(item.line, message, f"Write it like: {EXAMPLE}")
            return None
        source = unquote(str(images[0].attrs.get("src", "")))
        picture = reading.picture(item.line, source, images[0].content.strip(), "logo")
        if picture is not None:
            pictures.append(picture)
    return Logos(directive.heading, reading.html(words), tuple(pictures)) if pictures else None


def _hints(value: object) -> Iterator[BlockHint]:
    if isinstance(value, Logos) and not value.html.strip() and not value.heading:
        cure = "Write a line above them, such as: Also used by the sales teams of"
        yield BlockHint("The logos do not say what they mean.", cure)


LOGOS = Block(about="who uses it", read=_read, hints=_hints)
