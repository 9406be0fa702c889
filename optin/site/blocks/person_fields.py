"""What blocks about a person share: words, and the name, role and face of whoever they are by or about."""

from __future__ import annotations

from dataclasses import dataclass

from optin.site.blocks.block import BlockHint, BlockReading, Directive
from optin.site.model import PictureFile

PORTRAIT = "Their face, a picture in the magnet's folder."


@dataclass(frozen=True)
class Person:
    """A person, with words by or about them, as HTML."""

    heading: str
    html: str
    name: str
    role: str
    picture: PictureFile | None


def read_person(directive: Directive, reading: BlockReading, wordless: BlockHint) -> Person | None:
    """Read a block with the options `name`, `role` and `picture`; one without words is told as `wordless`."""
    html = reading.html(directive.content)
    if not html.strip():
        reading.refuse(directive.line, wordless.message, wordless.cure)
        return None
    name, file = directive.option("name"), directive.option("picture")
    picture = reading.picture(directive.line_of("picture"), file, "", "face") if file else None
    return Person(directive.heading, html, name, directive.option("role"), picture)
