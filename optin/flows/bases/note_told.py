"""Record that the person of an entry was told what is kept, why and until when (GDPR 13, L4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from optin.consent.event_content import rfc3339
from optin.consent.held_basis import BasisAct, BasisEntry, BasisEntryId
from optin.consent.status_transitions import EventKind
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.held_bases import add_act, load_entry

BY_MAIL = "mail"  # who told, of an act that is the mail of optin itself


def note_told(
    tx: Tx, vault: Vault, entry_id: BasisEntryId, who: str, how: str, now: datetime
) -> BasisEntry | None:
    """Record who told the person of an entry, and how; None when the entry is gone by now.

    `who`: BY_MAIL, with the Message-ID as `how`, or a person of the staff. Raises KeysUnusable.
    """
    entry = load_entry(tx, vault, entry_id)
    if entry is None:
        return None
    act = BasisAct(EventKind.BASIS_TOLD, rfc3339(now), who, how)
    add_act(tx, vault, entry, act, now)
    return replace(entry, acts=(*entry.acts, act))
