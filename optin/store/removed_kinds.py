"""What the database holds of kinds that are not installed any more, as its own register describes them.

The register is believed only as far as the migrations of a kind are recorded, each has a shape that is known,
and no table of it is optin's or another kind's (`kind_tables.faults`, `Schema.with_removed`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optin.consent.status_transitions import RequestId
from optin.errors import RequestRefused
from optin.store.database_interface import Tx, Value
from optin.store.kind_tables import REGISTER, TableScope, TablesPart
from optin.store.migration_sets import OWN, Schema, set_of
from optin.store.migrations import Dialect, drop_statements
from optin.store.row_queries import count_rows

RECORDS = "SELECT migration_set, name FROM _sqlite_migrations"


@dataclass(frozen=True)
class KindRow:
    """One row about a request in a table of a kind that is not installed."""

    kind: str
    table: str
    columns: Mapping[str, Value]


def removed_kinds(tx: Tx, schema: Schema) -> dict[str, TablesPart]:
    """Return the kinds whose tables are in use and that `schema` lacks, by name, with what they declared."""
    whole, _ = schema.with_removed(tx.all(REGISTER))
    here = {kind for kind, _ in schema.kinds}
    strangers = {kind: part for kind, part in whole.kinds if kind not in here}
    if not strangers:
        return {}
    lacking = {step.kind for step in whole.lacking([(row[0], row[1]) for row in tx.all(RECORDS)])}
    return {kind: part for kind, part in strangers.items() if kind not in lacking}


def rows_of_removed(tx: Tx, schema: Schema, request: RequestId) -> list[KindRow]:
    """Return what kinds that are not installed keep about a request."""
    return [
        KindRow(kind, table, columns)
        for kind, part in sorted(removed_kinds(tx, schema).items())
        for table in part.on(TableScope.PERSON)
        for columns in tx.named(f"SELECT * FROM {table} WHERE request_id = :id", id=request)
    ]


def rows_without_request(tx: Tx, schema: Schema) -> list[str]:
    """Return in sentences which tables of kinds, installed or not, hold rows of requests that are gone."""
    kinds = {**dict(schema.kinds), **removed_kinds(tx, schema)}
    counted = (
        (table, count_rows(tx, f"{table} WHERE request_id NOT IN (SELECT id FROM request)"))
        for part in kinds.values()
        for table in part.on(TableScope.PERSON)
    )
    return [f"{table} holds {count} rows of requests that are gone" for table, count in counted if count]


def rows_by_table(tx: Tx, part: TablesPart) -> dict[str, int]:
    """Return how many rows there are in each table of a kind."""
    return {name: count_rows(tx, name) for name in part.names}


def rows_of_removed_kinds(tx: Tx, schema: Schema) -> dict[str, int]:
    """Return how many rows there are in the tables of each kind that is not installed."""
    removed = removed_kinds(tx, schema)
    return {kind: sum(rows_by_table(tx, part).values()) for kind, part in sorted(removed.items())}


def removed_kind(tx: Tx, schema: Schema, kind: str) -> TablesPart:
    """Return the tables of a kind that may be dropped. Raises RequestRefused for every other name."""
    if kind in {name for name, _ in schema.kinds}:
        msg = f"The kind {kind} is installed; remove its package first. Nothing was changed."
        raise RequestRefused(msg)
    removed = removed_kinds(tx, schema)
    part = removed.get(kind)
    if part is None:
        known = f"it knows {', '.join(sorted(removed))}" if removed else "it knows none"
        msg = f"The database knows no removed kind of that name: {known}. Nothing was changed."
        raise RequestRefused(msg)
    former = {step.formerly for step in part.migrations if step.formerly}
    if former & {row[1] for row in tx.all(RECORDS) if row[0] == OWN}:
        msg = (
            f"The tables of {kind} were made by an earlier optin, which brings this kind; they cannot be"
            " dropped. Nothing was changed."
        )
        raise RequestRefused(msg)
    return part


def drop_tables(tx: Tx, kind: str, part: TablesPart, dialect: Dialect) -> None:
    """Drop the tables of a kind (see `removed_kind`) and forget that they were made."""
    guarded = {it.table for step in part.migrations for it in step.guarded}
    for statement in drop_statements(dialect, part.names, guarded):
        tx.run(statement)
    tx.run("DELETE FROM kind_register WHERE kind = :kind", kind=kind)
    tx.run("DELETE FROM _sqlite_migrations WHERE migration_set = :set", set=set_of(kind))
