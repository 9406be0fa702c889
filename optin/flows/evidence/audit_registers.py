"""Audit step for registers beside the log: each entry is what its event says, and none is gone. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from optin.consent.event_content import REQUEST_TEXTS, REQUESTS, STAFF_ACTS, STAFF_TEXTS
from optin.consent.status_transitions import EventKind
from optin.flows.unreadable_rows import BROKEN
from optin.proof.register_entry import RegisterEntry
from optin.store.breaches import open_breach
from optin.store.database_interface import Row
from optin.store.encryption import Vault
from optin.store.rights_requests import ANSWERED, open_row
from optin.store.staff_trail import open_act

Said = tuple[int, Mapping[str, Any]]  # the number of an event, and what it says


def audit_rights_requests(events: Sequence[Said], rows: Iterable[Row], vault: Vault) -> Iterator[str]:
    """Yield the requests of people that were changed or removed without optin.

    `events`: those about nobody, each with its number, as optin wrote them.
    """
    logged = entries_by_register(events, EventKind.RIGHTS_REQUEST)
    gone, blank = _forgotten(events, REQUESTS), _forgotten(events, REQUEST_TEXTS)
    for row in rows:
        name = f"the request {row[0]} of a person"
        try:
            stored = open_row(vault, row)
            faults = list(stored.faults())
        except BROKEN:
            yield f"{name} cannot be read: it was edited"
            continue
        yield from (f"{name} {fault}" for fault in faults)
        said = logged.pop(stored.digest, [])
        yield from (f"{name} {fault}" for fault in entry_faults(stored.entries, said))
        if stored.digest in gone:
            yield f"{name} was deleted after its time, and is back"
        if stored.digest not in blank and not all(it.has_texts for it in stored.entries):
            yield f"{name} lost its texts without an erasure"
    for digest, left in logged.items():
        if digest not in gone:
            yield f"the request of event {left[0][0]} is gone from the requests of people"
        elif not any(body.get("entry") == ANSWERED for _, body in left):
            yield f"the request of event {left[0][0]} was deleted, but never answered"


def audit_breaches(events: Sequence[Said], rows: Mapping[int, Iterable[Row]], vault: Vault) -> Iterator[str]:
    """Yield the breaches whose entries were changed or removed without optin."""
    logged = entries_by_register(events, EventKind.BREACH_ENTRY)
    for number, of_breach in rows.items():
        name = f"breach {number}"
        try:
            stored = open_breach(vault, number, of_breach)
            faults = list(stored.faults())
        except BROKEN:
            yield f"{name} cannot be read: it was edited"
            continue
        said = logged.pop(stored.digest, [])
        yield from (f"{name} {fault}" for fault in (*faults, *entry_faults(stored.entries, said)))
        if not all(it.has_texts for it in stored.entries):
            yield f"{name} lost its texts"
    for left in logged.values():
        yield f"the breach of event {left[0][0]} is gone from the log of breaches"


def audit_staff_acts(events: Sequence[Said], rows: Iterable[Row], vault: Vault) -> Iterator[str]:
    """Yield the acts of staff whose entries in the trail were changed or removed without optin."""
    logged = entries_by_register(events, EventKind.STAFF_ACT)
    gone, blank = _forgotten(events, STAFF_ACTS), _forgotten(events, STAFF_TEXTS)
    for row in rows:
        name = f"act {row[0]} of the staff's trail"
        try:
            stored = open_act(vault, row)
        except BROKEN:
            yield f"{name} cannot be read: it was edited"
            continue
        digest = stored.entry.digest
        yield from (f"{name} {fault}" for fault in stored.faults(row))
        yield from (f"{name} {fault}" for fault in entry_faults([stored.entry], logged.pop(digest, [])))
        if digest in gone:
            yield f"{name} was deleted after its time, and is back"
        if digest not in blank and not stored.entry.has_texts:
            yield f"{name} lost its reason without an erasure"
    for digest, left in logged.items():
        if digest not in gone:
            yield f"the act of event {left[0][0]} is gone from the staff's trail"


def entries_by_register(events: Sequence[Said], kind: EventKind) -> dict[str, list[Said]]:
    """Return the events of entries in a register by the digest of the first entry, in their order."""
    logged: dict[str, list[Said]] = defaultdict(list)
    for number, body in events:
        if body.get("kind") == kind:
            logged[str(body.get("of"))].append((number, body))
    return dict(logged)


def entry_faults(entries: Sequence[RegisterEntry], said: Sequence[Said]) -> Iterator[str]:
    """Yield what differs between stored entries and their events."""
    if not said:
        yield "is in no event: it was not written by optin"
        return
    for entry, (number, body) in zip(entries, said, strict=False):
        if not entry.is_bound_by(body):
            yield f"is not what event {number} says of {entry.name!r}: it was edited"
    for number, body in said[len(entries) :]:
        yield f"lacks what event {number} says of {body.get('entry')!r}: an older copy"
    for entry in entries[len(said) :]:
        yield f"has an entry {entry.name!r} that is in no event"


def _forgotten(events: Sequence[Said], what: str) -> frozenset[str]:
    return frozenset(
        str(body.get("of"))
        for _, body in events
        if body.get("kind") == EventKind.FORGOTTEN and body.get("what") == what
    )
