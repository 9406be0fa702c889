"""Markdown to HTML: no raw HTML, no script, pictures only from the magnet's own folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKUP = re.compile(r"([\\`*_\[\]<>|~]|&(?=#?\w+;)|^[#+-])")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_SAFE_LINKS = ("https://", "http://", "mailto:", "tel:", "/", "#")


@dataclass(frozen=True)
class Prose:
    """A text as HTML, and its pictures: source, description and line (from 1)."""

    html: str
    pictures: tuple[tuple[str, str, int], ...]
    foreign: tuple[tuple[str, int], ...]  # links that are no web address, with their line
    headings: tuple[int, ...]  # lines of those of the first level, which the page itself has


def new_markdown() -> MarkdownIt:
    """Return a parser for what authors write: without raw HTML."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def escape_markdown(text: str) -> str:
    """Return a text of somebody's, on one line, so that nothing in it is markup."""
    return _NUMBERED.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", " ".join(text.split())))


@lru_cache(maxsize=64)  # a loading asks twice for a statement, and the next loading for the same texts
def read_prose(text: str) -> Prose:
    """Render a text. The same text gives the same bytes."""
    markdown = new_markdown()
    tokens = markdown.parse(text)
    prose = look_through(tokens)
    return replace(prose, html=markdown.renderer.render(tokens, markdown.options, {}))


def look_through(tokens: Sequence[Token]) -> Prose:
    """Return what there is to check in a text, before it is HTML; links to other sites are marked."""
    pictures: list[tuple[str, str, int]] = []
    foreign: list[tuple[str, int]] = []
    for token in tokens:
        line = (token.map or [0])[0] + 1
        for child in token.children or ():
            _look_at(child, line, pictures, foreign)
    headings = (token for token in tokens if token.type == "heading_open" and token.tag == "h1")
    lines = tuple((token.map or [0])[0] + 1 for token in headings)
    return Prose("", tuple(pictures), tuple(foreign), lines)


def _look_at(
    token: Token, line: int, pictures: list[tuple[str, str, int]], foreign: list[tuple[str, int]]
) -> None:
    if token.type == "image":
        pictures.append((str(token.attrGet("src") or ""), token.content, line))
    elif token.type == "link_open":
        target = str(token.attrGet("href") or "")
        if not target.startswith(_SAFE_LINKS):
            foreign.append((target, line))
        elif target.startswith(("http://", "https://")):
            token.attrSet("rel", "noopener noreferrer")


def prose_as_text(text: str, base_url: str = "") -> str:
    """Return a text for a plain mail: each paragraph and item on one line, without markup; links in full.

    `base_url`: before links that begin with "/".
    """
    blocks: list[str] = []
    lists: list[int] = []  # the next number of each list that is open, 0 for one without numbers
    mark, tight = "", False
    for token in MarkdownIt("commonmark", {"html": False}).parse(text):
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            lists.append(int(token.attrGet("start") or 1) if token.type.startswith("ordered") else 0)
            tight = len(lists) > 1
        elif token.type.endswith("_list_close"):
            lists.pop()
            tight = bool(lists)
        elif token.type == "list_item_open":
            number = lists[-1]
            mark = "  " * (len(lists) - 1) + (f"{number}. " if number else "- ")
            lists[-1] = number + 1 if number else 0
        elif token.type in {"inline", "fence", "code_block"}:
            words = _plain(token, base_url) if token.type == "inline" else token.content.strip()
            indent = "" if mark or not lists else "  " * len(lists)
            if blocks and mark and tight:
                blocks[-1] += f"\n{mark}{words}"
            else:
                blocks.append(f"{mark or indent}{words}")
            mark, tight = "", bool(lists)
    return "\n\n".join(blocks)


def _plain(token: Token, base_url: str) -> str:
    words, target = "", ""
    for child in token.children or ():
        if child.type in {"softbreak", "hardbreak"}:
            words += " "
        elif child.type == "link_open":
            target = str(child.attrGet("href") or "")
            target = f"{base_url}{target}" if target.startswith("/") else target
        elif child.type == "link_close":
            words += "" if words.endswith(target) else f" ({target})"
        else:
            words += child.content
    return words
