"""The staff as an administrator sees them: accounts, last sign-ins, open sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.staff_role import Role
from optin.flows.context import Context
from optin.flows.staff.trail import ActKind
from optin.store.database_interface import Tx
from optin.store.staff_accounts import StaffAccount, account_by_id, account_of, all_accounts
from optin.store.staff_passkeys import count_passkeys
from optin.store.staff_sessions import all_sessions
from optin.store.staff_trail import last_acts


@dataclass(frozen=True)
class ListedAccount:
    """An account. `signed_in`: the last sign-in that is still in the trail (UTC). `sessions`: open now.

    `passkeys`: that it may sign in with.
    """

    account: StaffAccount
    signed_in: datetime | None
    sessions: int
    passkeys: int


def staff_list(tx: Tx, context: Context, now: datetime) -> list[ListedAccount]:
    """Return every account, the closed ones last. Raises KeysUnusable."""
    signed_in = last_acts(tx, ActKind.SIGNED_IN)
    live = [staff_id for staff_id, times in all_sessions(tx) if times.is_live(now)]
    passkeys = count_passkeys(tx)
    listed = [
        ListedAccount(
            it, signed_in.get(it.id), 0 if it.removed else live.count(it.id), passkeys.get(it.id, 0)
        )
        for it in all_accounts(tx, context.vault)
    ]
    return sorted(listed, key=lambda it: it.account.removed is not None)


@dataclass(frozen=True)
class AccountChoices:
    """One open account, and whether it is the only one that can give roles."""

    account: StaffAccount
    is_last_admin: bool


def account_choices(tx: Tx, context: Context, staff_id: bytes) -> AccountChoices | None:
    """Return an open account and what may be changed of it; None when there is none. Raises KeysUnusable."""
    account = account_by_id(tx, context.vault, staff_id)
    if account is None or account.removed is not None:
        return None
    others = (it for it in all_accounts(tx, context.vault) if it.id != staff_id)
    last = account.has(Role.ADMIN) and not any(it.has(Role.ADMIN) for it in others)
    return AccountChoices(account, is_last_admin=last)


def has_open_account(tx: Tx, context: Context, email: EmailAddress) -> bool:
    """Return whether an address may sign in. Raises KeysUnusable."""
    account = account_of(tx, context.vault, email)
    return account is not None and account.removed is None
