"""Accounts of staff: who may use the desk, in which roles. Name, address and language are sealed.

What is sealed is bound to the roles and to whether the account is closed: whoever edits these in the database
closes the account.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.staff_role import Role, as_text, roles_of
from optin.errors import KeysUnusable
from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault

_COLUMNS = "id, roles, sealed, added_at, removed_at"
_LOCK = b"staff-accounts"


@dataclass(frozen=True)
class StaffAccount:
    """One of the staff. `removed`: since when the account is closed; its acts stay in the trail.

    `looks`: when somebody last looked at the newest leads of a purpose.
    """

    id: bytes
    email: EmailAddress = field(repr=False)
    name: str = field(repr=False)
    lang: str
    roles: frozenset[Role]
    added: datetime
    removed: datetime | None = None
    shortcuts: bool = True  # of the keyboard, on pages of the desk
    looks: Mapping[str, datetime] = field(default_factory=dict)

    def has(self, *roles: Role) -> bool:
        """Return whether the account is open and has one of these roles."""
        return self.removed is None and not self.roles.isdisjoint(roles)


def save_account(tx: Tx, vault: Vault, account: StaffAccount) -> None:
    """Store an account, or what changed of it."""
    plain = {
        "email": account.email,
        "name": account.name,
        "lang": account.lang,
        "shortcuts": account.shortcuts,
        "looks": {purpose: to_ms(at) for purpose, at in account.looks.items()},
    }
    removed = None if account.removed is None else to_ms(account.removed)
    tx.run(
        "INSERT INTO staff(id, email_index, roles, sealed, added_at, removed_at)"
        " VALUES (:id, :email_index, :roles, :sealed, :added, :removed)"
        " ON CONFLICT (id) DO UPDATE SET roles = excluded.roles, sealed = excluded.sealed,"
        " removed_at = excluded.removed_at",
        id=account.id,
        email_index=vault.index(account.email),
        roles=as_text(account.roles),
        sealed=vault.seal(_cell(account.id, as_text(account.roles), removed), json.dumps(plain).encode()),
        added=to_ms(account.added),
        removed=removed,
    )


def lock_accounts(tx: Tx) -> None:
    """Let nobody else change accounts until the transaction ends: two do not close each other at once."""
    tx.hold(_LOCK)


def account_of(tx: Tx, vault: Vault, email: EmailAddress) -> StaffAccount | None:
    """Return the account of an address, open or closed; None also for one that was edited."""
    row = tx.one(f"SELECT {_COLUMNS} FROM staff WHERE email_index = :index", index=vault.index(email))
    return None if row is None else _opened(vault, row)


def account_by_id(tx: Tx, vault: Vault, staff_id: bytes) -> StaffAccount | None:
    """Return an account by its id; None also for one that was edited."""
    row = tx.one(f"SELECT {_COLUMNS} FROM staff WHERE id = :id", id=staff_id)
    return None if row is None else _opened(vault, row)


def all_accounts(tx: Tx, vault: Vault) -> list[StaffAccount]:
    """Return every account, the closed ones too, oldest first, without those that were edited."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM staff ORDER BY added_at, id")
    return [it for row in rows if (it := _opened(vault, row)) is not None]


def edited_accounts(tx: Tx, vault: Vault) -> int:
    """Return how many accounts are not as optin wrote them."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM staff")
    return sum(_opened(vault, row) is None for row in rows)


def remove_edited(tx: Tx, vault: Vault, email: EmailAddress) -> None:
    """Delete the account of an address that is not as optin wrote it, so that it can be given anew."""
    index = vault.index(email)
    row = tx.one(f"SELECT {_COLUMNS} FROM staff WHERE email_index = :index", index=index)
    if row is not None and _opened(vault, row) is None:
        tx.run("DELETE FROM staff WHERE email_index = :index", index=index)


def _opened(vault: Vault, row: Row) -> StaffAccount | None:
    staff_id = bytes(row[0])
    try:
        plain = json.loads(vault.open(_cell(staff_id, row[1], row[4]), bytes(row[2])))
    except KeysUnusable:
        return None
    return StaffAccount(
        staff_id,
        EmailAddress(plain["email"]),
        plain["name"],
        plain["lang"],
        roles_of(row[1]),
        from_ms(row[3]),
        None if row[4] is None else from_ms(row[4]),
        plain.get("shortcuts", True),
        {purpose: from_ms(at) for purpose, at in plain.get("looks", {}).items()},
    )


def _cell(staff_id: bytes, roles: str, removed: int | None) -> EncryptedCell:
    return EncryptedCell("staff", staff_id + f" {roles} {'' if removed is None else removed}".encode())
