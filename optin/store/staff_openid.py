"""Identities of staff at a provider of OpenID Connect, and what was asked of it: digests of secrets alone.

Which identity belongs to which account is sealed: whoever edits it in the database takes it away.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from optin.errors import KeysUnusable
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.row_queries import count_rows

_COLUMNS = "id, staff_id, sealed, added_at, used_at"


@dataclass(frozen=True)
class ProviderIdentity:
    """An identity that belongs to an account. `issuer`: the provider; `subject`: its name of the person."""

    staff_id: bytes
    issuer: str
    subject: str = field(repr=False)
    added: datetime
    used: datetime | None = None


@dataclass(frozen=True)
class ProviderRequest:
    """What was asked of a provider. `digest`: of its state; `session`: the digest of one, or empty.

    `bound`: the keyed digest of all that belongs together.
    """

    digest: bytes = field(repr=False)
    purpose: str
    session: bytes = field(repr=False)
    bound: bytes = field(repr=False)
    made: datetime


def save_identity(tx: Tx, vault: Vault, identity: ProviderIdentity) -> None:
    """Store an identity, in place of one with these names that was edited."""
    identity_id = _id_of(vault, identity.issuer, identity.subject)
    plain = json.dumps({"issuer": identity.issuer, "subject": identity.subject}).encode()
    tx.run(
        "INSERT INTO staff_openid(id, staff_id, sealed, added_at) VALUES (:id, :staff, :sealed, :added)"
        " ON CONFLICT (id) DO UPDATE SET staff_id = excluded.staff_id, sealed = excluded.sealed,"
        " added_at = excluded.added_at",
        id=identity_id,
        staff=identity.staff_id,
        sealed=vault.seal(_cell(identity_id, identity.staff_id), plain),
        added=to_ms(identity.added),
    )


def is_filed(tx: Tx, vault: Vault, issuer: str, subject: str) -> bool:
    """Return whether an identity has a row, also one that was edited and counts for nothing."""
    row_id = _id_of(vault, issuer, subject)
    return tx.one("SELECT 1 FROM staff_openid WHERE id = :id", id=row_id) is not None


def find_identity(tx: Tx, vault: Vault, issuer: str, subject: str) -> ProviderIdentity | None:
    """Return the account's identity with these names; None also for one that was edited."""
    found = _identities(tx, vault, "id = :value", _id_of(vault, issuer, subject))
    return next((it for it in found if (it.issuer, it.subject) == (issuer, subject)), None)


def identities_of(tx: Tx, vault: Vault, staff_id: bytes) -> list[ProviderIdentity]:
    """Return the identities of an account, oldest first."""
    return _identities(tx, vault, "staff_id = :value ORDER BY added_at, id", staff_id)


def note_identity_use(tx: Tx, vault: Vault, identity: ProviderIdentity, now: datetime) -> None:
    """Store when an identity was last used."""
    sql = "UPDATE staff_openid SET used_at = :now WHERE id = :id"
    tx.run(sql, id=_id_of(vault, identity.issuer, identity.subject), now=to_ms(now))


def remove_identities(tx: Tx, staff_id: bytes) -> int:
    """Delete every identity of an account; return how many."""
    return tx.run("DELETE FROM staff_openid WHERE staff_id = :staff", staff=staff_id)


def add_request(tx: Tx, request: ProviderRequest) -> None:
    """Store what is about to be asked of a provider."""
    tx.run(
        "INSERT INTO staff_openid_request(digest, purpose, session, bound, made_at)"
        " VALUES (:digest, :purpose, :session, :bound, :made)",
        digest=request.digest,
        purpose=request.purpose,
        session=request.session,
        bound=request.bound,
        made=to_ms(request.made),
    )


def find_request(tx: Tx, digest: bytes, lock: str = "") -> ProviderRequest | None:
    """Return what was asked of a provider. `lock`: the clause that locks it."""
    row = tx.one(
        f"SELECT purpose, session, bound, made_at FROM staff_openid_request WHERE digest = :digest {lock}",
        digest=digest,
    )
    if row is None:
        return None
    return ProviderRequest(digest, row[0], bytes(row[1]), bytes(row[2]), from_ms(row[3]))


def use_request(tx: Tx, digest: bytes) -> bool:
    """Use up what was asked; return whether it was there."""
    return tx.run("DELETE FROM staff_openid_request WHERE digest = :digest", digest=digest) == 1


def forget_requests(tx: Tx, before: datetime) -> int:
    """Delete what was asked before; return how many."""
    return tx.run("DELETE FROM staff_openid_request WHERE made_at < :before", before=to_ms(before))


def count_requests_to_forget(tx: Tx, before: datetime) -> int:
    """Count what `forget_requests` would delete."""
    return count_rows(tx, "staff_openid_request WHERE made_at < :before", before=to_ms(before))


def _identities(tx: Tx, vault: Vault, where: str, value: bytes) -> list[ProviderIdentity]:
    found = []
    for row in tx.all(f"SELECT {_COLUMNS} FROM staff_openid WHERE {where}", value=value):
        identity_id, staff_id = bytes(row[0]), bytes(row[1])
        with suppress(KeysUnusable):  # whose it is was edited: it signs nobody in
            plain = json.loads(vault.open(_cell(identity_id, staff_id), bytes(row[2])))
            used = None if row[4] is None else from_ms(row[4])
            found.append(ProviderIdentity(staff_id, plain["issuer"], plain["subject"], from_ms(row[3]), used))
    return found


def _id_of(vault: Vault, issuer: str, subject: str) -> bytes:
    return vault.reference("openid identity", json.dumps([issuer, subject]))


def _cell(identity_id: bytes, staff_id: bytes) -> EncryptedCell:
    return EncryptedCell("staff_openid", identity_id + staff_id)
