"""Log what a kind of magnets notes about a request."""

from __future__ import annotations

from datetime import datetime

from optin.consent.event_content import KIND_AWAY
from optin.flows.records.decrypted_request import OpenedRequest
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.events import add_events


def note_event(tx: Tx, vault: Vault, opened: OpenedRequest, by: str, what: str, now: datetime) -> None:
    """Log that a kind of magnets, `by`, notes `what` about a request. It changes no status.

    Raises ValueError for what optin notes itself: an audit misses no rows of such a request.
    """
    if what == KIND_AWAY:
        msg = f"{what!r} is a note of optin's own"
        raise ValueError(msg)
    add_events(tx, vault, opened.stored.id, [opened.event_builder.noted(now, by, what)])
