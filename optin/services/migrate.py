"""Update the schema, by the role that may; and let a lesser role serve (PostgreSQL)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optin.errors import RequestRefused
from optin.flows.request_policy import RequestPolicy
from optin.flows.retention.drop_kind_tables import drop_kind, rows_to_drop
from optin.services.installed_kind_parts import KindParts
from optin.services.open_installation import open_installation
from optin.services.open_store import connect, due_in, grant_in, plan_in, refuse_role_in, sqlite_path
from optin.settings.installation import Settings
from optin.store.migration_plan import MigrationPlan
from optin.store.migration_sets import Schema
from optin.store.migrations import POSTGRES, SQLITE


def migrate(settings: Settings, schema: Schema, role: str | None = None) -> Sequence[str]:
    """Apply the pending migrations; return their names. Raises StoreUnusable.

    `role`: who shall be able to serve afterwards. Raises RequestRefused on SQLite, which has none.
    A SQLite database that a server uses is refused.
    """
    if role is not None:
        _refuse_sqlite(settings)
    due = due_in(settings.store, settings.root, schema)
    connect(settings.store, settings.root, schema, serving=True).close()
    return due


def plan(settings: Settings, schema: Schema) -> MigrationPlan:
    """Return what `migrate` would do; change nothing. Raises StoreUnusable."""
    return plan_in(settings.store, settings.root, schema)


def plan_grant(settings: Settings, role: str) -> None:
    """Raise RequestRefused where `grant` would; change nothing."""
    _refuse_sqlite(settings)
    refuse_role_in(settings.store, role)


def _refuse_sqlite(settings: Settings) -> None:
    if sqlite_path(settings.store, settings.root) is not None:
        msg = "SQLite knows no roles; --grant is for PostgreSQL. Nothing was changed."
        raise RequestRefused(msg)


def grant(settings: Settings, schema: Schema, role: str) -> None:
    """Grant `role` what a server needs, and no more. Raises RequestRefused for a role that keeps more."""
    grant_in(settings.store, role, schema)


def drop_tables_of(
    settings: Settings, policy: RequestPolicy, kinds: KindParts, kind: str, *, dry_run: bool
) -> Mapping[str, int]:
    """Drop the tables of a kind that is not installed any more; return how many rows each had.

    `dry_run`: change nothing. Raises RequestRefused for every kind but one that the database alone knows,
    StoreUnusable where a server runs, or where the schema is not optin's.
    """
    with open_installation(settings, policy, kinds) as installation:
        store, schema = installation.store, kinds.schema
        if dry_run:
            return store.read(rows_to_drop, schema=schema, kind=kind)
        with store.alone():
            dropped = installation.write(
                drop_kind,
                vault=installation.vault,
                schema=schema,
                kind=kind,
                dialect=POSTGRES if store.shared else SQLITE,
                now=installation.clock(),
            )
            installation.integrate()
            installation.truncate_wal()
        return dropped
