"""What staff see of each other on the first page: how many acts of which kind, and who may sign in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from optin.consent.staff_role import Role
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery.waiting_matters import (
    WaitingMatter,
    matters_of_kinds,
    unread_returns,
    waiting_matters,
)
from optin.store.database_interface import Tx
from optin.store.staff_accounts import all_accounts
from optin.store.staff_trail import count_acts


def acts_since(tx: Tx, context: SiteContext, since: datetime) -> Mapping[str, int]:  # noqa: ARG001 - a flow
    """Return how many acts the trail has since a moment, by kind."""
    return count_acts(tx, since)


def matters_for(
    tx: Tx, context: SiteContext, now: datetime, without: Collection[str] = (), *, of_all: bool
) -> tuple[WaitingMatter, ...]:
    """Return what waits for staff; not `of_all`: what waits of the magnets alone.

    `without`: kinds of magnets that tell the desk by themselves.
    """
    if of_all:
        return (*waiting_matters(tx, context, now, without), *unread_returns(tx, context))
    return tuple(matters_of_kinds(tx, context, now, without))


def accounts_by_role(tx: Tx, context: SiteContext) -> Mapping[Role, int]:
    """Return how many open accounts have each role."""
    accounts = [it for it in all_accounts(tx, context.vault) if it.removed is None]
    return {role: sum(it.has(role) for it in accounts) for role in Role}
