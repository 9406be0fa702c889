"""Step 4 of an audit: each person with everything that belongs to the person's requests.

1. Optin wrote each event.
2. How the person is reached, and what was declared, opens and is filed under its own address.
3. Each event fits its declaration, its form and what the form declares; each mail is the one that was sent.
4. Each box was asked and confirmed once a request, at the moments that are stored.
5. Each status, and its times, follow from the events; so does when data are to go, and who the person is now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from hmac import compare_digest
from typing import Any

from optin.consent.address import EmailAddress
from optin.consent.clock import SetBack, corrected_by
from optin.consent.consent_record import (
    EventKind,
    Happening,
    RequestId,
    Status,
    SubjectId,
    TransitionRefused,
    fold,
)
from optin.consent.form import FormDeclaration
from optin.consent.prize import PrizeDraw
from optin.consent.purpose import ConsentQuestion
from optin.errors import KeysUnusable
from optin.flows.consents.contact_details import vouched
from optin.flows.draw_entry import promise_of
from optin.flows.evidence.audit_derived_rows import MS as _MS
from optin.flows.evidence.audit_derived_rows import AuditBaseline, ByKind, DerivedRowsAudit, read_baseline
from optin.flows.evidence.audit_due_dates import Times, idle_faults, pending_faults
from optin.proof.canonical import parse
from optin.proof.commitment import commit, digest
from optin.store.audit_reads import PeoplePage, form_rows, people_page
from optin.store.clock_mark import set_backs
from optin.store.requests import Declared, Sealed
from optin.store.subjects import open_contact
from optin.store.transaction import Operation, Row, to_ms
from optin.store.vault import ID_BYTES, Place, Vault

Read = Callable[[Operation[Any]], Any]
Body = dict[str, Any]
Share = tuple[bytes, bytes]  # ids above the first, up to and with the second
EVERYBODY: Share = (b"", b"\xff" * ID_BYTES)
_About = tuple[bytes, str, str]  # subject, purpose, channel
_ASKED = frozenset({EventKind.REQUESTED.value, EventKind.CONFIRMED.value})
_NAMED = frozenset({"request", "form", "words", "privacy", "declaration", "purpose", "channel"})
_ABOUT_DETAILS = frozenset({EventKind.CONFIRMED.value, EventKind.CORRECTED.value, EventKind.KEPT.value})
_ANY_TIME = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class _Form:
    """What a kept form declares, and the digest by which events name that."""

    words: str
    declaration: FormDeclaration

    @cached_property
    def questions(self) -> dict[str, ConsentQuestion]:
        """The boxes by their purposes."""
        return {str(question.purpose): question for question in self.declaration.questions}

    @cached_property
    def draw(self) -> PrizeDraw | None:
        """What it promises as a prize draw."""
        return promise_of(self.declaration)


@dataclass(frozen=True)
class _Derived:
    """Where a consent stands by its events; moments as they are stored."""

    status: Status | None
    since: int | None
    request: str
    withdrawn: int | None


@dataclass
class PeopleAudit:
    """An audit of people. Findings are sentences."""

    read: Read
    vault: Vault
    findings: list[str] = field(default_factory=list)
    _known: dict[str, _Form] | None = None
    _known_baseline: AuditBaseline | None = None
    _indexes: dict[str, bytes] = field(default_factory=dict)  # of one page: a person's address recurs

    @cached_property
    def _set_backs(self) -> list[SetBack]:
        return list(self.read(partial(set_backs, vault=self.vault)))

    def run(self, kind: str, share: Share) -> Iterator[int]:
        """Look at the `confirmed` people of a share, or at the `open` requests; yield as it goes on."""
        after, until = share
        while page := self.read(partial(people_page, kind=kind, after=after, until=until)):
            known = len(self.findings)
            self._check_page(page)
            if len(self.findings) > known:  # look again: something may just have happened between two reads
                del self.findings[known:]
                self._known_baseline = None
                again: PeoplePage | None = self.read(
                    partial(people_page, kind=kind, after=after, until=until)
                )
                self._check_page(again or page)
            after = page.last
            yield 0

    def _check_page(self, page: PeoplePage) -> None:
        mails: dict[bytes, dict[str, Row]] = defaultdict(dict)
        for row in page.mails:
            mails[bytes(row[0])][row[1]] = row
        owners = {bytes(row[0]): row for row in page.requests}
        events: dict[bytes, list[tuple[int, Body]]] = defaultdict(list)
        chains: dict[_About, list[Body]] = defaultdict(list)
        details: dict[bytes, list[Body]] = defaultdict(list)
        by_kind: ByKind = defaultdict(list)
        for key, number, text, mac in page.events:  # in the order of the log
            request = bytes(key)
            if not compare_digest(self.vault.vouch((text or "").encode()), bytes(mac or b"")):
                self.findings.append(f"event {number} was not written by optin")
                continue
            try:
                body = _readable(parse(text or ""))
            except (KeyError, TypeError, ValueError, OverflowError):
                self.findings.append(f"event {number} cannot be read")
                continue
            events[request].append((number, body))
            by_kind[body["kind"]].append((request, number, body))
            subject = owners[request][1]
            about = None if EventKind.of(body["kind"]) is EventKind.NOTED else body["purpose"]
            if subject is not None and about and body["channel"]:
                chains[bytes(subject), about, body["channel"]].append(body)
            if subject is not None and body["kind"] in _ABOUT_DETAILS:
                details[bytes(subject)].append(body)
        self._indexes.clear()
        self._check_people(page.people, details)
        for request, row in owners.items():
            self._check_request(row, events[request], mails[request])
        times: dict[bytes, Times] = defaultdict(Times)
        for request, _, body in by_kind[EventKind.CONFIRMED]:
            times[bytes(owners[request][1] or b"")].confirmed.append(body[_MS])
        self._check_statuses(page.consents, chains, times)
        self.findings += [fault for row in page.people for fault in idle_faults(times[bytes(row[0])], row)]
        if page.people:
            self._check_told(DerivedRowsAudit(self.read, self.vault, page, owners, by_kind))

    def _check_told(self, told: DerivedRowsAudit) -> None:
        """Look at whom the database says was told, entered or must not be called."""
        self.findings += told.webhook_faults()
        self.findings += told.line_faults(self._baseline)
        self.findings += told.number_faults()
        self.findings += told.entry_faults(self._baseline, self._promise)

    def _index(self, address: EmailAddress) -> bytes:
        found = self._indexes.get(address)
        if found is None:
            found = self._indexes[address] = self.vault.index(address)
        return found

    def _check_people(self, people: Sequence[Row], details: dict[bytes, list[Body]]) -> None:
        for key, index, sealed, _, _ in people:
            subject = SubjectId(bytes(key))
            try:
                contact = open_contact(self.vault, subject, bytes(sealed))
                address = contact.email
            except (KeysUnusable, KeyError, TypeError, ValueError):
                self.findings.append(f"subject {subject.hex()}: how the person is reached does not open")
                continue
            if self._index(address) != bytes(index):
                self.findings.append(f"subject {subject.hex()} is filed under another address")
            if not vouched(contact, details[subject]):
                self.findings.append(f"subject {subject.hex()} has other details than its newest event says")

    def _check_request(self, row: Row, events: Sequence[tuple[int, Body]], mails: dict[str, Row]) -> None:
        request = RequestId(bytes(row[0]))
        name = f"request {request.hex()}"
        try:
            sealed = Sealed.open(self.vault, request, bytes(row[4]))
            declared = Declared.parse(sealed.declaration)
            index = self._index(EmailAddress(declared.email))
        except (KeysUnusable, KeyError, TypeError, ValueError):
            self.findings.append(f"{name}: what was declared does not open")
            return
        if bytes(row[2]) != index or (row[7] is not None and bytes(row[7]) != index):
            self.findings.append(f"{name} is filed under another address than was declared")
        self._check_events(row, events, sealed, declared, mails)
        for message_id in mails:
            self.findings.append(f"mail {message_id} has no event of its sending")
        self._check_moments(name, row, [body for _, body in events], declared)
        if row[6] is None:
            asked = [it for it in events if it[1]["kind"] == EventKind.REQUESTED]
            self.findings += pending_faults(name, {self._right_moment(*it) for it in asked}, row[8])

    def _right_moment(self, number: int, body: Body) -> int:
        """Return the moment of an event, put right where the log says that its clock was ahead."""
        noted = self._set_backs
        back = corrected_by(number, datetime.fromisoformat(body["at"]), noted) if noted else None
        return int(body[_MS]) if back is None else to_ms(back.at)

    def _check_moments(self, name: str, row: Row, bodies: Sequence[Body], declared: Declared) -> None:
        """Asked once and confirmed once for each box, at the moments that the request says."""
        asked: set[object] = set()
        confirmed: set[object] = set()
        moments: dict[str, set[int]] = {EventKind.REQUESTED: set(), EventKind.CONFIRMED: set()}
        for body in bodies:
            kind = body["kind"]
            if kind in moments:
                boxes = asked if kind == EventKind.REQUESTED else confirmed
                if body["purpose"] in boxes:
                    self.findings.append(f"{name} was {kind} twice")
                boxes.add(body["purpose"])
                moments[kind].add(body[_MS])
                if kind == EventKind.REQUESTED and body["at"] != declared.at:
                    self.findings.append(f"{name} was asked at another moment than was declared")
        if not asked:
            self.findings.append(f"{name} has no event of its asking")
        elif moments[EventKind.REQUESTED] != {row[5]}:
            self.findings.append(f"{name} was asked at another moment than its events say")
        if bool(confirmed) != (row[6] is not None) and declared.purposes:
            self.findings.append(f"{name} is {'' if row[6] else 'not '}confirmed, its events say otherwise")
        elif confirmed and moments[EventKind.CONFIRMED] != {row[6]}:
            self.findings.append(f"{name} was confirmed at another moment than its events say")

    def _check_events(
        self,
        row: Row,
        events: Sequence[tuple[int, Body]],
        sealed: Sealed,
        declared: Declared,
        mails: dict[str, Row],
    ) -> None:
        commitment, named, form = commit(sealed.salt, sealed.declaration), bytes(row[0]).hex(), row[3]
        known = self._form(form)
        for number, body in events:
            kind, purpose = body["kind"], body["purpose"]
            if body["declaration"] != commitment or body["request"] != named:
                self.findings.append(f"event {number} commits to another declaration than is kept")
            if body["form"] != form:
                self.findings.append(f"event {number} names another form than its request")
            elif known is not None and body["words"] != known.words:
                self.findings.append(f"event {number}: what its form declares was edited")
            elif known is not None and body["privacy"] != known.declaration.privacy:
                self.findings.append(f"event {number} names another privacy statement than its form")
            if kind in _ASKED and purpose and not _was_asked(known, declared, purpose, body["channel"]):
                self.findings.append(f"event {number} is about a box that was not ticked")
            if kind == EventKind.MAILED:
                self._check_mail(number, body, sealed.salt, mails)

    @property
    def _baseline(self) -> AuditBaseline:
        """What was fixed and forgotten, read once."""
        if self._known_baseline is None:
            self._known_baseline = self.read(partial(read_baseline, vault=self.vault))
        return self._known_baseline

    def _promise(self, form: str) -> tuple[str, PrizeDraw] | None:
        """Return the prize draw of a form: its magnet, and what it promises."""
        known = self._form(form)
        return None if known is None or known.draw is None else (known.declaration.magnet, known.draw)

    def _check_mail(self, number: int, body: Body, salt: bytes, mails: dict[str, Row]) -> None:
        message_id = str(body.get("message_id"))
        row = mails.pop(message_id, None)
        if row is None:
            self.findings.append(f"event {number}: the mail {message_id} is not kept")
            return
        try:
            data = self.vault.open(Place("mail", message_id.encode()), bytes(row[2]))
        except KeysUnusable:
            self.findings.append(f"event {number}: the mail {message_id} does not open")
            return
        if commit(salt, data) != body.get("bytes"):
            self.findings.append(f"event {number}: the mail {message_id} is not the one that was sent")
        if body[_MS] != row[3]:
            self.findings.append(f"event {number}: the mail {message_id} is kept with another moment")

    def _check_statuses(
        self, consents: Sequence[Row], chains: dict[_About, list[Body]], times: dict[bytes, Times]
    ) -> None:
        cached = {(bytes(row[0]), row[1], row[2]): row for row in consents}
        for (subject, purpose, channel), chain in chains.items():
            row = cached.pop((subject, purpose, channel), None)
            who = f"consent of subject {subject.hex()} for {purpose} by {channel}"
            try:
                derived = self._derive(chain)
            except TransitionRefused as problem:
                self.findings.append(f"{who}: its events do not fit together ({problem})")
                continue
            until = self._until(chain)
            if until is not None and derived.status is not Status.PENDING:
                times[subject].add(derived.status, derived.since, until)
            if row is None:
                if derived.status is not Status.PENDING:
                    self.findings.append(f"{who} is stored as None, its events say {derived.status}")
            elif derived.status != row[3]:
                self.findings.append(f"{who} is stored as {row[3]}, its events say {derived.status}")
            elif not _times_follow(row, derived, until):
                self.findings.append(f"{who} is stored with other times than its events say")
        for subject, purpose, channel in cached:
            self.findings.append(
                f"consent of subject {subject.hex()} for {purpose} by {channel} has no events"
            )

    def _derive(self, chain: Sequence[Body]) -> _Derived:
        """Return where a consent stands, and since when. Raises TransitionRefused."""
        kinds = tuple(body["kind"] for body in chain)
        if EventKind.WITHDRAWN not in kinds and len(kinds) == len(_ASKED):  # the common case, quickly
            last = chain[-1]
            return _Derived(_status_after(kinds), last[_MS], last["request"], None)
        asked = {
            body["request"]: datetime.fromisoformat(body["at"])
            for body in chain
            if body["kind"] == EventKind.REQUESTED
        }
        record = fold(
            Happening(
                EventKind(body["kind"]),
                datetime.fromisoformat(body["at"]),
                RequestId(bytes.fromhex(body["request"])),
                asked.get(body["request"]),
            )
            for body in chain
        )
        return _Derived(
            record.status,
            None if record.since is None else to_ms(record.since),
            "" if record.request is None else record.request.hex(),
            None if record.withdrawn_at is None else to_ms(record.withdrawn_at),
        )

    def _until(self, chain: Sequence[Body]) -> int | None:
        """Return until when a consent is given that was confirmed last in this chain; None: never."""
        confirmed = next((body for body in reversed(chain) if body["kind"] == EventKind.CONFIRMED), None)
        form = None if confirmed is None else self._form(confirmed["form"])
        question = None if form is None or confirmed is None else form.questions.get(confirmed["purpose"])
        if question is None or confirmed is None:
            return None
        return to_ms(question.retention.after(datetime.fromisoformat(confirmed["at"])))

    def _form(self, found: str) -> _Form | None:
        """Return what a form declares, read once."""
        if self._known is None:
            self._known = {}
            for name, _, _, _, _, declaration, _ in self.read(form_rows):
                with suppress(KeyError, TypeError, ValueError):
                    form = FormDeclaration.from_json(parse(declaration))
                    self._known[name] = _Form(digest(declaration.encode()), form)
        return self._known.get(found)


def _times_follow(row: Row, derived: _Derived, ends: int | None) -> bool:
    """Tell whether since, until, request and withdrawal are those that the events say."""
    since, until, request, withdrawn = row[4:8]
    told = (derived.since, ends, derived.request, derived.withdrawn)
    return told == (since, until, bytes(request).hex(), withdrawn)


def _was_asked(form: _Form | None, declared: Declared, purpose: str, channel: str) -> bool:
    question = None if form is None else form.questions.get(purpose)
    return question is not None and question.channel == channel and purpose in declared.purposes


def _readable(body: Body) -> Body:
    """Return the event when it is one of ours, with its moment as stored. Raises KeyError, ValueError."""
    EventKind.of(body["kind"])
    body[_MS] = to_ms(datetime.fromisoformat(body["at"]))
    if not body.keys() >= _NAMED:
        raise KeyError
    return body


@lru_cache(maxsize=4_096)
def _status_after(kinds: tuple[str, ...]) -> Status | None:
    """Derive a status where nothing was withdrawn, so that no moment counts. Raises TransitionRefused."""
    return fold(Happening(EventKind(kind), _ANY_TIME) for kind in kinds).status
