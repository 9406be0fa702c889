"""Record a consent given elsewhere or on paper as attested: never as proven, and as no lawful basis (L6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optin.bases.attested import AttestedConsent, verify_about_one
from optin.consent.channel import MAILBOX
from optin.consent.held_basis import BasisEntry
from optin.errors import RequestRefused
from optin.flows.bases.record_basis import EvidenceFile, record_basis
from optin.flows.context import Context
from optin.store.database_interface import Tx
from optin.store.held_bases import entry_with_reference


@dataclass(frozen=True)
class RecordedAttestation:
    """An entry with attested evidence. `known`: it was on record before."""

    entry: BasisEntry
    known: bool = False


def record_attested(
    tx: Tx, context: Context, stated: AttestedConsent, file: EvidenceFile, now: datetime
) -> RecordedAttestation:
    """Record a consent that staff attests, with its evidence; the same once more changes nothing.

    The same: this file, for this mailbox and purpose. Raises RequestRefused, with nothing stored: no
    address, an address missing that the channel needs, a term that is over, a file about other people.
    """
    email, statement = stated.addresses.get(MAILBOX.field, ""), stated.statement
    address = stated.key.channel.address
    if not email or not stated.addresses.get(address.field):
        msg = f"A consent by {stated.key.channel.medium} needs the person's {address.noun}; add it."
        raise RequestRefused(msg)
    verify_about_one(file.name, file.data, file.media_type, email)
    reference = f"{file.note.sha256} {MAILBOX.identity(email)} {stated.key.purpose}"
    found = entry_with_reference(tx, context.vault, statement.basis, reference)
    if found is not None:
        return RecordedAttestation(found, known=True)
    return RecordedAttestation(record_basis(tx, context, statement, [file], now, reference=reference))
