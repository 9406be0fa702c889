"""Audit step for the register of bases: each entry with its statements, addresses, files and events (L1).

1. Each statement opens, is committed to by an event that optin wrote, and stands in the order of the log.
2. The entry's end, and the addresses by which it is found, are those of its statements.
3. Each file of evidence is there, and is the one whose digest the statement names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hmac import compare_digest
from typing import Any

from optin.consent.held_basis import BasisEntry, EvidenceNote
from optin.consent.status_transitions import ABOUT_ENTRIES, BASIS_EVENTS
from optin.errors import KeysUnusable, LogDisagrees, RequestRefused
from optin.flows.bases.record_basis import indexes_of
from optin.proof.canonical_json import parse
from optin.proof.commitment import commit
from optin.store.database_interface import Row, Runner, Tx, to_ms
from optin.store.encryption import Vault
from optin.store.evidence_files import file_key, load_file
from optin.store.held_bases import (
    BasisRow,
    EntryRows,
    entries_page,
    entry_rows,
    open_act,
)

PAGE = 200


def audit_bases(read: Runner, vault: Vault) -> Iterator[str]:
    """Yield the faults of every entry of the register of bases."""
    after = b""
    while page := read(entries_page, after=after, most=PAGE):
        for entry in page:
            found = [*entry_faults(vault, entry), *read(_file_faults, vault=vault, entry=entry)]
            if found:  # look again: something may just have happened between two reads
                again = read(entry_rows, entry=entry.row.id)
                found = [] if again is None else list(entry_faults(vault, again))
                found += [] if again is None else read(_file_faults, vault=vault, entry=again)
            yield from found
        after = page[-1].row.id


def require_consistent_entry(tx: Tx, vault: Vault, entry: BasisRow) -> BasisEntry:
    """Return an entry whose rows and events agree. Raises LogDisagrees and KeysUnusable."""
    rows = entry_rows(tx, entry.id)
    if rows is None:
        msg = "an entry of the register of bases is gone"
        raise LogDisagrees(msg)
    for fault in entry_faults(vault, rows):
        raise LogDisagrees(fault)
    return rows.entry(vault)


def entry_faults(vault: Vault, rows: EntryRows) -> Iterator[str]:
    """Yield, in sentences, what does not fit together among the rows of an entry (`entries_page`)."""
    stored: BasisRow = rows.row
    name = f"entry {stored.id.hex()} of the register of bases"
    try:
        entry = rows.entry(vault)
        yield from (f"{name} {fault}" for fault in _statement_faults(vault, stored, rows))
        until = entry.until
    except (KeysUnusable, ValueError, OverflowError):
        yield f"{name}: its statements cannot be read"
        return
    if entry.statement.basis != stored.basis:
        yield f"{name} is stored as another basis than was stated"
    if until != stored.ends_at:
        yield f"{name} is stored with another end than was stated"
    try:
        due = set(indexes_of(vault, entry.statement.addresses))
    except RequestRefused:
        due = set()
    if due != rows.addresses:
        yield f"{name} is found by other addresses than were stated"
    if {file_key(vault, note) for note in entry.statement.files} != rows.files:
        yield f"{name} has other files than were stated"


def _statement_faults(vault: Vault, stored: BasisRow, rows: EntryRows) -> Iterator[str]:
    events = list(_events(vault, rows.events))
    if len(events) != len(rows.events):
        yield "has an event that optin did not write"
        return
    if strange := sorted({str(it.get("kind")) for it in events} - ABOUT_ENTRIES):
        yield f"has an event that is none of an entry's ({', '.join(strange)})"
    events = [body for body in events if body.get("kind") in BASIS_EVENTS]
    if len(events) != len(rows.acts):
        yield "has another number of statements than of events"
        return
    for (kind, sealed, at), body in zip(rows.acts, events, strict=True):
        salt, said = open_act(vault, stored.id, bytes(sealed))
        moment = to_ms(datetime.fromisoformat(str(body.get("at"))))
        if body.get("kind") != kind or kind not in BASIS_EVENTS:
            yield "has a statement of another kind than its event"
        elif body.get("statement") != commit(salt, said) or body.get("request") != stored.id.hex():
            yield "has another statement than was logged"
        elif moment != at:
            yield "has a statement of another moment than its event"


def _events(vault: Vault, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    for text, mac in rows:
        data = (text or "").encode()
        if compare_digest(vault.event_mac(data), bytes(mac or b"")):
            yield dict(parse(data))


def _file_faults(tx: Tx, vault: Vault, entry: EntryRows) -> list[str]:
    stored: BasisRow = entry.row
    try:
        files = entry.entry(vault).statement.files
    except KeysUnusable:
        return []  # `entry_faults` says so
    missing = f"entry {stored.id.hex()} of the register of bases: a file of evidence is not there, or another"
    return [missing for note in files if not _is_whole(tx, vault, note)]


def _is_whole(tx: Tx, vault: Vault, note: EvidenceNote) -> bool:
    try:
        return load_file(tx, vault, note) is not None
    except KeysUnusable:
        return False
