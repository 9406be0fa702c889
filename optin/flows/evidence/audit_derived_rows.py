"""Audit step for rows derived from events: disclosures to processors, and suppressed numbers.

An answer, a webhook or a restored backup relies on them. They are compared with the events of one page of
people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.consent.channel import Address, channel_named
from optin.consent.form_version import FormDeclaration
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import EventKind, RequestId, Status, SubjectId
from optin.errors import KeysUnusable
from optin.flows.kind_flow_hooks import ConfirmedRequest, FlowPart
from optin.proof.commitment import leaf_digest
from optin.store.audit_reads import PeoplePage, lines_named, objections_of
from optin.store.contacts import open_contact
from optin.store.database_interface import Row, Runner
from optin.store.encryption import Vault
from optin.store.journal_lines import withdrawal_line
from optin.store.requests import DeclaredData, SealedRequest

MS = "at in milliseconds"  # beside what an event says
SAYS_FORGOTTEN = 2  # the version of events since which it is said what was forgotten
Owners = Mapping[bytes, Row]  # requests by their ids
ByKind = Mapping[str, list[tuple[bytes, int, dict[str, Any]]]]  # events in their order: request, number, body


@dataclass(frozen=True)
class DerivedRowsAudit:
    """One page of people, with the state that follows from their events."""

    read: Runner
    vault: Vault
    page: PeoplePage
    owners: Owners
    events: ByKind
    kinds: PartsByKind[FlowPart]

    def webhook_faults(self) -> Iterator[str]:
        """Yield the processors whose row about a disclosed consent is missing."""
        disclosed = {(bytes(row[0]), row[1], row[2]) for row in self.page.disclosed}
        for request, number, body in self.events.get(EventKind.HANDED, ()):
            subject = self.owners[request][1]
            if subject is not None and (bytes(subject), body["to"], body["for"]) not in disclosed:
                yield f"event {number}: the record is missing that {body['to']} was told"

    def line_faults(self, lines_from: str) -> Iterator[str]:
        """Yield the withdrawals that a restored backup would not replay, because their line is missing."""
        due = {
            withdrawal_line(bytes(self.owners[request][2]), body).name: number
            for request, number, body in self.events.get(EventKind.WITHDRAWN, ())
            if body["version"] >= SAYS_FORGOTTEN and body["at"] >= lines_from
        }
        known = self.read(lines_named, names=list(due)) if due else frozenset()
        for name, number in due.items():
            if name not in known:
                yield f"event {number}: a restored backup would not replay this withdrawal"

    def number_faults(self) -> Iterator[str]:
        """Yield people whose numbers may be called again after a withdrawal, as far as others share them."""
        withdrawn = {
            (bytes(row[0]), row[1], row[2])
            for row in self.page.consents
            if row[3] == Status.WITHDRAWN and channel_named(row[2]).address.declared
        }
        for request, number, body in self.events.get(EventKind.WITHDRAWN, ()) if withdrawn else ():
            subject = bytes(self.owners[request][1] or b"")
            about = (body["purpose"], body["channel"])
            if body["version"] < SAYS_FORGOTTEN or (subject, *about) not in withdrawn:
                continue
            address = channel_named(about[1]).address
            if self._given(address, subject, body[MS]) - self._objections(request, *about):
                yield f"event {number}: its {address.noun} is not suppressed"

    def confirmations(self, form_by: Callable[[str], FormDeclaration | None]) -> list[ConfirmedRequest]:
        """Return the confirmed requests whose kinds store rows about them."""
        texts: dict[int, str] = {}
        found: dict[bytes, ConfirmedRequest] = {}
        for request, number, body in self.events.get(EventKind.CONFIRMED, ()):
            form = form_by(self.owners[request][3])
            if request in found or form is None or self.kinds[form.kind].audit_confirmed is None:
                continue  # the first confirmation counts
            declared = self._declared(request)
            if declared is None or declared.through:
                continue
            texts = texts or {logged[1]: logged[2] for logged in self.page.events}
            leaf, at = leaf_digest(texts[number].encode()), datetime.fromisoformat(body["at"])
            found[request] = ConfirmedRequest(RequestId(request), form, declared, at, leaf)
        return list(found.values())

    def _declared(self, request: bytes) -> DeclaredData | None:
        """Return the declared data; None when it cannot be decrypted, which another step reports."""
        try:
            row = self.owners[request]
            return DeclaredData.parse(
                SealedRequest.open(self.vault, RequestId(request), bytes(row[4])).declaration
            )
        except (KeysUnusable, KeyError, TypeError, ValueError):
            return None

    def _given(self, address: Address, subject: bytes, until: int) -> set[bytes]:
        """Return the addresses a person gave, by digest; none when one was corrected since."""
        sealed = next(bytes(row[2]) for row in self.page.people if bytes(row[0]) == subject)
        try:
            correction = open_contact(self.vault, SubjectId(subject), sealed).correction
        except (KeysUnusable, KeyError, TypeError, ValueError):
            return set()
        if correction is not None and address.field in correction.values:
            return set()
        own = [key for key, row in self.owners.items() if row[1] and bytes(row[1]) == subject]
        declared = [self._declared(key) for key in own if (self.owners[key][6] or until) < until]
        given = (address.own(it.fields) for it in declared if it is not None)
        return {self.vault.address_index(address, value) for value in given if value}

    def _objections(self, request: bytes, purpose: str, channel: str) -> frozenset[bytes]:
        found: frozenset[bytes] = self.read(
            objections_of, email_index=bytes(self.owners[request][2]), key=ConsentKey.parse(purpose, channel)
        )
        return found
