"""Everything that a page of the desk says of one person: what is kept, what may be done, what is proven (K4).

The data are those of the personal page (`view_personal`); the answers are those of `optin may`.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.bases.all_bases import BASES
from optin.bases.basis_part import no_held_bases
from optin.consent.channel import CHANNELS
from optin.consent.event_content import STAFF, Event
from optin.consent.purpose import ConsentKey
from optin.consent.rights_request import RightsRequest
from optin.consent.status_transitions import EventKind, RequestId, Status
from optin.errors import QuestionUnreadable
from optin.flows.context_with_kinds import SiteContext
from optin.flows.evidence.proofs_of_people import proofs_of_people
from optin.flows.evidence.prove_consent import UnprovenReason
from optin.flows.evidence.withdrawals_in_journal import EndingsOf, no_journal_endings
from optin.flows.gate.decide import decide
from optin.flows.gate.question import QuestionText, read_question
from optin.flows.records.decrypted_request import open_request
from optin.flows.records.event_history import current_consents
from optin.flows.rights.personal_data import PersonalBasis, PersonalData, view_personal
from optin.flows.rights.requests_of_person import requests_of_person
from optin.flows.staff.trail import TrailLine, list_acts_about
from optin.proof.canonical_json import parse
from optin.proof.receipt_files import PROOF_FILE
from optin.rules.may_contact import Refusal
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx
from optin.store.event_log import attestations, checkpoint_at, is_sound, latest_checkpoint, places_of
from optin.store.events import events_of
from optin.store.person_numbers import known_number, person_of_number
from optin.store.person_records import mails_of, requests_of
from optin.store.requests import peek_request
from optin.store.stored_forms import form_by_digest
from optin.store.suppressions import erased_at


@dataclass(frozen=True)
class ContactAnswer:
    """Whether a person may be contacted now. `because`: a basis of a yes, a reason of a no."""

    purpose: str
    channel: str
    may: bool
    because: str
    reasons: tuple[str, ...] = ()  # in English, as `optin may` says them
    until: datetime | None = None
    cure: str = ""


@dataclass(frozen=True)
class LoggedStep:
    """An event of a consent: its number, its place in the log if it is there, the digest of its leaf."""

    number: int
    kind: str
    at: datetime
    leaf: str
    place: int | None


@dataclass(frozen=True)
class LeftHouse:
    """A signed total of the log, over every event of a consent, that somebody outside holds.

    `how`: "stamp", "witness", or "receipt" for the proof in a mail to the person.
    """

    how: str
    source: str
    at: datetime


@dataclass(frozen=True)
class ConsentProof:
    """What shows that a consent holds, or why it may not be used. `unproven`: empty when it is proven.

    `intact`: the page that is kept has its fingerprint; `asked`: it asks the purpose in these words.
    """

    key: ConsentKey
    unproven: str
    form: str = ""
    intact: bool = False
    asked: bool = False
    steps: tuple[LoggedStep, ...] = ()
    left: LeftHouse | None = None
    privacy: str = ""


@dataclass(frozen=True)
class MailAsSent:
    """A mail to the person. `place`: its number on the page, from 1.

    `unused`: its link would still confirm something, so nobody but the person may read it.
    """

    place: int
    subject: str
    sent_at: datetime
    unused: bool = False


@dataclass(frozen=True)
class PersonFile:
    """One person as the desk shows them."""

    number: str
    index: bytes
    data: PersonalData = field(repr=False)
    answers: tuple[ContactAnswer, ...]
    proofs: tuple[ConsentProof, ...]
    acts: tuple[TrailLine, ...]
    requests: tuple[RightsRequest, ...]
    mails: tuple[MailAsSent, ...]
    checkpoint: int = 0  # how many events the last signed total of the log is about
    erased: datetime | None = None

    def proof_of(self, purpose: str, channel: str) -> ConsentProof | None:
        """Return the proof of a consent."""
        return next(
            (it for it in self.proofs if (it.key.purpose, it.key.channel.value) == (purpose, channel)), None
        )

    @property
    def has_anything(self) -> bool:
        """Whether anything is kept, a digest included."""
        data = self.data
        left = (
            data.suppressions,
            data.holds,
            data.handled,
            data.rights_requests,
            data.bases,
            data.objections,
        )
        return not data.empty or any(left)


def find_person(tx: Tx, context: SiteContext, number: str) -> bytes | None:
    """Return the digest of the address of a numbered person; None for what is nobody's number."""
    return person_of_number(tx, context.vault, number)


def view_person(
    tx: Tx, context: SiteContext, index: bytes, now: datetime, endings_of: EndingsOf = no_journal_endings
) -> PersonFile:
    """Return everything about a person; changes nothing. Raises KeysUnusable or JournalUnusable."""
    data = view_personal(tx, context, index, now)
    latest = latest_checkpoint(tx)
    return PersonFile(
        known_number(tx, context.vault, index),
        index,
        data,
        tuple(_answers(tx, context, data, now, endings_of)),
        tuple(_proofs(tx, context, index, now, endings_of)),
        tuple(list_acts_about(tx, context, index)),
        tuple(requests_of_person(tx, context, index)),
        tuple(it for it, _ in _mails(tx, context, index)),
        0 if latest is None else latest.size,
        erased_at(tx, index),
    )


def is_evidenced(basis: PersonalBasis) -> bool:
    """Return whether an entry is a basis of its own, and no note of what somebody is said to have said."""
    part = BASES.get(basis.basis)
    return part is not None and (part.held is not no_held_bases or part.survives_erasure)


def _answers(
    tx: Tx, context: SiteContext, data: PersonalData, now: datetime, endings_of: EndingsOf
) -> list[ContactAnswer]:
    """Return the answer for each purpose and channel; none is recorded: nobody is contacted by it."""
    gate = context.policy.gate
    found = []
    for name, purpose in gate.purposes.items():
        for channel in CHANNELS.values() if purpose.channel is None else (purpose.channel,):
            try:
                question = read_question(
                    gate, QuestionText(data.email or data.number, name, channel.value), STAFF
                )
            except QuestionUnreadable:  # a number by mail, or nothing known but a digest
                continue
            answer = decide(tx, context, question, now, endings_of=endings_of).answer
            if purpose.channel is None and answer.refusal is Refusal.NO_BASIS:
                continue  # what a basis carries without advertising, where there is no such basis
            may = answer.refusal is None
            because = answer.basis.value if may and answer.basis is not None else ""
            found.append(
                ContactAnswer(
                    name,
                    channel.value,
                    may,
                    because if answer.refusal is None else answer.refusal.value,
                    answer.reasons,
                    answer.until,
                    answer.cure,
                )
            )
    return found


def _proofs(
    tx: Tx, context: SiteContext, index: bytes, now: datetime, endings_of: EndingsOf
) -> list[ConsentProof]:
    subject = find_subject(tx, index)
    if subject is None:
        return []
    found = []
    for consent in current_consents(tx, context.vault, subject):
        request = peek_request(tx, consent.record.request or RequestId(b""))
        if request is None:
            continue
        opened = open_request(tx, context.vault, request)
        form = form_by_digest(tx, request.form)
        question = opened.declaration.question(consent.purpose)
        steps = tuple(_steps(tx, request.id, consent.key))
        proofs = proofs_of_people(tx, context, consent.key, [subject], now, endings_of)
        proven = proofs[0][0] if proofs else UnprovenReason.UNPROVEN
        unproven = proven.value if isinstance(proven, UnprovenReason) else ""
        if consent.record.status is not Status.GIVEN and consent.record.status is not None:
            unproven = consent.record.status.value
        found.append(
            ConsentProof(
                consent.key,
                unproven,
                request.form,
                form is not None and form.intact,
                question is not None and consent.purpose in opened.declared.purposes,
                steps,
                _left_house(tx, context, request.id, steps),
                privacy=opened.declaration.privacy,
            )
        )
    return found


def _steps(tx: Tx, request: RequestId, key: ConsentKey) -> list[LoggedStep]:
    events = [(it, Event.read(parse(it.body))) for it in events_of(tx, request)]
    own = [(it, event) for it, event in events if event.key == key]
    places = places_of(tx, [it.number for it, _ in own])
    return [
        LoggedStep(it.number, event.kind.value, event.at, it.leaf.hex(), places.get(it.number))
        for it, event in own
    ]


def _left_house(
    tx: Tx, context: SiteContext, request: RequestId, steps: Sequence[LoggedStep]
) -> LeftHouse | None:
    """Return the first total over request and confirmation that somebody outside holds; None: nobody."""
    given = [it for it in steps if it.kind in {EventKind.REQUESTED, EventKind.CONFIRMED}]
    places = [it.place for it in given if it.place is not None]
    if not given or len(places) != len(given):
        return None
    for stamp in attestations(tx, since=max(places) + 1):
        if is_sound(stamp, checkpoint_at(tx, stamp.size).note):
            how = "stamp" if stamp.kind == "rfc3161" else "witness"
            return LeftHouse(how, stamp.source, stamp.at)
    last = max(it.at for it in given)
    for mail in mails_of(tx, context.vault, request):
        if mail.sent_at >= last and _carries_proof(mail.data):
            return LeftHouse("receipt", "", mail.sent_at)
    return None


def _carries_proof(data: bytes) -> bool:
    if PROOF_FILE.encode() not in data:
        return False
    told = email.message_from_bytes(data, policy=email.policy.default)
    return any(it.get_filename() == PROOF_FILE for it in told.iter_attachments())


def _mails(tx: Tx, context: SiteContext, index: bytes) -> list[tuple[MailAsSent, bytes]]:
    sent = [
        (mail, request.confirmed_at is None)
        for request in requests_of(tx, index)
        for mail in mails_of(tx, context.vault, request.id)
    ]
    ordered = sorted(sent, key=lambda it: (it[0].sent_at, it[0].message_id))
    found = []
    for place, (mail, unused) in enumerate(ordered, start=1):
        head = email.message_from_bytes(mail.data.partition(b"\r\n\r\n")[0], policy=email.policy.default)
        found.append((MailAsSent(place, str(head.get("Subject", "")), mail.sent_at, unused), mail.data))
    return found


def mail_at(tx: Tx, context: SiteContext, index: bytes, place: int) -> tuple[MailAsSent, bytes] | None:
    """Return a mail as it was sent, by its number on the page; None when there is none."""
    return next((it for it in _mails(tx, context, index) if it[0].place == place), None)


def page_of(tx: Tx, context: SiteContext, index: bytes, digest: str) -> bytes | None:  # noqa: ARG001 - a flow
    """Return the bytes of a page that was shown to this person; None for a page of others."""
    if digest not in {it.form for it in requests_of(tx, index)}:
        return None
    form = form_by_digest(tx, digest)
    return None if form is None else form.version.page
