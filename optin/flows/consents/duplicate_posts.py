"""Duplicate posts: one form sent more than once, by a double click or a slow connection.

Each post is kept as a request of its own, with the same work, so that its answer tells nothing (D7). Only the
first gets a mail, and its code is the code of all. Confirming any of them confirms the first: all declare the
same to the letter, so the evidence says what was on the form. A post with another tick or field is no twin.
Nor is one after the person withdrew or put something right: it says more than the post before that.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.consent.form_version import FormDigest
from optin.consent.status_transitions import RequestId
from optin.errors import LinkSpent
from optin.flows.context import Context
from optin.flows.delivery.mail_order import MailKind
from optin.flows.records.contact_details import current_contact
from optin.flows.records.decrypted_request import OpenedRequest, open_request
from optin.proof.canonical_json import parse
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.mail_outbox import is_mailed
from optin.store.requests import SealedRequest, load_request, peek_request, recent_of_form
from optin.store.suppressions import last_objection

WITHIN = timedelta(minutes=5)
MOST_LOOKED_AT = 20
MOST_ALIKE = 5  # posts that share a code: nobody guesses at it on page after page (D3)
MOMENT = "at"  # the one thing in which the declarations of twins differ


@dataclass(frozen=True)
class FirstPost:
    """The first of several equal posts: its mail and its code are for all of them."""

    request: RequestId
    code: str


def find_first_post(
    tx: Tx, vault: Vault, email_index: bytes, form: FormDigest, declared: bytes, now: datetime
) -> FirstPost | None:
    """Return the equal request by the same form a moment earlier whose mail was queued."""
    recent = recent_of_form(tx, email_index, form, now - WITHIN, now + WITHIN, MOST_LOOKED_AT)
    posts = [(stored, SealedRequest.open(vault, stored.id, stored.sealed)) for stored in recent]
    alike = Counter(stored.id if sealed.twin is None else sealed.twin for stored, sealed in posts)
    for stored, sealed in posts:
        if (
            sealed.twin is None
            and alike[stored.id] < MOST_ALIKE
            and _plain(sealed.declaration) == _plain(declared)
            and is_mailed(tx, stored.id, MailKind.CONFIRMATION)
            and not _changed_since(tx, vault, email_index, stored.created_at)
        ):
            return FirstPost(stored.id, sealed.code)
    return None


def _changed_since(tx: Tx, vault: Vault, email_index: bytes, asked_at: datetime) -> bool:
    """Return whether the person withdrew, was erased or corrected data since; the same instant counts."""
    subject = find_subject(tx, email_index)
    correction = None if subject is None else current_contact(tx, vault, subject).correction
    corrected = () if correction is None else correction.moments.values()
    moments = (last_objection(tx, email_index), *corrected)
    return any(moment is not None and moment >= asked_at for moment in moments)


def mailed_request(tx: Tx, context: Context, request: RequestId) -> RequestId:
    """Return the request whose mail covers `request`: itself, or the first equal post. Changes nothing."""
    stored = peek_request(tx, request)
    twin = None if stored is None else SealedRequest.open(context.vault, stored.id, stored.sealed).twin
    return request if twin is None or peek_request(tx, twin) is None else twin


def lock_mailed_request(tx: Tx, vault: Vault, opened: OpenedRequest) -> OpenedRequest:
    """Lock and return the request whose mail covers an opened one: itself, or the first equal post."""
    if opened.sealed.twin is None:
        return opened
    try:
        return open_request(tx, vault, load_request(tx, opened.sealed.twin))
    except LinkSpent:
        return opened


def _plain(declaration: bytes) -> dict[str, object]:
    return {name: value for name, value in parse(declaration).items() if name != MOMENT}
