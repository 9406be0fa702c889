"""Values for the templates of a quiz: its questions, and its results."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import ClassVar

from optin.kinds.api.forms import details_text
from optin.kinds.api.pages import Frame, LandingView
from optin.kinds.quiz.questions_and_outcomes import Answers, Outcome, Pages, Quiz

_HEADING = "<h2"
NO_OUTCOME = Outcome("", "", "")


@dataclass(frozen=True)
class ResultView(LandingView):
    """The result of a quiz, readable without signing up, with the form for its report (M2)."""

    template: ClassVar = "kinds/quiz/result.html"

    outcome: Outcome = NO_OUTCOME
    quiz_url: str = ""  # where it can be taken again
    place: int = 0  # of the outcome, 1 for that of the lowest scores; 0: it goes by no score
    places: int = 0  # how many outcomes go by scores

    @property
    def verdict_html(self) -> str:
        """The text of the outcome as far as its first heading: what stands before the form."""
        return self.outcome.text_html.partition(_HEADING)[0]

    @property
    def advice_html(self) -> str:
        """The text of the outcome from its first heading on; empty where it has none."""
        return "".join(self.outcome.text_html.partition(_HEADING)[1:])


@dataclass(frozen=True)
class QuizView:
    """Questions of a quiz: all, or one (`shown`: their indexes). Stores nothing."""

    template: ClassVar = "kinds/quiz/quiz.html"

    frame: Frame
    landing: LandingView
    quiz: Quiz
    action: str
    shown: tuple[int, ...]
    chosen: Answers
    so_far: str = ""  # the sealed answers that travel along
    back_url: str = ""
    missing: tuple[int, ...] = ()  # questions of `shown` that were left without an answer
    changed: bool = False  # the quiz is another than the one that was answered

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """The magnet's own texts by catalogue key (M9)."""
        return self.landing.texts

    @property
    def alone(self) -> bool:
        """Whether each question has a page of its own."""
        return self.quiz.pages is Pages.EACH

    @property
    def last(self) -> bool:
        """Whether the result follows."""
        return self.shown[-1] == len(self.quiz.questions) - 1


def quiz_view(view: LandingView, quiz: Quiz, place: int = 0, chosen: Answers = ()) -> QuizView:
    """Return the page with all questions, or the one at `place`, of the magnet of `view`."""
    alone = quiz.pages is Pages.EACH
    return QuizView(
        frame=view.frame,
        landing=view,
        quiz=quiz,
        action=f"{view.frame.base_url}/{view.declaration.magnet}/answers",
        shown=(place,) if alone else tuple(range(len(quiz.questions))),
        chosen=chosen or quiz.unanswered,
    )


def result_view(view: LandingView, quiz: Quiz, outcome: Outcome) -> ResultView:
    """Return the page of one outcome. It shows all that it declares, so its bytes prove it (P2).

    Where answers are kept its form is posted to where the page was opened: they are in that address, sealed.
    """
    told = {"outcome": outcome.id, "result": outcome.title}
    declaration = replace(view.declaration, file=outcome.file, details=details_text(told))
    place, places = _standing(quiz, outcome)
    shared = {it.name: getattr(view, it.name) for it in fields(view)}
    return ResultView(
        **{
            **shared,
            "declaration": declaration,
            "action": "" if quiz.why_answers else view.action,
            "page_url": result_url(view, outcome.id),
            "alternates": (),  # each language has outcomes of its own
        },
        outcome=outcome,
        quiz_url=view.page_url,
        place=place,
        places=places,
    )


def _standing(quiz: Quiz, outcome: Outcome) -> tuple[int, int]:
    """Return where an outcome stands among those that go by the score, and how many they are."""
    if outcome.dimension:
        return 0, 0
    scored = sorted(
        (it for it in quiz.outcomes if not it.dimension), key=lambda it: (it.least is not None, it.least or 0)
    )
    return [it.id for it in scored].index(outcome.id) + 1, len(scored)


def result_url(view: LandingView, outcome: str) -> str:
    """Return the address of an outcome's page."""
    return f"{view.page_url}/result/{outcome}"
