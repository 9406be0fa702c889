"""The register of bases: what staff put on record about people, encrypted, with its evidence (L1).

A row of `held_basis` is found by keyed digests of the addresses in its statement. When it ends is a cache of
its statements; the audit compares them.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.consent.erasure_grounds import ErasureGround
from optin.consent.held_basis import (
    BasisAct,
    BasisEntry,
    BasisEntryId,
    BasisStatement,
    basis_event,
)
from optin.consent.status_transitions import ID_BYTES, EventKind, RequestId
from optin.errors import KeysUnusable
from optin.proof.canonical_json import canonical, parse
from optin.proof.commitment import SALT_BYTES, commit
from optin.store.blank_evidence import blank_evidence
from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault, new_id
from optin.store.events import add_events
from optin.store.export_records import forget_membership, memberships_of
from optin.store.row_queries import count_rows, list_parameters

_ACT = "held_basis_act"
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class BasisRow:
    """A row of the register as it is stored. `ends_at` None: it has no end."""

    id: BasisEntryId
    basis: str
    ends_at: datetime | None


@dataclass(frozen=True)
class EntryRows:
    """An entry with all rows that belong to it: what an audit compares.

    `acts`: kind, sealed statement, moment; `events`: bytes, voucher. Both oldest first.
    """

    row: BasisRow
    addresses: frozenset[bytes]
    acts: Sequence[Row]
    files: frozenset[bytes]
    events: Sequence[Row]

    def entry(self, vault: Vault) -> BasisEntry:
        """Return the entry as it was stated. Raises KeysUnusable."""
        return read_entry(vault, self.row.id, self.acts)


@dataclass(frozen=True)
class BasisAddresses:
    """The keyed digests by which an entry is found, and that of what it may be recorded for once."""

    indexes: Sequence[bytes]
    reference: bytes = b""  # empty: nothing that another entry could have


def add_entry(tx: Tx, vault: Vault, entry: BasisEntry, found_by: BasisAddresses, now: datetime) -> bool:
    """Store a new entry with its event; return False, with nothing stored, when its reference is taken."""
    statement = entry.statement
    added = tx.run(
        "INSERT INTO held_basis(id, basis, reference, ends_at, recorded_at)"
        " VALUES (:id, :basis, :reference, :ends_at, :now) ON CONFLICT (reference) DO NOTHING",
        id=entry.id,
        basis=statement.basis,
        reference=found_by.reference or entry.id,
        ends_at=_ms(entry.until),
        now=to_ms(now),
    )
    if not added:
        return False
    tx.many(
        "INSERT INTO held_basis_address(address, entry) VALUES (:address, :entry)",
        [{"address": index, "entry": entry.id} for index in dict.fromkeys(found_by.indexes)],
    )
    _log(tx, vault, entry, EventKind.BASIS_RECORDED, canonical(statement.as_json()), now)
    return True


def add_act(tx: Tx, vault: Vault, entry: BasisEntry, act: BasisAct, now: datetime) -> None:
    """Store what happened to an entry, with its event, and the entry's new end."""
    _log(tx, vault, entry, act.kind, canonical(act.as_json()), now)
    if act.term is not None:
        tx.run(
            "UPDATE held_basis SET ends_at = :ends_at WHERE id = :id",
            ends_at=_ms(act.term.until),
            id=entry.id,
        )


def _log(tx: Tx, vault: Vault, entry: BasisEntry, kind: EventKind, said: bytes, now: datetime) -> None:
    row, salt = new_id(), secrets.token_bytes(SALT_BYTES)
    tx.run(
        "INSERT INTO held_basis_act(entry, kind, sealed, at) VALUES (:entry, :kind, :sealed, :now)",
        entry=entry.id,
        kind=kind.value,
        sealed=row + vault.seal(EncryptedCell(_ACT, entry.id + row), salt + said),
        now=to_ms(now),
    )
    event = basis_event(kind, now, entry, commit(salt, said))
    add_events(tx, vault, RequestId(entry.id), [event])


def entries_about(tx: Tx, vault: Vault, indexes: Sequence[bytes]) -> list[BasisEntry]:
    """Return the entries about these addresses, oldest first. Raises KeysUnusable."""
    found = entries_by_address(tx, vault, indexes)
    whole = {entry.id: entry for entries in found.values() for entry in entries}
    return sorted(whole.values(), key=lambda it: (it.statement.at, it.id))


def entries_by_address(tx: Tx, vault: Vault, indexes: Sequence[bytes]) -> dict[bytes, list[BasisEntry]]:
    """Return the entries about each of these addresses that has any. Raises KeysUnusable."""
    if not indexes:
        return {}
    among, values = tx.one_of("held_basis_address.address", indexes)
    rows = tx.all(
        "SELECT held_basis_address.address, act.entry, act.kind, act.sealed FROM held_basis_address"
        " JOIN held_basis_act AS act ON act.entry = held_basis_address.entry"
        f" WHERE {among} ORDER BY act.id",
        **values,
    )
    by_address: defaultdict[bytes, defaultdict[bytes, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for address, entry, kind, sealed in rows:
        by_address[bytes(address)][bytes(entry)].append((kind, sealed))
    return {
        address: [read_entry(vault, BasisEntryId(entry), acts) for entry, acts in entries.items()]
        for address, entries in by_address.items()
    }


def load_entry(tx: Tx, vault: Vault, entry: BasisEntryId) -> BasisEntry | None:
    """Return an entry, locked until the transaction ends. Raises KeysUnusable."""
    if tx.one(f"SELECT id FROM held_basis WHERE id = :id {tx.for_update}", id=entry) is None:
        return None
    rows = tx.all("SELECT kind, sealed FROM held_basis_act WHERE entry = :id ORDER BY id", id=entry)
    return read_entry(vault, entry, rows)


def entry_with_reference(tx: Tx, vault: Vault, basis: str, reference: str) -> BasisEntry | None:
    """Return the entry that has a reference of its basis, locked; None when there is none."""
    row = tx.one("SELECT id FROM held_basis WHERE reference = :it", it=reference_key(vault, basis, reference))
    return None if row is None else load_entry(tx, vault, BasisEntryId(bytes(row[0])))


def reference_key(vault: Vault, basis: str, reference: str) -> bytes:
    """Return the keyed digest of a reference: one for all ways to type it (case, spaces, kinds of dashes)."""
    folded = unicodedata.normalize("NFKC", reference).casefold()
    typed = ("-" if it == _MINUS or unicodedata.category(it) == "Pd" else it for it in folded)
    return vault.reference(basis, "".join(it for it in typed if it.isprintable() and not it.isspace()))


def entries_named(tx: Tx, digits: str) -> list[BasisEntryId]:
    """Return entries whose id begins with these hexadecimal digits, two at most."""
    whole = 2 * ID_BYTES
    rows = tx.all(
        "SELECT id FROM held_basis WHERE id >= :low AND id <= :high ORDER BY id LIMIT 2",
        low=bytes.fromhex(digits.ljust(whole, "0")),
        high=bytes.fromhex(digits.ljust(whole, "f")),
    )
    return [BasisEntryId(bytes(row[0])) for row in rows]


def read_entry(vault: Vault, entry: BasisEntryId, rows: Sequence[Row]) -> BasisEntry:
    """Return an entry from its rows (kind, sealed, …), oldest first. Raises KeysUnusable."""
    statement, *later = (open_act(vault, entry, bytes(sealed))[1] for _, sealed, *_ in rows)
    try:
        return BasisEntry(
            entry,
            BasisStatement.of_json(parse(statement)),
            tuple(BasisAct.of_json(parse(it)) for it in later),
        )
    except (KeyError, TypeError, ValueError):
        msg = "An entry of the register of bases cannot be read."
        raise KeysUnusable(msg) from None


def open_act(vault: Vault, entry: BasisEntryId, sealed: bytes) -> tuple[bytes, bytes]:
    """Return the salt and the canonical bytes of what was said of an entry. Raises KeysUnusable."""
    row, body = sealed[:ID_BYTES], sealed[ID_BYTES:]
    plain = vault.open(EncryptedCell(_ACT, entry + row), body)
    return plain[:SALT_BYTES], plain[SALT_BYTES:]


def is_on_register(tx: Tx, indexes: Sequence[bytes]) -> bool:
    """Return whether any entry is about one of these addresses."""
    if not indexes:
        return False
    values, among = list_parameters(indexes)
    text = f"SELECT 1 FROM held_basis_address WHERE address IN ({among}) LIMIT 1"
    return tx.one(text, **values) is not None


def entries_over(tx: Tx, now: datetime, most: int) -> list[BasisRow]:
    """Return entries whose row says that they ended, the longest ended first."""
    rows = tx.all(
        "SELECT id, basis, ends_at FROM held_basis WHERE ends_at IS NOT NULL AND ends_at <= :now"
        f" ORDER BY ends_at LIMIT :most {tx.skip_locked}",
        now=to_ms(now),
        most=most,
    )
    return [BasisRow(BasisEntryId(bytes(row[0])), row[1], from_ms(row[2])) for row in rows]


def entries_of_basis(tx: Tx, vault: Vault, basis: str, after: bytes, most: int) -> list[BasisEntry]:
    """Return the next entries of one basis, in the order of their ids. Raises KeysUnusable."""
    rows = tx.all(
        "SELECT id FROM held_basis WHERE id > :after AND basis = :basis ORDER BY id LIMIT :most",
        after=after,
        basis=basis,
        most=most,
    )
    return [it for row in rows if (it := _peek(tx, vault, BasisEntryId(bytes(row[0])))) is not None]


def entries_of_export(tx: Tx, vault: Vault, run: bytes, after: bytes, most: int) -> list[BasisEntry]:
    """Return the next entries that were in an export, in the order of their ids. Raises KeysUnusable."""
    rows = tx.all(
        "SELECT held_basis.id FROM export_member JOIN held_basis ON held_basis.id = export_member.subject_id"
        " WHERE export_member.run = :run AND held_basis.id > :after ORDER BY held_basis.id LIMIT :most",
        run=run,
        after=after,
        most=most,
    )
    return [it for row in rows if (it := _peek(tx, vault, BasisEntryId(bytes(row[0])))) is not None]


def _peek(tx: Tx, vault: Vault, entry: BasisEntryId) -> BasisEntry | None:
    rows = tx.all("SELECT kind, sealed FROM held_basis_act WHERE entry = :id ORDER BY id", id=entry)
    return read_entry(vault, entry, rows) if rows else None


def count_entries_over(tx: Tx, now: datetime) -> int:
    """Count the entries whose row says that they ended."""
    return count_rows(tx, "held_basis WHERE ends_at IS NOT NULL AND ends_at <= :now", now=to_ms(now))


def entries_page(tx: Tx, after: bytes, most: int) -> list[EntryRows]:
    """Return the next entries in the order of their ids, with all that belongs to them, for an audit."""
    rows = tx.all(
        "SELECT id, basis, ends_at FROM held_basis WHERE id > :after ORDER BY id LIMIT :most",
        after=after,
        most=most,
    )
    return _with_rows(tx, rows)


def entry_rows(tx: Tx, entry: BasisEntryId) -> EntryRows | None:
    """Return one entry with all that belongs to it; None when it is gone."""
    rows = tx.all("SELECT id, basis, ends_at FROM held_basis WHERE id = :id", id=entry)
    return next(iter(_with_rows(tx, rows)), None)


def _with_rows(tx: Tx, rows: Sequence[Row]) -> list[EntryRows]:
    if not rows:
        return []
    first, last = bytes(rows[0][0]), bytes(rows[-1][0])

    def belonging(columns: str, table: str, owner: str, order: str) -> defaultdict[bytes, list[Row]]:
        found: defaultdict[bytes, list[Row]] = defaultdict(list)
        for row in tx.all(
            f"SELECT held_basis.id, {columns} FROM held_basis JOIN {table} ON {owner} = held_basis.id"
            f" WHERE held_basis.id >= :first AND held_basis.id <= :last ORDER BY {order}",
            first=first,
            last=last,
        ):
            found[bytes(row[0])].append(row[1:])
        return found

    addresses = belonging("address", "held_basis_address", "entry", "address")
    acts = belonging("kind, sealed, at", "held_basis_act", "entry", "held_basis_act.id")
    files = belonging("file", "evidence_file_of", "entry", "file")
    events = belonging("body, mac", "event", "request_id", "event.id")
    return [
        EntryRows(
            BasisRow(BasisEntryId(key), row[1], None if row[2] is None else from_ms(row[2])),
            frozenset(bytes(it[0]) for it in addresses[key]),
            acts[key],
            frozenset(bytes(it[0]) for it in files[key]),
            events[key],
        )
        for row in rows
        for key in (bytes(row[0]),)
    ]


def erase_entries(
    tx: Tx, vault: Vault, entries: Sequence[BasisEntryId], reason: ErasureGround, now: datetime
) -> None:
    """Remove entries, their evidence as far as no other entry has it, and the bytes of their events.

    Raises LogDisagrees, before anything is changed, when `reason` does not allow it.
    """
    if not entries:
        return
    blank_evidence(tx, vault, [RequestId(entry) for entry in entries], reason, now)
    for entry in entries:
        _forget_exports(tx, vault, entry, now)
        tx.run("DELETE FROM held_basis_act WHERE entry = :id", id=entry)
        tx.run("DELETE FROM held_basis_address WHERE entry = :id", id=entry)
        files = tx.all("SELECT file FROM evidence_file_of WHERE entry = :id", id=entry)
        tx.run("DELETE FROM evidence_file_of WHERE entry = :id", id=entry)
        for (file,) in files:
            tx.run(
                "DELETE FROM evidence_file WHERE file = :file"
                " AND NOT EXISTS (SELECT 1 FROM evidence_file_of WHERE evidence_file_of.file = :file)",
                file=file,
            )
        tx.run("DELETE FROM outbox WHERE request_id = :id", id=entry)  # the mail that tells of it
        tx.run("DELETE FROM contact_question WHERE subject_id = :id", id=entry)
        tx.run("DELETE FROM held_basis WHERE id = :id", id=entry)


def _forget_exports(tx: Tx, vault: Vault, entry: BasisEntryId, now: datetime) -> None:
    """Leave a digest in each export that held the entry, so that the processor's file can be cleaned."""
    runs = memberships_of(tx, entry)
    found = _peek(tx, vault, entry) if runs else None
    for run in runs:
        for kind, value in () if found is None else found.statement.kinds_of_addresses:
            forget_membership(tx, run, vault.export_digest_of(run, kind, value), now)
            break  # one digest for one member: the audit counts them
    tx.run("DELETE FROM export_member WHERE subject_id = :id", id=entry)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)
