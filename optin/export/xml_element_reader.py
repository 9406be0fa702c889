"""Yield the elements of one name in a large XML file, one by one, in constant memory.

What stands between them is read past and never kept. An element that holds more than it can ends the reading:
a packed file of some kilobytes may hold gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO
from xml.etree.ElementTree import Element  # builds, does not parse
from xml.parsers import expat

CHUNK_BYTES = 64 * 1024
MOST_TOKEN_BYTES = 256 * 1024  # of a tag or comment, which the parser holds until it ends


class TooLarge(Exception):
    """The file exceeds a limit. The message continues a sentence: "… has …"."""


@dataclass(frozen=True)
class ElementLimits:
    """Limits: elements of the name, parts of one element, characters of text in one element."""

    elements: int
    parts: int
    characters: int


def elements(source: IO[bytes], name: str, most: ElementLimits) -> Iterator[Element]:
    """Yield the elements called `name` (Clark notation), each complete. Raises TooLarge, ExpatError."""
    found = _Elements(name, most)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    given = 0
    while chunk := source.read(CHUNK_BYTES):
        parser.Parse(chunk, False)  # noqa: FBT003 - it has no name
        given += len(chunk)
        if given - parser.CurrentByteIndex > MOST_TOKEN_BYTES:
            raise TooLarge(_PART)
        yield from found.take()
    parser.Parse(b"", True)  # noqa: FBT003 - as above
    yield from found.take()


def _refuse_doctype(*_: object) -> None:
    raise TooLarge(_DOCTYPE)


@dataclass
class _Elements:
    """Builds the elements of one name; discards everything else."""

    name: str
    most: ElementLimits
    _count: int = 0
    _parts: int = 0
    _characters: int = 0
    _open: list[Element] = field(default_factory=list)  # from the element of the name down to the last
    _whole: list[Element] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._open:
            self._parts += 1
            if self._parts > self.most.parts:
                raise TooLarge(_PARTS)
        elif _clark(name) == self.name:
            self._count += 1
            self._parts = self._characters = 0
            if self._count > self.most.elements:
                raise TooLarge(_ELEMENTS)
        else:
            return
        made = Element(_clark(name), {_clark(key): value for key, value in attributes.items()})
        if self._open:
            self._open[-1].append(made)
        self._open.append(made)

    def end(self, _name: str) -> None:
        if self._open:
            done = self._open.pop()
            if not self._open:
                self._whole.append(done)

    def text(self, text: str) -> None:
        if not self._open:
            return
        self._characters += len(text)
        if self._characters > self.most.characters:
            raise TooLarge(_PART)
        last = self._open[-1]
        if len(last):
            last[-1].tail = (last[-1].tail or "") + text
        else:
            last.text = (last.text or "") + text

    def take(self) -> list[Element]:
        taken, self._whole = self._whole, []
        return taken


@lru_cache(maxsize=1_000)  # a file has few names, and millions of elements
def _clark(name: str) -> str:
    return f"{{{name}" if "}" in name else name


_PART = "a cell that is longer than any"
_PARTS = "a row or cell of more parts than any"
_ELEMENTS = "more rows or texts than any"
_DOCTYPE = "a document type, which no spreadsheet has"
