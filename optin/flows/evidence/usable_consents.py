"""Consents that may be used now: proven, not objected to, and for a mailbox that can be reached (L7, O6)."""

from __future__ import annotations

from collections.abc import Sequence

from optin.consent.email_and_telephone import EmailAddress
from optin.flows.evidence.objections_to_consents import without_objected
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.unreachable_addresses import unreachable_among


def usable_consents(
    tx: Tx, vault: Vault, found: Sequence[ProvenConsent | UnprovenReason]
) -> list[ProvenConsent | UnprovenReason]:
    """Return the proofs, with a reason in place of each consent that must not be used; all of one channel.

    A mailbox that mails came back from ends no consent: it is used again once its owner confirms something.
    """
    usable = without_objected(tx, vault, found)
    mailboxes = {
        it.subject: vault.index(EmailAddress(it.email))
        for it in usable
        if isinstance(it, ProvenConsent) and it.question.channel.by_mail
    }
    dead = unreachable_among(tx, sorted(set(mailboxes.values())))
    if not dead:
        return usable
    return [
        UnprovenReason.UNREACHABLE
        if isinstance(it, ProvenConsent) and mailboxes.get(it.subject) in dead
        else it
        for it in usable
    ]


def if_usable(tx: Tx, vault: Vault, found: ProvenConsent | UnprovenReason) -> ProvenConsent | UnprovenReason:
    """Return the proof of a consent, or the reason why the consent must not be used."""
    return usable_consents(tx, vault, [found])[0]
