"""PostgreSQL: a pool of connections in a pool of threads; any number of processes, none with a state.

A pooler may stand in between that gives each transaction another server connection (pgbouncer in
transaction mode). So nothing here outlives a transaction: no SET, no LISTEN, no lock and no cursor of a
session, no temporary table; and no prepared statement, see `adapt_to_pooler`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeVar

import psycopg

from optin.errors import StoreBusy, StoreUnusable
from optin.servers import CURE_POSTGRES, WANTED_POSTGRES
from optin.store.postgres_pool import PostgresPool
from optin.store.postgres_server import (
    connection_info,
    is_temporary,
    refuse_old_server,
    server_version,
)
from optin.store.schema import MIGRATIONS, POSTGRES, trigger_names
from optin.store.transaction import Operation, Row, Value

T = TypeVar("T")

CONNECTIONS = 10
WAITING = 500
QUEUE_SECONDS = 5.0  # an operation that waited longer is refused: whoever asked should not wait for nothing
CONFLICT_TRIES = 10
CONFLICTS = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
MIGRATION_LOCK = 0x6F7074696E  # "optin": the advisory lock that two starts at once queue on
_PARAMETER = re.compile(r":([a-z_]+)")


@lru_cache(maxsize=256)
def _native(sql: str) -> str:
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


class PostgresTx:
    """A transaction on one connection."""

    for_update = "FOR UPDATE"
    skip_locked = "FOR UPDATE SKIP LOCKED"

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        """Work on `connection`, in the thread that has it."""
        self._connection = connection

    def hold(self, name: bytes) -> None:
        """Take an advisory lock until the transaction ends."""
        number = int.from_bytes(name[:8].ljust(8, b"\0"), "big", signed=True)
        self._connection.execute("SELECT pg_advisory_xact_lock(%s)", [number])

    def run(self, sql: str, **values: Value) -> int:
        """Run a statement; return how many rows it changed."""
        return self._connection.execute(_native(sql), values).rowcount

    def one(self, sql: str, **values: Value) -> Row | None:
        """Return the first row, or None."""
        return self._connection.execute(_native(sql), values).fetchone()

    def all(self, sql: str, **values: Value) -> list[Row]:
        """Return every row."""
        return self._connection.execute(_native(sql), values).fetchall()

    def many(self, sql: str, rows: Sequence[Mapping[str, Value]]) -> None:
        """Run a statement once for each of `rows`."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_native(sql), rows)

    def each(self, sql: str, **values: Value) -> Iterator[Row]:
        """Yield rows as they are read, through a cursor on the server."""
        with self._connection.cursor(name="optin_each") as cursor:
            yield from cursor.execute(_native(sql), values)


class PostgresStore:
    """One database on a server."""

    shared = True

    def __init__(self, url: str) -> None:
        """Connect and bring the schema up to date. Raises StoreUnusable."""
        try:
            info = connection_info(url)
        except psycopg.Error:  # it quotes pieces of the address, and one may be of a password
            msg = f"{WANTED_POSTGRES} {CURE_POSTGRES}"
            raise StoreUnusable(msg) from None
        try:
            with psycopg.connect(info, prepare_threshold=None) as connection:
                refuse_old_server(server_version(connection))
                _migrate(connection)
        except psycopg.errors.ReadOnlySqlTransaction:
            msg = (
                "PostgreSQL takes no changes just now: it is read-only, as a standby is until a"
                " failover is through. Try again, or name another server in OPTIN_STORE. Nothing was changed."
            )
            raise StoreUnusable(msg) from None
        except psycopg.Error as problem:
            why = str(problem).strip().splitlines()[0] if str(problem).strip() else "no answer"
            msg = f"PostgreSQL cannot be used ({_without_password(why)}); nothing was changed."
            raise StoreUnusable(msg) from None
        self._pool = PostgresPool(info, CONNECTIONS)
        self._threads = ThreadPoolExecutor(CONNECTIONS, "optin-postgres")

    def submit(self, operation: Operation[T]) -> Future[T]:
        """Run `operation` in a thread. Raises StoreBusy when too many wait already."""
        if self._threads._work_queue.qsize() >= WAITING:  # noqa: SLF001 - the executor tells no other way
            raise StoreBusy
        return self._threads.submit(self._run_in_time, operation, time.monotonic() + QUEUE_SECONDS)

    submit_read = submit

    def read(self, operation: Operation[T]) -> T:
        """Run `operation` in a transaction of its own and commit it; again, if it collided with another.

        Two that wait for each other collide, and two that add the same row, each having seen that it is not
        there yet. Raises StoreBusy when the server cannot do it just now.
        """
        for _ in range(CONFLICT_TRIES):
            with suppress(*CONFLICTS, psycopg.errors.UniqueViolation):
                return self._run(operation)
        try:
            return self._run(operation)
        except CONFLICTS as problem:
            raise _busy(problem) from None

    def _run_in_time(self, operation: Operation[T], latest: float) -> T:
        if time.monotonic() > latest:
            reason = "it waited too long"
            raise StoreBusy(reason)
        return self.read(operation)

    def _run(self, operation: Operation[T]) -> T:
        try:
            try:
                return self._transact(operation)
            except psycopg.errors.ReadOnlySqlTransaction:
                if not self._pool.renew():
                    raise
                return self._transact(operation)
        except CONFLICTS:
            raise
        except psycopg.Error as problem:
            if not is_temporary(problem):
                raise
            raise _busy(problem) from None

    def _transact(self, operation: Operation[T]) -> T:
        with self._pool.transaction() as connection:
            return operation(PostgresTx(connection))

    def close(self) -> None:
        """Finish what was accepted, then close the connections."""
        self._threads.shutdown()
        self._pool.close()


def _migrate(connection: psycopg.Connection[Any]) -> None:
    """Apply the steps that are not recorded yet, with the same table and names as on SQLite."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
    connection.execute(
        "CREATE TABLE IF NOT EXISTS _sqlite_migrations (id BIGINT GENERATED BY DEFAULT AS IDENTITY"
        " PRIMARY KEY, migration_set TEXT NOT NULL, name TEXT NOT NULL,"
        " applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, UNIQUE (migration_set, name))"
    )
    done = {row[0] for row in connection.execute("SELECT name FROM _sqlite_migrations")}
    for migration in MIGRATIONS:
        if migration.name not in done:
            for statement in migration.statements(POSTGRES):
                connection.execute(statement.encode())
            connection.execute(
                "INSERT INTO _sqlite_migrations(migration_set, name) VALUES ('optin', %s)",
                [migration.name],
            )
    there = connection.execute("SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'")
    missing = trigger_names(POSTGRES) - {row[0] for row in there}
    if missing:
        msg = f"The database has lost its protection ({min(missing)}); restore it from a backup."
        raise StoreUnusable(msg)


def _busy(problem: psycopg.Error) -> StoreBusy:
    """Return the error of the domain, with the kind of the server's error and none of its words."""
    return StoreBusy(f"PostgreSQL: {type(problem).__name__}")


def _without_password(text: str) -> str:
    return re.sub(r"//\S*@", "//…@", text)
