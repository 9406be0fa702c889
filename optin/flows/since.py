"""Since an export: who withdrew, expired or was erased, for the processor to delete (E5, GDPR 19).

Of somebody who was erased only a digest is left that fits this export alone: the processor's own file is
held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from optin.consent.address import parse_email
from optin.consent.form import PHONE_FIELD
from optin.consent.purpose import Channel
from optin.consent.record import Status, SubjectId
from optin.store.dossier import requests_by
from optin.store.exports import FIRST, ExportRun, ended_members, gone_since
from optin.store.requests import Declared, Sealed
from optin.store.subjects import Contact, open_contact
from optin.store.transaction import Operation, from_ms
from optin.store.vault import Vault

Read = Callable[[Operation[Any]], Any]
ERASED = "erased"


@dataclass(frozen=True)
class Ended:
    """Somebody of an export whose data the processor must delete."""

    email: str
    phone: str  # empty, unless the export was for telephone
    what: str
    at: datetime


def ended_since(read: Read, vault: Vault, run: ExportRun, now: datetime) -> Iterator[Ended]:
    """Yield who of an export withdrew or expired since; in flat memory. Raises KeysUnusable."""
    after = FIRST
    while page := read(partial(ended_members, run=run, after=after, now=now)):
        for key, sealed, status, since, until in page:
            subject = SubjectId(bytes(key))
            contact = open_contact(vault, subject, bytes(sealed))
            over = status == Status.GIVEN
            what, at = Status.EXPIRED.value if over else status, from_ms(until if over else since)
            numbers = _numbers(read, vault, subject, contact) if run.channel == Channel.PHONE else [""]
            yield from (Ended(contact.email, number, what, at) for number in numbers)
        after = bytes(page[-1][0])


def _numbers(read: Read, vault: Vault, subject: SubjectId, contact: Contact) -> list[str]:
    """Return every number that a person gave: which of them the processor got, its own file says."""
    requests = read(partial(requests_by, subject=subject))
    declared = [Declared.parse(Sealed.open(vault, it.id, it.sealed).declaration) for it in requests]
    given = [contact.values.get(PHONE_FIELD, ""), *(it.fields.get(PHONE_FIELD, "") for it in declared)]
    return list(dict.fromkeys(number for number in given if number)) or [""]


def erased_since(read: Read, vault: Vault, run: ExportRun, addresses: Iterable[str]) -> Iterator[Ended]:
    """Yield which of a processor's addresses belong to people who were erased since the export."""
    gone: dict[bytes, datetime] = read(partial(gone_since, run=run.members))
    for text in addresses if gone else ():
        try:
            address = parse_email(text)
        except ValueError:
            continue
        at = gone.get(vault.export_digest(run.members, address))
        if at is not None:
            yield Ended(address, "", ERASED, at)


def count_erased(read: Read, run: ExportRun) -> int:
    """Count the people of an export who were erased since."""
    gone: dict[bytes, datetime] = read(partial(gone_since, run=run.members))
    return len(gone)
