"""The pages of a quiz: the one that asks, and one for each outcome with its text and its form (M2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from optin.consent.quiz import Quiz
from optin.site.kind_pages import PagesPart
from optin.site.lint import Objection
from optin.site.page_check import CURE
from optin.site.quiz_pages import quiz_view, result_view
from optin.site.seen_page import SeenPage
from optin.theme.views import LandingView, QuizView, ResultView


def faces(view: LandingView) -> tuple[tuple[str, LandingView], ...]:
    """Return a page for each outcome."""
    quiz = _quiz(view)
    return tuple((f"/result/{it.id}", result_view(view, quiz, it)) for it in quiz.outcomes)


def opening(view: LandingView) -> QuizView:
    """Return the page that asks."""
    return quiz_view(view, _quiz(view))


def with_links(quiz: Quiz, linked: Callable[[str], str]) -> Quiz:
    """Lead the links in the results to where they are answered."""
    return replace(quiz, outcomes=tuple(replace(it, text_html=linked(it.text_html)) for it in quiz.outcomes))


def _quiz(view: LandingView) -> Quiz:
    if not isinstance(view.details, Quiz):
        raise TypeError(view.details)
    return view.details


def look(seen: SeenPage, view: LandingView) -> Iterator[Objection]:
    """Look at the result of a quiz: what is kept of it stands there."""
    if not isinstance(view, ResultView):
        return
    kept = [it.why for it in view.declaration.fields if it.name in view.filled_in]
    if any(" ".join(text.split()) not in seen.told for text in (view.outcome.title, *kept)):
        message = "The page does not show the result, or not why it is kept (GDPR 5(1)(c), 13)."
        yield Objection("result", message, CURE)


PAGES = PagesPart(faces, opening, with_links, look)
