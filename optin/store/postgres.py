"""PostgreSQL: a pool of connections in a pool of threads; any number of processes, none with a state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolTimeout

from optin.errors import StoreBusy, StoreUnusable
from optin.servers import CURE_POSTGRES, WANTED_POSTGRES
from optin.store.schema import MIGRATIONS, POSTGRES, trigger_names
from optin.store.transaction import Operation, Row, Value

T = TypeVar("T")

CONNECTIONS = 10
WAITING = 500
DEADLOCK_TRIES = 3
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

    def __init__(self, url: str) -> None:
        """Connect and bring the schema up to date. Raises StoreUnusable."""
        try:
            conninfo_to_dict(url)
        except psycopg.Error:  # it quotes pieces of the address, and one may be of a password
            msg = f"{WANTED_POSTGRES} {CURE_POSTGRES}"
            raise StoreUnusable(msg) from None
        try:
            with psycopg.connect(url, connect_timeout=10) as connection:
                _migrate(connection)
        except psycopg.Error as problem:
            why = str(problem).strip().splitlines()[0] if str(problem).strip() else "no answer"
            msg = f"PostgreSQL cannot be used ({_without_password(why)}); nothing was changed."
            raise StoreUnusable(msg) from None
        self._pool = ConnectionPool(
            url, min_size=1, max_size=CONNECTIONS, timeout=10, max_waiting=WAITING, open=True
        )
        self._threads = ThreadPoolExecutor(CONNECTIONS, "optin-postgres")

    def submit(self, operation: Operation[T]) -> Future[T]:
        """Run `operation` in a thread. Raises StoreBusy when too many wait already."""
        if self._threads._work_queue.qsize() >= WAITING:  # noqa: SLF001 - the executor tells no other way
            raise StoreBusy
        return self._threads.submit(self.read, operation)

    submit_read = submit

    def read(self, operation: Operation[T]) -> T:
        """Run `operation` in a transaction of its own and commit it; again, if two waited for each other."""
        for last in (*[False] * DEADLOCK_TRIES, True):
            try:
                with self._pool.connection() as connection:
                    return operation(PostgresTx(connection))
            except psycopg.errors.DeadlockDetected:
                if last:
                    raise StoreBusy from None
            except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
                raise StoreBusy from None
        raise StoreBusy

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


def _without_password(text: str) -> str:
    return re.sub(r"//\S*@", "//…@", text)
