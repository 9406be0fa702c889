"""The part of an audit about whom the database says was told, entered or must not be called: by events.

Rows that an answer, a webhook, a draw or a restored backup relies on, held against the events of a page of
people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.consent.consent_record import EventKind, RequestId, Status, SubjectId
from optin.consent.event import ENTRIES
from optin.consent.form import PHONE_FIELD
from optin.consent.prize import ANSWER_FIELD, PrizeDraw
from optin.consent.purpose import Channel
from optin.errors import KeysUnusable
from optin.flows.evidence.audit_records import lines_from
from optin.flows.rights.withdraw import withdrawal_line
from optin.proof.commitment import leaf_digest
from optin.store.audit_reads import PeoplePage, lines_named, objections_of
from optin.store.draws import DrawEntry, all_lists
from optin.store.events import said_about_nobody
from optin.store.requests import Declared, Sealed
from optin.store.subjects import open_contact
from optin.store.transaction import Row, Runner, Tx
from optin.store.vault import Vault

MS = "at in milliseconds"  # beside what an event says
SAYS_FORGOTTEN = 2  # the version of events since which it is said what was forgotten
Body = Mapping[str, Any]
Owners = Mapping[bytes, Row]  # requests by their ids
ByKind = Mapping[str, list[tuple[bytes, int, dict[str, Any]]]]  # events in their order: request, number, body


@dataclass(frozen=True)
class AuditBaseline:
    """What people are held against: the lists of prize draws, and what was forgotten by and by."""

    lists: Mapping[str, tuple[datetime, frozenset[str]]]  # by magnet: when it was fixed, its tickets
    forgotten: frozenset[str]  # magnets
    lines_from: str  # before it restored backups are told nothing any more (RFC 3339)


def read_baseline(tx: Tx, vault: Vault) -> AuditBaseline:
    """Return what people are held against."""
    told = said_about_nobody(tx, vault, EventKind.FORGOTTEN)
    return AuditBaseline(
        {found.magnet: (found.at, frozenset(found.tickets)) for found in all_lists(tx)},
        frozenset(str(body.get("of")) for body in told if body.get("what") == ENTRIES),
        lines_from(told),
    )


def entry_faults(
    baseline: AuditBaseline,
    about: tuple[str, PrizeDraw, Declared],
    part: tuple[datetime, str],
    entry: DrawEntry | None,
) -> Iterator[str]:
    """Yield what the entry of a request says otherwise than its confirmation.

    `about`: the magnet, what its form promised, and what was declared; `part`: when it was confirmed, and the
    ticket that follows.
    """
    (magnet, promise, declared), (at, ticket) = about, part
    if declared.through:
        return
    fixed_at, tickets = baseline.lists.get(magnet, (None, frozenset[str]()))
    if entry is None:
        if magnet not in baseline.forgotten:
            yield f"takes no part in the draw of {magnet}, although it was confirmed"
        return
    right = promise.takes_part(declared.fields.get(ANSWER_FIELD, ""))
    late = at >= promise.closes or (fixed_at is not None and at >= fixed_at)
    expected = {"late"} if late else {"in" if right else "wrong", "twice"}
    if (entry.magnet, entry.ticket) != (magnet, ticket) or entry.state not in expected:
        yield f"has another part in the draw of {magnet} than its confirmation says"
    elif entry.state == "in" and fixed_at is not None and ticket not in tickets:
        yield f"was left out of the list of the draw of {magnet}"


@dataclass(frozen=True)
class DerivedRowsAudit:
    """One page of people with what their events say."""

    read: Runner
    vault: Vault
    page: PeoplePage
    owners: Owners
    events: ByKind

    def webhook_faults(self) -> Iterator[str]:
        """Yield the processors of which nobody knows any more that they were told."""
        told = {(bytes(row[0]), row[1], row[2]) for row in self.page.told}
        for request, number, body in self.events.get(EventKind.HANDED, ()):
            subject = self.owners[request][1]
            if subject is not None and (bytes(subject), body["to"], body["for"]) not in told:
                yield f"event {number}: nobody knows any more that {body['to']} was told"

    def line_faults(self, baseline: AuditBaseline) -> Iterator[str]:
        """Yield the withdrawals that no restored backup would be told of."""
        due = {
            withdrawal_line(bytes(self.owners[request][2]), body).name: number
            for request, number, body in self.events.get(EventKind.WITHDRAWN, ())
            if body["version"] >= SAYS_FORGOTTEN and body["at"] >= baseline.lines_from
        }
        known = self.read(lines_named, names=list(due)) if due else frozenset()
        for name, number in due.items():
            if name not in known:
                yield f"event {number}: no restored backup would be told of this withdrawal"

    def number_faults(self) -> Iterator[str]:
        """Yield whose numbers may be called again after a withdrawal, as far as others have them too."""
        withdrawn = {
            (bytes(row[0]), row[1])
            for row in self.page.consents
            if (row[2], row[3]) == (Channel.PHONE, Status.WITHDRAWN)
        }
        for request, number, body in self.events.get(EventKind.WITHDRAWN, ()) if withdrawn else ():
            subject = bytes(self.owners[request][1] or b"")
            if body["version"] < SAYS_FORGOTTEN or (subject, body["purpose"]) not in withdrawn:
                continue
            if self._numbers(subject, body[MS]) - self._objections(request, body["purpose"]):
                yield f"event {number}: its telephone number is not kept from being called"

    def entry_faults(
        self, baseline: AuditBaseline, promise_by: Callable[[str], tuple[str, PrizeDraw] | None]
    ) -> Iterator[str]:
        """Yield who confirmed an entry of a prize draw and takes another part in it; or none."""
        entries = {bytes(row[0]): DrawEntry(RequestId(bytes(row[0])), *row[1:]) for row in self.page.entries}
        texts: dict[int, str] = {}
        seen: set[bytes] = set()
        for request, number, body in self.events.get(EventKind.CONFIRMED, ()):
            about = promise_by(self.owners[request][3])
            declared = self._declared(request) if about is not None and request not in seen else None
            if about is None or declared is None:
                continue
            seen.add(request)  # the first confirmation is the ticket
            texts = texts or {logged[1]: logged[2] for logged in self.page.events}
            part = (datetime.fromisoformat(body["at"]), leaf_digest(texts[number].encode()).hex())
            for fault in entry_faults(baseline, (*about, declared), part, entries.get(request)):
                yield f"request {request.hex()} {fault}"

    def _declared(self, request: bytes) -> Declared | None:
        """Return what was declared; None where it does not open, which is found elsewhere."""
        try:
            row = self.owners[request]
            return Declared.parse(Sealed.open(self.vault, RequestId(request), bytes(row[4])).declaration)
        except (KeysUnusable, KeyError, TypeError, ValueError):
            return None

    def _numbers(self, subject: bytes, until: int) -> set[bytes]:
        """Return by digest the numbers that a person had given; none where one was put right since."""
        sealed = next(bytes(row[2]) for row in self.page.people if bytes(row[0]) == subject)
        try:
            correction = open_contact(self.vault, SubjectId(subject), sealed).correction
        except (KeysUnusable, KeyError, TypeError, ValueError):
            return set()
        if correction is not None and PHONE_FIELD in correction.values:
            return set()
        own = [key for key, row in self.owners.items() if row[1] and bytes(row[1]) == subject]
        declared = [self._declared(key) for key in own if (self.owners[key][6] or until) < until]
        given = (it.fields.get(PHONE_FIELD) for it in declared if it is not None)
        return {self.vault.number_index(number) for number in given if number}

    def _objections(self, request: bytes, purpose: str) -> frozenset[bytes]:
        found: frozenset[bytes] = self.read(
            objections_of,
            email_index=bytes(self.owners[request][2]),
            purpose=purpose,
            channel=Channel.PHONE.value,
        )
        return found
