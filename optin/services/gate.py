"""Ask the gate of an open installation, and wait for the answer (G1)."""

from __future__ import annotations

from datetime import datetime

from optin.errors import StoreBusy
from optin.flows.gate.answer import SignedAnswer, make_answer
from optin.flows.gate.decide import decide
from optin.flows.gate.log_answer import ANOTHER_MOMENT, UnstoredAnswers, log_answer, store_answers
from optin.flows.gate.question import Question
from optin.services.installation import Installation

TRIES = 5  # while a person's consents change


def ask(installation: Installation, question: Question, at: datetime | None = None) -> SignedAnswer:
    """Return the answer to a question, logged. Raises StoreBusy, JournalUnusable.

    `at`: another moment than now (UTC), whose rules hold; such an answer permits nothing: it is not signed,
    and no event, for nobody is contacted by it. Who asked is noted for the person all the same.
    """
    key = installation.vault.answer_keys[-1]
    for _ in range(TRIES):
        now = installation.clock()
        decided = installation.view(
            decide, question=question, now=now, at=at, endings_of=installation.endings_of
        )
        answer = make_answer(question, decided, now, key if at is None else None, at)
        if at is not None or not decided.resting:
            installation.questions.note(question, decided, now, "" if at is None else ANOTHER_MOMENT)
            return answer
        if installation.run(log_answer, question=question, decided=decided, answer=answer, now=now):
            installation.questions.count(question, answer.said, now)
            return answer
    raise StoreBusy


def keep_and_begin(installation: Installation, notes: UnstoredAnswers) -> UnstoredAnswers:
    """Store notes; return new ones without any."""
    if notes.sums:
        installation.run(store_answers, notes=notes)
    return UnstoredAnswers()
