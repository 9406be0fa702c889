"""Update the schema, by the role that may; and let a lesser role serve (PostgreSQL)."""

from __future__ import annotations

from collections.abc import Sequence

from optin.errors import RequestRefused
from optin.services.open_store import connect, due_in, grant_in, sqlite_path
from optin.settings.installation import Settings
from optin.store.schema_sets import Schema


def migrate(settings: Settings, schema: Schema, role: str | None = None) -> Sequence[str]:
    """Apply the pending migrations; return their names. Raises StoreUnusable.

    `role`: who shall be able to serve afterwards. Raises RequestRefused on SQLite, which has none.
    A SQLite database that a server uses is refused.
    """
    if role is not None and sqlite_path(settings.store, settings.root) is not None:
        msg = "SQLite knows no roles; --grant is for PostgreSQL. Nothing was changed."
        raise RequestRefused(msg)
    due = due_in(settings.store, settings.root, schema)
    connect(settings.store, settings.root, schema, serving=True).close()
    return due


def grant(settings: Settings, schema: Schema, role: str) -> None:
    """Grant `role` what a server needs, and no more. Raises RequestRefused for a role that keeps more."""
    grant_in(settings.store, role, schema)
