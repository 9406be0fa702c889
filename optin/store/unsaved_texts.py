"""What somebody of the staff typed and could not save: sealed, one text of each account for a magnet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from optin.errors import KeysUnusable
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.row_queries import count_rows


@dataclass(frozen=True)
class UnsavedText:
    """The bytes of a file as somebody would have saved it, and when."""

    staff_id: bytes
    magnet: str
    at: datetime
    data: bytes = field(repr=False)


def keep_text(tx: Tx, vault: Vault, text: UnsavedText, most: int) -> None:
    """Store a text in place of an earlier one for the same magnet; above `most` the oldest ones go."""
    tx.run(
        "INSERT INTO unsaved_text(staff_id, magnet, at, sealed) VALUES (:staff, :magnet, :at, :sealed)"
        " ON CONFLICT (staff_id, magnet) DO UPDATE SET at = excluded.at, sealed = excluded.sealed",
        staff=text.staff_id,
        magnet=text.magnet,
        at=to_ms(text.at),
        sealed=vault.seal(_cell(text.staff_id, text.magnet, to_ms(text.at)), text.data),
    )
    rows = tx.all(
        "SELECT magnet FROM unsaved_text WHERE staff_id = :staff ORDER BY at DESC, magnet",
        staff=text.staff_id,
    )
    for row in rows[most:]:
        drop_text(tx, text.staff_id, str(row[0]))


def find_text(tx: Tx, vault: Vault, staff_id: bytes, magnet: str) -> UnsavedText | None:
    """Return somebody's text for a magnet; None also for one that was edited in the database."""
    row = tx.one(
        "SELECT at, sealed FROM unsaved_text WHERE staff_id = :staff AND magnet = :magnet",
        staff=staff_id,
        magnet=magnet,
    )
    if row is None:
        return None
    try:
        data = vault.open(_cell(staff_id, magnet, int(row[0])), bytes(row[1]))
    except KeysUnusable:
        return None
    return UnsavedText(staff_id, magnet, from_ms(row[0]), data)


def drop_text(tx: Tx, staff_id: bytes, magnet: str) -> int:
    """Delete somebody's text for a magnet; return how many there were."""
    return tx.run(
        "DELETE FROM unsaved_text WHERE staff_id = :staff AND magnet = :magnet", staff=staff_id, magnet=magnet
    )


def drop_texts_of(tx: Tx, staff_id: bytes) -> None:
    """Delete every text of an account."""
    tx.run("DELETE FROM unsaved_text WHERE staff_id = :staff", staff=staff_id)


def forget_texts(tx: Tx, before: datetime) -> int:
    """Delete the texts that were typed before; return how many."""
    return tx.run("DELETE FROM unsaved_text WHERE at < :before", before=to_ms(before))


def count_texts_to_forget(tx: Tx, before: datetime) -> int:
    """Count what `forget_texts` would delete."""
    return count_rows(tx, "unsaved_text WHERE at < :before", before=to_ms(before))


def _cell(staff_id: bytes, magnet: str, at: int) -> EncryptedCell:
    return EncryptedCell("unsaved_text", staff_id + f" {at} {magnet}".encode())
