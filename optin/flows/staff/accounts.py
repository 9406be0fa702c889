"""Accounts of staff: add, change, close, list.

Where there is an administrator, one stays: neither the desk nor the shell closes the last one or takes that
role from them. At the desk nobody takes it from themselves.

An account is made on the server by whoever has its shell, or at the desk by an administrator.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.plain_text import plain_text
from optin.consent.staff_role import EVERY_ROLE, Role, as_text
from optin.errors import RequestRefused
from optin.flows.context import Context
from optin.flows.staff.trail import ActKind, Doing, record
from optin.store.database_interface import Tx
from optin.store.encryption import new_id
from optin.store.staff_accounts import (
    StaffAccount,
    account_by_id,
    account_of,
    all_accounts,
    lock_accounts,
    remove_edited,
    save_account,
)
from optin.store.staff_openid import remove_identities
from optin.store.staff_passkeys import remove_passkeys_of
from optin.store.staff_sessions import end_sessions_of
from optin.store.unsaved_texts import drop_texts_of

SHELL = b""  # in the trail, in place of an account: whoever has the shell of the server
MAX_NAME_CHARACTERS = 80


@dataclass(frozen=True)
class NewAccount:
    """Whom to give an account. Without a name, the address's first part stands for it."""

    email: EmailAddress = field(repr=False)
    roles: frozenset[Role]
    name: str = field(default="", repr=False)


def add_account(tx: Tx, context: Context, new: NewAccount, now: datetime, by: bytes = SHELL) -> StaffAccount:
    """Give somebody an account, or open a closed one again. Raises RequestRefused.

    `by`: whose account adds it.
    """
    lock_accounts(tx)
    _refuse_former_admin(tx, context, by)
    if not new.roles:
        msg = "An account needs a role. Nothing was stored."
        raise RequestRefused(msg)
    before = account_of(tx, context.vault, new.email)
    if before is not None and before.removed is None:
        msg = f"{new.email} has an account already: {as_text(before.roles)}. Nothing was stored."
        raise RequestRefused(msg)
    called = _name(new.name or new.email.partition("@")[0])
    staff_id = new_id() if before is None else before.id
    added = now if before is None else before.added
    account = StaffAccount(staff_id, new.email, called, "", new.roles, added)
    remove_edited(tx, context.vault, new.email)
    save_account(tx, context.vault, account)
    _note(tx, context, ActKind.ACCOUNT_ADDED, account, by, now)
    return account


def change_roles(
    tx: Tx, context: Context, staff_id: bytes, roles: Collection[Role], now: datetime, by: bytes = SHELL
) -> StaffAccount:
    """Give an account other roles, and end its sessions. Raises RequestRefused.

    Nobody takes the administrator's role from themselves; the last administrator keeps it.
    """
    lock_accounts(tx)
    _refuse_former_admin(tx, context, by)
    account = _open_account(tx, context, staff_id)
    if not roles:
        msg = "An account needs a role; close it instead. Nothing was changed."
        raise RequestRefused(msg)
    changed = replace(account, roles=frozenset(roles))
    _keep_an_admin(tx, context, account, changed, by)
    save_account(tx, context.vault, changed)
    end_sessions_of(tx, account.id)
    _note(tx, context, ActKind.ACCOUNT_CHANGED, changed, by, now)
    return changed


def remove_account(
    tx: Tx, context: Context, staff_id: bytes, now: datetime, by: bytes = SHELL
) -> StaffAccount:
    """Close an account and end its sessions at once; what it did stays on record.

    Raises RequestRefused, also for one's own account and for the last administrator's.
    """
    lock_accounts(tx)
    _refuse_former_admin(tx, context, by)
    account = _open_account(tx, context, staff_id)
    closed = replace(account, removed=now, looks={})
    _keep_an_admin(tx, context, account, closed, by)
    save_account(tx, context.vault, closed)
    remove_passkeys_of(tx, account.id)
    drop_texts_of(tx, account.id)
    remove_identities(tx, account.id)
    end_sessions_of(tx, account.id)
    _note(tx, context, ActKind.ACCOUNT_CLOSED, closed, by, now)
    return closed


def list_accounts(tx: Tx, context: Context) -> list[StaffAccount]:
    """Return every account, the closed ones too."""
    return all_accounts(tx, context.vault)


def account_to_try(tx: Tx, context: Context, email: EmailAddress, now: datetime) -> StaffAccount:
    """Return an account to try the desk with, in every role: the first open one, else a new one."""
    found = next((it for it in all_accounts(tx, context.vault) if it.removed is None), None)
    return found or add_account(tx, context, NewAccount(email, EVERY_ROLE), now)


def account_with_address(tx: Tx, context: Context, email: EmailAddress) -> StaffAccount:
    """Return the open account of an address. Raises RequestRefused."""
    account = account_of(tx, context.vault, email)
    if account is None or account.removed is not None:
        msg = f"{email} has no account."
        raise RequestRefused(msg)
    return account


def _open_account(tx: Tx, context: Context, staff_id: bytes) -> StaffAccount:
    account = account_by_id(tx, context.vault, staff_id)
    if account is None or account.removed is not None:
        msg = "There is no such account any more. Nothing was changed."
        raise RequestRefused(msg)
    return account


def _refuse_former_admin(tx: Tx, context: Context, by: bytes) -> None:
    """Raise RequestRefused for whoever lost the role since their page came: two closed each other at once."""
    account = None if by == SHELL else account_by_id(tx, context.vault, by)
    if by != SHELL and (account is None or not account.has(Role.ADMIN)):
        msg = "You are no administrator any more. Nothing was changed."
        raise RequestRefused(msg)


def _keep_an_admin(tx: Tx, context: Context, before: StaffAccount, after: StaffAccount, by: bytes) -> None:
    """Raise RequestRefused when no administrator would be left, or somebody takes their own role away."""
    if not before.has(Role.ADMIN) or after.has(Role.ADMIN):
        return
    if before.id == by:
        msg = "You cannot take the administrator's role from yourself; another administrator can."
        raise RequestRefused(msg)
    if not any(it.has(Role.ADMIN) for it in all_accounts(tx, context.vault) if it.id != before.id):
        msg = (
            "This is the last administrator. Give the role to another account first:"
            " optin staff add ADDRESS --role admin. Nothing was changed."
        )
        raise RequestRefused(msg)


def _name(text: str) -> str:
    clean = " ".join(plain_text(text).split())
    if not clean or len(clean) > MAX_NAME_CHARACTERS:
        msg = f"A name has 1 to {MAX_NAME_CHARACTERS} characters. Nothing was stored."
        raise RequestRefused(msg)
    return clean


def _note(tx: Tx, context: Context, kind: ActKind, account: StaffAccount, by: bytes, now: datetime) -> None:
    facts = {"account": account.id.hex(), "roles": as_text(account.roles)}
    record(tx, context.vault, Doing(by, kind, facts=facts, texts={"name": account.name}), now)
