"""The schema of a SQLite database: read it, compare it with the migrations, bring it up to date."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlite_utils import Database, Migrations

from optin.store.kind_tables import REGISTER
from optin.store.migration_sets import MigrationStep, Record, Schema, register_rows
from optin.store.migrations import SQLITE, Migration
from optin.store.schema_differences import UNMADE, Objects, differences, migrations_due

RECORDS = "SELECT migration_set, name FROM _sqlite_migrations"
REGISTERED = "INSERT OR REPLACE INTO kind_register(kind, part) VALUES (?, ?)"
_OBJECTS = (
    "SELECT type, name, tbl_name, sql, rootpage FROM sqlite_master WHERE substr(name, 1, 11) <> 'sqlite_stat'"
    " UNION ALL SELECT 'temporary ' || type, name, tbl_name, sql, 0 FROM temp.sqlite_master"
)
_PLAIN_TABLE = re.compile(r"CREATE TABLE (?!.*\bREFERENCES\b)", re.IGNORECASE | re.DOTALL)


class SqliteGuard:
    """Checks before each write that the schema is the compared one, and the file the opened one.

    SQLite counts the changes of a schema. Whoever holds the write lock and finds the same count works with
    the very schema that was compared: so each group of writes is held by one look at a number.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
        """Guard the writes of `connection` to `path`."""
        self._connection = connection
        self._schema = schema
        self._path = path
        self._file = _identity(path)
        self._version = -1  # not compared yet

    def findings(self) -> list[str]:
        """Return why nothing may be written; the caller holds the write lock."""
        if _identity(self._path) != self._file:
            return [f"the file {self._path.name} was replaced or removed while it was in use"]
        version = int(self._connection.execute("PRAGMA schema_version").fetchone()[0])
        if version == self._version:
            return []
        found = schema_findings(self._connection, self._schema)
        self._version = -1 if found else version
        return found


def migrate(connection: sqlite3.Connection, schema: Schema, *, inspecting: bool = False) -> None:
    """Compare the schema, then bring it up to date. Raises StoreUnusable when it is not optin's.

    `inspecting`: what is not optin's is left as it is, and told by whoever asks.
    """
    connection.execute("BEGIN IMMEDIATE")  # two starts at once: the second waits instead of failing
    try:
        records = records_in(connection)
        compare = partial(_compare, connection, schema, records)
        if due := migrations_due(schema, records, compare, inspecting=inspecting):
            _apply(connection, due)
            for row in register_rows(schema, due):
                connection.execute(REGISTERED, row)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_due(connection: sqlite3.Connection, schema: Schema) -> bool:
    """Return whether a database in use has pending migrations: then no server of another version may run."""
    records = records_in(connection)
    return bool(records and schema.due(records))


def records_in(connection: sqlite3.Connection) -> frozenset[Record]:
    """Return the migrations recorded in a database; none when it is new."""
    with suppress(sqlite3.OperationalError):  # there is no such table yet
        return frozenset((row[0], row[1]) for row in connection.execute(RECORDS))
    return frozenset()


def complete(connection: sqlite3.Connection, schema: Schema) -> tuple[Schema, list[str]]:
    """Return `schema` with the kinds that only the database knows, and the faults of its register."""
    rows: list[tuple[str, str]] = []
    with suppress(sqlite3.OperationalError):  # it is older
        rows = connection.execute(REGISTER).fetchall()
    return schema.with_removed(rows)


def schema_findings(connection: sqlite3.Connection, schema: Schema) -> list[str]:
    """Return, in sentences, how a database in use differs from its migrations."""
    records = records_in(connection)
    return [*schema.unrecorded(records), *_compare(connection, schema, records)]


def _compare(connection: sqlite3.Connection, schema: Schema, records: frozenset[Record]) -> list[str]:
    """Return, in sentences, what differs from the migrations recorded in this database."""
    whole, findings = complete(connection, schema)
    try:
        expected = _expected(whole.applied(records))
    except sqlite3.Error:
        return [*findings, UNMADE]
    return [*findings, *differences(expected, _without_strangers(expected, _objects(connection)))]


@lru_cache
def _expected(applied: tuple[MigrationStep, ...]) -> Objects:
    """Return the objects of a new database after these migrations."""
    if not applied:
        return MappingProxyType({})
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        _apply(connection, applied)
        return _objects(connection)


def _objects(connection: sqlite3.Connection) -> Objects:
    """Return every object's text by name. Two tables that share pages are reported."""
    found: dict[str, str] = {}
    pages: set[int] = set()
    for kind, name, table, text, page in connection.execute(_OBJECTS):
        label = f"{kind} {name}" if name == table else f"{kind} {name} on {table}"
        if page and page in pages:
            label = f"second name {name} for the same rows"
        pages.add(page)
        found[label if label not in found else f"a second {label}"] = " ".join((text or "").split())
    return MappingProxyType(found)


def _without_strangers(expected: Objects, found: Objects) -> Objects:
    """Leave out plain tables of other programs, and their indexes: they cannot affect ours."""
    theirs = {
        label.removeprefix("table ")
        for label, text in found.items()
        if label.startswith("table ") and label not in expected and _PLAIN_TABLE.match(text)
    }
    return {
        label: text
        for label, text in found.items()
        if not (label.startswith("table ") and label.removeprefix("table ") in theirs)
        and not (label.startswith("index ") and label.rpartition(" on ")[2] in theirs)
    }


def _apply(connection: sqlite3.Connection, steps: Sequence[MigrationStep]) -> None:
    for migration_set, those in groupby(steps, lambda step: step.migration_set):
        migrations = Migrations(migration_set)
        for step in those:
            migrations(name=step.migration.name)(_step(step.migration))
        migrations.apply(Database(connection, execute_plugins=False))


def _step(migration: Migration) -> Any:
    def apply(database: Database) -> None:
        for statement in migration.statements(SQLITE):
            database.execute(statement)

    return apply


def _identity(path: Path) -> tuple[int, int]:
    """Return the identity of a file (another one for a new file of the same name); None when it is gone."""
    try:
        status = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, at each group of writes
    except FileNotFoundError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
