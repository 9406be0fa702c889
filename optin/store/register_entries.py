"""What the registers beside the log share: new entries with fresh salts, and their events."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime

from optin.consent.event_content import of_register
from optin.consent.status_transitions import EventKind
from optin.proof.canonical_json import Json
from optin.proof.commitment import SALT_BYTES
from optin.proof.register_entry import RegisterEntry
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.events import add_events


def new_entry(name: str, facts: dict[str, Json], texts: dict[str, Json]) -> RegisterEntry:
    """Return an entry with salts of its own."""
    salt, texts_salt = (secrets.token_bytes(SALT_BYTES) for _ in range(2))
    return RegisterEntry(name, facts, salt, texts, texts_salt)


def log_entry(
    tx: Tx, vault: Vault, kind: EventKind, entry: RegisterEntry, numbers: Mapping[str, Json], now: datetime
) -> None:
    """Log the event that binds an entry. `numbers`: what it says openly; names nobody.

    The first entry is named by its own digest, a later one by the digest that its facts name as "of".
    """
    of = entry.facts.get("of", entry.digest)
    said = {"entry": entry.name, "of": of, **entry.commitments}
    add_events(tx, vault, None, [of_register(kind, now, said, numbers)])
