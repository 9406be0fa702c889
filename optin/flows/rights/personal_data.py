"""All data stored about a person, as plain values (GDPR 15, 20).

One answer for the personal page, its downloads, and the officer's `optin subject show`.

The module is long because it names everything that is stored about somebody, once.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from optin.bases.all_bases import part_of
from optin.consent.form_version import EMAIL_FIELD
from optin.consent.held_basis import BasisEntry
from optin.consent.objection import ObjectedBy
from optin.consent.rights_request import RightsRequest
from optin.consent.status_transitions import ConsentState, EventKind, RequestId, Status, SubjectId
from optin.flows.bases.record_basis import is_required, numbers_in
from optin.flows.bases.record_notice import BY_MAIL
from optin.flows.context import Context
from optin.flows.context_with_kinds import SiteContext
from optin.flows.deletion_clock import trusted_moment
from optin.flows.delivery.person_status import person_status_of
from optin.flows.records.contact_details import current_contact
from optin.flows.records.decrypted_request import OpenedRequest, open_request
from optin.flows.records.event_history import current_consents
from optin.flows.request_policy import RequestPolicy
from optin.flows.rights.personal_letters import PersonalLetter, letters_of_consent
from optin.flows.rights.requests_of_person import requests_of_person
from optin.proof.canonical_json import parse
from optin.store.contact_questions import questions_about
from optin.store.contacts import Contact
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx, Value
from optin.store.disclosures import disclosures_of
from optin.store.encryption import Vault
from optin.store.events import add_events, events_of
from optin.store.export_records import exports_with
from optin.store.held_bases import entries_about
from optin.store.legal_holds import holds_of
from optin.store.letters import sent_letters
from optin.store.objections import objections_of
from optin.store.officer_actions import RightsAction, actions_of, record_action
from optin.store.person_records import mails_of, newest_request, requests_of
from optin.store.removed_kinds import rows_of_removed
from optin.store.requests import peek_request
from optin.store.stored_forms import statement_dates
from optin.store.suppressions import suppressions_of
from optin.store.unreachable_addresses import unreachable_since
from optin.store.webhook_outbox import refusals_of

BY_WEBHOOK = "webhook"
BY_THE_PERSON = "the person"  # who acted, of what was done on the personal page


@dataclass(frozen=True)
class PersonalConsent:
    """One consent: its words, its form, its dates and its status."""

    purpose: str
    channel: str
    wording: str
    status: str
    magnet: str
    requested_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime
    form_version: str  # SHA-256 of the page
    number: str = ""  # the declared address that it is for, of a channel that needs one
    number_corrected: bool = False
    form_since: datetime | None = None  # when that page was first shown
    offered: str = ""  # the words in which it can be given anew now; empty: it cannot
    letters: tuple[PersonalLetter, ...] = ()  # of its purpose, while it holds


@dataclass(frozen=True)
class RowOfRemovedKind:
    """A row about a request, as stored by a kind of magnets that is not installed any more."""

    kind: str
    table: str
    columns: Mapping[str, str]  # bytes in hexadecimal digits


@dataclass(frozen=True)
class PersonalRequest:
    """One posted form: its magnet, the typed fields and the ticked boxes."""

    magnet: str
    title: str
    file: str  # what was handed out; whether it was fetched is not recorded
    requested_at: datetime
    confirmed_at: datetime | None
    ticked: tuple[str, ...]
    typed: Mapping[str, str]
    form_version: str
    privacy_version: str
    form_since: datetime | None = None  # when that page was first shown
    privacy_since: datetime | None = None  # and the privacy statement
    privacy_day: str = ""  # the date that the statement bears, as 2026-11-23
    kind: str = ""  # of the magnet
    kept: Mapping[str, str] = field(default_factory=dict)  # what that kind keeps of it, by its names
    left: tuple[RowOfRemovedKind, ...] = ()  # what kinds keep of it that are not installed any more


@dataclass(frozen=True)
class SentMail:
    """One sent mail; its text is stored as evidence."""

    subject: str
    sent_at: datetime


@dataclass(frozen=True)
class PersonalExport:
    """One disclosure of the person's data: recipient, purpose. `number` 0: by webhook, not by an export."""

    number: int
    at: datetime
    processor: str
    purpose: str
    channel: str
    why: str


@dataclass(frozen=True)
class PersonalRefusal:
    """A message about a consent that a processor refused for good, and its reason."""

    at: datetime
    processor: str
    kind: str
    purpose: str
    channel: str
    why: str


@dataclass(frozen=True)
class PersonalHold:
    """A legal hold: why, until when, on which data."""

    why: str
    until: datetime
    values: Mapping[str, str]


@dataclass(frozen=True)
class PersonalNotice:
    """When the person was informed of an entry; `how`: in the words of staff, empty for optin's own mail."""

    at: datetime
    how: str


@dataclass(frozen=True)
class PersonalBasis:
    """An entry of the register of bases: its lawful basis, what is kept, since when, until when, and why.

    `until` None: it has no end. `required`: a law requires to keep it. `met`: conditions by their ids, with
    what shows each. `channels` empty: every channel that an address is known for.
    """

    basis: str
    article: str
    recorded_at: datetime
    since: date
    until: datetime | None
    required: bool
    about: str
    source: str
    purposes: tuple[str, ...]
    known: Mapping[str, str]
    met: Mapping[str, str]
    files: tuple[str, ...]
    extended: tuple[str, ...] = ()  # why it stands longer, each time
    channels: tuple[str, ...] = ()  # by which the person may be contacted by it
    told: tuple[PersonalNotice, ...] = ()


@dataclass(frozen=True)
class PersonalSuppression:
    """A suppressed address: a digest and a date. An empty purpose means every purpose."""

    purpose: str
    channel: str
    since: datetime


@dataclass(frozen=True)
class PersonalUnreachable:
    """Since when no mail is sent to the address, because mails came back; the status told with it."""

    since: datetime
    status: str


@dataclass(frozen=True)
class PersonalObjection:
    """An objection of the person, or an entry of the company's do-not-contact list about the address.

    `channel` empty: every channel. `why`: as staff wrote it; empty when the person did it on a page.
    """

    by: str
    kind: str
    channel: str
    since: datetime
    why: str = ""


@dataclass(frozen=True)
class PersonalHandling:
    """An officer's action for the person, requested by letter or telephone."""

    at: datetime
    what: str
    why: str


@dataclass(frozen=True)
class PersonalRightsRequest:
    """A request that the person made about their data, written down by the company, and its answer.

    Days are calendar days in the controller's time zone. `outcome`: done or refused; empty while it is open.
    """

    right: str
    arrived: date
    via: str
    due: date
    note: str = ""
    extended: str = ""  # why it takes longer
    answered: date | None = None
    outcome: str = ""
    what: str = ""
    why: str = ""


@dataclass(frozen=True)
class PersonalEvent:
    """One event of the log about the person. `told_by`: the processor in whose tool the person withdrew."""

    at: datetime
    kind: str
    purpose: str
    told_by: str = ""


@dataclass(frozen=True)
class PersonalQuestion:
    """One question whether the person may be contacted: who asked, and the answer.

    `asker`: a processor's id, or STAFF without a name: who of them it was is theirs. `reason`: of a no.
    """

    at: datetime
    asker: str
    purpose: str
    channel: str
    may: bool
    reason: str


@dataclass(frozen=True)
class PersonalData:
    """All data stored about one address: a mailbox, or a telephone number of the register of bases."""

    email: str  # empty for such a number
    lang: str
    contact: Mapping[str, str]
    taken_away: tuple[str, ...]  # what the person took out, and may fill in again
    consents: tuple[PersonalConsent, ...]
    requests: tuple[PersonalRequest, ...]
    mails: tuple[SentMail, ...]
    exports: tuple[PersonalExport, ...]
    holds: tuple[PersonalHold, ...]
    suppressions: tuple[PersonalSuppression, ...]
    handled: tuple[PersonalHandling, ...]
    events: tuple[PersonalEvent, ...]
    refusals: tuple[PersonalRefusal, ...] = ()
    bases: tuple[PersonalBasis, ...] = ()
    rights_requests: tuple[PersonalRightsRequest, ...] = ()
    questions: tuple[PersonalQuestion, ...] = ()
    objections: tuple[PersonalObjection, ...] = ()
    number: str = ""  # the number that was looked for, where it is none of a mailbox
    unreachable: PersonalUnreachable | None = None  # None: mails arrive, as far as is known

    @property
    def objected_at(self) -> datetime | None:
        """When the person objected to all advertising; None: never."""
        found = (it.since for it in self.objections if it.by == ObjectedBy.PERSON and not it.channel)
        return max(found, default=None)

    @property
    def may_object(self) -> bool:
        """Whether an objection to all advertising changes anything: none stands, or more was asked since."""
        since = self.objected_at
        return since is None or any(it.requested_at > since for it in self.requests)

    @property
    def empty(self) -> bool:
        """Whether nothing is left to erase."""
        return not (self.contact or self.requests) and all(it.required for it in self.bases)


def view_personal(tx: Tx, context: SiteContext, email_index: bytes, now: datetime) -> PersonalData:
    """Return all data stored about an address; changes nothing. Raises KeysUnusable."""
    subject = find_subject(tx, email_index)
    opened = [open_request(tx, context.vault, stored) for stored in requests_of(tx, email_index)]
    newest = newest_request(tx, email_index)
    contact = Contact({}) if subject is None else current_contact(tx, context.vault, subject)
    declared = next((request for request in opened if request.stored.id == newest), None)
    bases = entries_about(tx, context.vault, [email_index])
    stated = next((it.statement for it in bases), None)
    owners = (*(() if subject is None else (subject,)), *(entry.id for entry in bases))
    number = numbers_in(context.vault, bases).get(email_index, "")
    clock = trusted_moment(tx, context, now)
    return PersonalData(
        email=contact.values.get(EMAIL_FIELD, declared.declared.email if declared else "")
        or (stated.addresses.get(EMAIL_FIELD, "") if stated and not number else ""),
        lang=declared.declaration.lang if declared else stated.lang if stated else "",
        contact={name: value for name, value in contact.values.items() if name != EMAIL_FIELD},
        taken_away=_taken_away(contact),
        consents=() if subject is None else _consents(tx, context, subject, opened, contact, now),
        requests=tuple(_request(tx, context, request, now) for request in opened),
        mails=tuple(mail for request in opened for mail in _mails(tx, context.vault, request)),
        exports=(
            *(
                PersonalExport(
                    run.number, run.at, run.processor, run.key.purpose, run.key.channel.value, run.why
                )
                for run in exports_with(tx, owners)
            ),
            *(
                PersonalExport(0, at, processor, key.purpose, key.channel.value, BY_WEBHOOK)
                for processor, key, at in (() if subject is None else disclosures_of(tx, subject))
            ),
        ),
        holds=tuple(
            PersonalHold(hold.why, hold.until, hold.values)
            for hold in holds_of(tx, context.vault, email_index)
            if hold.until > now
        ),
        suppressions=tuple(PersonalSuppression(*found) for found in suppressions_of(tx, email_index)),
        handled=tuple(
            PersonalHandling(action.at, action.kind, action.why)
            for action in actions_of(tx, context.vault, email_index)
        ),
        events=tuple(event for request in opened for event in _events(tx, request)),
        refusals=tuple(
            PersonalRefusal(it.at, it.processor, it.kind.value, it.purpose, it.channel, it.reason)
            for it in refusals_of(tx, email_index)
        ),
        bases=tuple(_basis(entry, clock) for entry in bases),
        number=number,
        rights_requests=tuple(_rights_request(it) for it in requests_of_person(tx, context, email_index)),
        questions=tuple(
            PersonalQuestion(
                it.at, it.asker.partition(":")[0], it.key.purpose, it.key.channel.value, it.may, it.reason
            )
            for it in questions_about(tx, owners)
        ),
        objections=tuple(
            PersonalObjection(
                it.objection.by.value,
                it.objection.kind,
                it.objection.channel,
                it.objection.at,
                it.reason.why,
            )
            for it in objections_of(tx, context.vault, email_index)
            if it.objection.address == email_index  # the numbers are barred with it
        ),
        unreachable=_unreachable(tx, email_index),
    )


def _unreachable(tx: Tx, email_index: bytes) -> PersonalUnreachable | None:
    found = unreachable_since(tx, email_index)
    return None if found is None else PersonalUnreachable(found.at, found.status)


def _basis(entry: BasisEntry, clock: datetime) -> PersonalBasis:
    statement, part = entry.statement, part_of(entry)
    return PersonalBasis(
        basis=statement.basis,
        article="" if part is None else part.article,
        recorded_at=datetime.fromisoformat(statement.at),
        since=entry.term.since,
        until=entry.until,
        required=is_required(entry, clock),
        about=statement.about,
        source=statement.source,
        purposes=statement.purposes,
        known={**statement.addresses, **statement.person, **statement.facts},
        met=statement.met,
        files=tuple(note.name for note in statement.files),
        extended=tuple(act.why for act in entry.acts if act.kind is EventKind.BASIS_EXTENDED),
        channels=statement.channels,
        told=tuple(
            PersonalNotice(datetime.fromisoformat(act.at), "" if act.who == BY_MAIL else act.why)
            for act in entry.acts
            if act.kind is EventKind.BASIS_NOTIFIED
        ),
    )


def _rights_request(it: RightsRequest) -> PersonalRightsRequest:
    reply = it.answer
    return PersonalRightsRequest(
        right=it.right.value,
        arrived=it.arrived,
        via=it.via.value,
        due=it.due,
        note=it.note,
        extended="" if it.extension is None else it.extension.why,
        answered=None if reply is None else reply.on,
        outcome="" if reply is None else reply.outcome.value,
        what="" if reply is None else reply.what,
        why="" if reply is None else reply.why,
    )


def _taken_away(contact: Contact) -> tuple[str, ...]:
    corrected = {} if contact.correction is None else contact.correction.values
    return tuple(name for name, value in corrected.items() if not value and name not in contact.values)


def _consents(
    tx: Tx,
    context: Context,
    subject: SubjectId,
    opened: Sequence[OpenedRequest],
    contact: Contact,
    now: datetime,
) -> tuple[PersonalConsent, ...]:
    by_id = {request.stored.id: request for request in opened}
    found: list[PersonalConsent] = []
    sent = sent_letters(tx, subject)
    for consent in current_consents(tx, context.vault, subject):
        request = by_id.get(consent.record.request or RequestId(b""))
        question = None if request is None else request.declaration.question(consent.purpose)
        if request is None or question is None:
            continue
        address = consent.channel.address
        corrected = {} if contact.correction is None else contact.correction.after(request.stored.created_at)
        status = consent.record.status
        if status is Status.GIVEN and consent.expires_at <= now:
            status = Status.EXPIRED
        found.append(
            PersonalConsent(
                purpose=consent.purpose,
                channel=consent.channel.value,
                wording=question.wording,
                status=str(status),
                magnet=request.declaration.title,
                requested_at=request.stored.created_at,
                confirmed_at=request.stored.confirmed_at,
                ended_at=None if status is Status.GIVEN else consent.record.since,
                expires_at=consent.expires_at,
                form_version=request.form.version.digest,
                number=address.own({**request.declared.fields, **corrected}),
                number_corrected=address.declared and address.field in corrected,
                form_since=request.form.first_served,
                letters=letters_of_consent(context.policy, consent, request.declaration.lang, sent, now)
                if status is Status.GIVEN
                else (),
                offered="" if status is Status.GIVEN else _offered(context.policy, request, consent),
            )
        )
    return tuple(found)


def _offered(policy: RequestPolicy, request: OpenedRequest, consent: ConsentState) -> str:
    asked = request.declaration
    form = policy.offers.form_for(consent.key, asked)
    question = None if form is None else form.declaration.question(consent.purpose)
    return "" if question is None else question.wording


def _request(tx: Tx, context: SiteContext, request: OpenedRequest, now: datetime) -> PersonalRequest:
    declared = request.declared
    stands = person_status_of(tx, context, request, now)
    privacy_day, privacy_since = statement_dates(tx, request.declaration.privacy)
    return PersonalRequest(
        magnet=request.declaration.magnet,
        title=request.declaration.title,
        file="" if declared.through else request.declaration.file,
        requested_at=request.stored.created_at,
        confirmed_at=request.stored.confirmed_at,
        ticked=tuple(question.wording for question in request.asked),
        typed={EMAIL_FIELD: declared.email, **declared.fields},
        form_version=request.form.version.digest,
        privacy_version=request.declaration.privacy,
        form_since=request.form.first_served,
        privacy_since=privacy_since,
        privacy_day=privacy_day,
        kind=request.declaration.kind,
        kept={} if stands is None else stands.kept,
        left=tuple(
            RowOfRemovedKind(
                row.kind, row.table, {name: _plain(value) for name, value in row.columns.items()}
            )
            for row in rows_of_removed(tx, context.schema, request.stored.id)
            if row.kind not in context.kinds
        ),
    )


def _plain(value: Value) -> str:
    """Return a stored value in characters; nothing for NULL."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return "" if value is None else str(value)


def _mails(tx: Tx, vault: Vault, request: OpenedRequest) -> list[SentMail]:
    return [
        SentMail(_subject_of(mail.data) or request.declaration.title, mail.sent_at)
        for mail in mails_of(tx, vault, request.stored.id)
    ]


def _subject_of(data: bytes) -> str:
    head = data.partition(b"\r\n\r\n")[0]  # only the headers: the rest may be long
    return str(email.message_from_bytes(head, policy=email.policy.default).get("Subject", ""))


def _events(tx: Tx, request: OpenedRequest) -> list[PersonalEvent]:
    bodies = [parse(event.body) for event in events_of(tx, request.stored.id)]
    return [
        PersonalEvent(
            datetime.fromisoformat(str(body["at"])),
            EventKind.of(body["kind"]).value,
            str(body["purpose"] or ""),
            str(body.get("told_by", "")),
        )
        for body in bodies
    ]


def hand_over(tx: Tx, context: SiteContext, email_index: bytes, now: datetime) -> PersonalData:
    """Return all data stored about an address, and record that it was handed over."""
    data = view_personal(tx, context, email_index, now)
    record_hand_over(tx, context, email_index, now)
    return data


def record_hand_over(tx: Tx, context: Context, email_index: bytes, now: datetime) -> None:
    """Record that data were handed over to the person, also to one who never filled in a form."""
    if newest_request(tx, email_index) is None:
        record_action(tx, context.vault, email_index, RightsAction(now, "export", BY_THE_PERSON, ""))
    else:
        record_access(tx, context, email_index, "download", now)


def record_access(tx: Tx, context: Context, email_index: bytes, how: str, now: datetime) -> None:
    """Record that the data were shown or handed over, when there is a request to record it with."""
    request = newest_request(tx, email_index)
    if request is not None:
        opened = open_request(tx, context.vault, peek_request(tx, request))
        add_events(tx, context.vault, request, [opened.event_builder.accessed(now, how)])
