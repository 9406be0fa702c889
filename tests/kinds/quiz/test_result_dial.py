"""The dial beside a result."""

from __future__ import annotations

from fractions import Fraction

from optin.kinds.quiz.questions_and_outcomes import Option, Outcome, Pages, Question, Quiz
from optin.kinds.quiz.views import result_view
from optin.theme.look import Look
from optin.theme.theme import Theme
from tests.theme.gallery import landing

QUESTIONS = (Question("?", (Option("Ja", (1,)), Option("Nee", (0,)))),)


def hands(*outcomes: Outcome) -> dict[str, str]:
    """Return how the hand stands beside each outcome of a quiz, in degrees; empty without a dial."""
    theme, quiz = Theme(Look()), Quiz(Pages.ONE, QUESTIONS, outcomes)
    pages = {it.id: theme.page(result_view(landing("nl", "quiz"), quiz, it)) for it in outcomes}
    return {id_: page.partition("rotate(")[2].partition(" ")[0] for id_, page in pages.items()}


def test_the_hand_stands_by_the_score_however_the_results_are_ordered() -> None:
    """W3: the lowest scores on the left."""
    high = Outcome("high", "t", "", least=Fraction(6))
    middle = Outcome("middle", "t", "", least=Fraction(0), most=Fraction(5))
    low = Outcome("low", "t", "", most=Fraction(-1))
    assert hands(high, middle, low) == {"high": "60.0", "middle": "0.0", "low": "-60.0"}


def test_results_without_an_order_have_no_dial() -> None:
    """W3: of a strongest side none is more than another; a single result has nothing to stand beside."""
    assert hands(Outcome("a", "t", "", dimension="a"), Outcome("b", "t", "", dimension="b")) == {
        "a": "",
        "b": "",
    }
    assert hands(Outcome("all", "t", "")) == {"all": ""}
