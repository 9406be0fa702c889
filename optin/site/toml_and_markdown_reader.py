"""Read TOML, and Markdown with front matter, with the line and column of every value.

Whatever the bytes are, the answer is a document or a finding, never a traceback.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.tokens import AliasToken, AnchorToken, TagToken

from optin.site.findings import Finding
from optin.site.odd_spaces import ODD_SPACE, OddSpace, odd_space_at, odd_space_in_key, odd_space_near
from optin.site.text_cut_by_comment import CutText, comment_before_line, cut_in_toml, cut_in_yaml

Path_: TypeAlias = tuple[str | int, ...]
LineColumn: TypeAlias = tuple[int, int]

_DATE = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
MAX_BYTES = 1_000_000
MAX_FRONT_CHARACTERS = 50_000
MAX_BRACKETS = 200  # of one sort; deep nesting costs the reader seconds
FENCE = "---"


@dataclass(frozen=True)
class Document:
    """The values of a file, the text after them, and the place of each value."""

    path: str
    values: Mapping[str, Any]
    place: Callable[[Path_], LineColumn]
    body: str = ""
    body_line: int = 1
    cuts: Mapping[Path_, CutText] = field(default_factory=dict)  # comments that may have cut a value short

    def finding(self, where: Path_, message: str, cure: str = "", **more: Any) -> Finding:
        """Return a finding at a value."""
        line, column = self.place(where)
        return Finding(self.path, line, column, message, cure, **more)


def read_text(path: Path, name: str) -> str | Finding:
    """Return a file's text, or why it cannot be read."""
    try:
        if not path.is_file():
            return Finding(name, 1, 1, "This is not a file.", "Put a file of this name there.")
        if path.stat().st_size > MAX_BYTES:
            return Finding(name, 1, 1, "This file is larger than 1 MB.", "Shorten it.")
        data = path.read_bytes()
    except OSError as problem:
        return Finding(
            name, 1, 1, f"This file cannot be read ({problem.strerror}).", "Check its permissions."
        )
    return text_of(data, name)


def text_of(data: bytes, name: str) -> str | Finding:
    """Return the text of a file from its bytes, with line feeds between its lines, or why it has none."""
    if len(data) > MAX_BYTES:
        return Finding(name, 1, 1, "This file is larger than 1 MB.", "Shorten it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        return Finding(name, line, 1, "This file is not UTF-8.", "Save it as UTF-8.")
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        return Finding(name, line, 1, "This file holds a NUL character.", "Remove it.")
    return text.replace("\r\n", "\n")


def read_toml(path: Path, name: str) -> Document | Finding:
    """Read a TOML file."""
    text = read_text(path, name)
    if isinstance(text, Finding):
        return text
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(problem))
        line, column = (int(found[1]), int(found[2])) if found else (text.count("\n") + 1, 1)
        odd = odd_space_at(text, line, column)
        if odd is not None:
            return odd.as_finding(name)
        what = re.sub(r" \(at .*\)$", "", str(problem))
        return Finding(name, line, column, f"This is not TOML: {what}.", "Correct it here.")
    except RecursionError:
        return Finding(name, 1, 1, "This file is nested too deeply.", "Use fewer levels.")
    places = _toml_places(text)
    cuts = {_value_at(places, cut): cut for cut in reversed(cut_in_toml(text))}
    return Document(name, values, lambda where: _nearest_place(places, where), cuts=cuts)


_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?")
_KEY = re.compile(r"""(\s*)((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def texts_in(value: Any, where: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    """Yield every text in a value, with its place; `where`: the place of the value itself."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_in(item, (*where, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from texts_in(item, (*where, at))


def _toml_places(text: str) -> dict[Path_, LineColumn]:
    """Return the place of each table and key of a TOML text, for keys at the start of a line."""
    places: dict[Path_, LineColumn] = {(): (1, 1)}
    table: Path_ = ()
    counts: dict[Path_, int] = {}  # of the tables of an array
    for number, line in enumerate(text.split("\n"), 1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if key is not None:
            path = (*table, *_parts(key[2]))
            for length in range(len(table) + 1, len(path) + 1):
                places.setdefault(path[:length], (number, len(key[1]) + 1))
        elif header is not None:
            table = _parts(header[1])
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            for length in range(1, len(table) + 1):
                places.setdefault(table[:length], (number, line.index("[") + 1))
    return places


def _parts(dotted: str) -> Path_:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _value_at(places: Mapping[Path_, LineColumn], cut: CutText) -> Path_:
    """Return the value before a comment: that of the last key above."""
    before = (where for where, place in places.items() if place <= (cut.line, cut.column))
    return max(before, key=lambda where: (places[where], len(where)))


def _nearest_place(places: Mapping[Path_, LineColumn], where: Path_) -> LineColumn:
    while where not in places:
        where = where[:-1]
    return places[where]


def read_front_matter(path: Path, name: str, data: bytes | None = None) -> Document | Finding:
    """Read a Markdown file with YAML front matter; `data`: as if it held these bytes."""
    text = read_text(path, name) if data is None else text_of(data, name)
    return text if isinstance(text, Finding) else parse_front_matter(text, name)


def parse_front_matter(text: str, name: str) -> Document | Finding:
    """Read the text of a Markdown file with YAML front matter."""
    lines = text.split("\n")
    if lines[0].strip() != FENCE:
        return Finding(name, 1, 1, "The front matter is missing.", "Begin the file with a line ---.")
    # an indented one is a rule in a text
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), None)
    if end is None:
        cure = "Close it with a line --- that begins without a space."
        return Finding(name, 1, 1, "The front matter does not end.", cure)
    front = "\n".join(["", *lines[1:end], ""])  # the fence's own line keeps the numbers right
    values = _yaml(front, name)
    if isinstance(values, Finding):
        return values
    return Document(
        path=name,
        values=plain_values(values),
        place=lambda where: _yaml_place(values, where),
        body="\n".join(lines[end + 1 :]),
        body_line=end + 2,
        cuts=cut_in_yaml(front),
    )


@lru_cache(maxsize=64)  # the next loading asks for the same texts; nobody changes what is returned
def _yaml(front: str, name: str) -> CommentedMap | Finding:
    if len(front) > MAX_FRONT_CHARACTERS:
        return Finding(name, 1, 1, "The front matter is too long.", "Move text below the second ---.")
    if max(map(front.count, "[{")) > MAX_BRACKETS:
        return Finding(name, 2, 1, "The front matter has too many brackets.", "Write a line for each value.")
    try:
        values = _unused_sign(front, name) or YAML().load(front)
    except MarkedYAMLError as problem:
        found = problem.problem_mark or problem.context_mark
        line, column = (found.line + 1, found.column + 1) if found else (2, 1)
        likely = _likely_cause(front, name, line, column, problem.problem or "")
        if likely is not None:
            return likely
        what = (problem.problem or "it cannot be read").split("\n")[0]
        cure = "Correct it here; a text with a colon in it needs quotes."
        return Finding(name, line, column, f"This is not YAML: {what}.", cure)
    except (YAMLError, ValueError, RecursionError, TypeError, AttributeError, KeyError, OverflowError):
        impossible = _impossible_day(front, name)
        if impossible is not None:
            return impossible
        return Finding(name, 2, 1, "The front matter is not YAML.", "Write it as key: value.")
    if values is None:
        values = CommentedMap()
    if isinstance(values, Finding):
        return values
    if not isinstance(values, CommentedMap):
        return Finding(name, 2, 1, "The front matter is not a list of keys.", "Write it as key: value.")
    return _with_plain_spaces(values, front, name)


def _unused_sign(front: str, name: str) -> Finding | None:
    """Return the first anchor, alias or tag. Raises YAMLError."""
    for token in YAML().scan(front) if re.search("[&*!]", front) else ():
        if isinstance(token, AnchorToken | AliasToken | TagToken):
            mark = token.start_mark
            message = "Anchors, aliases and tags (&, * and !) are not used here."
            return Finding(name, mark.line + 1, mark.column + 1, message, "Put the text in quotes.")
    return None


def _with_plain_spaces(values: CommentedMap, front: str, name: str) -> CommentedMap | Finding:
    """Return the values, or a finding that an odd space became part of a key."""
    odd = _odd_key(values) if ODD_SPACE.search(front) else None
    return values if odd is None else odd.as_finding(name)


_TEXT_GOES_ON = "expected <block end>, but found"  # the reader, at words for which there is no key


def _likely_cause(front: str, name: str, line: int, column: int, what: str) -> Finding | None:
    """Return the likely cause of invalid YAML, when it is just above the place of the error."""
    odd = odd_space_at(front, line, column) or odd_space_near(front, line)
    if odd is not None:
        return odd.as_finding(name)
    cut = comment_before_line(front, line) if what.startswith(_TEXT_GOES_ON) else None
    return None if cut is None else cut.as_finding(name, "The text here")


def _odd_key(value: Any) -> OddSpace | None:
    """Return the first odd space that became part of a key."""
    if isinstance(value, CommentedMap):
        for key, item in value.items():
            line, column = value.lc.key(key)
            odd = odd_space_in_key(str(key), line + 1, column + 1) or _odd_key(item)
            if odd is not None:
                return odd
    elif isinstance(value, CommentedSeq):
        return next(filter(None, map(_odd_key, value)), None)
    return None


def _impossible_day(front: str, name: str) -> Finding | None:
    """Return a finding at the first date that does not exist, which YAML cannot read."""
    for number, line in enumerate(front.split("\n"), 1):
        for written in _DATE.finditer(line):
            try:
                date(*(int(part) for part in written.groups()))
            except ValueError:
                message = f"{written[0]!r} is not a date that exists."
                return Finding(
                    name, number, written.start() + 1, message, "Write one that exists, like 2026-11-23."
                )
    return None


def _yaml_place(values: CommentedMap, where: Path_) -> LineColumn:
    """Return the place of a value: of its key in a map, of its item in a list."""
    place: LineColumn = (1, 1)
    node: Any = values
    for step in where:
        try:
            if isinstance(node, CommentedMap):
                line, column = node.lc.key(step)
            elif isinstance(node, CommentedSeq):
                line, column = node.lc.item(step)
            else:
                return place
            node = node[step]
        except (KeyError, IndexError, TypeError, AttributeError):
            return place
        place = (line + 1, column + 1)
    return place


def _whole(key: str) -> str:
    """Return a key without unpaired surrogates, which YAML can write and nothing else can find again."""
    return key.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def plain_values(value: Any) -> Any:
    """Return a value without the reader's annotations."""
    if isinstance(value, Mapping):
        return {_whole(str(key)): plain_values(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain_values(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return None if value is None else str(value)
