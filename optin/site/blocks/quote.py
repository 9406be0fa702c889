"""`::: quote`: what a reader says, with name, role and face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optin.site.blocks.block import Block, BlockHint, BlockReading, Directive, words_in
from optin.site.model import PictureFile

MOST_WORDS = 25


@dataclass(frozen=True)
class Quote:
    """What somebody says, as HTML."""

    heading: str
    html: str
    name: str
    role: str
    picture: PictureFile | None


def _read(directive: Directive, reading: BlockReading) -> Quote | None:
    html = reading.html(directive.content)
    if not html.strip():
        reading.refuse(
            directive.line, "The block 'quote' has no words.", "Write below its options what they say."
        )
        return None
    name, file = directive.option("name"), directive.option("picture")
    picture = reading.picture(directive.line_of("picture"), file, "", "face") if file else None
    return Quote(directive.heading, html, name, directive.option("role"), picture)


def _hints(value: object) -> Iterator[BlockHint]:
    if isinstance(value, Quote) and (words := words_in(value.html)) > MOST_WORDS:
        message = f"The quote has {words} words; people read {MOST_WORDS}."
        yield BlockHint(message, "Keep the one sentence that convinces, and ask leave to shorten it.")


QUOTE = Block(
    about="what a reader says",
    read=_read,
    options={
        "name": "Who says it.",
        "role": "What they do, and where.",
        "picture": "Their face, a picture in the magnet's folder.",
    },
    needed=frozenset({"name"}),
    hints=_hints,
)
