"""Passkeys of staff, and the challenges that they sign. Challenges are stored as digests alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from optin.errors import KeysUnusable
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.row_queries import count_rows

_COLUMNS = "id, staff_id, public_key, sign_count, sealed, added_at, used_at"


@dataclass(frozen=True)
class Passkey:
    """A passkey. `id`: of the credential, as its device made it; `count`: of its signatures, as it says."""

    id: bytes
    staff_id: bytes
    public_key: bytes = field(repr=False)
    count: int
    name: str = field(repr=False)
    added: datetime
    used: datetime | None = None


def add_passkey(tx: Tx, vault: Vault, passkey: Passkey) -> bool:
    """Store a passkey; return whether it is new."""
    return (
        tx.run(
            "INSERT INTO staff_passkey(id, staff_id, public_key, sign_count, sealed, added_at)"
            " VALUES (:id, :staff, :key, :count, :sealed, :added) ON CONFLICT DO NOTHING",
            id=passkey.id,
            staff=passkey.staff_id,
            key=passkey.public_key,
            count=passkey.count,
            sealed=vault.seal(_cell(passkey.id, passkey.staff_id, passkey.public_key), passkey.name.encode()),
            added=to_ms(passkey.added),
        )
        == 1
    )


def find_passkey(tx: Tx, vault: Vault, passkey_id: bytes, lock: str = "") -> Passkey | None:
    """Return a passkey by the id of its credential. `lock`: the clause that locks it."""
    found = _passkeys(tx, vault, f"id = :id {lock}", id=passkey_id)
    return found[0] if found else None


def passkeys_of(tx: Tx, vault: Vault, staff_id: bytes) -> list[Passkey]:
    """Return the passkeys of an account, oldest first."""
    return _passkeys(tx, vault, "staff_id = :staff ORDER BY added_at, id", staff=staff_id)


def count_passkeys(tx: Tx) -> dict[bytes, int]:
    """Return how many passkeys each account has."""
    rows = tx.all("SELECT staff_id, COUNT(*) FROM staff_passkey GROUP BY staff_id")
    return {bytes(row[0]): int(row[1]) for row in rows}


def note_use(tx: Tx, passkey_id: bytes, count: int, now: datetime) -> None:
    """Store the count of a passkey after it signed."""
    sql = "UPDATE staff_passkey SET sign_count = :count, used_at = :now WHERE id = :id"
    tx.run(sql, id=passkey_id, count=count, now=to_ms(now))


def remove_passkey(tx: Tx, staff_id: bytes, passkey_id: bytes) -> bool:
    """Delete a passkey of an account; return whether there was one."""
    sql = "DELETE FROM staff_passkey WHERE id = :id AND staff_id = :staff"
    return tx.run(sql, id=passkey_id, staff=staff_id) == 1


def remove_passkeys_of(tx: Tx, staff_id: bytes) -> None:
    """Delete every passkey of an account."""
    tx.run("DELETE FROM staff_passkey WHERE staff_id = :staff", staff=staff_id)


def add_challenge(tx: Tx, digest: bytes, browser: bytes, purpose: str, now: datetime) -> None:
    """Store the digest of a challenge, and that of the secret of the browser that it is for."""
    tx.run(
        "INSERT INTO staff_challenge(digest, browser, purpose, made_at)"
        " VALUES (:digest, :browser, :purpose, :made)",
        digest=digest,
        browser=browser,
        purpose=purpose,
        made=to_ms(now),
    )


def take_challenge(tx: Tx, digest: bytes, browser: bytes, purpose: str, since: datetime) -> bool:
    """Use a challenge up; return whether there was one for this browser and purpose, made since then."""
    sql = (
        "DELETE FROM staff_challenge WHERE digest = :digest AND browser = :browser AND purpose = :purpose"
        " AND made_at >= :since"
    )
    return tx.run(sql, digest=digest, browser=browser, purpose=purpose, since=to_ms(since)) == 1


def count_challenges_to_forget(tx: Tx, before: datetime) -> int:
    """Count the challenges that were made before."""
    return count_rows(tx, "staff_challenge WHERE made_at < :before", before=to_ms(before))


def forget_challenges(tx: Tx, before: datetime) -> int:
    """Delete the challenges that were made before; return how many."""
    return tx.run("DELETE FROM staff_challenge WHERE made_at < :before", before=to_ms(before))


def _passkeys(tx: Tx, vault: Vault, where: str, **values: bytes) -> list[Passkey]:
    found = []
    for row in tx.all(f"SELECT {_COLUMNS} FROM staff_passkey WHERE {where}", **values):
        passkey_id, staff_id, public_key = (bytes(it) for it in row[:3])
        with suppress(KeysUnusable):  # whose it is, or its key, was edited: it signs nobody in
            name = vault.open(_cell(passkey_id, staff_id, public_key), bytes(row[4])).decode()
            used = None if row[6] is None else from_ms(row[6])
            found.append(Passkey(passkey_id, staff_id, public_key, int(row[3]), name, from_ms(row[5]), used))
    return found


def _cell(passkey_id: bytes, staff_id: bytes, public_key: bytes) -> EncryptedCell:
    return EncryptedCell("staff_passkey", b" ".join((passkey_id, staff_id, public_key)))
