"""The pages of a quiz: the questions, and one page with a form for each outcome (M2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from optin.kinds.api import PagesPart
from optin.kinds.api.forms import FormField
from optin.kinds.api.pages import CURE, Frame, LandingView, Objection, SeenPage
from optin.kinds.api.samples import FETCH, URL, WITHDRAW, delivery, landing
from optin.kinds.quiz.questions_and_outcomes import Option, Outcome, Pages, Question, Quiz
from optin.kinds.quiz.views import QuizView, ResultView, quiz_view, result_view


def faces(view: LandingView) -> tuple[tuple[str, LandingView], ...]:
    """Return a page for each outcome."""
    quiz = _quiz(view)
    return tuple((f"/result/{it.id}", result_view(view, quiz, it)) for it in quiz.outcomes)


def opening(view: LandingView) -> QuizView:
    """Return the page with the questions."""
    return quiz_view(view, _quiz(view))


def with_links(quiz: Quiz, linked: Callable[[str], str]) -> Quiz:
    """Return the quiz with absolute addresses in links to pages that only the app answers."""
    return replace(quiz, outcomes=tuple(replace(it, text_html=linked(it.text_html)) for it in quiz.outcomes))


def _quiz(view: LandingView) -> Quiz:
    if not isinstance(view.details, Quiz):
        raise TypeError(view.details)
    return view.details


def look(seen: SeenPage, view: LandingView) -> Iterator[Objection]:
    """Check the page of a result: it must say what is stored."""
    if not isinstance(view, ResultView):
        return
    kept = [it.why for it in view.declaration.fields if it.name in view.filled_in]
    if any(" ".join(text.split()) not in seen.told for text in (view.outcome.title, *kept)):
        message = "The page does not show the result, or not why it is kept (GDPR 5(1)(c), 13)."
        yield Objection("result", message, CURE)


def sample_quiz(pages: Pages, why: str = "") -> Quiz:
    """Return a small sample quiz."""
    options = (Option("Yes", (1,)), Option("No", (0,)))
    questions = (Question("First?", options), Question("Second?", options, several=True, optional=True))
    outcome = Outcome("good", "Good", "<p>Text.</p>", report="Report.", report_html="<p>Report.</p>")
    return Quiz(pages, questions, (outcome,), why_answers=why)


def samples(frame: Frame) -> Iterator[Any]:
    """Yield the questions and the results of a small quiz."""
    blank = landing(frame, "quiz")
    for pages, shown in ((Pages.ONE, (0, 1)), (Pages.EACH, (0,)), (Pages.EACH, (1,))):
        quiz = sample_quiz(pages, "To advise you." if shown == (1,) else "")
        view = QuizView(frame, blank, quiz, f"{URL}/answers", shown, quiz.unanswered)
        yield view
        yield replace(view, missing=shown[:1], changed=True, so_far="s", back_url="/x", chosen=((0,), (0, 1)))
    form = blank.declaration
    told = (FormField("outcome", "Result", "To know it."), FormField("answers", "Answers", "To advise."))
    kept = replace(form, fields=(*form.fields, *told))
    for action in ("", URL):
        yield ResultView(
            frame,
            kept,
            "",
            "",
            action,
            "f" * 32,
            page_url=URL,
            outcome=quiz.outcomes[0],
            quiz_url=URL,
            filled_in=frozenset({"outcome", "answers"}),
        )


def mail_samples(lang: str) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield samples of the kind's own mails, and of its part in the delivery mail."""
    outcome = Outcome("good", "Good", "", report="Report.", report_html="<p>Report.</p>")
    yield delivery(lang, "quiz", outcome), (FETCH, WITHDRAW)


MOVED = {"pages/quiz.html": "kinds/quiz/quiz.html", "pages/result.html": "kinds/quiz/result.html"}
PAGES = PagesPart(faces, opening, with_links, look, samples, mail_samples, moved_templates=MOVED)
