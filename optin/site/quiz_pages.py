"""The pages of a quiz: the one that asks, and one for each outcome with its text and its form (M2)."""

from __future__ import annotations

from dataclasses import fields, replace

from optin.consent.form import details_text
from optin.consent.quiz import Answers, Outcome, Pages, Quiz
from optin.theme.views import LandingView, QuizView, ResultView


def quiz_view(view: LandingView, quiz: Quiz, place: int = 0, chosen: Answers = ()) -> QuizView:
    """Return the page with all questions, or with the one at `place`, of the magnet that `view` shows."""
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
    """Return the page of one outcome. What it declares stands on it, so the page's bytes pin it (P2).

    Where answers are kept its form is posted to where the page was opened: they are in that address, sealed.
    """
    told = {"outcome": outcome.id, "result": outcome.title}
    declaration = replace(view.declaration, file=outcome.file, details=details_text(told))
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
    )


def result_url(view: LandingView, outcome: str) -> str:
    """Return where the page of an outcome is."""
    return f"{view.page_url}/result/{outcome}"
