"""A quiz: questions, points, and the outcome that follows from the answers. Pure, exact, stores nothing (M2).

Points are whole numbers, weights are fractions: a score is never rounded, so a border between two outcomes
is where the marketer put it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any, TypeAlias

Chosen: TypeAlias = tuple[int, ...]  # places of the options that were chosen, from 0, in their order
Answers: TypeAlias = tuple[Chosen, ...]  # one for each question; empty where there is none yet

VERSION_CHARACTERS = 16
MOST_SUMS = 200_000  # scores that are looked at before the question of reachability is given up
MOST_STEPS = 2_000_000  # additions for one question, about a second


class Pages(StrEnum):
    """Whether the questions stand on one page, or each on its own."""

    ONE = "one"
    EACH = "each"


class AnswerUnknown(ValueError):
    """An answer that is no option of its question, or more answers than it takes."""


@dataclass(frozen=True)
class Option:
    """One answer that can be chosen. `points`: by the place of the dimension."""

    text: str
    points: tuple[int, ...]


@dataclass(frozen=True)
class Question:
    """One question. `several`: any number of its options; `optional`: none as well."""

    text: str
    options: tuple[Option, ...]
    several: bool = False
    optional: bool = False

    def takes(self, chosen: Sequence[int]) -> bool:
        """Tell whether a visitor can have chosen this; nothing chosen is for `missing` to judge."""
        known = all(0 <= place < len(self.options) for place in chosen)
        return known and len(set(chosen)) == len(chosen) and (self.several or len(chosen) <= 1)


@dataclass(frozen=True)
class Dimension:
    """Something that is measured; its points count `weight` times."""

    id: str
    weight: Fraction = Fraction(1)


@dataclass(frozen=True)
class Outcome:
    """A result with its own page, and the long report that comes by mail.

    It is reached by the total score from `least` to `most`, both included (None: without end), or by
    `dimension` when that is the strongest.
    """

    id: str
    title: str
    text_html: str
    least: Fraction | None = None
    most: Fraction | None = None
    dimension: str = ""
    report: str = ""  # Markdown, as it is mailed in plain text
    report_html: str = ""
    file: str = ""  # in the magnet's folder, handed out by a download link

    def holds(self, total: Fraction) -> bool:
        """Tell whether a total score lies in its range."""
        return (self.least is None or self.least <= total) and (self.most is None or total <= self.most)


@dataclass(frozen=True)
class Quiz:
    """A whole quiz. Without dimensions there is one nameless dimension of weight 1."""

    pages: Pages
    questions: tuple[Question, ...]
    outcomes: tuple[Outcome, ...]
    dimensions: tuple[Dimension, ...] = (Dimension(""),)
    why_answers: str = ""  # why the answers are kept after the sign-up; empty: they are not

    @property
    def closes_at(self) -> datetime | None:
        """Never: a quiz can always be taken."""
        return None

    def declared(self) -> dict[str, Any]:
        """Return nothing: what a form declares is the outcome that its page shows."""
        return {}

    @cached_property
    def version(self) -> str:
        """What answers are bound to: a digest of all that their meaning depends on."""
        plain = {
            "questions": [
                [it.text, it.several, it.optional, [[option.text, *option.points] for option in it.options]]
                for it in self.questions
            ],
            "dimensions": [[it.id, str(it.weight)] for it in self.dimensions],
            "outcomes": [[it.id, str(it.least), str(it.most), it.dimension] for it in self.outcomes],
        }
        return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:VERSION_CHARACTERS]

    @property
    def by_dimension(self) -> bool:
        """Whether the strongest dimension decides, and not the total score."""
        return bool(self.outcomes) and bool(self.outcomes[0].dimension)

    @property
    def unanswered(self) -> Answers:
        """No answer to any question."""
        return ((),) * len(self.questions)

    def outcome(self, name: str) -> Outcome | None:
        """Return the outcome of that id."""
        return next((outcome for outcome in self.outcomes if outcome.id == name), None)

    def taken(self, answers: Sequence[Sequence[int]]) -> Answers:
        """Return answers in the order of the options. Raises AnswerUnknown for what no page offers."""
        if len(answers) != len(self.questions):
            raise AnswerUnknown
        if not all(it.takes(chosen) for it, chosen in zip(self.questions, answers, strict=True)):
            raise AnswerUnknown
        return tuple(tuple(sorted(chosen)) for chosen in answers)

    def missing(self, answers: Answers) -> tuple[int, ...]:
        """Return the places of the questions that still need an answer."""
        pairs = enumerate(zip(self.questions, answers, strict=True))
        return tuple(place for place, (it, chosen) in pairs if not chosen and not it.optional)

    def strengths(self, answers: Answers) -> tuple[Fraction, ...]:
        """Return the weighted points of each dimension."""
        sums = [0] * len(self.dimensions)
        for question, chosen in zip(self.questions, answers, strict=True):
            for place in chosen:
                sums = [a + b for a, b in zip(sums, question.options[place].points, strict=True)]
        return tuple(it.weight * points for it, points in zip(self.dimensions, sums, strict=True))

    def score(self, answers: Answers) -> Outcome | None:
        """Return the outcome that these answers lead to; None where the quiz has a gap (`check` finds it)."""
        return self.outcome_of(self.strengths(answers))

    def outcome_of(self, strengths: Sequence[Fraction]) -> Outcome | None:
        """Return the outcome of weighted points. Of equally strong dimensions the first outcome wins."""
        if not self.by_dimension:
            total = sum(strengths, Fraction(0))
            return next((outcome for outcome in self.outcomes if outcome.holds(total)), None)
        strongest = max(strengths)
        top = {it.id for it, have in zip(self.dimensions, strengths, strict=True) if have == strongest}
        return next((outcome for outcome in self.outcomes if outcome.dimension in top), None)

    def in_words(self, answers: Answers) -> str:
        """Return questions and answers as one text, as it is kept where the magnet says why."""
        pairs = zip(self.questions, answers, strict=True)
        return " · ".join(
            f"{it.text} — {', '.join(it.options[place].text for place in chosen) or '–'}"
            for it, chosen in pairs
        )


@dataclass(frozen=True)
class Reach:
    """What visitors can reach: outcomes by their ids, and scores that lead to no outcome at all."""

    outcomes: frozenset[str]
    lost: tuple[Fraction, ...]  # total scores, lowest first
    lowest: Fraction
    highest: Fraction


Sums: TypeAlias = set[tuple[int, ...]]


def reach(quiz: Quiz) -> Reach | None:
    """Look at every score that any answers give. None: there are too many to look at.

    Exact: for each question the sums that its answers give are added to those of the questions before it.
    """
    scale = lcm(*(it.weight.denominator for it in quiz.dimensions))
    factors = [int(it.weight * scale) for it in quiz.dimensions]
    sums: Sums = {(0,) * (len(factors) if quiz.by_dimension else 1)}
    for question in quiz.questions:
        given = _given(question, factors, apart=quiz.by_dimension)
        if given is None or len(given) * len(sums) > MOST_STEPS:
            return None
        sums = {_add(a, b) for a in sums for b in given}
        if len(sums) > MOST_SUMS:
            return None
    outcomes: set[str] = set()
    lost: set[Fraction] = set()
    totals = {Fraction(sum(it), scale) for it in sums}
    for strengths in sums:
        exact = [Fraction(part, scale) for part in strengths]
        found = quiz.outcome_of(exact) if quiz.outcomes else None
        if found is None:
            lost.add(sum(exact, Fraction(0)))
        else:
            outcomes.add(found.id)
    return Reach(frozenset(outcomes), tuple(sorted(lost)), min(totals), max(totals))


def _given(question: Question, factors: Sequence[int], *, apart: bool) -> Sums | None:
    """Return what one question's answers can give: in each dimension apart, or all together."""
    options = [_weighed(option.points, factors, apart=apart) for option in question.options]
    nothing = (0,) * (len(factors) if apart else 1)
    if not question.several:
        return {*options, *([nothing] if question.optional else [])}
    some: Sums = set()  # by at least one option
    for option in options:
        some |= {_add(option, before) for before in (*some, nothing)}
        if len(some) > MOST_SUMS:
            return None
    return {*some, *([nothing] if question.optional else [])}


def _weighed(points: Iterable[int], factors: Sequence[int], *, apart: bool) -> tuple[int, ...]:
    weighed = tuple(point * factor for point, factor in zip(points, factors, strict=True))
    return weighed if apart else (sum(weighed),)


def _add(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def overlaps(quiz: Quiz) -> list[tuple[Outcome, Outcome]]:
    """Return pairs of outcomes whose ranges have a score in common, in their written order."""
    outcomes = quiz.outcomes
    return [
        (first, second)
        for place, second in enumerate(outcomes)
        for first in outcomes[:place]
        if _begins(first, second) and _begins(second, first)
    ]


def _begins(one: Outcome, other: Outcome) -> bool:
    """Tell whether a range begins before another one ends."""
    return one.least is None or other.most is None or one.least <= other.most
