"""Connections to a SQLite database, and a transaction on one."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from optin.store.commit_watch import NotedEvent
from optin.store.database_interface import Bound, Row, T, Value
from optin.store.row_queries import list_parameters
from optin.store.sqlite_lock import BUSY_TIMEOUT_MS

PAGE_ROWS = 500


class SqliteTx:
    """A transaction on one connection."""

    for_update = ""
    skip_locked = ""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use `connection`, in the thread that owns it."""
        self._connection = connection
        self.events: list[NotedEvent] = []

    def one_of(self, column: str, values: Sequence[bytes]) -> tuple[str, dict[str, Any]]:
        """Return the condition that a column has one of many values, and its parameters."""
        named, among = list_parameters(values)
        return f"{column} IN ({among})", {**named}

    def hold(self, name: bytes) -> None:
        """Do nothing: there is one writer."""

    def run(self, sql: str, **values: Value) -> int:
        """Run a statement; return how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def one(self, sql: str, **values: Value) -> Row | None:
        """Return the first row, or None."""
        rows = self._connection.execute(sql, values).fetchall()  # all: a RETURNING must run to its end
        return rows[0] if rows else None

    def all(self, sql: str, **values: Value) -> list[Row]:
        """Return every row."""
        return self._connection.execute(sql, values).fetchall()

    def named(self, sql: str, **values: Value) -> list[dict[str, Value]]:
        """Return every row by the names of its columns."""
        cursor = self._connection.execute(sql, values)
        names = [it[0] for it in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def many(self, sql: str, rows: Sequence[Mapping[str, Value]]) -> None:
        """Run a statement once for each of `rows`."""
        self._connection.executemany(sql, rows)

    def each(self, sql: str, **values: Value) -> Iterator[Row]:
        """Yield rows as they are read."""
        cursor = self._connection.execute(sql, values)
        while rows := cursor.fetchmany(PAGE_ROWS):
            yield from rows


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection set up for durability and erasure, whatever SQLite's defaults."""
    with suppress(FileExistsError):  # the write-ahead log takes over who owns the file
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _write_ahead(connection)
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        "recursive_triggers = ON",
        "temp_store = MEMORY",  # what is sorted goes to no other file, and needs none
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def read_file(path: Path, operation: Bound[T], otherwise: T) -> T:
    """Run a reading operation on a database file without changing anything, not even its schema.

    `otherwise`: the answer where there is no such file, or it cannot be read just now.
    """
    if not path.is_file():
        return otherwise
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return operation(SqliteTx(connection))
    except sqlite3.Error:
        return otherwise


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch the write-ahead log on; of several starts at once one does it, and SQLite makes nobody wait."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
