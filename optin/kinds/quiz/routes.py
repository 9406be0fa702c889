"""Answer a quiz: take answers, show the next question or the result. Nothing is stored (M2).

The answers so far travel sealed: in a hidden field, and in the address of the next question, so that the
back button and a reload do what people expect. GET shows; only the sign-up on a result's page stores.
No limit counts here: answering costs neither the store nor a mail.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from optin.kinds.api import RoutesPart
from optin.kinds.api.errors import PageUnknown, PostMalformed
from optin.kinds.api.forms import Slug
from optin.kinds.api.web import AppContext, app_context_of, post_form, read_post, see_other, single, slug_of
from optin.kinds.quiz.encrypted_answers import open_answers, seal_answers
from optin.kinds.quiz.errors import AnswersStale, AnswersUnknown
from optin.kinds.quiz.questions_and_outcomes import Answers, AnswerUnknown, Pages, Quiz
from optin.kinds.quiz.views import QuizView, quiz_view

CHANGED = 409
MISSING = 422
MOST_DIGITS = 3  # of the number of a question or an option
_OURS = frozenset({"quiz", "question", "so_far"})


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS


async def get_answers(request: Request) -> Response:
    """Show a question with the options chosen earlier; without answers, the first one."""
    app_context, slug = app_context_of(request), slug_of(request)
    taking = _QuizRun(app_context, slug)
    app_context.require_open(slug)
    token = request.query_params.get("so_far", "")
    place = taking.place(request.query_params.get("question", "1"))
    if not token:
        return see_other(f"/{slug}")
    return app_context.page(taking.page(taking.opened(token), place))


async def post_answers(request: Request) -> Response:
    """Take answers: show what is missing, the next question, or redirect to the result."""
    app_context, slug = app_context_of(request), slug_of(request)
    taking = _QuizRun(app_context, slug)
    posted = await read_post(request)
    app_context.require_open(slug)
    quiz = taking.quiz
    if any(name not in _OURS and taking.numbered(name) is None for name, _ in posted):
        raise PostMalformed
    if single(posted, "quiz") != quiz.version:
        fitting = _fitting(quiz, taking.chosen(posted))
        return app_context.page(replace(taking.page(fitting, 0), changed=True), CHANGED)
    asked = range(len(quiz.questions))
    if question := single(posted, "question"):
        asked = range(taking.place(question), taking.place(question) + 1)
    token = single(posted, "so_far")
    before = taking.opened(token) if token else quiz.unanswered
    chosen = taking.chosen(posted)
    if any(chosen.get(place) for place in chosen if place not in asked):
        raise AnswersUnknown
    try:
        answers = quiz.taken(
            [chosen.get(place, ()) if place in asked else old for place, old in enumerate(before)]
        )
    except AnswerUnknown:
        raise AnswersUnknown from None
    missing = quiz.missing(answers)
    here = tuple(place for place in missing if place in asked)
    if here or (missing and quiz.pages is Pages.ONE):
        page = taking.page(answers, missing[0] if not here else here[0])
        return app_context.page(
            replace(page, missing=tuple(it for it in missing if it in page.shown)), MISSING
        )
    following = asked[-1] + 1
    if following == len(quiz.questions) and not missing:
        return see_other(taking.result(answers))
    return see_other(taking.question(answers, missing[0] if following == len(quiz.questions) else following))


class _QuizRun:
    """One visitor's run through a quiz."""

    def __init__(self, app_context: AppContext, slug: Slug) -> None:
        """Find the quiz. Raises PageUnknown when there is none."""
        magnet = app_context.edition.site.magnets.get(slug)
        opening = app_context.edition.publication.openings.get(slug)
        if magnet is None or opening is None or not isinstance(magnet.details, Quiz):
            raise PageUnknown
        self.quiz = magnet.details
        self._slug, self._app_context, self._landing = slug, app_context, opening.view.landing

    def place(self, number: str) -> int:
        """Return the index of a question by its number, from 1. Raises AnswersUnknown."""
        if not _is_number(number):
            raise AnswersUnknown
        if not 1 <= int(number) <= len(self.quiz.questions):
            raise AnswersUnknown
        return int(number) - 1

    def numbered(self, name: str) -> int | None:
        """Return the number of the question that a field answers; None for other fields."""
        number = name.removeprefix("q")
        return int(number) - 1 if name.startswith("q") and _is_number(number) else None

    def chosen(self, posted: list[tuple[str, str]]) -> dict[int, tuple[int, ...]]:
        """Return the posted options by question. Raises AnswersUnknown for values that are no numbers."""
        found: dict[int, tuple[int, ...]] = {}
        for name, value in posted:
            place = self.numbered(name)
            if place is None:
                continue
            if not _is_number(value):
                raise AnswersUnknown
            found[place] = (*found.get(place, ()), int(value) - 1)
        return found

    def opened(self, token: str) -> Answers:
        """Return the answers so far. Raises AnswersStale."""
        installation = self._app_context.installation
        return open_answers(installation.vault, self._slug, self.quiz, token, installation.clock())

    def sealed(self, answers: Answers) -> str:
        """Return the answers as an encrypted token."""
        installation = self._app_context.installation
        return seal_answers(installation.vault, self._slug, self.quiz, answers, installation.clock())

    def page(self, answers: Answers, place: int) -> QuizView:
        """Return the page of the question at `place`, or the page with all questions."""
        view = quiz_view(self._landing, self.quiz, place, answers)
        if not view.alone:
            return view
        back = self.question(answers, place - 1) if place else ""
        return replace(view, so_far=self.sealed(answers), back_url=back)

    def question(self, answers: Answers, place: int) -> str:
        """Return the address of a question, with the answers given so far."""
        query = urlencode({"question": place + 1, "so_far": self.sealed(answers)})
        return f"/{self._slug}/answers?{query}"

    def result(self, answers: Answers) -> str:
        """Return the address of the result, with the answers where the magnet says why it stores them."""
        outcome = self.quiz.score(answers)
        if outcome is None:  # `check` lets no such quiz pass
            raise AnswersStale
        query = f"?{urlencode({'answers': self.sealed(answers)})}" if self.quiz.why_answers else ""
        return f"/{self._slug}/result/{outcome.id}{query}"


def _fitting(quiz: Quiz, chosen: dict[int, tuple[int, ...]]) -> Answers:
    """Return the answers to an earlier version that are valid in this one."""
    return tuple(
        tuple(sorted(chosen.get(place, ()))) if it.takes(chosen.get(place, ())) else ()
        for place, it in enumerate(quiz.questions)
    )


async def get_result(_request: Request) -> Response:
    """Answer 404: existing results are served from memory."""
    raise PageUnknown


ROUTES = RoutesPart(
    below=(
        Route("/{slug}/answers", get_answers, methods=["GET"]),
        Route("/{slug}/answers", post_answers, methods=["POST"]),
        Route("/{slug}/result/{outcome}", get_result, methods=["GET"]),
        Route("/{slug}/result/{outcome}", post_form, methods=["POST"]),
    )
)
