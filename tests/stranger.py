"""Somebody with the database in hand: writes past optin, and past the triggers that protect evidence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from optin.store.database_interface import Store, Value
from optin.store.postgres import PostgresStore, _native
from optin.store.sqlite import SqliteStore
from tests.stores import SCHEMA


def is_sqlite(store: Store) -> bool:
    """Tell which of the two databases it is."""
    return isinstance(store, SqliteStore)


def past_optin(store: Store, *statements: str, **values: Value) -> list[int]:
    """Run statements on a connection of one's own; return how many rows each changed."""
    if isinstance(store, SqliteStore):
        with closing(sqlite3.connect(store._path, isolation_level=None)) as file:  # noqa: SLF001 - as a stranger would
            return [file.execute(statement, values).rowcount for statement in statements]
    with own_connection(store) as connection:
        return [
            connection.cursor().execute(_native(statement)[0].encode(), values).rowcount
            for statement in statements
        ]


@contextmanager
def own_connection(store: Store) -> Iterator[psycopg.Connection]:
    """Connect to the server of `store`."""
    assert isinstance(store, PostgresStore)
    address = store._pool._connections.conninfo  # noqa: SLF001 - as a stranger would
    with psycopg.connect(str(address)) as connection:
        yield connection


def past_triggers(store: Store, *statements: str, **values: Value) -> list[int]:
    """Do the same with the triggers of the evidence out of the way meanwhile."""
    if isinstance(store, SqliteStore):
        with closing(sqlite3.connect(store._path)) as file:  # noqa: SLF001 - as a stranger would
            triggers = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        away = [f"DROP TRIGGER {name}" for name, _ in triggers]
        back = [text for _, text in triggers]
    else:
        away = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in SCHEMA.append_only]
        back = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in SCHEMA.append_only]
    past_optin(store, *away)
    counts = past_optin(store, *statements, **values)
    past_optin(store, *back)
    return counts
