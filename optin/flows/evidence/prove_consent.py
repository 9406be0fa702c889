"""Prove a consent as of now: recompute everything from the evidence, and nothing from the cache.

1. Every event was written by optin, and is the bytes of its leaf.
2. The status that follows from the events is that of the cache, and it is "given".
3. The address is not suppressed, nor is the number, by whoever else has it.
4. The request and its confirmation are there, for exactly this purpose and channel.
5. Their commitment opens with the sealed declaration, which ticks the purpose.
6. The form is the page of that digest, and asked this purpose by this channel.
7. Declaration, request and contact are of the same mailbox; the newest event vouches for the contact.
8. The retention that the form promised is not over; nor is the moment of the confirmation still to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from optin.consent.channel import declared_addresses
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.event_content import Event
from optin.consent.form_version import EMAIL_FIELD, SOURCE_FIELD
from optin.consent.purpose import ConsentKey, ConsentQuestion
from optin.consent.status_transitions import EventKind, RequestId, Status, SubjectId, TransitionRefused
from optin.consent.wrong_clock import FOLLOWED
from optin.errors import KeysUnusable, LogDisagrees
from optin.flows.records.event_history import read_genuine_events
from optin.proof.commitment import opens
from optin.proof.contact_details_check import are_committed
from optin.store.contacts import Contact, open_contact
from optin.store.encryption import Vault
from optin.store.leads import StoredLead, StoredRequest
from optin.store.requests import DeclaredData, SealedRequest
from optin.store.stored_forms import StoredForm


class UnprovenReason(StrEnum):
    """Why a lead is not exported (E1)."""

    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    NUMBERLESS = "without number"  # the person took it away
    UNCONFIRMED = "unconfirmed"
    ERASED = "erased"  # while the export ran
    AHEAD = "moment to come"  # confirmed while the clock was ahead (O7)
    OBJECTED = "objected"  # after it was asked for, to advertising by this channel
    LISTED = "do-not-contact list"  # the company's own
    UNREACHABLE = "unreachable"  # mails to the address came back
    UNPROVEN = "unproven"


@dataclass(frozen=True)
class ProvenConsent:
    """A consent proven as of now, with the values that an export contains."""

    subject: SubjectId
    email: str
    fields: dict[str, str]
    question: ConsentQuestion
    requested_at: datetime
    confirmed_at: datetime
    expires_at: datetime
    form: StoredForm
    request: RequestId
    leaf: bytes  # of the confirmation
    withdrawn_at: frozenset[datetime]  # before it was given anew
    begun_at: datetime  # since when it holds without a break


class _Unproven(Exception):
    """A step of the proof failed."""


def prove(
    vault: Vault,
    lead: StoredLead,
    form: StoredForm | None,
    key: ConsentKey,
    now: datetime,
    of_request: frozenset[str] = frozenset(),
) -> ProvenConsent | UnprovenReason:
    """Return the proven consent, or why it may not be used.

    `of_request`: fields that are told as this very request says them, and not as the person is known.
    """
    try:
        return _prove(vault, lead, form, key, now, of_request)
    except (_Unproven, KeysUnusable, LogDisagrees, TransitionRefused, KeyError, TypeError, ValueError):
        return UnprovenReason.UNPROVEN


def _prove(
    vault: Vault,
    lead: StoredLead,
    form: StoredForm | None,
    key: ConsentKey,
    now: datetime,
    of_request: frozenset[str],
) -> ProvenConsent | UnprovenReason:
    # 1. Every event was written by optin, and is the bytes of its leaf.
    history = read_genuine_events(vault, lead.events)

    # 2. The status that follows from the events is that of the cache.
    consent = history.consent(key)
    record = consent.record
    if record.status is Status.WITHDRAWN:  # whatever the cache says
        return UnprovenReason.WITHDRAWN
    if record.status is None or record.status.value != lead.status:
        raise _Unproven
    if record.status is not Status.GIVEN:
        return UnprovenReason(record.status.value)

    # 3. The address is not suppressed.
    if lead.suppressed:
        return UnprovenReason.SUPPRESSED

    # 4. The request and its confirmation are there.
    request = lead.request
    if request is None or form is None or record.request != request.id:
        raise _Unproven
    asked = history.once(EventKind.REQUESTED, request.id, key).event
    answer = history.once(EventKind.CONFIRMED, request.id, key)
    confirmed = answer.event

    # 5. to 7. What was declared, by which form, from which mailbox.
    declared = _declared(vault, request, (asked, confirmed), key.purpose)
    question = _question(form, request, confirmed, key)
    contact = _contact(vault, lead, request, declared)
    if not are_committed(contact, history):
        raise _Unproven
    address, given = key.channel.address, _addresses(contact, declared, asked.at)
    if address.declared and address.field not in given:
        return UnprovenReason.NUMBERLESS

    # 8. The retention that the form promised is not over.
    expires_at = question.retention.after(confirmed.at)
    if expires_at <= now or confirmed.at > now + FOLLOWED:
        # in the second case the clock was ahead: nobody can say when it was
        return UnprovenReason.EXPIRED if expires_at <= now else UnprovenReason.AHEAD
    return ProvenConsent(
        subject=lead.subject,
        email=contact.email,
        fields=_fields(contact, declared, given, of_request),
        question=question,
        requested_at=asked.at,
        confirmed_at=confirmed.at,
        expires_at=expires_at,
        form=form,
        request=request.id,
        leaf=next(event.leaf for event in lead.events if event.number == answer.number),
        withdrawn_at=consent.withdrawn_at,
        begun_at=record.begun_at or confirmed.at,
    )


def _declared(
    vault: Vault, request: StoredRequest, events: tuple[Event, Event], purpose: str
) -> DeclaredData:
    # 5. The commitment of both events opens with the sealed declaration, which ticks the purpose.
    sealed = SealedRequest.open(vault, request.id, request.sealed)
    for event in events:
        if not opens(event.commitment, sealed.salt, sealed.declaration) or event.form != request.form:
            raise _Unproven
    declared = DeclaredData.parse(sealed.declaration)
    if purpose not in declared.purposes:
        raise _Unproven
    return declared


def _question(form: StoredForm, request: StoredRequest, event: Event, key: ConsentKey) -> ConsentQuestion:
    # 6. The form is the page of that digest, and asked this purpose by this channel, in these words.
    question = form.version.declaration.question(key.purpose)
    if event.declaration_digest != form.declaration_digest:
        raise _Unproven
    if question is None or question.key != key or not key.channel.known:
        raise _Unproven
    if request.form != form.version.digest or not form.intact:
        raise _Unproven
    return question


def _contact(vault: Vault, lead: StoredLead, request: StoredRequest, declared: DeclaredData) -> Contact:
    # 7. Declaration, request and contact are of the same mailbox; the newest event vouches for the contact.
    contact = open_contact(vault, lead.subject, lead.contact)
    for address in (EmailAddress(declared.email), contact.email):
        if not vault.index(address) == lead.email_index == request.email_index:
            raise _Unproven
    return contact


def _addresses(contact: Contact, declared: DeclaredData, asked_at: datetime) -> dict[str, str]:
    """Return the addresses declared with this consent, or corrected by the person afterwards."""
    corrected = {} if contact.correction is None else contact.correction.after(asked_at)
    given = {it.field: corrected.get(it.field, it.own(declared.fields)) for it in declared_addresses()}
    return {name: value for name, value in given.items() if value}


def _fields(
    contact: Contact, declared: DeclaredData, given: dict[str, str], of_request: frozenset[str]
) -> dict[str, str]:
    """Return the person's data; the addresses are those of this consent."""
    addresses = {EMAIL_FIELD, *(it.field for it in declared_addresses())}
    known = {name: value for name, value in contact.values.items() if name not in addresses}
    own = of_request | {SOURCE_FIELD}
    known |= {name: text for name, text in declared.fields.items() if name in own}
    return {**known, **given}
