"""The pages of a quiz: the questions, and one page with a form for each outcome (M2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from optin.kinds.api import PagesPart
from optin.kinds.api.forms import FormField
from optin.kinds.api.pages import CURE, LandingView, Objection, SeenPage
from optin.kinds.api.samples import Sample, SampleLinks, SampleMail, delivery
from optin.kinds.quiz.questions_and_outcomes import Option, Outcome, Pages, Question, Quiz
from optin.kinds.quiz.views import QuizView, ResultView, quiz_view, result_view


def form_pages(view: LandingView) -> tuple[tuple[str, LandingView], ...]:
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
    if any(" ".join(text.split()) not in seen.text for text in (view.outcome.title, *kept)):
        message = "The page does not show the result, or not why it is kept (GDPR 5(1)(c), 13)."
        yield Objection("result", message, CURE)


def sample_quiz(pages: Pages, why: str = "") -> Quiz:
    """Return a small sample quiz."""
    options = (Option("Yes", (1,)), Option("No", (0,)))
    questions = (Question("First?", options), Question("Second?", options, several=True, optional=True))
    outcome = Outcome("good", "Good", "<p>Text.</p>", report="Report.", report_html="<p>Report.</p>")
    return Quiz(pages, questions, (outcome,), why_answers=why)


def samples(of: LandingView) -> Iterator[Sample]:
    """Yield the questions and the results of a quiz: of the magnet, or of small ones."""
    if isinstance(of.details, Quiz):
        yield from _questions(of, of.details, "Questions")
        return
    yield from _questions(of, sample_quiz(Pages.ONE), "Questions on one page")
    quiz = sample_quiz(Pages.EACH, "To advise you.")
    yield from _questions(of, quiz, "Questions")
    told = (FormField("outcome", "Result", "To know it."), FormField("answers", "Answers", "To advise."))
    kept = replace(of, declaration=replace(of.declaration, fields=(*of.declaration.fields, *told)))
    for it in (quiz, replace(quiz, why_answers="")):
        shown = result_view(replace(kept, filled_in=frozenset({"outcome", "answers"})), it, quiz.outcomes[0])
        yield Sample("Result", "answers are kept" if it.why_answers else "", shown)


def _questions(of: LandingView, quiz: Quiz, page: str) -> Iterator[Sample]:
    """Yield the pages with questions."""
    pages = len(quiz.questions) if quiz.pages is Pages.EACH else 1
    for place in range(pages):
        view, number = quiz_view(of, quiz, place), f"{place + 1} of {pages}" if pages > 1 else ""
        if place:
            view = replace(view, so_far=SO_FAR, back_url=of.page_url)
        yield Sample(page, number, view)
    chosen = tuple((0,) for _ in quiz.questions)
    wrong = replace(view, missing=view.shown[:1], changed=True, chosen=chosen)
    yield Sample(page, "one without an answer, and changed meanwhile", wrong)


def mail_samples(of: LandingView) -> Iterator[SampleMail]:
    """Yield the mail with the report of each outcome."""
    quiz = of.details if isinstance(of.details, Quiz) else sample_quiz(Pages.ONE)
    links = SampleLinks(of)
    for outcome in quiz.outcomes:
        form = replace(of.declaration, file=outcome.file or of.declaration.file)
        mail = delivery(replace(of, declaration=form), outcome)
        yield SampleMail(f"result {outcome.id}", mail, (links.withdraw,))


SO_FAR = "s"  # sealed answers that nobody gave
MOVED = {"pages/quiz.html": "kinds/quiz/quiz.html", "pages/result.html": "kinds/quiz/result.html"}
PAGES = PagesPart(form_pages, opening, with_links, look, samples, mail_samples, moved_templates=MOVED)
