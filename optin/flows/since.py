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
from optin.store.exports import FIRST, ExportRun, ended_members, gone_since
from optin.store.subjects import open_contact
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
            contact = open_contact(vault, SubjectId(bytes(key)), bytes(sealed))
            over = status == Status.GIVEN
            yield Ended(
                email=contact.email,
                phone=contact.values.get(PHONE_FIELD, "") if run.channel == Channel.PHONE else "",
                what=Status.EXPIRED.value if over else status,
                at=from_ms(until if over else since),
            )
        after = bytes(page[-1][0])


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
