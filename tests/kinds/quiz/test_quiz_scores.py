"""Scores and reachability of quizzes, held against a reference that tries everything."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.kinds.quiz.questions_and_outcomes import (
    Answers,
    AnswerUnknown,
    Dimension,
    Option,
    Outcome,
    Pages,
    Question,
    Quiz,
    overlaps,
    reach,
)

WEIGHTS = st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(3), Fraction(2, 3), Fraction("0.1")])
BORDERS = st.none() | st.fractions(-8, 12, max_denominator=2)


@st.composite
def quizzes(draw: st.DrawFn) -> Quiz:
    """Draw a small quiz, sound or not."""
    names = draw(st.sampled_from([("",), ("a",), ("a", "b"), ("a", "b", "c")]))
    points = st.tuples(*(st.integers(-3, 4) for _ in names))
    option = st.builds(Option, st.just("x"), points)
    question = st.builds(
        Question,
        st.just("?"),
        st.lists(option, min_size=1, max_size=3).map(tuple),
        st.booleans(),
        st.booleans(),
    )
    if names != ("",) and draw(st.booleans()):
        order = draw(st.permutations(names))
        outcomes = [Outcome(name, "t", "", dimension=name) for name in order]
    else:
        ranges = draw(st.lists(st.tuples(BORDERS, BORDERS), min_size=1, max_size=4))
        outcomes = [Outcome(str(place), "t", "", *pair) for place, pair in enumerate(ranges)]
    return Quiz(
        Pages.ONE,
        tuple(draw(st.lists(question, min_size=1, max_size=3))),
        tuple(outcomes),
        tuple(Dimension(name, draw(WEIGHTS)) for name in names),
    )


def every_answer(quiz: Quiz) -> Iterator[Answers]:
    """Try every way to take a quiz."""
    ways = []
    for question in quiz.questions:
        places = range(len(question.options))
        most = len(places) if question.several else 1
        least = 0 if question.optional else 1
        ways.append([it for count in range(least, most + 1) for it in combinations(places, count)])
    yield from product(*ways)


def by_hand(quiz: Quiz, answers: Answers) -> tuple[str | None, Fraction]:
    """Score as the guide tells it, one step after the other."""
    strengths = {it.id: Fraction(0) for it in quiz.dimensions}
    for question, chosen in zip(quiz.questions, answers, strict=True):
        for place in chosen:
            for dimension, points in zip(quiz.dimensions, question.options[place].points, strict=True):
                strengths[dimension.id] += points * dimension.weight
    total = sum(strengths.values(), Fraction(0))
    for outcome in quiz.outcomes:
        if outcome.dimension:
            if all(strengths[outcome.dimension] >= other for other in strengths.values()):
                return outcome.id, total
        elif not (
            (outcome.least is not None and total < outcome.least)
            or (outcome.most is not None and total > outcome.most)
        ):
            return outcome.id, total
    return None, total


@given(quizzes())
def test_scores_are_those_of_the_reference(quiz: Quiz) -> None:
    """M2: every way to take a quiz leads where the guide says, without rounding."""
    for answers in every_answer(quiz):
        found = quiz.score(answers)
        assert (None if found is None else found.id) == by_hand(quiz, answers)[0]
        assert quiz.missing(answers) == ()


@given(quizzes())
def test_what_can_be_reached_is_what_somebody_reaches(quiz: Quiz) -> None:
    """M2, M4: outcomes, lost scores, lowest and highest, exactly as by trying everything."""
    tried = [by_hand(quiz, answers) for answers in every_answer(quiz)]
    found = reach(quiz)
    assert found is not None
    assert found.outcomes == {outcome for outcome, _ in tried if outcome is not None}
    lost = {total for outcome, total in tried if outcome is None}
    assert found.lost == (() if quiz.by_dimension else tuple(sorted(lost)))
    assert (found.lowest, found.highest) == (min(it for _, it in tried), max(it for _, it in tried))


@given(quizzes())
def test_ranges_overlap_when_one_score_lies_in_both(quiz: Quiz) -> None:
    """M2, M4: also in scores that nobody has: a range is a promise."""
    if quiz.by_dimension:
        return
    sound = [it for it in quiz.outcomes if it.least is None or it.most is None or it.least <= it.most]
    told = {(a.id, b.id) for a, b in overlaps(quiz) if a in sound and b in sound}
    tried = [Fraction(step, 2) for step in range(-40, 60)]
    shared = {
        (a.id, b.id) for a, b in combinations(sound, 2) if any(a.holds(it) and b.holds(it) for it in tried)
    }
    assert told == shared


def test_a_quiz_too_large_to_try_is_not_judged() -> None:
    """M2: the search is bounded and says so, within seconds."""
    options = tuple(Option(str(place), (2**place, 3**place)) for place in range(14))
    questions = (Question("?", options, several=True),) * 3
    outcomes = (Outcome("a", "t", "", dimension="a"), Outcome("b", "t", "", dimension="b"))
    assert reach(Quiz(Pages.ONE, questions, outcomes, (Dimension("a"), Dimension("b")))) is None


def test_a_large_plain_quiz_is_judged() -> None:
    """M2: the largest that `check` lets pass, with small points."""
    options = tuple(Option(str(place), (place,)) for place in range(20))
    questions = (Question("?", options, several=True, optional=True),) * 40
    found = reach(Quiz(Pages.EACH, questions, (Outcome("a", "t", ""),)))
    assert found is not None
    assert (found.lowest, found.highest) == (Fraction(0), Fraction(40 * 190))


def test_answers_that_no_page_offers_are_refused() -> None:
    """M2: an option that is not there, one twice, two where one is asked, too few or too many questions."""
    options = (Option("a", (1,)), Option("b", (2,)))
    quiz = Quiz(Pages.ONE, (Question("?", options), Question("?", options, several=True)), ())
    assert quiz.taken([[1], [1, 0]]) == ((1,), (0, 1))
    for wrong in ([[2], []], [[-1], []], [[0, 1], []], [[0], [0, 0]], [[0]], [[0], [], []]):
        with pytest.raises(AnswerUnknown):
            quiz.taken(wrong)


def test_the_version_is_that_of_all_that_answers_mean() -> None:
    """M2: answers given to other words, points or borders are not scored by these."""
    option = Option("a", (1,))
    quiz = Quiz(Pages.ONE, (Question("?", (option,)),), (Outcome("a", "t", ""),))
    others = [
        Quiz(Pages.ONE, (Question("!", (option,)),), quiz.outcomes),
        Quiz(Pages.ONE, (Question("?", (Option("a", (2,)),)),), quiz.outcomes),
        Quiz(Pages.ONE, quiz.questions, (Outcome("a", "t", "", Fraction(0)),)),
        Quiz(Pages.ONE, quiz.questions, quiz.outcomes, (Dimension("", Fraction(2)),)),
    ]
    assert len({quiz.version, *(it.version for it in others)}) == 5
    assert Quiz(Pages.EACH, quiz.questions, quiz.outcomes).version == quiz.version
