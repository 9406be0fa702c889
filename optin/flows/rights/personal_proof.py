"""The proof of one request, for the person who made it, from the personal page (P5, R4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from optin.consent.form_version import FormDeclaration
from optin.consent.signed_links import LinkKind
from optin.errors import PostMalformed
from optin.flows.context_with_kinds import SiteContext
from optin.flows.evidence.receipt import proof_of_request
from optin.flows.records.decrypted_request import open_request
from optin.flows.rights.personal_data import record_access
from optin.store.database_interface import Tx
from optin.store.person_records import requests_of


@dataclass(frozen=True)
class PersonalProof:
    """The files that prove a confirmed request, by name."""

    form: FormDeclaration
    requested_at: datetime
    confirmed_at: datetime
    files: Mapping[str, bytes]


def hand_over_proof(
    tx: Tx, context: SiteContext, email_index: bytes, place: int, now: datetime
) -> PersonalProof:
    """Return the proof of a person's request, and record that it was handed over.

    `place`: which one, as the personal page lists them, from 1. Raises PostMalformed, NotSigned.
    """
    stored = dict(enumerate(requests_of(tx, email_index), start=1)).get(place)
    if stored is None or stored.confirmed_at is None:
        raise PostMalformed
    opened, policy = open_request(tx, context.vault, stored), context.policy
    token = context.vault.links.sign(LinkKind.UNSUBSCRIBE, stored.id, now)
    files = proof_of_request(tx, opened, f"{policy.base_url}/unsubscribe/{token}", policy.base_url, now)
    record_access(tx, context, email_index, "download", now)
    return PersonalProof(opened.declaration, stored.created_at, stored.confirmed_at, files)
