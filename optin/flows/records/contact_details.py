"""A person's contact details, checked against the newest event that commits to them.

Each confirmation and each correction commits to what is known of the person from then on. An older value that
was put back in the row is not what the newest event says: it is not used, and an audit finds it.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime

from optin.consent.form_version import EMAIL_FIELD
from optin.consent.status_transitions import SubjectId
from optin.errors import LogDisagrees
from optin.flows.records.decrypted_request import open_request
from optin.flows.records.event_history import person_history
from optin.proof.commitment import SALT_BYTES, commit
from optin.proof.contact_details_check import are_committed
from optin.store.contacts import Contact, load_contact, save_contact
from optin.store.data_subjects import address_index
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.events import add_events
from optin.store.person_records import newest_request
from optin.store.requests import peek_request


def current_contact(tx: Tx, vault: Vault, subject: SubjectId) -> Contact:
    """Return the person's contact details; the address alone when no event commits to the other details."""
    contact = load_contact(tx, vault, subject)
    if not contact.values:
        return contact
    try:
        history = person_history(tx, vault, address_index(tx, subject), subject)
        if are_committed(contact, history):
            return contact
    except LogDisagrees:
        pass
    return Contact({EMAIL_FIELD: contact.email})


def recommit_contact(tx: Tx, vault: Vault, subject: SubjectId, contact: Contact, now: datetime) -> None:
    """Commit to a person's details in the newest remaining request, because another request was erased."""
    request = newest_request(tx, address_index(tx, subject))
    if request is None:
        return
    known = replace(contact, salt=secrets.token_bytes(SALT_BYTES))
    save_contact(tx, vault, subject, known)
    opened = open_request(tx, vault, peek_request(tx, request))
    add_events(tx, vault, request, [opened.event_builder.kept(now, commit(known.salt, known.plain))])
