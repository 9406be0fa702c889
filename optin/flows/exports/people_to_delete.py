"""People of an export whom the processor must delete: withdrawn, expired, erased, listed since (E5, GDPR 19).

Of somebody who was erased only a digest is left that fits this export alone: the processor's own file is
held against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.channel import Address
from optin.consent.email_and_telephone import EmailAddress, parse_email
from optin.consent.status_transitions import Status, SubjectId
from optin.flows.evidence.objections_to_consents import REASONS
from optin.flows.objections.find_objections import PlannedContact, find_objections
from optin.store.contacts import Contact, open_contact
from optin.store.database_interface import Runner, from_ms
from optin.store.encryption import Vault
from optin.store.export_records import ExportRun, ended_members, erased_members, living_members
from optin.store.leads import FIRST
from optin.store.objections import any_objection, numbers_by_person
from optin.store.person_records import requests_by
from optin.store.requests import DeclaredData, SealedRequest

ERASED = "erased"
MOST_LINES_NAMED = 10


@dataclass(frozen=True)
class PersonToDelete:
    """A person of an export whom the processor must delete."""

    email: str
    addresses: Mapping[str, str]  # by field, declared ones that the channel of the export needs
    what: str
    at: datetime


@dataclass
class FileReading:
    """How many rows of a processor's file were read, and which lines hold no readable address."""

    rows: int = 0
    unreadable: int = 0
    first_lines: list[int] = field(default_factory=list)  # of those that are unreadable

    def note(self, line: int) -> None:
        """Count a line that somebody has to check."""
        self.unreadable += 1
        if len(self.first_lines) < MOST_LINES_NAMED:
            self.first_lines.append(line)


Row = tuple[int, Sequence[str], Sequence[str]]  # its line, its own addresses, those in its other cells


def ended_since(read: Runner, vault: Vault, run: ExportRun, now: datetime) -> Iterator[PersonToDelete]:
    """Yield people of an export who withdrew, expired or came on the company's do-not-contact list since.

    In constant memory. Raises KeysUnusable.
    """
    after = FIRST
    while page := read(ended_members, run=run, after=after, now=now):
        for key, sealed, status, since, until in page:
            subject = SubjectId(bytes(key))
            contact = open_contact(vault, subject, bytes(sealed))
            over = status == Status.GIVEN
            what, at = Status.EXPIRED.value if over else status, from_ms(until if over else since)
            address = run.key.channel.address
            given = _given(address, read, vault, subject, contact) if address.declared else [""]
            yield from (PersonToDelete(contact.email, {address.field: value}, what, at) for value in given)
        after = bytes(page[-1][0])
    yield from _listed_since(read, vault, run, now)


def _listed_since(read: Runner, vault: Vault, run: ExportRun, now: datetime) -> Iterator[PersonToDelete]:
    """Yield people of an export whose consent stands and may not be used: the company's own list bars it."""
    after = FIRST
    while read(any_objection) and (page := read(living_members, run=run, after=after, now=now)):
        subjects = [SubjectId(bytes(row[0])) for row in page]
        contacts = [open_contact(vault, it, bytes(row[1])) for it, row in zip(subjects, page, strict=True)]
        numbers = read(numbers_by_person, subjects=subjects)
        asked = [
            PlannedContact(contact.values, now, numbers.get(it, ()))
            for it, contact in zip(subjects, contacts, strict=True)
        ]
        bars = read(find_objections, vault=vault, contacts=asked, channel=run.key.channel)
        for subject, contact, bar in zip(subjects, contacts, bars, strict=True):
            if bar is not None:
                address = run.key.channel.address
                given = _given(address, read, vault, subject, contact) if address.declared else [""]
                yield from (
                    PersonToDelete(contact.email, {address.field: value}, REASONS[bar.by].value, bar.at)
                    for value in given
                )
        after = bytes(page[-1][0])


def _given(address: Address, read: Runner, vault: Vault, subject: SubjectId, contact: Contact) -> list[str]:
    """Return every address that a person declared; the processor's own file tells which of them it has."""
    requests = read(requests_by, subject=subject)
    declared = [
        DeclaredData.parse(SealedRequest.open(vault, it.id, it.sealed).declaration) for it in requests
    ]
    given = [address.own(contact.values), *(address.own(it.fields) for it in declared)]
    return list(dict.fromkeys(value for value in given if value)) or [""]


def erased_since(
    read: Runner, vault: Vault, run: ExportRun, rows: Iterable[Row], reading: FileReading
) -> Iterator[PersonToDelete]:
    """Yield the addresses in a processor's file of people erased since the export.

    The file is read whole even when nobody was: only then is it known that it can be.
    """
    gone: dict[bytes, datetime] = read(erased_members, run=run.members)
    for line, own, others in rows:
        reading.rows += 1
        addresses = [_parsed(text) for text in own if text]
        if None in addresses:
            reading.note(line)
        for address in (*addresses, *map(_parsed, others)):
            at = None if address is None else gone.get(vault.export_digest(run.members, address))
            if address is not None and at is not None:
                yield PersonToDelete(address, {}, ERASED, at)


def _parsed(text: str) -> EmailAddress | None:
    try:
        return parse_email(text)
    except ValueError:
        return None


def count_erased(read: Runner, run: ExportRun) -> int:
    """Count the people of an export who were erased since."""
    gone: dict[bytes, datetime] = read(erased_members, run=run.members)
    return len(gone)
