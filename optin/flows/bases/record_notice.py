"""Record that a person was informed of what an entry keeps about them, why and until when (GDPR 13, L4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from optin.consent.event_content import rfc3339
from optin.consent.held_basis import BasisAct, BasisEntry, BasisEntryId
from optin.consent.status_transitions import EventKind
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.held_bases import add_act, load_entry

BY_MAIL = "mail"  # stands for who informed the person, where optin's own mail did


def record_notice(
    tx: Tx, vault: Vault, entry_id: BasisEntryId, who: str, how: str, now: datetime
) -> BasisEntry | None:
    """Record who informed the person of an entry, and how; return the entry, or None when it is gone by now.

    `who`: BY_MAIL, with the Message-ID as `how`, or a person of the staff. Raises KeysUnusable.
    """
    entry = load_entry(tx, vault, entry_id)
    if entry is None:
        return None
    act = BasisAct(EventKind.BASIS_NOTIFIED, rfc3339(now), who, how)
    add_act(tx, vault, entry, act, now)
    return replace(entry, acts=(*entry.acts, act))
