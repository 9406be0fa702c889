"""`::: author`: who wrote the magnet, and why they know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optin.site.blocks.block import Block, BlockHint, BlockReading, Directive, words_in
from optin.site.model import PictureFile

MOST_WORDS = 30


@dataclass(frozen=True)
class Author:
    """Who wrote the magnet; why they know, as HTML."""

    heading: str
    html: str
    name: str
    role: str
    picture: PictureFile | None


def _read(directive: Directive, reading: BlockReading) -> Author | None:
    html = reading.html(directive.content)
    if not html.strip():
        cure = "Write below its options, in a sentence or two, why the author knows."
        reading.refuse(directive.line, "The block 'author' says nothing about the author.", cure)
        return None
    name, file = directive.option("name"), directive.option("picture")
    picture = reading.picture(directive.line_of("picture"), file, "", "face") if file else None
    return Author(directive.heading, html, name, directive.option("role"), picture)


def _hints(value: object) -> Iterator[BlockHint]:
    if isinstance(value, Author) and (words := words_in(value.html)) > MOST_WORDS:
        message = f"The author has {words} words; people read {MOST_WORDS}."
        yield BlockHint(message, "Say only what makes them know this subject.")


AUTHOR = Block(
    about="who wrote it",
    read=_read,
    options={
        "name": "The author's name.",
        "role": "What they do.",
        "picture": "Their face, a picture in the magnet's folder.",
    },
    needed=frozenset({"name"}),
    hints=_hints,
)
