"""`::: quote`: what a reader says, with name, role and face."""

from __future__ import annotations

from collections.abc import Iterator

from optin.site.blocks.block import Block, BlockHint, BlockReading, Directive, words_in
from optin.site.blocks.person_fields import PORTRAIT, Person, read_person

MOST_WORDS = 25
_WORDLESS = BlockHint(
    "The block 'quote' has no words.",
    "Write below its options what they say.",
)


def _read(directive: Directive, reading: BlockReading) -> Person | None:
    return read_person(directive, reading, _WORDLESS)


def _hints(value: object) -> Iterator[BlockHint]:
    if isinstance(value, Person) and (words := words_in(value.html)) > MOST_WORDS:
        message = f"The quote has {words} words; people read {MOST_WORDS}."
        yield BlockHint(message, "Keep the one sentence that convinces, and ask leave to shorten it.")


QUOTE = Block(
    about="what a reader says",
    read=_read,
    options={
        "name": "Who says it.",
        "role": "What they do, and where.",
        "picture": PORTRAIT,
    },
    needed=frozenset({"name"}),
    hints=_hints,
)
