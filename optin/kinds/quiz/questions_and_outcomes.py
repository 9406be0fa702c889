"""Details of a quiz: questions, points, and the outcome of given answers. Pure, exact, stores nothing (M2).

Points are whole numbers, weights are fractions: a score is never rounded, so a border between two outcomes
is where the marketer put it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property, lru_cache
from math import gcd, lcm
from operator import add, mul
from typing import TypeAlias

from optin.kinds.api.forms import Deliverable, Details

OUTCOME_FIELD = "outcome"  # nobody types it
ANSWERS_FIELD = "answers"  # of a quiz that says why it keeps them
REQUEST_FIELDS = frozenset({OUTCOME_FIELD, ANSWERS_FIELD})

Chosen: TypeAlias = tuple[int, ...]  # places of the options that were chosen, from 0, in their order
Answers: TypeAlias = tuple[Chosen, ...]  # one for each question; empty where there is none yet

VERSION_CHARACTERS = 16
MOST_BITS = 500_000  # total scores that are looked at before the question of reachability is given up
MOST_STEPS = 1_000_000  # additions, where each dimension counts by itself: about a second


class Pages(StrEnum):
    """Whether all questions are on one page, or each on its own."""

    ONE = "one"
    EACH = "each"


class AnswerUnknown(ValueError):
    """An answer that its question does not have, or more answers than it accepts."""


@dataclass(frozen=True)
class Option:
    """One possible answer. `points`: in the order of the dimensions."""

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
        """Return whether these options are a possible answer; `missing` judges empty ones."""
        known = all(0 <= place < len(self.options) for place in chosen)
        return known and len(set(chosen)) == len(chosen) and (self.several or len(chosen) <= 1)


@dataclass(frozen=True)
class Dimension:
    """A measured property; its points count `weight` times."""

    id: str
    weight: Fraction = Fraction(1)


@dataclass(frozen=True)
class Outcome:
    """A result with its own page, and the long report sent by mail.

    It is reached by the total score from `least` to `most`, both included (None: without end), or by
    `dimension` when that is the strongest.
    """

    id: str
    title: str
    text_html: str
    least: Fraction | None = None
    most: Fraction | None = None
    dimension: str = ""
    report: str = ""  # as it is mailed in plain text
    report_html: str = ""
    file: str = ""  # in the magnet's folder, handed out by a download link

    def holds(self, total: Fraction) -> bool:
        """Return whether a total score lies in its range."""
        return (self.least is None or self.least <= total) and (self.most is None or total <= self.most)


@dataclass(frozen=True)
class Quiz(Details):
    """A whole quiz. Without dimensions there is one nameless dimension of weight 1."""

    pages: Pages
    questions: tuple[Question, ...]
    outcomes: tuple[Outcome, ...]
    dimensions: tuple[Dimension, ...] = (Dimension(""),)
    why_answers: str = ""  # why the answers are kept after the sign-up; empty: they are not

    def deliverable(self, form_name: str) -> Deliverable | None:
        """Return the file and the report of a form's outcome."""
        found = self.outcome(form_name)
        if found is None:
            return Deliverable()
        told = {"title": found.title, "report": found.report, "report_html": found.report_html}
        return Deliverable(found.file, told if found.report else {})

    @cached_property
    def version(self) -> str:
        """A digest of everything that the meaning of answers depends on."""
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
        """Empty answers to every question."""
        return ((),) * len(self.questions)

    def outcome(self, name: str) -> Outcome | None:
        """Return the outcome of that id."""
        return next((outcome for outcome in self.outcomes if outcome.id == name), None)

    def taken(self, answers: Sequence[Sequence[int]]) -> Answers:
        """Return answers in the order of the options. Raises AnswerUnknown for any that no page offers."""
        if len(answers) != len(self.questions):
            raise AnswerUnknown
        if not all(it.takes(chosen) for it, chosen in zip(self.questions, answers, strict=True)):
            raise AnswerUnknown
        return tuple(tuple(sorted(chosen)) for chosen in answers)

    def missing(self, answers: Answers) -> tuple[int, ...]:
        """Return the indexes of the questions that still need an answer."""
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
        """Return the outcome of these answers; None in a gap of the quiz, which `check` reports."""
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
        """Return questions and answers as one text, to be stored where the magnet says why."""
        pairs = zip(self.questions, answers, strict=True)
        return " · ".join(
            f"{it.text} — {', '.join(it.options[place].text for place in chosen) or '–'}"
            for it, chosen in pairs
        )


@dataclass(frozen=True)
class ReachableOutcomes:
    """The reachable outcomes by id, and the scores that lead to no outcome."""

    outcomes: frozenset[str]
    lost: tuple[Fraction, ...] = ()  # total scores, lowest first
    lowest: Fraction = Fraction(0)
    highest: Fraction = Fraction(0)


@lru_cache(maxsize=1_024)
def reach(quiz: Quiz) -> ReachableOutcomes | None:
    """Return the result of every possible combination of answers; None when there are too many."""
    scale = lcm(*(it.weight.denominator for it in quiz.dimensions))
    factors = [int(it.weight * scale) for it in quiz.dimensions]
    weighed = [
        [tuple(map(mul, option.points, factors)) for option in question.options]
        for question in quiz.questions
    ]
    if quiz.by_dimension:
        return _reach_by_dimension(quiz, weighed, scale)
    return _reach_by_total(quiz, [[sum(it) for it in options] for options in weighed], scale)


def _reach_by_total(quiz: Quiz, weighed: list[list[int]], scale: int) -> ReachableOutcomes | None:
    """Hold the reachable scores as the bits of one number, which each answer shifts.

    Bit n stands for the score `origin + n * unit`.
    """
    unit = gcd(*(points for options in weighed for points in options)) or 1
    lows = [min(0, *options) for options in weighed]
    spans = [sum(map(abs, options)) for options in weighed]
    if sum(spans) // unit > MOST_BITS:
        return None
    bits, origin = 1, 0
    for question, options, low in zip(quiz.questions, weighed, lows, strict=True):
        if question.several:
            low = sum(points for points in options if points < 0)  # noqa: PLW2901 - all of them at once
        none, some = bits << (-low // unit), 0  # nothing chosen here yet; something
        for points in options:
            chosen = _shifted(none, points // unit)
            some |= chosen | (_shifted(some, points // unit) if question.several else 0)
        bits, origin = some | (none if question.optional else 0), origin + low
    places = [place for place, bit in enumerate(reversed(f"{bits:b}")) if bit == "1"]
    scores = [Fraction(origin + place * unit, scale) for place in places]
    reached = [quiz.outcome_of([score]) for score in scores]
    return ReachableOutcomes(
        frozenset(outcome.id for outcome in reached if outcome is not None),
        tuple(score for score, outcome in zip(scores, reached, strict=True) if outcome is None),
        scores[0],
        scores[-1],
    )


def _shifted(bits: int, steps: int) -> int:
    return bits << steps if steps >= 0 else bits >> -steps


def _reach_by_dimension(
    quiz: Quiz, weighed: list[list[tuple[int, ...]]], scale: int
) -> ReachableOutcomes | None:
    """Hold the reachable scores of all dimensions; add one question after the other."""
    nothing = (0,) * len(quiz.dimensions)
    sums, steps = {nothing}, 0
    for question, options in zip(quiz.questions, weighed, strict=True):
        some: set[tuple[int, ...]] = set()
        for points in options:
            before = (*sums, *some) if question.several else tuple(sums)
            steps += len(before)
            if steps > MOST_STEPS:
                return None
            some |= {tuple(map(add, points, it)) for it in before}
        sums = some | sums if question.optional else some
    reached = {quiz.outcome_of([*map(Fraction, it)]) for it in {*map(_ranked, sums)}}
    totals = [sum(it) for it in sums]
    return ReachableOutcomes(
        frozenset(outcome.id for outcome in reached if outcome is not None),
        (),
        Fraction(min(totals), scale),
        Fraction(max(totals), scale),
    )


def _ranked(strengths: tuple[int, ...]) -> tuple[int, ...]:
    """Return 1 for each strongest dimension, else 0: the outcome depends on nothing else."""
    strongest = max(strengths)
    return tuple(int(it == strongest) for it in strengths)


def overlaps(quiz: Quiz) -> list[tuple[Outcome, Outcome]]:
    """Return pairs of outcomes with overlapping ranges, in written order."""
    outcomes = quiz.outcomes
    return [
        (first, second)
        for place, second in enumerate(outcomes)
        for first in outcomes[:place]
        if _begins(first, second) and _begins(second, first)
    ]


def _begins(one: Outcome, other: Outcome) -> bool:
    """Return whether a range begins before another one ends."""
    return one.least is None or other.most is None or one.least <= other.most
