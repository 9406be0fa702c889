"""Twins: one form that was sent more than once, by a double click or a slow line.

Each post is kept as a request of its own, with the same work, so that its answer tells nothing (D7). Only the
first gets a mail, and its code is the code of all. Confirming any of them confirms the first: all declare the
same to the letter, so the evidence says what was on the form. A post with another tick or field is no twin.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.consent.form import FormDigest
from optin.consent.record import RequestId
from optin.errors import LinkSpent
from optin.flows.opened import OpenedRequest, open_request
from optin.flows.orders import MailKind
from optin.proof.canonical import parse
from optin.store.outbox import is_mailed
from optin.store.requests import Sealed, load_request, peek_request, recent_of_form
from optin.store.transaction import Tx
from optin.store.vault import Vault

WITHIN = timedelta(minutes=5)
MOST_LOOKED_AT = 20
MOMENT = "at"  # the one thing in which the declarations of twins differ


@dataclass(frozen=True)
class Twin:
    """The first of several: its mail is for all of them."""

    request: RequestId
    code: str


def find_twin(
    tx: Tx, vault: Vault, email_index: bytes, form: FormDigest, declared: bytes, now: datetime
) -> Twin | None:
    """Return the request that declared the very same by this form a moment before, and got a mail."""
    for stored in recent_of_form(tx, email_index, form, now - WITHIN, MOST_LOOKED_AT):
        sealed = Sealed.open(vault, stored.id, stored.sealed)
        if (
            sealed.twin is None
            and _plain(sealed.declaration) == _plain(declared)
            and is_mailed(tx, stored.id, MailKind.CONFIRMATION)
        ):
            return Twin(stored.id, sealed.code)
    return None


def mailed_request(tx: Tx, vault: Vault, request: RequestId) -> RequestId:
    """Return the request whose mail is for `request` as well: itself, or its twin. Changes nothing."""
    stored = peek_request(tx, request)
    twin = None if stored is None else Sealed.open(vault, stored.id, stored.sealed).twin
    return request if twin is None or peek_request(tx, twin) is None else twin


def open_mailed(tx: Tx, vault: Vault, opened: OpenedRequest) -> OpenedRequest:
    """Return the request whose mail is for an opened one as well, locked: itself, or its twin."""
    if opened.sealed.twin is None:
        return opened
    try:
        return open_request(tx, vault, load_request(tx, opened.sealed.twin))
    except LinkSpent:
        return opened


def _plain(declaration: bytes) -> dict[str, object]:
    return {name: value for name, value in parse(declaration).items() if name != MOMENT}
