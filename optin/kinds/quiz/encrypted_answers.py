"""Carry a quiz's answers from page to page in an encrypted token; nothing is stored before sign-up (M2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from optin.kinds.api import FlowPart
from optin.kinds.api.flows import (
    Context,
    OpenedRequest,
    PersonStatus,
    as_token,
    from_token,
    open_text,
    seal_text,
)
from optin.kinds.api.forms import Details, FormDeclaration
from optin.kinds.api.store import Tx, Vault, promise_of
from optin.kinds.quiz.errors import AnswersStale
from optin.kinds.quiz.questions_and_outcomes import (
    ANSWERS_FIELD,
    OUTCOME_FIELD,
    Answers,
    AnswerUnknown,
    Outcome,
    Quiz,
)

USE = "quiz"
LIFETIME = timedelta(hours=24)
MAX_CHARACTERS = 4_000  # more than the largest quiz needs


def seal_answers(vault: Vault, slug: str, quiz: Quiz, answers: Answers, now: datetime) -> str:
    """Return the answers so far as a token: encrypted, bound to this quiz and version, for 24 hours."""
    plain = {"version": quiz.version, "at": int(now.timestamp()), "answers": answers}
    return as_token(seal_text(vault, USE, slug.encode(), json.dumps(plain, separators=(",", ":"))))


def open_answers(vault: Vault, slug: str, quiz: Quiz, token: str, now: datetime) -> Answers:
    """Return the answers in a token. Raises AnswersStale when it is altered, too old, or of another quiz."""
    opened = open_text(vault, USE, slug.encode(), from_token(token[:MAX_CHARACTERS]))
    if not opened:
        raise AnswersStale
    plain = json.loads(opened)
    age = now.timestamp() - plain["at"]
    if plain["version"] != quiz.version or age > LIFETIME.total_seconds():
        raise AnswersStale
    try:
        return quiz.taken(plain["answers"])
    except AnswerUnknown:
        raise AnswersStale from None


def carried_fields(
    vault: Vault, details: Details | None, form: FormDeclaration, query: Mapping[str, str], now: datetime
) -> tuple[tuple[str, str], ...]:
    """Return the fields to store: the outcome of the form; the answers where the magnet says why.

    Raises AnswersStale when the answers in the token do not lead to this outcome.
    """
    told, names = form.detail, {field.name for field in form.fields}
    if OUTCOME_FIELD not in names or "result" not in told:
        return ()
    kept = [(OUTCOME_FIELD, str(told["result"]))]
    token = query.get("answers", "")
    if ANSWERS_FIELD in names and token and isinstance(details, Quiz) and details.why_answers:
        answers = open_answers(vault, form.magnet, details, token, now)
        outcome = details.score(answers)
        if details.missing(answers) or outcome is None or outcome.id != told.get("outcome"):
            raise AnswersStale
        kept.append((ANSWERS_FIELD, details.in_words(answers)))
    return tuple(kept)


def person_status(tx: Tx, context: Context, opened: OpenedRequest, _now: datetime) -> PersonStatus | None:
    """Return the outcome of a form, with its report as it is now, or as it was last."""
    form = opened.declaration
    outcome_id, details = form.form_name, context.policy.details(form.magnet)
    if not outcome_id:
        return None
    if isinstance(details, Quiz) and (found := details.outcome(outcome_id)) is not None:
        return PersonStatus(found)
    kept = promise_of(tx, form.magnet, outcome_id)
    if kept is None or not kept.report:
        return None
    told = json.loads(kept.report)
    return PersonStatus(
        Outcome(outcome_id, told["title"], "", report=told["report"], report_html=told["report_html"])
    )


FLOWS = FlowPart(carried=carried_fields, person_status=person_status)
