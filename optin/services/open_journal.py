"""Open the journal of an installation before anything else, or begin a new one on purpose (O9)."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from optin.errors import JournalUnusable
from optin.keys import KeyRing
from optin.services.open_store import has_data, name_journal_key, open_keys, open_store
from optin.services.steady_clock import utc_now
from optin.services.withdrawal_journal import Journal
from optin.settings.installation import Settings
from optin.store.database_interface import Store
from optin.store.encryption import Vault
from optin.store.event_log import log_frontier
from optin.store.migration_sets import Schema

log = logging.getLogger("optin.log")


def open_journal(settings: Settings, keys: KeyRing, store: Store, now: datetime) -> Journal:
    """Open the journal after checking that it and the log have the same past. Raises as `Journal.open`."""
    journal = journal_at(settings.path(settings.journal), keys)
    taken_over = journal.open(store, now)
    name_journal_key(settings, keys)
    if taken_over:
        log.warning(
            "the journal %s was written by an earlier version; its lines are sealed with a key from now on",
            settings.journal,
        )
    return journal


def journal_at(path: Path, keys: KeyRing) -> Journal:
    """Return the journal at `path`; nothing is read yet."""
    return Journal(path, Vault(keys), unkeyed=keys.journal is None)


def journal_of(settings: Settings, schema: Schema) -> Journal:
    """Return the journal of an installation; nothing is read yet. Raises KeysUnusable."""
    return journal_at(settings.path(settings.journal), open_keys(settings, schema))


def begin_journal(settings: Settings, schema: Schema) -> None:
    """Begin a new journal by an officer's decision, and say which proofs are lost by it (O9).

    Raises JournalUnusable when there is one that agrees with the log.
    """
    keys = open_keys(settings, schema)
    store = open_store(settings.store, settings.root, Vault(keys), schema, origin=settings.log_origin)
    try:
        journal = journal_at(settings.path(settings.journal), keys)
        aside = journal.begin_anew(store, utc_now())
        name_journal_key(settings, keys)
        size = store.read(log_frontier).size
    finally:
        store.close()
    log.warning(
        "a new journal was begun at %d events%s. It does not prove what the log was before: only a receipt,"
        " a time-stamp or a witness from outside does (optin audit --checkpoint FILE)",
        size,
        "" if aside is None else f"; the old file is {aside.name}",
    )


def renew_journal(settings: Settings, schema: Schema) -> None:
    """Begin a new journal when it does not fit its store: for `dev`, which proves nothing anyway."""
    if has_data(settings, schema) or settings.path(settings.journal).exists():
        with suppress(JournalUnusable):  # it fits
            begin_journal(settings, schema)
