"""Audit step 4: each person with all rows and events of their requests.

1. Optin wrote each event.
2. How the person is reached, and what was declared, opens and is filed under its own address.
3. Each event fits its declaration, its form and what the form declares; each mail is the one that was sent.
4. Each box was asked and confirmed once a request, at the moments that are stored.
5. Each status, and its times, follow from the events; so does when data are to go, and who the person is now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hmac import compare_digest
from typing import Any

from optin.consent.audit_due_dates import RetentionTimes, idle_faults, pending_faults
from optin.consent.consent_history import ConsentHistory, History, LoggedEvent
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import FormDeclaration
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.purpose import ConsentKey, ConsentQuestion
from optin.consent.status_transitions import (
    ID_BYTES,
    ConsentRecord,
    EventKind,
    RequestId,
    Status,
    SubjectId,
    TransitionRefused,
)
from optin.consent.wrong_clock import ClockSetBack, set_back_over
from optin.errors import KeysUnusable
from optin.flows.evidence.audit_derived_rows import MS as _MS
from optin.flows.evidence.audit_derived_rows import ByKind, DerivedRowsAudit
from optin.flows.evidence.audit_erasures_exports import lines_from
from optin.flows.evidence.audit_kinds import audit_confirmed
from optin.flows.kind_flow_hooks import FlowPart
from optin.proof.canonical_json import parse
from optin.proof.commitment import commit, digest
from optin.proof.contact_details_check import are_committed
from optin.store.audit_reads import PeoplePage, form_rows, people_page
from optin.store.contacts import open_contact
from optin.store.database_interface import Row, Runner, to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.events import contents_about_nobody
from optin.store.latest_known_time import set_backs
from optin.store.requests import DeclaredData, SealedRequest

_NOTHING = History([])
Share = tuple[bytes, bytes]  # ids above the first, up to and with the second
EVERYBODY: Share = (b"", b"\xff" * ID_BYTES)
_ASKED = frozenset({EventKind.REQUESTED, EventKind.CONFIRMED})


@dataclass(frozen=True)
class _Form:
    """The declaration of a stored form, and the digest that events refer to."""

    declaration_digest: str
    declaration: FormDeclaration

    @cached_property
    def questions(self) -> dict[str, ConsentQuestion]:
        """The boxes by purpose."""
        return {str(question.purpose): question for question in self.declaration.questions}


@dataclass
class PeopleAudit:
    """An audit of people. Findings are sentences."""

    read: Runner
    vault: Vault
    kinds: PartsByKind[FlowPart]
    findings: list[str] = field(default_factory=list)
    noted: dict[str, int] = field(default_factory=dict)  # kinds of events without effect: the first of each
    _known: dict[str, _Form] | None = None
    _known_lines_from: str | None = None
    _indexes: dict[str, bytes] = field(default_factory=dict)  # of one page: a person's address recurs

    @cached_property
    def _set_backs(self) -> list[ClockSetBack]:
        return list(self.read(set_backs, vault=self.vault))

    def run(self, kind: str, share: Share) -> Iterator[int]:
        """Check the `confirmed` people of a share, or the `open` requests; yield the progress."""
        after, until = share
        while page := self.read(people_page, kind=kind, after=after, until=until):
            known = len(self.findings)
            self._check_page(page)
            if len(self.findings) > known:  # look again: something may just have happened between two reads
                del self.findings[known:]
                self._known_lines_from = None
                again: PeoplePage | None = self.read(people_page, kind=kind, after=after, until=until)
                self._check_page(again or page)
            after = page.last
            yield 0

    def _check_page(self, page: PeoplePage) -> None:
        mails: dict[bytes, dict[str, Row]] = defaultdict(dict)
        for row in page.mails:
            mails[bytes(row[0])][row[1]] = row
        owners = {bytes(row[0]): row for row in page.requests}
        events: dict[bytes, list[LoggedEvent]] = defaultdict(list)
        people: dict[bytes, list[LoggedEvent]] = defaultdict(list)
        by_kind: ByKind = defaultdict(list)
        for key, number, text, mac in page.events:  # in the order of the log
            request = bytes(key)
            if not compare_digest(self.vault.event_mac((text or "").encode()), bytes(mac or b"")):
                self.findings.append(f"event {number} was not written by optin")
                continue
            try:
                body: dict[str, Any] = parse(text or "")
                logged = _readable(body, number)
            except (KeyError, TypeError, ValueError, OverflowError):
                self.findings.append(f"event {number} cannot be read")
                continue
            events[request].append(logged)
            by_kind[logged.event.kind].append((request, number, body))
            subject = owners[request][1]
            if subject is not None:
                people[bytes(subject)].append(logged)
        firsts = {str(body["kind"]): number for _, number, body in reversed(by_kind[EventKind.NOTED])}
        self.noted |= {kind: min(number, self.noted.get(kind, number)) for kind, number in firsts.items()}
        histories = {subject: History(logged) for subject, logged in people.items()}
        self._indexes.clear()
        self._check_people(page.people, histories)
        for request, row in owners.items():
            self._check_request(row, History(events[request]), mails[request])
        times: dict[bytes, RetentionTimes] = defaultdict(RetentionTimes)
        for request, _, body in by_kind[EventKind.CONFIRMED]:
            times[bytes(owners[request][1] or b"")].confirmed.append(body[_MS])
        self._check_statuses(page.consents, histories, times)
        for key, _, _, idle_from, consented in page.people:
            who = f"subject {bytes(key).hex()}"
            self.findings += idle_faults(times[bytes(key)], who, idle_from, consented=bool(consented))
        if page.people:
            self._check_derived_rows(
                DerivedRowsAudit(self.read, self.vault, page, owners, by_kind, self.kinds)
            )

    def _check_derived_rows(self, rows: DerivedRowsAudit) -> None:
        """Compare disclosures, suppressed numbers and rows of kinds with the events."""
        self.findings += rows.webhook_faults()
        self.findings += rows.line_faults(self._lines_from)
        self.findings += rows.number_faults()
        confirmed = rows.confirmations(self._declaration)
        self.findings += audit_confirmed(self.read, self.vault, self.kinds, confirmed)

    def _index(self, address: EmailAddress) -> bytes:
        found = self._indexes.get(address)
        if found is None:
            found = self._indexes[address] = self.vault.index(address)
        return found

    def _check_people(self, people: Sequence[Row], histories: dict[bytes, History]) -> None:
        for key, index, sealed, _, _ in people:
            subject = SubjectId(bytes(key))
            try:
                contact = open_contact(self.vault, subject, bytes(sealed))
                address = contact.email
            except (KeysUnusable, KeyError, TypeError, ValueError):
                self.findings.append(f"subject {subject.hex()}: the contact details cannot be decrypted")
                continue
            if self._index(address) != bytes(index):
                self.findings.append(f"subject {subject.hex()} is filed under another address")
            if not are_committed(contact, histories.get(subject, _NOTHING)):
                self.findings.append(f"subject {subject.hex()} has other details than its newest event says")

    def _check_request(self, row: Row, history: History, mails: dict[str, Row]) -> None:
        request = RequestId(bytes(row[0]))
        name = f"request {request.hex()}"
        try:
            sealed = SealedRequest.open(self.vault, request, bytes(row[4]))
            declared = DeclaredData.parse(sealed.declaration)
            index = self._index(EmailAddress(declared.email))
        except (KeysUnusable, KeyError, TypeError, ValueError):
            self.findings.append(f"{name}: the declaration cannot be decrypted")
            return
        if bytes(row[2]) != index or (row[7] is not None and bytes(row[7]) != index):
            self.findings.append(f"{name} is filed under another address than was declared")
        self._check_events(row, history, sealed, declared, mails)
        for message_id in mails:
            self.findings.append(f"mail {message_id} has no event of its sending")
        self._check_moments(name, row, history, declared)
        if row[6] is None:
            asked = [it for it in history if it.event.kind is EventKind.REQUESTED]
            self.findings += pending_faults(name, {self._right_moment(it) for it in asked}, row[8])

    def _right_moment(self, logged: LoggedEvent) -> int:
        """Return the time of an event, corrected where the log says that its clock was ahead."""
        noted = self._set_backs
        back = set_back_over(logged.number, logged.event.at, noted) if noted else None
        return int(logged.body[_MS]) if back is None else to_ms(back.at)

    def _check_moments(self, name: str, row: Row, history: History, declared: DeclaredData) -> None:
        """Check that each box was requested once and confirmed once, at the times stored with the request."""
        self.findings += [f"{name} was {event.kind} twice" for event in history.repeated]
        asked: set[int] = set()
        confirmed: set[int] = set()
        for it in history:
            if it.event.kind is EventKind.REQUESTED:
                asked.add(it.body[_MS])
                if it.body["at"] != declared.at:
                    self.findings.append(f"{name} was asked at another moment than was declared")
            elif it.event.kind is EventKind.CONFIRMED:
                confirmed.add(it.body[_MS])
        if not asked:
            self.findings.append(f"{name} has no event of its asking")
        elif asked != {row[5]}:
            self.findings.append(f"{name} was asked at another moment than its events say")
        if bool(confirmed) != (row[6] is not None) and declared.purposes:
            self.findings.append(f"{name} is {'' if row[6] else 'not '}confirmed, its events say otherwise")
        elif confirmed and confirmed != {row[6]}:
            self.findings.append(f"{name} was confirmed at another moment than its events say")

    def _check_events(
        self, row: Row, history: History, sealed: SealedRequest, declared: DeclaredData, mails: dict[str, Row]
    ) -> None:
        commitment, named, form = commit(sealed.salt, sealed.declaration), bytes(row[0]).hex(), row[3]
        known = self._form(form)
        for it in history:
            event, body, number, key = it.event, it.body, it.number, it.event.key
            if event.commitment != commitment or body["request"] != named:
                self.findings.append(f"event {number} commits to another declaration than is kept")
            if event.form != form:
                self.findings.append(f"event {number} names another form than its request")
            elif known is not None and event.declaration_digest != known.declaration_digest:
                self.findings.append(f"event {number}: what its form declares was edited")
            elif known is not None and body["privacy"] != known.declaration.privacy:
                self.findings.append(f"event {number} names another privacy statement than its form")
            if event.kind in _ASKED and key is not None and not _was_asked(known, declared, key):
                self.findings.append(f"event {number} is about a box that was not ticked")
            if event.kind is EventKind.MAILED:
                self._check_mail(number, body, sealed.salt, mails)

    @property
    def _lines_from(self) -> str:
        """Before which moment journal lines were removed (RFC 3339), read once."""
        if self._known_lines_from is None:
            told = self.read(contents_about_nobody, vault=self.vault, kind=EventKind.FORGOTTEN)
            self._known_lines_from = lines_from(told)
        return self._known_lines_from

    def _declaration(self, form: str) -> FormDeclaration | None:
        known = self._form(form)
        return None if known is None else known.declaration

    def _check_mail(self, number: int, body: Mapping[str, Any], salt: bytes, mails: dict[str, Row]) -> None:
        message_id = str(body.get("message_id"))
        row = mails.pop(message_id, None)
        if row is None:
            self.findings.append(f"event {number}: the mail {message_id} is not kept")
            return
        try:
            data = self.vault.open(EncryptedCell("mail", message_id.encode()), bytes(row[2]))
        except KeysUnusable:
            self.findings.append(f"event {number}: the mail {message_id} does not open")
            return
        if commit(salt, data) != body.get("bytes"):
            self.findings.append(f"event {number}: the mail {message_id} is not the one that was sent")
        if body[_MS] != row[3]:
            self.findings.append(f"event {number}: the mail {message_id} is kept with another moment")

    def _check_statuses(
        self, consents: Sequence[Row], histories: dict[bytes, History], times: dict[bytes, RetentionTimes]
    ) -> None:
        cached = {(bytes(row[0]), row[1], row[2]): row for row in consents}
        for subject, history in histories.items():
            for key, consent in history.consents.items():
                row = cached.pop((subject, key.purpose, key.channel.value), None)
                try:
                    derived = consent.record
                except TransitionRefused as problem:
                    fault = f"its events do not fit together ({problem})"
                    self.findings.append(f"consent of subject {subject.hex()} for {key}: {fault}")
                    continue
                until = self._until(consent)
                if until is not None and derived.status is not Status.PENDING:
                    times[subject].add(derived.status, _ms(derived.since), until)
                self.findings += [
                    f"consent of subject {subject.hex()} for {key} {fault}"
                    for fault in _cache_faults(row, derived, until)
                ]
        for subject, purpose, channel in cached:
            self.findings.append(
                f"consent of subject {subject.hex()} for {purpose} by {channel} has no events"
            )

    def _until(self, consent: ConsentHistory) -> int | None:
        """Return the end of a consent confirmed last; None: it has no end."""
        confirmed = next(reversed(consent.confirmations), None)
        form = None if confirmed is None else self._form(confirmed.form)
        question = None if form is None else form.questions.get(consent.key.purpose)
        if question is None or confirmed is None:
            return None
        return to_ms(question.retention.after(confirmed.at))

    def _form(self, found: str) -> _Form | None:
        """Return the declaration of a form, read once."""
        if self._known is None:
            self._known = {}
            for name, _, _, _, _, declaration, _ in self.read(form_rows):
                with suppress(KeyError, TypeError, ValueError):
                    form = FormDeclaration.from_json(parse(declaration))
                    self._known[name] = _Form(digest(declaration.encode()), form)
        return self._known.get(found)


def _cache_faults(row: Row | None, derived: ConsentRecord, ends: int | None) -> Iterator[str]:
    """Yield the differences between the cached row of a consent and its events."""
    if row is None:
        if derived.status is not Status.PENDING:
            yield f"is stored as None, its events say {derived.status}"
        return
    status, since, until, request, withdrawn, begun = row[3:9]
    told = (_ms(derived.since), ends, derived.request, _ms(derived.withdrawn_at))
    if derived.status != status:
        yield f"is stored as {status}, its events say {derived.status}"
    elif told != (since, until, bytes(request), withdrawn) or begun not in {None, _ms(derived.begun_at)}:
        yield "is stored with other times than its events say"


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _was_asked(form: _Form | None, declared: DeclaredData, key: ConsentKey) -> bool:
    question = None if form is None else form.questions.get(key.purpose)
    return question is not None and question.channel == key.channel and key.purpose in declared.purposes


def _readable(body: dict[str, Any], number: int) -> LoggedEvent:
    """Return the event when optin wrote it, with its stored time. Raises KeyError, ValueError."""
    logged = LoggedEvent.read(body, number)
    if "privacy" not in body:
        raise KeyError
    body[_MS] = to_ms(logged.event.at)
    return logged
