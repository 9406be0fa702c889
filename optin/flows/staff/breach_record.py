"""Write a breach down at the desk, with its line in the trail (L9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from optin.consent.breach import Breach
from optin.flows.context_with_kinds import SiteContext
from optin.flows.rights.breaches import FoundBreach, note_breach
from optin.flows.staff.trail import Doing, record
from optin.store.database_interface import Tx


def record_breach(tx: Tx, context: SiteContext, found: FoundBreach, doing: Doing, now: datetime) -> Breach:
    """Write a breach down, and record who did, with its number. Raises RequestRefused."""
    breach = note_breach(tx, context, found, now)
    record(tx, context.vault, replace(doing, facts={**doing.facts, "breach": breach.number}), now)
    return breach
