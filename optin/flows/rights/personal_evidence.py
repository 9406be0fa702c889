"""Hand over a file of evidence to the person whom it is about (GDPR 15(3))."""

from __future__ import annotations

from datetime import datetime

from optin.consent.held_basis import EvidenceNote
from optin.errors import LinkSpent
from optin.flows.context import Context
from optin.flows.rights.personal_data import record_hand_over
from optin.store.database_interface import Tx
from optin.store.evidence_files import load_file
from optin.store.held_bases import entries_about


def hand_over_evidence(
    tx: Tx, context: Context, email_index: bytes, entry: int, file: int, now: datetime
) -> tuple[EvidenceNote, bytes]:
    """Return a file of evidence as `evidence_at` does, and record that the person has it."""
    found = evidence_at(tx, context, email_index, entry, file)
    record_hand_over(tx, context, email_index, now)
    return found


def evidence_at(
    tx: Tx, context: Context, email_index: bytes, entry: int, file: int
) -> tuple[EvidenceNote, bytes]:
    """Return a file of evidence by its place among the entries of the personal page.

    Places count from 1. Raises LinkSpent when there is no such file any more; KeysUnusable.
    """
    entries = entries_about(tx, context.vault, [email_index])
    notes = entries[entry - 1].statement.files if 0 < entry <= len(entries) else ()
    note = notes[file - 1] if 0 < file <= len(notes) else None
    data = None if note is None else load_file(tx, context.vault, note)
    if note is None or data is None:
        raise LinkSpent
    return note, data
