"""Files of evidence, encrypted: each stored once, as long as an entry of the register has it (L1)."""

from __future__ import annotations

from optin.consent.held_basis import BasisEntry, BasisEntryId, EvidenceNote
from optin.errors import KeysUnusable
from optin.proof.commitment import digest
from optin.store.database_interface import Tx
from optin.store.encryption import EncryptedCell, Vault
from optin.store.held_bases import load_entry

_FILE = "evidence_file"


def keep_file(tx: Tx, vault: Vault, entry: BasisEntryId, note: EvidenceNote, data: bytes) -> None:
    """Store a file as evidence of an entry, encrypted; a file that is there already is stored once."""
    key = file_key(vault, note)
    tx.run(
        "INSERT INTO evidence_file(file, sealed) VALUES (:file, :sealed) ON CONFLICT (file) DO NOTHING",
        file=key,
        sealed=vault.seal(EncryptedCell(_FILE, key), data),
    )
    tx.run(
        "INSERT INTO evidence_file_of(file, entry) VALUES (:file, :entry) ON CONFLICT DO NOTHING",
        file=key,
        entry=entry,
    )


def load_file(tx: Tx, vault: Vault, note: EvidenceNote) -> bytes | None:
    """Return a file of evidence; None when it is not there. Raises KeysUnusable, also for another file."""
    key = file_key(vault, note)
    row = tx.one("SELECT sealed FROM evidence_file WHERE file = :file", file=key)
    if row is None:
        return None
    data = vault.open(EncryptedCell(_FILE, key), bytes(row[0]))
    if digest(data) != note.sha256:
        msg = "A file of evidence is not the one that was stored."
        raise KeysUnusable(msg)
    return data


def file_key(vault: Vault, note: EvidenceNote) -> bytes:
    """Return the keyed digest by which a file of evidence is found."""
    return vault.reference("file", note.sha256)


def entries_with_file(tx: Tx, vault: Vault, note: EvidenceNote) -> list[BasisEntry]:
    """Return the entries that have a file as evidence, locked. Raises KeysUnusable."""
    rows = tx.all("SELECT entry FROM evidence_file_of WHERE file = :file", file=file_key(vault, note))
    found = (load_entry(tx, vault, BasisEntryId(bytes(row[0]))) for row in rows)
    return [it for it in found if it is not None]
