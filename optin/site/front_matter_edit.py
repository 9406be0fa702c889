"""Change keys of front matter where they stand: every other byte of the file stays as it is.

The reader (ruamel.yaml) tells where each value begins and ends. Only that is replaced, in the style in which
it was written. What comes of it is read again and compared with what was meant, so a file that is written in
a way nobody foresaw is refused, and never damaged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from optin.site.findings import Finding
from optin.site.front_matter import MagnetFile
from optin.site.toml_and_markdown_reader import FENCE, parse_front_matter, plain_values

ORDER = tuple(it.alias or name for name, it in MagnetFile.model_fields.items())
_STEP = 2  # by how much a new block is indented
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class CannotEdit(ValueError):
    """The front matter cannot be changed key by key; its text can."""


@dataclass(frozen=True)
class TextEdit:
    """What takes the place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


def edits_of(text: str, name: str, changes: Mapping[str, Any], body: str | None = None) -> list[TextEdit]:
    """Return the edits that set keys of a file's front matter, and its body.

    `text`: the file with line feeds between its lines; `changes`: plain values by key, None removes the key.
    Raises CannotEdit.
    """
    document = parse_front_matter(text, name)
    if isinstance(document, Finding):
        raise CannotEdit(document.message)
    wanted = {
        key: it for key, it in {**document.values, **changes}.items() if it is not None or key not in changes
    }
    found = _body_edits(text, document.body, body)
    for whole in (False, True):
        try:
            edits = [*_front_edits(text, document.values, wanted, whole=whole), *found]
        except (ValueError, LookupError, YAMLError):
            continue
        after = parse_front_matter(applied(text, edits), name)
        if not isinstance(after, Finding) and (after.values, after.body) == (
            wanted,
            document.body if body is None else body,
        ):
            return edits
    msg = "The front matter is written in a way that a form cannot change."
    raise CannotEdit(msg)


def applied(text: str, edits: Sequence[TextEdit]) -> str:
    """Return a text with edits, which do not overlap."""
    for it in sorted(edits, key=lambda it: (it.start, it.end), reverse=True):
        text = text[: it.start] + it.text + text[it.end :]
    return text


def _body_edits(text: str, before: str, after: str | None) -> list[TextEdit]:
    """Return the edit between the lines that both bodies begin and end with."""
    if after is None or after == before:
        return []
    at, tail = len(text) - len(before), 0
    old, new = before.split("\n"), after.split("\n")
    same = next(
        (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )
    same = min(same, len(old) - 1, len(new) - 1)
    while tail < min(len(old), len(new)) - same - 1 and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    begin = at + sum(len(line) + 1 for line in old[:same])
    end = len(text) - sum(len(line) + 1 for line in old[len(old) - tail :])
    return [TextEdit(begin, end, "\n".join(new[same : len(new) - tail]))]


def _front_edits(
    text: str, old: Mapping[str, Any], new: Mapping[str, Any], *, whole: bool
) -> Iterator[TextEdit]:
    lines = text.split("\n")
    end = next(n for n, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE)
    front = "\n".join(["", *lines[1:end], ""])
    node = YAML().compose(front)
    shift = len(lines[0])  # the text of the reader begins with the end of the first line
    if node is None:
        added = "".join(f"{line}\n" for line in _block(dict(new), 0))
        yield TextEdit(shift + len(front), shift + len(front), added)
        return
    if not isinstance(node, MappingNode) or node.flow_style:
        raise CannotEdit
    for it in _Editor(front, whole=whole).mapping(node, old, new, ORDER):
        yield TextEdit(it.start + shift, it.end + shift, it.text)


class _Editor:
    """Finds what to replace in a text of YAML. `whole`: a changed key is written anew with all it holds."""

    def __init__(self, text: str, *, whole: bool) -> None:
        self._text = text
        self._whole = whole

    def mapping(
        self, node: MappingNode, old: Mapping[str, Any], new: Mapping[str, Any], order: Sequence[str] = ()
    ) -> Iterator[TextEdit]:
        """Yield the edits of a block of keys; `order`: where new keys are put."""
        column = node.start_mark.column
        ends = {}
        for (key, value), name in zip(node.value, old, strict=True):
            end = ends[name] = self._line_after(self._end(key, value))
            if name not in new:
                yield TextEdit(self._own_line(key), end, "")
            elif new[name] != old[name]:
                yield from self._value(key, value, old[name], new[name])
        for name in (it for it in new if it not in old):
            before = [
                it for it in ends if name in order and it in order and order.index(it) < order.index(name)
            ]
            at = ends[max(before, key=order.index)] if before else max(ends.values())
            lines = _block({name: new[name]}, column)
            yield TextEdit(at, at, "".join(f"{line}\n" for line in lines))

    def _value(self, key: Node, value: Node, old: Any, new: Any) -> Iterator[TextEdit]:
        if not self._whole and _holds(old) and _holds(new) and not _is_inline(value):
            if isinstance(value, MappingNode) and isinstance(new, Mapping) and {*old} & {*new}:
                yield from self.mapping(value, old, new)
                return
            if isinstance(value, SequenceNode) and isinstance(new, list):
                yield from self._sequence(value, old, new)
                return
        start, end = self._after_colon(key), self._end(key, value)
        if _holds(new) and not (_is_inline(value) or _is_flat(new)):
            lines = _block(new, key.start_mark.column + _STEP)
            yield TextEdit(start, end, "".join(f"\n{line}" for line in lines))
            return
        style = value.style if isinstance(value, ScalarNode) else None
        written = _scalar_or_flow(new, style or "", key.start_mark.column + _STEP, self._text[start:end])
        if isinstance(value, ScalarNode) and end > start:
            start += len(self._text[start:end]) - len(self._text[start:end].lstrip(" "))
            yield TextEdit(start, end, written)
        else:
            yield TextEdit(start, end, f" {written}" if written else "")

    def _sequence(self, node: SequenceNode, old: Sequence[Any], new: Sequence[Any]) -> Iterator[TextEdit]:
        items, column = node.value, node.start_mark.column
        spans = [(self._dash(it), self._end(None, it)) for it in items]
        before, after = ([json.dumps(it, sort_keys=True) for it in values] for values in (old, new))
        for what, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if what == "equal":
                continue
            if what == "replace" and b - a == d - c:
                for at, to in zip(range(a, b), range(c, d), strict=True):
                    yield from self._item(items[at], spans[at], (old[at], new[to]), column)
                continue
            begin = self._line_of(spans[a][0]) if a < len(spans) else self._line_after(spans[-1][1])
            end = begin if a == b else self._line_after(spans[b - 1][1])
            yield TextEdit(begin, end, "".join(f"{line}\n" for line in _items(new[c:d], column)))

    def _item(
        self, item: Node, span: tuple[int, int], values: tuple[Any, Any], column: int
    ) -> Iterator[TextEdit]:
        old, new = values
        if (
            isinstance(item, MappingNode)
            and not item.flow_style
            and isinstance(new, Mapping)
            and {*old} <= {*new}
        ):
            yield from self.mapping(item, old, new)
            return
        text = "\n".join(_items([new], column))[column:]
        if isinstance(item, ScalarNode) and not _holds(new):
            text = f"- {_scalar(new, item.style or '', column + _STEP)}"
        yield TextEdit(span[0], span[1], text)

    def _dash(self, item: Node) -> int:
        return self._text.rindex("-", 0, int(item.start_mark.index))

    def _end(self, key: Node | None, value: Node) -> int:
        """Return where a value ends, without the empty lines and comments after it."""
        if isinstance(value, ScalarNode):
            start, end = int(value.start_mark.index), int(value.end_mark.index)
            if start == end and key is not None:
                return self._after_colon(key)
            return start + len(self._text[start:end].rstrip("\n")) if value.style in ("|", ">") else end
        if _is_inline(value) or not value.value:
            return int(value.end_mark.index)
        last = value.value[-1]
        return self._end(*last) if isinstance(last, tuple) else self._end(None, last)

    def _after_colon(self, key: Node) -> int:
        return self._text.index(":", int(key.end_mark.index)) + 1

    def _line_of(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _own_line(self, key: Node) -> int:
        """Return where the line of a key begins. Raises CannotEdit when something else stands before it."""
        start = self._line_of(key.start_mark.index)
        if self._text[start : key.start_mark.index].strip():
            raise CannotEdit
        return start

    def _line_after(self, at: int) -> int:
        return self._text.index("\n", at) + 1


def _is_inline(node: Node) -> bool:
    """Return whether a list or a table is written in brackets."""
    return isinstance(node, CollectionNode) and bool(node.flow_style)


def _holds(value: Any) -> bool:
    """Return whether a value is a list or a table with something in it."""
    return isinstance(value, Mapping | list) and bool(value)


def _is_flat(value: Any) -> bool:
    """Return whether a value is a list of short values, as they are written in one line."""
    return isinstance(value, list) and not any(isinstance(it, Mapping | list) for it in value)


def _block(value: Any, column: int) -> list[str]:
    """Return a list or a table as lines of YAML."""
    if isinstance(value, list):
        return _items(value, column)
    lines: list[str] = []
    for key, inner in value.items():
        begin = f"{' ' * column}{_key(key)}:"
        if _holds(inner) and not _is_flat(inner):
            lines += [begin, *_block(inner, column + _STEP)]
        else:
            lines.append(f"{begin} {_scalar_or_flow(inner, '', column + _STEP)}".rstrip())
    return lines


def _items(values: Sequence[Any], column: int) -> list[str]:
    lines: list[str] = []
    for value in values:
        if _holds(value):
            inner = _block(value, column + _STEP)
            lines += [f"{' ' * column}- {inner[0].lstrip()}", *inner[1:]]
        else:
            lines.append(f"{' ' * column}- {_scalar_or_flow(value, '', column + _STEP)}".rstrip())
    return lines


def _scalar_or_flow(value: Any, style: str, column: int, was: str = "") -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(it) for it in value)}]"
    if isinstance(value, Mapping):
        return _flow(value)
    return _scalar(value, style, column, was)


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(it) for it in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(key)}: {_flow(it)}' for key, it in value.items())}}}"
    return _written(_ways(value, ""), "{k: ", "}", {"k": value})


def _key(key: str) -> str:
    ways = [key, _quoted(key)] if _PLAIN_KEY.fullmatch(key) else [_quoted(key)]
    return _written(ways, "{", ": 1}", {key: 1})


def _scalar(value: Any, style: str, column: int, was: str = "") -> str:
    if style in ("|", ">") and isinstance(value, str) and value.strip():
        return _long(value, style, column, was)
    return _written(_ways(value, style), "", "", value)


def _long(value: str, style: str, column: int, was: str) -> str:
    """Return a text in the block that it was written in; one with several lines keeps them."""
    text = value.rstrip("\n")
    ends = "" if value.endswith("\n") else "-"
    if "\n" in text:
        style = "|"
    margin = re.search(r"\n( +)\S", was)
    indent = " " * (len(margin[1]) if margin else column)
    return "\n".join([f"{style}{ends}", *(f"{indent}{line}" if line else "" for line in text.split("\n"))])


def _ways(value: Any, style: str) -> Iterator[str]:
    """Yield the ways to write a value, the one most like before first."""
    if value is None:
        yield "null"
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int | float):
        yield str(value)
    else:
        text = str(value)
        single = "'" + text.replace("'", "''") + "'"
        if style == '"':
            yield _quoted(text)
        if style == "'" and text.isprintable():
            yield single
        if text and text.isprintable():
            yield text
        yield _quoted(text)


def _quoted(text: str) -> str:
    """Return a text in double quotes; what nobody sees is written by its number."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(it if it.isprintable() else f"\\U{ord(it):08x}" for it in written)


def _written(ways: Iterable[str], begin: str, end: str, value: Any) -> str:
    """Return the first way in which a value is read as what it is. Raises CannotEdit."""
    for way in ways:
        if _read(f"{begin}{way}{end}") == _meaning(value):
            return way
    raise CannotEdit


def _meaning(value: Any) -> str:
    return f"{type(value).__name__} {json.dumps(value)}"


@lru_cache(maxsize=512)
def _read(written: str) -> str:
    """Return what a value is read as; nothing when it cannot be read."""
    try:
        return _meaning(plain_values(YAML().load(f"k: {written}\n"))["k"])
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
