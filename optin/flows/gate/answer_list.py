"""Answer a whole list: which of its people may be contacted for a purpose by a channel (G3, E6).

1. Bring each address or number of a batch to its one normal form.
2. Read what is on file for all of them at once; who is not on file has no basis.
3. Decide about each as about a single question, for a contact within the hours, or at the moment named.
4. A row is answered by the strictest of its own addresses; also no, if it names somebody in another cell who
   objected.
A list gives no permission: its answers are not signed, and are not logged as a use. Nothing of it is stored;
people on file are told that somebody asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from optin.consent.channel import Address
from optin.consent.purpose import ConsentKey
from optin.flows.context import Context
from optin.flows.evidence.withdrawals_in_journal import Endings
from optin.flows.gate.bases_on_file import GateInquiry, read_on_file
from optin.flows.gate.decide import NO_BASIS, GateDecision, decide_for_address
from optin.flows.gate.log_answer import IN_A_LIST, UnstoredAnswers
from optin.flows.gate.question import Question, countries_of
from optin.flows.objections.find_objections import PlannedContact, find_objections
from optin.rules.may_contact import NEVER, Answer, Decision, Refusal
from optin.store.database_interface import Runner, Tx
from optin.store.stored_forms import StoredForm
from optin.store.suppressions import suppressed_among

Row = tuple[Sequence[str], Sequence[str]]  # its own addresses or numbers, and those in its other cells
BATCH = 500
MOST_NOTES = 5_000  # in memory
NO_ADDRESS = "no address"
UNKNOWN = GateDecision(NO_BASIS)
OBJECTED = GateDecision(
    Answer(
        Decision.PROHIBIT,
        reasons=("The row names somebody who objected.",),
        refusal=Refusal.OBJECTED,
        cure=NEVER,
    )
)


@dataclass(frozen=True)
class ListQuestion:
    """A question about every row of a list. `by`: what identifies the rows.

    `country`: reads national numbers; `given`: that of the people, if known. `at`: a moment, whose hours
    count; None: whenever calls are allowed. `asked_by`: as the people are told.
    """

    key: ConsentKey
    by: Address
    now: datetime
    country: str
    asker: str
    who_asked: str = ""
    given: str = ""
    at: datetime | None = None

    def about(self, value: str, home: str) -> Question:
        """Return the question about one address."""
        countries = countries_of(self.by, value, home, self.given)
        return Question(value, self.by, value, self.key, countries, self.asker, self.who_asked)


@dataclass
class ListGate:
    """Answers the rows of a list, batch by batch."""

    read: Runner  # runs one short reading operation
    context: Context
    question: ListQuestion
    endings: Endings = field(default_factory=dict)  # what the journal says that ended
    notes: UnstoredAnswers = field(default_factory=UnstoredAnswers)  # what people are told of it
    _forms: dict[str, StoredForm | None] = field(default_factory=dict)

    def answers(self, rows: Iterable[Row]) -> Iterator[GateDecision | None]:
        """Yield the answer for each row; None for a row without an address that can be read."""
        waiting = iter(rows)
        while batch := list(islice(waiting, BATCH)):
            yield from self._answers(batch)

    def _answers(self, batch: Sequence[Row]) -> Iterator[GateDecision | None]:
        # 1. One normal form.
        written = {value for own, others in batch for value in (*own, *others)}
        normal = {value: self._normal(value) for value in written}
        indexes = {value: self._index(value) for value in normal.values() if value is not None}

        # 2. and 3. What is on file, and the answer about each.
        decided = self.read(_decide_all, gate=self, indexes=indexes) if indexes else {}
        others = {normal[value] for _, found in batch for value in found}
        objected = self._objected({it: indexes[it] for it in others if it is not None})

        # 4. The row.
        def answer(value: str) -> GateDecision | None:
            known = normal[value]
            return None if known is None else decided.get(known, UNKNOWN)

        for own, named in batch:
            yield _of_row([answer(value) for value in own], any(normal[value] in objected for value in named))

    def _objected(self, indexes: Mapping[str, bytes]) -> set[str]:
        """Return which of these addresses are suppressed, or must not be contacted (L7)."""
        if not indexes:
            return set()
        asked, values = self.question, sorted(indexes)
        found = self.read(suppressed_among, key=asked.key, indexes=sorted(set(indexes.values())))
        approaches = [PlannedContact({asked.by.field: value}) for value in values]
        bars = self.read(
            find_objections, vault=self.context.vault, contacts=approaches, channel=asked.key.channel
        )
        barred = {value for value, bar in zip(values, bars, strict=True) if bar is not None}
        return barred | {value for value, index in indexes.items() if index in found}

    def _normal(self, value: str) -> str | None:
        try:
            return self.question.by.key(value.strip(), self.question.country)
        except ValueError:
            return None

    def _index(self, value: str) -> bytes:
        return self.context.vault.address_index(self.question.by, value)

    def decide_all(self, tx: Tx, indexes: Mapping[str, bytes]) -> dict[str, GateDecision]:
        """Return the answers about those of these addresses that are on file, and note them."""
        asked, home = self.question, self.context.policy.gate.country
        inquiry = GateInquiry(
            tx, self.context, asked.key, asked.by, asked.now, asked.at or asked.now, lambda _: self.endings,
            whole_list=asked.at is None, forms=self._forms,
        )  # fmt: skip
        found = read_on_file(inquiry, indexes)
        known, answers = found.known, {}
        for value, index in indexes.items():
            if index in known:
                question = asked.about(value, home)
                answers[value] = decide_for_address(inquiry, question, found, index)
                self.notes.note(question, answers[value], asked.now, IN_A_LIST)
        return answers


def why_dropped(refusal: str, decided: GateDecision | None) -> str:
    """Return why a row that the gate refused leaves a list that is cleaned.

    `refusal`: what the proof of its consent says, which for staff is plainer than the gate's own words.
    """
    answer = None if decided is None else decided.answer
    if refusal or answer is None or answer.refusal is None:
        return refusal or NO_ADDRESS
    return answer.refusal.value


def _decide_all(tx: Tx, gate: ListGate, indexes: Mapping[str, bytes]) -> dict[str, GateDecision]:
    return gate.decide_all(tx, indexes)


def _of_row(own: Sequence[GateDecision | None], names_objector: bool) -> GateDecision | None:  # noqa: FBT001 - a fact
    if not own or None in own:
        return None
    answers = [it for it in own if it is not None]
    strictest = next((it for it in answers if not it.may), answers[0])
    return OBJECTED if strictest.may and names_objector else strictest
