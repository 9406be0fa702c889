"""Drop the tables of a kind of magnets that is not installed any more, on an operator's command."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from optin.consent.event_content import KIND_ROWS, forgotten
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.events import add_events
from optin.store.migration_sets import Schema
from optin.store.migrations import Dialect
from optin.store.removed_kinds import drop_tables, removed_kind, rows_by_table


def rows_to_drop(tx: Tx, schema: Schema, kind: str) -> Mapping[str, int]:
    """Return the tables that would be dropped, each with how many rows it has. Raises RequestRefused."""
    return rows_by_table(tx, removed_kind(tx, schema, kind))


def drop_kind(
    tx: Tx, vault: Vault, schema: Schema, *, kind: str, dialect: Dialect, now: datetime
) -> Mapping[str, int]:
    """Drop the tables of a removed kind for good, and log it; return what they held.

    Consents and their events stay: they are in no table of a kind. Raises RequestRefused.
    """
    part = removed_kind(tx, schema, kind)
    counts = rows_by_table(tx, part)
    drop_tables(tx, kind, part, dialect)
    add_events(tx, vault, None, [forgotten(now, KIND_ROWS, kind, sum(counts.values()))])
    return counts
