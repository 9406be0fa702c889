"""Log the answers of the gate (G1, G4).

An answer that speaks of a basis on file is an event of the log before it is given, bound to the person: it is
erased with them, and its digest shows later which answer it was. An answer "no basis" leaves no event, or
the size of the public log would tell whether the person is known. It is noted for the person, if there is
one, and in any case counted in a sum that names nobody.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.event_content import ContactAnswer
from optin.consent.held_basis import basis_event
from optin.consent.status_transitions import EventKind, RequestId
from optin.errors import LinkSpent
from optin.flows.context import Context
from optin.flows.gate.answer import SignedAnswer
from optin.flows.gate.bases_on_file import PersonOnFile, newest_of
from optin.flows.gate.decide import GateDecision
from optin.flows.gate.question import Question
from optin.flows.records.decrypted_request import open_request
from optin.store.contact_questions import YES, ContactQuestion, QuestionSum, store_questions
from optin.store.data_subjects import address_index
from optin.store.database_interface import Tx
from optin.store.events import add_events
from optin.store.person_records import newest_request
from optin.store.requests import peek_request
from optin.store.weekly_event_sums import monday_of

ANOTHER_MOMENT = "about another moment"
IN_A_LIST = "in a list"
MOST_NOTED = 100_000  # while the store takes none


@dataclass
class UnstoredAnswers:
    """Answers of the gate that are not in the store yet: a note for each person asked about, and the sums."""

    questions: list[ContactQuestion] = field(default_factory=list)
    sums: Counter[QuestionSum] = field(default_factory=Counter)

    def note(self, question: Question, decided: GateDecision, now: datetime, no_permission: str = "") -> None:
        """Note an answer, given now. `no_permission`: why it is none, whatever it says."""
        reason = no_permission or _reason(decided)
        self.questions += [
            ContactQuestion(it, now, question.asked_by, question.key, not reason, reason)
            for it in decided.known
        ]
        self.count(question, reason or YES, now)

    def take_back(self, notes: UnstoredAnswers) -> None:
        """Add notes that could not be stored; beyond MOST_NOTED the oldest people are not told."""
        self.questions = [*notes.questions, *self.questions][-MOST_NOTED:]
        self.sums.update(notes.sums)

    def count(self, question: Question, said: str, now: datetime) -> None:
        """Count an answer, and note it for nobody."""
        key, monday = question.key, monday_of(now.date())
        self.sums[QuestionSum(monday, question.asker, key.purpose, key.channel.value, said)] += 1


def _reason(decided: GateDecision) -> str:
    refusal = decided.answer.refusal
    return "" if refusal is None else refusal.value


def log_answer(
    tx: Tx, context: Context, question: Question, decided: GateDecision, answer: SignedAnswer, now: datetime
) -> bool:
    """Log an answer that speaks of bases on file; False when what it rests on has changed meanwhile."""
    # 1. Nothing was added to the log about these people since it was decided.
    for person in decided.resting:
        if person.events != newest_of(tx, person.subject, person.entries):
            return False

    # 2. An event for each of them, and a note of who asked.
    contact_answer = ContactAnswer(
        question.asker, question.key, decided.may, decided.answer.rule, answer.digest
    )
    for person in decided.resting:
        _log(tx, context, person, contact_answer, now)
    notes = UnstoredAnswers()
    notes.note(question, decided, now)
    store_questions(tx, notes.questions, {})
    return True


def _log(
    tx: Tx, context: Context, person: PersonOnFile, contact_answer: ContactAnswer, now: datetime
) -> None:
    vault = context.vault
    if person.request is None and person.entries:
        entry = person.entries[0]
        add_events(
            tx,
            vault,
            RequestId(entry.id),
            [{**basis_event(EventKind.ASKED, now, entry), **contact_answer.said}],
        )
        return
    index = b"" if person.subject is None else address_index(tx, person.subject)
    request = person.request or newest_request(tx, index)
    stored = None if request is None else peek_request(tx, request)
    if request is None or stored is None:
        raise LinkSpent  # its person is gone
    opened = open_request(tx, vault, stored)
    add_events(tx, vault, request, [opened.event_builder.asked_about(now, contact_answer)])


def store_answers(tx: Tx, _context: Context, notes: UnstoredAnswers) -> None:
    """Store answers that were collected in memory."""
    store_questions(tx, notes.questions, notes.sums)
