"""Facts that a database keeps about its installation: whose keys it needs, what is served, its last backup.

Other keys than its own are refused before anything is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from optin.errors import KeysUnusable
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault

_PLACE = EncryptedCell("installation", b"sealed")
_KNOWN = b"optin"


ORIGIN = "origin"
BACKUP = "backup"
SERVED = "served-"
HEALTH = "health"
AUDIT = "audit"
LAST_BACKUP = "last-backup"
EXAMINATION = "examination"
EXAMINATION_CLAIM = "examination-claim"
_AUDIT_CELL = EncryptedCell("installation", b"audit")
_EXAMINATION_CELL = EncryptedCell("installation", b"examination")


def is_claimed(tx: Tx) -> bool:
    """Return whether some keys have been used with this database."""
    return tx.one("SELECT name FROM installation WHERE name = 'fingerprint'") is not None


def check_keys(tx: Tx, vault: Vault, origin: str) -> None:
    """Check that `vault` has the keys of this database; a new one is bound to them. Raises KeysUnusable.

    The log is named once, after the base address of its first day: proofs in people's mailboxes name it.
    """
    found = {row[0]: row[1] for row in tx.all("SELECT name, value FROM installation")}
    if not found:
        tx.many(
            "INSERT INTO installation(name, value) VALUES (:name, :value)",
            [
                {"name": "fingerprint", "value": vault.fingerprint()},
                {"name": "sealed", "value": vault.seal(_PLACE, _KNOWN)},
            ],
        )
    elif found["fingerprint"] != vault.fingerprint() or vault.open(_PLACE, found["sealed"]) != _KNOWN:
        msg = "These keys are not those of this database; put its own key file back. Nothing was changed."
        raise KeysUnusable(msg)
    if ORIGIN not in found:
        tx.run(
            "INSERT INTO installation(name, value) VALUES (:name, :value)", name=ORIGIN, value=origin.encode()
        )


def note_served(tx: Tx, settings: Mapping[str, str]) -> None:
    """Store the settings that the server runs with, for commands in another shell."""
    for name, value in settings.items():
        tx.run(
            "INSERT INTO installation(name, value) VALUES (:name, :value)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name=SERVED + name,
            value=value.encode(),
        )


def served_settings(tx: Tx) -> dict[str, str]:
    """Return the settings that the last server ran with; empty when the site was never served."""
    rows = tx.all("SELECT name, value FROM installation WHERE name LIKE :served", served=f"{SERVED}%")
    return {row[0].removeprefix(SERVED): bytes(row[1]).decode() for row in rows}


def note_health(tx: Tx, now: datetime) -> None:
    """Write to a row that nothing else uses, to check that the database accepts writes."""
    put_fact(tx, HEALTH, str(to_ms(now)).encode())


def note_audit(tx: Tx, vault: Vault, state: str) -> None:
    """Store how the last audit of the desk goes or went, sealed: nobody else writes that it found nothing."""
    put_fact(tx, AUDIT, vault.seal(_AUDIT_CELL, state.encode()))


def last_audit(tx: Tx, vault: Vault) -> str:
    """Return what `note_audit` stored; empty when there was none, or somebody else wrote it."""
    return _sealed_fact(tx, vault, AUDIT, _AUDIT_CELL)


def note_examination(tx: Tx, vault: Vault, found: str) -> None:
    """Store what the server's doctor found last, sealed: nobody else writes that all is well."""
    put_fact(tx, EXAMINATION, vault.seal(_EXAMINATION_CELL, found.encode()))


def last_examination(tx: Tx, vault: Vault) -> str:
    """Return what `note_examination` stored; empty when there was none, or somebody else wrote it."""
    return _sealed_fact(tx, vault, EXAMINATION, _EXAMINATION_CELL)


def _sealed_fact(tx: Tx, vault: Vault, name: str, cell: EncryptedCell) -> str:
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=name)
    try:
        return "" if row is None else vault.open(cell, bytes(row[0])).decode()
    except KeysUnusable:
        return ""


def claim_examination(tx: Tx, now: datetime, lease: timedelta) -> bool:
    """Return whether nobody claimed the examination within `lease`; then it is claimed."""
    return claim_fact(tx, EXAMINATION_CLAIM, now, lease)


def claim_fact(tx: Tx, name: str, now: datetime, lease: timedelta) -> bool:
    """Return whether nobody claimed a task by this name within `lease`; then it is claimed.

    A claim of a moment to come is of a wrong clock, and holds nobody back.
    """
    tx.hold(name.encode())
    claimed = moment_of(tx, name)
    if claimed is not None and claimed <= now < claimed + lease:
        return False
    put_fact(tx, name, str(to_ms(now)).encode())
    return True


def moment_of(tx: Tx, name: str) -> datetime | None:
    """Return the moment that a fact holds; None when there is none."""
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=name)
    return None if row is None else from_ms(int(bytes(row[0])))


def note_last_backup(tx: Tx, at: datetime) -> None:
    """Record that a verified copy was made."""
    put_fact(tx, LAST_BACKUP, str(to_ms(at)).encode())


def last_backup(tx: Tx) -> datetime | None:
    """Return when the last verified copy was made; None: never."""
    return moment_of(tx, LAST_BACKUP)


def put_fact(tx: Tx, name: str, value: bytes) -> None:
    """Store a fact under its name, in place of the one before."""
    tx.run(
        "INSERT INTO installation(name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=name,
        value=value,
    )


def log_origin(tx: Tx) -> str:
    """Return the name of the log."""
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=ORIGIN)
    if row is None:
        msg = "a store is opened with its log named"
        raise AssertionError(msg)
    return bytes(row[0]).decode()


def note_backup_moment(tx: Tx, at: datetime) -> None:
    """Record in a copy when it was made."""
    forget_backup(tx)
    tx.run(
        "INSERT INTO installation(name, value) VALUES (:name, :value)",
        name=BACKUP,
        value=str(to_ms(at)).encode(),
    )


def backup_moment(tx: Tx) -> datetime:
    """Return when a copy was made; the beginning of time when that was not recorded."""
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=BACKUP)
    return from_ms(0 if row is None else int(bytes(row[0])))


def forget_backup(tx: Tx) -> None:
    """Record that this is no copy (any more)."""
    tx.run("DELETE FROM installation WHERE name = :name", name=BACKUP)
