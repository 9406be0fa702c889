"""`::: author`: who wrote the magnet, and why they know."""

from __future__ import annotations

from collections.abc import Iterator

from optin.site.blocks.block import Block, BlockHint, BlockReading, Directive, words_in
from optin.site.blocks.person_fields import PORTRAIT, Person, read_person

MOST_WORDS = 30
_WORDLESS = BlockHint(
    "The block 'author' says nothing about the author.",
    "Write below its options, in a sentence or two, why the author knows.",
)


def _read(directive: Directive, reading: BlockReading) -> Person | None:
    return read_person(directive, reading, _WORDLESS)


def _hints(value: object) -> Iterator[BlockHint]:
    if isinstance(value, Person) and (words := words_in(value.html)) > MOST_WORDS:
        message = f"The author has {words} words; people read {MOST_WORDS}."
        yield BlockHint(message, "Say only what makes them know this subject.")


AUTHOR = Block(
    about="who wrote it",
    read=_read,
    options={
        "name": "The author's name.",
        "role": "What they do.",
        "picture": PORTRAIT,
    },
    needed=frozenset({"name"}),
    hints=_hints,
)
