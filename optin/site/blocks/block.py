"""The interface of a block: its options, and how its directive becomes a value for its template."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from markdown_it.tree import SyntaxTreeNode

from optin.site.model import PictureFile

_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Option:
    """The text of an option, and its line in the magnet's file."""

    text: str
    line: int


@dataclass(frozen=True)
class Directive:
    """A block as written. `heading` is HTML; `content` is what follows heading and options."""

    name: str
    line: int
    heading: str
    options: Mapping[str, Option]
    content: Sequence[SyntaxTreeNode]

    def option(self, name: str) -> str:
        """Return the text of an option; empty where it is not given."""
        found = self.options.get(name)
        return "" if found is None else found.text

    def line_of(self, name: str) -> int:
        """Return the line of an option, or of the block."""
        found = self.options.get(name)
        return self.line if found is None else found.line


class BlockReading(Protocol):
    """The functions that a block calls while it is read. Lines are those of the magnet's file, from 1."""

    def refuse(self, line: int, message: str, cure: str) -> None:
        """Report a mistake; the magnet is left out."""
        ...

    def line(self, node: SyntaxTreeNode) -> int:
        """Return the line where a part of the text begins."""
        ...

    def html(self, nodes: Sequence[SyntaxTreeNode]) -> str:
        """Return parts of the text as HTML."""
        ...

    def picture(self, line: int, name: str, alt: str, use: str) -> PictureFile | None:
        """Return a picture of the magnet's folder for a use (`renditions.WIDTHS`); None after a finding."""
        ...

    def text(self, text: str) -> str:
        """Return plain text as HTML."""
        ...

    def pages(self, line: int, name: str, numbers: tuple[int, ...]) -> tuple[PictureFile, ...]:
        """Return pages of a PDF, of the magnet's own file without a `name`; none after a finding."""
        ...


@dataclass(frozen=True)
class BlockHint:
    """Advice about a sound block: what could be better, and how."""

    message: str
    cure: str


def no_block_hints(_value: object) -> Iterator[BlockHint]:
    """Yield no hint."""
    yield from ()


@dataclass(frozen=True)
class Block:
    """A block that authors can write.

    `read` returns the value that `templates/blocks/NAME.html` shows as `block`, or None after a finding.
    `options`: what each means. `hints` looks at such a value.
    """

    about: str
    read: Callable[[Directive, BlockReading], object | None]
    options: Mapping[str, str] = field(default_factory=dict)
    needed: frozenset[str] = frozenset()  # options without which there is no block
    hints: Callable[[object], Iterator[BlockHint]] = no_block_hints


def words_in(html: str) -> int:
    """Return how many words a piece of HTML shows."""
    return len(shown_text(html).split())


def shown_text(html: str) -> str:
    """Return a piece of HTML without its tags."""
    return _TAG.sub(" ", html)
