"""Blocks about a person: words, with the name, the role and a portrait of whoever they are by or about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optin.site.blocks.block import Block, BlockHint, BlockReading, Directive, words_in
from optin.site.model import PictureFile


@dataclass(frozen=True)
class Person:
    """A person, with words by or about them, as HTML."""

    heading: str
    html: str
    name: str
    role: str
    picture: PictureFile | None


@dataclass(frozen=True)
class PersonBlock:
    """What tells one block about a person from another; messages and cures are for its author."""

    about: str
    name: str  # the meaning of the option `name`
    role: str  # the meaning of the option `role`
    wordless: BlockHint  # for a block without words
    most_words: int
    too_long: BlockHint  # `{words}` in its message: how many there are

    @property
    def block(self) -> Block:
        """The block, with the options `name`, `role` and `picture`."""
        picture = "Their face, a picture in the magnet's folder."
        return Block(
            about=self.about,
            read=self._read,
            options={"name": self.name, "role": self.role, "picture": picture},
            needed=frozenset({"name"}),
            hints=self._hints,
        )

    def _read(self, directive: Directive, reading: BlockReading) -> Person | None:
        html = reading.html(directive.content)
        if not html.strip():
            reading.refuse(directive.line, self.wordless.message, self.wordless.cure)
            return None
        name, file = directive.option("name"), directive.option("picture")
        picture = reading.picture(directive.line_of("picture"), file, "", "face") if file else None
        return Person(directive.heading, html, name, directive.option("role"), picture)

    def _hints(self, value: object) -> Iterator[BlockHint]:
        if isinstance(value, Person) and (words := words_in(value.html)) > self.most_words:
            yield BlockHint(self.too_long.message.format(words=words), self.too_long.cure)
