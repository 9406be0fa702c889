"""Leads that are new since somebody of the staff last looked, and the moment of that look (O4, K1).

The moment is kept for each purpose, sealed with the account, and goes when the account is closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from optin.consent.purpose import ConsentKey, PurposeId
from optin.flows.context_with_kinds import SiteContext
from optin.flows.evidence.withdrawals_in_journal import EndingsOf
from optin.flows.exports.lead_list import LeadFilter, Place, view_leads
from optin.store.database_interface import Tx, from_ms
from optin.store.staff_accounts import account_by_id, lock_accounts, save_account

STORED_LATER = timedelta(seconds=5)  # a confirmation may be stored a while after the moment it has
MOST_PURPOSES = 200


@dataclass(frozen=True)
class NewLeads:
    """The new leads of a purpose. `since`: the last look; `more`: there may be more than `count`."""

    key: ConsentKey
    count: int
    since: datetime
    more: bool


def new_leads(
    tx: Tx, context: SiteContext, wanted: Sequence[LeadFilter], now: datetime, endings_of: EndingsOf
) -> tuple[NewLeads, ...]:
    """Return the purposes with new leads, each counted as a page of the list proves them.

    Raises KeysUnusable, JournalUnusable.
    """
    found = []
    for it in wanted:
        page = view_leads(tx, context, it, Place(), now, endings_of)
        if page.leads:
            found.append(NewLeads(it.key, len(page.leads), from_ms(it.since), bool(page.older)))
    return tuple(found)


def note_look(tx: Tx, context: SiteContext, staff_id: bytes, purpose: PurposeId, now: datetime) -> None:
    """Note that somebody looked at the newest leads of a purpose. A closed account stays as it is."""
    lock_accounts(tx)
    account = account_by_id(tx, context.vault, staff_id)
    if account is None or account.removed is not None:
        return
    looks = {**account.looks, purpose: max(now - STORED_LATER, account.looks.get(purpose, account.added))}
    newest = sorted(looks.items(), key=lambda it: it[1])[-MOST_PURPOSES:]
    save_account(tx, context.vault, replace(account, looks=dict(newest)))
