"""Refuse proven consents whose person objected to advertising, or is on the company's list (L7)."""

from __future__ import annotations

from collections.abc import Sequence

from optin.consent.channel import MAILBOX, declared_addresses
from optin.consent.objection import ObjectedBy
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason
from optin.flows.objections.find_objections import PlannedContact, find_objections
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.objections import any_objection, numbers_by_person

REASONS = {
    ObjectedBy.PERSON: UnprovenReason.OBJECTED,
    ObjectedBy.COMPANY: UnprovenReason.LISTED,
}


def without_objected(
    tx: Tx, vault: Vault, found: Sequence[ProvenConsent | UnprovenReason]
) -> list[ProvenConsent | UnprovenReason]:
    """Return the proofs, with a reason in place of each consent that must not be used.

    All are of one channel. Two lookups for all of them, and one where nobody ever objected.
    """
    proven = [it for it in found if isinstance(it, ProvenConsent)]
    if not proven or not any_objection(tx):
        return list(found)
    numbers = numbers_by_person(tx, [it.subject for it in proven])
    approaches = [
        PlannedContact(
            {MAILBOX.field: it.email, **{kind.field: kind.own(it.fields) for kind in declared_addresses()}},
            it.requested_at,
            numbers.get(it.subject, ()),
        )
        for it in proven
    ]
    bars = find_objections(tx, vault, approaches, proven[0].question.channel)
    refused = {it.subject: REASONS[bar.by] for it, bar in zip(proven, bars, strict=True) if bar is not None}
    return [refused.get(it.subject, it) if isinstance(it, ProvenConsent) else it for it in found]
