"""What differs between two versions of a form: its boxes, fields, statement, and the words of its page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html.parser import HTMLParser

from optin.consent.form_version import FormDeclaration

_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_OUTSIDE = frozenset({"head", "script", "style", "template"})
_WITHIN_A_LINE = frozenset({"a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup"})
MOST_SENTENCES = 2_000  # of a page are compared


@dataclass(frozen=True)
class Difference:
    """One thing that differs. `key`: what it is; `name`: of which. A value is empty where it is not there."""

    key: str
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class SentenceRow:
    """Sentences beside each other. Both are equal where nothing changed."""

    before: str
    after: str

    @property
    def is_changed(self) -> bool:
        """Whether they differ."""
        return self.before != self.after


def declared_differences(before: FormDeclaration, after: FormDeclaration) -> Iterator[Difference]:
    """Yield what differs of all that has legal meaning."""
    for key in ("title", "lang", "file"):
        if getattr(before, key) != getattr(after, key):
            yield Difference(key, "", getattr(before, key), getattr(after, key))
    if before.controller != after.controller:
        yield Difference("controller", "", before.controller.name, after.controller.name)
    yield from _of_boxes(before, after)
    fields = [{it.name: f"{it.label}: {it.why}" for it in form.fields} for form in (before, after)]
    for name in sorted({*fields[0], *fields[1]}):
        old, new = (it.get(name, "") for it in fields)
        if old != new:
            yield Difference("field", name, old, new)
    if before.privacy != after.privacy:
        yield Difference("statement", "", before.privacy[:12], after.privacy[:12])
    if before.details != after.details:
        yield Difference("details", "", before.details, after.details)


def _of_boxes(before: FormDeclaration, after: FormDeclaration) -> Iterator[Difference]:
    boxes = [{(it.purpose, it.channel.value): it for it in form.questions} for form in (before, after)]
    for place in sorted({*boxes[0], *boxes[1]}):
        old, new = (it.get(place) for it in boxes)
        words = ["" if it is None else it.wording for it in (old, new)]
        if words[0] != words[1]:
            yield Difference("box", place[0], *words)
        elif old is not None and new is not None and old.retention != new.retention:
            yield Difference("retention", place[0], old.retention.text, new.retention.text)


def side_by_side(before: bytes, after: bytes) -> list[SentenceRow]:
    """Return the sentences of two pages beside each other: those that differ, with one around each."""
    old, new = (sentences_of(page)[:MOST_SENTENCES] for page in (before, after))
    rows: list[SentenceRow] = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(1):
        for _, a, b, c, d in group:
            left, right = old[a:b], new[c:d]
            longest = max(len(left), len(right))
            rows += map(SentenceRow, _filled(left, longest), _filled(right, longest))
    return rows


def sentences_of(page: bytes) -> list[str]:
    """Return the sentences of a page that a visitor reads."""
    reader = _LineReader()
    reader.feed(page.decode("utf-8", "replace"))
    reader.close()
    lines = (" ".join(line.split()) for line in reader.lines)
    return [it for line in lines if line for it in _SENTENCE.split(line)]


def _filled(sentences: Sequence[str], length: int) -> list[str]:
    return [*sentences, *[""] * (length - len(sentences))]


class _LineReader(HTMLParser):
    """Collects the words of a page, a line for each block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines = [""]
        self._outside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - of a base class
        self._outside += tag in _OUTSIDE
        self._end_line(tag)

    def handle_endtag(self, tag: str) -> None:
        self._outside -= tag in _OUTSIDE
        self._end_line(tag)

    def handle_data(self, data: str) -> None:
        if not self._outside:
            self.lines[-1] += data

    def _end_line(self, tag: str) -> None:
        if tag not in _WITHIN_A_LINE:
            self.lines.append("")
