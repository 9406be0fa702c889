"""Unusual space characters, which YAML and TOML do not treat as spaces; they come from web pages (M4)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from optin.site.findings import Finding

_SIGNS = r"\t\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
ODD_SPACE = re.compile(f"[{_SIGNS}]")
# before a key or an item, between the hyphen of an item and its value, around the colon of a key
_IN_THE_WAY = re.compile(rf"^ *(?:- *)*(?:[\w.\"'-]+:?)?([{_SIGNS}])")
_LINES_ABOVE = 2  # the reader of YAML gives up a line or two later


@dataclass(frozen=True)
class OddSpace:
    """One such character, and its place."""

    sign: str
    line: int
    column: int

    def as_finding(self, path: str) -> Finding:
        """Return the finding that names the invisible character."""
        name, number = unicodedata.name(self.sign, "tab").lower(), f"U+{ord(self.sign):04X}"
        message = f"This is not a space but a {name} ({number}), which is not allowed here."
        cure = "Delete it and press the space bar instead."
        return Finding(path, self.line, self.column, message, cure, code="space")


def odd_space_near(text: str, line: int) -> OddSpace | None:
    """Return the odd space that spoils a line or the lines just above it; the topmost first."""
    lines = text.split("\n")
    first = max(1, line - _LINES_ABOVE)
    return next(_in_the_way(enumerate(lines[first - 1 : line], first)), None)


def _in_the_way(lines: Iterable[tuple[int, str]]) -> Iterator[OddSpace]:
    for number, line in lines:
        found = _IN_THE_WAY.match(line)
        if found is not None and line.strip():
            yield OddSpace(found[1], number, found.start(1) + 1)


def odd_space_in_key(key: str, line: int, column: int) -> OddSpace | None:
    """Return the odd space that became part of the key at this place."""
    found = re.match(rf"-*([{_SIGNS}])", key) or re.search(rf"([{_SIGNS}])$", key)
    return None if found is None else OddSpace(found[1], line, column + found.start(1))


def odd_space_at(text: str, line: int, column: int) -> OddSpace | None:
    """Return the odd space at a place, if one is there."""
    lines = text.split("\n")
    sign = lines[line - 1][column - 1 : column] if line <= len(lines) else ""
    return OddSpace(sign, line, column) if ODD_SPACE.fullmatch(sign) else None
