"""Export people who may be contacted on another basis than consent, as the gate answers now (G3, E1).

A page is one short read. Each entry of the register is asked about as by a single question, for a contact
whenever calls are allowed; what is refused is counted with its reason. Of several entries of a person the one
that carries the contact is exported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.channel import MAILBOX
from optin.consent.event_content import STAFF
from optin.consent.held_basis import BasisEntry
from optin.consent.purpose import ConsentKey
from optin.flows.context import Context
from optin.flows.evidence.withdrawals_in_journal import Endings
from optin.flows.exports.people_to_delete import PersonToDelete
from optin.flows.gate.answer_list import ListGate, ListQuestion
from optin.flows.gate.decide import GateDecision
from optin.rules.may_contact import Answer
from optin.store.database_interface import Runner
from optin.store.export_records import ExportRun, add_entries, new_run
from optin.store.held_bases import entries_of_basis, entries_of_export

PAGE = 200
NO_ADDRESS = "no address for this channel"
OTHER_BASIS = "contacted on another basis or entry"
ERASED = "erased"


@dataclass(frozen=True)
class AllowedEntry:
    """An entry whose person may be contacted, with the answer that says so."""

    entry: BasisEntry
    answer: Answer


@dataclass
class BasisExport:
    """The people of one basis for a purpose and channel: yields whom it allows, and counts the refused."""

    read: Runner  # runs one short reading operation
    write: Runner  # runs one durable operation
    context: Context
    key: ConsentKey
    basis: str
    now: datetime
    endings: Endings = field(default_factory=dict)  # what the journal says that ended
    run: bytes = field(init=False, default=b"")
    exported: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Name the export run, before it has a number."""
        self.run = new_run(self.now)

    def allowed(self) -> Iterator[AllowedEntry]:
        """Yield everybody who may be contacted, in constant memory."""
        after, vault = b"", self.context.vault
        while page := self.read(entries_of_basis, vault=vault, basis=self.basis, after=after, most=PAGE):
            found = [it for it in self._answered(page) if it is not None]
            living = (
                self.write(add_entries, run=self.run, entries=[it.entry.id for it in found]) if found else ()
            )
            for it in found:
                if it.entry.id in living:
                    self.exported += 1
                    yield it
                else:
                    self.refused[ERASED] += 1
            after = page[-1].id

    def _answered(self, page: list[BasisEntry]) -> Iterator[AllowedEntry | None]:
        field_name = self.key.channel.address.field
        values = [entry.statement.addresses.get(field_name, "") for entry in page]
        answers = gate_answers(self.read, self.context, self.key, self.now, self.endings, values)
        for entry, value, decided in zip(page, values, answers, strict=True):
            if not value or decided is None:
                self.refused[NO_ADDRESS] += 1
            elif not decided.may:
                refusal = decided.answer.refusal
                self.refused["" if refusal is None else refusal.value] += 1
            elif decided.answer.evidence != entry.evidence:
                self.refused[OTHER_BASIS] += 1
            else:
                yield AllowedEntry(entry, decided.answer)


def gate_answers(
    read: Runner,
    context: Context,
    key: ConsentKey,
    now: datetime,
    endings: Endings,
    values: list[str],
) -> list[GateDecision | None]:
    """Return the answer of the gate for each address of a channel, as for the rows of a list."""
    question = ListQuestion(key, key.channel.address, now, context.policy.gate.country, STAFF)
    gate = ListGate(read, context, question, endings)
    return list(gate.answers(((value,) if value else (), ()) for value in values))


def ended_entries(
    read: Runner, context: Context, run: ExportRun, now: datetime, endings: Endings
) -> Iterator[PersonToDelete]:
    """Yield people of an export, on another basis than consent, who may not be contacted any more."""
    after, field_name = b"", run.key.channel.address.field
    while page := read(entries_of_export, vault=context.vault, run=run.members, after=after, most=PAGE):
        values = [entry.statement.addresses.get(field_name, "") for entry in page]
        answers = gate_answers(read, context, run.key, now, endings, values)
        for entry, value, decided in zip(page, values, answers, strict=True):
            if decided is None or not decided.may:
                refusal = None if decided is None else decided.answer.refusal
                email = entry.statement.addresses.get(MAILBOX.field, "")
                others = {} if field_name == MAILBOX.field else {field_name: value}
                yield PersonToDelete(email, others, "" if refusal is None else refusal.value, now)
        after = page[-1].id
