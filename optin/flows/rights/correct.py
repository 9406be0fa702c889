"""Correction of a person's own data (GDPR 16).

An event commits to the new values. The consents stay what they were, and reach the person as corrected.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime

from optin.consent.channel import declared_addresses
from optin.flows.context import Context
from optin.flows.records.contact_details import current_contact
from optin.flows.records.decrypted_request import open_request
from optin.proof.commitment import SALT_BYTES, commit
from optin.store.contacts import Contact, Correction, forget_numbers, save_contact
from optin.store.data_subjects import find_subject, lock_subject
from optin.store.database_interface import Tx
from optin.store.events import add_events
from optin.store.person_records import newest_request
from optin.store.requests import peek_request


def correct(tx: Tx, context: Context, email_index: bytes, values: Mapping[str, str], now: datetime) -> bool:
    """Correct name or number; return whether anything changed. Fields left out stay unchanged."""
    subject = find_subject(tx, email_index)
    if subject is None:
        return False
    lock_subject(tx, subject)
    contact = current_contact(tx, context.vault, subject)
    changed = {name: value for name, value in values.items() if contact.values.get(name, "") != value}
    if not changed:
        return False
    before = contact.correction or Correction({}, b"", {})
    correction = Correction(
        {**before.values, **changed},
        secrets.token_bytes(SALT_BYTES),
        {**before.moments, **dict.fromkeys(changed, now)},
    )
    newest = {name: value for name, value in {**contact.values, **changed}.items() if value}
    if any(it.field in changed for it in declared_addresses()):
        forget_numbers(tx, subject)
    known = Contact(newest, correction, secrets.token_bytes(SALT_BYTES))
    save_contact(tx, context.vault, subject, known)
    request = newest_request(tx, email_index)
    if request is None:
        return True
    opened = open_request(tx, context.vault, peek_request(tx, request))
    commitment = commit(correction.salt, correction.plain)
    details = commit(known.salt, known.plain)
    add_events(tx, context.vault, request, [opened.event_builder.corrected(now, commitment, details)])
    return True
