"""Texts cut short by a comment: YAML and TOML ignore everything after the # (M4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from optin.site.findings import Finding

Where = tuple[str | int, ...]

_BEHIND = re.compile(r"[ \t\r\x85\u2028\u2029]*(#)")  # some of these end a line for YAML
_BELOW = re.compile(r"[ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*")  # comments and blank lines
_INDENTED = re.compile(r"^( +)(#[^\n]*)", re.MULTILINE)
_HEADER = re.compile(r"[|>][-+0-9]*[ \t]+(#[^\n]*)")
_BETWEEN = re.compile(r"[:-][ \t]+(#)[^\n]*\n(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*\Z")
_QUOTED = re.compile(r"([ \t]*)(#[^\n]*)")
_ENDS_A_TEXT = re.compile(r"(?:\S[ \t]+|^[ \t]+)(#)")
_TOML = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*",
    re.DOTALL,
)


@dataclass(frozen=True)
class CutText:
    """The comment that cuts a text short: the place of its #, and whether the text was quoted."""

    line: int
    column: int
    quoted: bool = False

    def as_finding(self, path: str, what: str) -> Finding:
        """Return the finding that `what` (a key, or an unreadable text) is not complete."""
        if self.quoted:
            message = f"{what} ends at a quote just before a #, which begins a comment."
            cure = "Put the whole text in quotes of the other kind; a comment has spaces around its #."
            return Finding(path, self.line, self.column, message, cure, code="comment")
        message = f"{what} is cut short by a #, which begins a comment."
        cure = "Put the whole text in quotes, or the comment on a line of its own."
        return Finding(path, self.line, self.column, message, cure, code="comment")


def cut_in_yaml(text: str) -> dict[Where, CutText]:
    """Return the comments that cut a value of a YAML text, by the place of the value.

    `text` is known to be YAML. Whether a value is one of which nothing may be lost, the caller knows.
    """
    root = YAML().compose(text) if "#" in text else None
    if not isinstance(root, MappingNode):
        return {}
    return dict(_cuts(text, root, ()))


def _cuts(text: str, node: Node, where: Where) -> Iterator[tuple[Where, CutText]]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            column = _column(node, key.start_mark.column)
            yield from _value(text, value, (*where, str(key.value)), key.end_mark.index, column)
    elif isinstance(node, SequenceNode):
        begin, column = node.start_mark.index, _column(node, node.start_mark.column)
        for place, item in enumerate(node.value):
            yield from _value(text, item, (*where, place), begin, column)
            begin = item.end_mark.index


def _column(collection: CollectionNode, column: int) -> int | None:
    """Return the column beyond which a line continues a value; None in brackets, where none does."""
    return None if collection.flow_style else column


def _value(
    text: str, node: Node, where: Where, begin: int, column: int | None
) -> Iterator[tuple[Where, CutText]]:
    """Yield the cuts in a value. `begin`: the start of the text before the value."""
    if not isinstance(node, ScalarNode):
        yield from _cuts(text, node, where)
    elif node.style in {"'", '"'}:
        at = _behind_quotes(text, node.end_mark.index, str(node.value), node.style)
        if at is None:
            below = _below(text, node.end_mark.index, column)
            at = below.start(2) if below is not None and _goes_on(below[2], node.style) else None
        if at is not None:
            yield where, _cut(text, at, quoted=True)
    else:
        at = _in_header(text, node) if node.style else _around(text, node, begin, column)
        if at is not None:
            yield where, _cut(text, at)


def _around(text: str, node: ScalarNode, begin: int, column: int | None) -> int | None:
    """Return the start of a comment that cuts a part of an unquoted text."""
    end = node.end_mark.index
    behind = _BEHIND.match(text, end)
    if behind is not None:
        return behind.start(1)
    below = _below(text, end, column) if node.value else None
    if below is not None:
        return below.start(2)
    between = _BETWEEN.search(text, begin, node.start_mark.index)
    return None if between is None else between.start(1)


def _below(text: str, end: int, column: int | None) -> re.Match[str] | None:
    """Return the first comment below a value that is indented like a continuation of it."""
    lines = None if column is None else _BELOW.match(text + "\n", end)
    if lines is None or column is None:
        return None
    return next((it for it in _INDENTED.finditer(text, end, lines.end()) if len(it[1]) > column), None)


def _in_header(text: str, node: ScalarNode) -> int | None:
    """Return the start of a comment after the | or > of a text that looks like a part of the text."""
    found = _HEADER.match(text, node.start_mark.index)
    return found.start(1) if found is not None and _goes_on(found[1], '"') else None


def _behind_quotes(text: str, end: int, value: str, quote: str) -> int | None:
    """Return the start of a comment that looks as if a quote in the text had ended the text."""
    found = _QUOTED.match(text, end)
    if found is None:
        return None
    in_the_middle = value.endswith(" ") and quote in found[2]
    return found.start(2) if not found[1] or in_the_middle or _goes_on(found[2], quote) else None


def _goes_on(comment: str, quote: str) -> bool:
    """Return whether a comment looks like the rest of a text: `#1 of 5`, or an unmatched quote."""
    return comment[1:2].isalnum() or comment.count(quote) % 2 == 1


def _cut(text: str, at: int, *, quoted: bool = False) -> CutText:
    return CutText(text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at), quoted)


def cut_in_toml(text: str) -> list[CutText]:
    """Return the comments of a TOML text after a quote that seems to have ended a text too early."""
    found = []
    for token in _TOML.finditer(text):
        quote = token[0][0]
        if quote != "#":
            at = _behind_quotes(text, token.end(), token[0].strip(quote), quote)
            if at is not None:
                found.append(_cut(text, at, quoted=True))
    return found


def comment_before_line(text: str, line: int) -> CutText | None:
    """Return the comment that ended an unquoted text just before `line`, where YAML failed."""
    above = text.split("\n")[: line - 1]
    while above and not above[-1].strip():
        above.pop()
    found = _ENDS_A_TEXT.search(above[-1]) if above else None
    return None if found is None else CutText(len(above), found.start(1) + 1)
