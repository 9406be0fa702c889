"""Markdown to HTML: no raw HTML, no script, pictures only from the magnet's own folder."""

from __future__ import annotations

from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

_SAFE_LINKS = ("https://", "http://", "mailto:", "tel:", "/", "#")


@dataclass(frozen=True)
class Prose:
    """A text as HTML, and what it refers to: each picture's source, words and line (from 1)."""

    html: str
    pictures: tuple[tuple[str, str, int], ...]
    foreign: tuple[tuple[str, int], ...]  # links that are no web address, with their line
    headings: tuple[int, ...]  # lines of those of the first level, which the page itself has


def read_prose(text: str) -> Prose:
    """Render a text. Deterministic: same text, same bytes."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    pictures: list[tuple[str, str, int]] = []
    foreign: list[tuple[str, int]] = []
    for token in tokens:
        line = (token.map or [0])[0] + 1
        for child in token.children or ():
            _look_at(child, line, pictures, foreign)
    html = markdown.renderer.render(tokens, markdown.options, {})
    headings = (token for token in tokens if token.type == "heading_open" and token.tag == "h1")
    lines = tuple((token.map or [0])[0] + 1 for token in headings)
    return Prose(html, tuple(pictures), tuple(foreign), lines)


def _look_at(
    token: Token,
    line: int,
    pictures: list[tuple[str, str, int]],
    foreign: list[tuple[str, int]],
) -> None:
    if token.type == "image":
        pictures.append((str(token.attrGet("src") or ""), token.content, line))
    elif token.type == "link_open":
        target = str(token.attrGet("href") or "")
        if not target.startswith(_SAFE_LINKS):
            foreign.append((target, line))
        elif target.startswith(("http://", "https://")):
            token.attrSet("rel", "noopener noreferrer")
