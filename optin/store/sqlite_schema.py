"""The schema of a SQLite database: what it holds, what it should hold, and bringing it up to date."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlite_utils import Database, Migrations

from optin.store.schema import MIGRATIONS, SQLITE, Migration
from optin.store.schema_guard import Objects, differences, due_after, refuse_schema

APPLIED = "SELECT name FROM _sqlite_migrations WHERE migration_set = 'optin'"
_OBJECTS = (
    "SELECT type, name, tbl_name, sql, rootpage FROM sqlite_master WHERE substr(name, 1, 11) <> 'sqlite_stat'"
    " UNION ALL SELECT 'temporary ' || type, name, tbl_name, sql, 0 FROM temp.sqlite_master"
)
_PLAIN_TABLE = re.compile(r"CREATE TABLE (?!.*\bREFERENCES\b)", re.IGNORECASE | re.DOTALL)


class SqliteGuard:
    """Sees, before each write, that the schema is the one that was compared, and the file still that file.

    SQLite counts the changes of a schema. Whoever holds the write lock and finds the same count works with
    the very schema that was compared: so each group of writes is held by one look at a number.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Guard what is written to `path` by `connection`."""
        self._connection = connection
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
        found = schema_findings(self._connection)
        self._version = -1 if found else version
        return found


def migrate(connection: sqlite3.Connection, *, inspecting: bool = False) -> None:
    """Compare the schema, then bring it up to date. Raises StoreUnusable when it is not optin's.

    `inspecting`: what is not optin's is left as it is, and told by whoever asks.
    """
    connection.execute("BEGIN IMMEDIATE")  # two starts at once: the second waits instead of failing
    try:
        due = due_after(applied_to(connection))
        if due or not inspecting:
            findings = schema_findings(connection)
            if not inspecting:
                refuse_schema(findings)
            if due and not findings:
                _steps(MIGRATIONS).apply(Database(connection, execute_plugins=False))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_due(connection: sqlite3.Connection) -> bool:
    """Tell whether a database that is in use lacks migrations: no server of another version may run then."""
    applied = applied_to(connection)
    return bool(applied and due_after(applied))


def applied_to(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the migrations that a database has seen; none when it is new."""
    with suppress(sqlite3.OperationalError):  # there is no such table yet
        return tuple(sorted(row[0] for row in connection.execute(APPLIED)))
    return ()


def schema_findings(connection: sqlite3.Connection) -> list[str]:
    """Return in sentences what is not as the migrations make it that this database has seen."""
    expected = _expected(applied_to(connection))
    return differences(expected, _without_strangers(expected, _objects(connection)))


@lru_cache
def _expected(applied: tuple[str, ...]) -> Objects:
    """Return what a new database holds after these migrations."""
    if not applied:
        return MappingProxyType({})
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        steps = [migration for migration in MIGRATIONS if migration.name in applied]
        _steps(steps).apply(Database(connection, execute_plugins=False))
        return _objects(connection)


def _objects(connection: sqlite3.Connection) -> Objects:
    """Return every object by its name, with its text. Two tables over the same pages are told."""
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
    """Leave out plain tables of other programs, and their indexes: nothing of ours goes through them."""
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


def _steps(migrations: Sequence[Migration]) -> Migrations:
    steps = Migrations("optin")
    for migration in migrations:
        steps(name=migration.name)(_step(migration))
    return steps


def _step(migration: Migration) -> Any:
    def apply(database: Database) -> None:
        for statement in migration.statements(SQLITE):
            database.execute(statement)

    return apply


def _identity(path: Path) -> tuple[int, int]:
    """Return what tells a file from another of the same name; nothing when it is gone."""
    try:
        told = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, at each group of writes
    except FileNotFoundError:
        return (0, 0)
    return (told.st_dev, told.st_ino)
