"""The lawful bases on file for a person, purpose and channel, each with its evidence (L1, G1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.consent.status_transitions import RequestId, SubjectId
from optin.flows.context import Context
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason, prove
from optin.flows.evidence.withdrawals_in_journal import EndingsOf, still_proven
from optin.flows.gate.question import Question
from optin.rules.contact_rule import LawfulBasis, Relation
from optin.rules.may_contact import HeldBasis
from optin.store.database_interface import Tx
from optin.store.leads import StoredLead, leads_of
from optin.store.stored_forms import form_by_digest


@dataclass(frozen=True)
class PersonOnFile:
    """A person behind an address, with the bases on file.

    `elsewhere`: the consent is proven, for another address than the one asked about. `request`: the request
    of the consent; None where no consent is on file. `events`: the number of the person's newest event.
    """

    subject: SubjectId
    held: tuple[HeldBasis, ...] = ()
    request: RequestId | None = None
    elsewhere: bool = False
    events: int = 0


@dataclass(frozen=True)
class Inquiry:
    """A question at a moment, with all that it is answered from. `at`: when the contact would be made."""

    tx: Tx
    context: Context
    question: Question
    now: datetime
    at: datetime
    endings_of: EndingsOf  # withdrawals in the journal; raises JournalUnusable


def people_on_file(inquiry: Inquiry, subjects: Sequence[SubjectId]) -> list[PersonOnFile]:
    """Return people with their bases on file. Raises JournalUnusable."""
    leads = {lead.subject: lead for lead in leads_of(inquiry.tx, inquiry.question.key, subjects)}
    return [_person(inquiry, it, leads.get(it)) for it in subjects]


def _person(inquiry: Inquiry, subject: SubjectId, lead: StoredLead | None) -> PersonOnFile:
    found = None if lead is None else _proven(inquiry, lead)
    consent = found if isinstance(found, ProvenConsent) else None
    elsewhere = consent is not None and not _is_about(inquiry.question, consent)
    held = bases_on_file(None if elsewhere else consent)
    events = 0 if lead is None or not lead.events else lead.events[-1].number
    return PersonOnFile(subject, held, None if consent is None else consent.request, elsewhere, events)


def bases_on_file(consent: ProvenConsent | None) -> tuple[HeldBasis, ...]:
    """Return the bases on file: a proven consent. It is the one place to which others are added."""
    if consent is None:
        return ()
    evidence = f"{consent.request.hex()}:{consent.leaf.hex()}"  # as in exports
    return (HeldBasis(LawfulBasis.CONSENT, evidence, until=consent.expires_at),)


def relation_by(held: Sequence[HeldBasis]) -> Relation:
    """Return what a person is to the company, by the bases on file."""
    bases = {it.basis for it in held}
    if LawfulBasis.CONTRACT in bases:
        return Relation.CUSTOMER
    return Relation.ENQUIRY if LawfulBasis.ENQUIRY in bases else Relation.NONE


def _proven(inquiry: Inquiry, lead: StoredLead) -> ProvenConsent | UnprovenReason:
    form = None if lead.request is None else form_by_digest(inquiry.tx, lead.request.form)
    proof = prove(inquiry.context.vault, lead, form, inquiry.question.key, inquiry.now)
    if isinstance(proof, UnprovenReason):
        return proof
    return still_proven(proof, lead.email_index, inquiry.endings_of(lead.email_index))


def _is_about(question: Question, consent: ProvenConsent) -> bool:
    """Return whether a consent is for the address that was asked about."""
    address = question.address
    value = address.own(consent.fields) if address.declared else consent.email
    return bool(value) and address.identity(value) == question.value
