"""PostgreSQL: a pool of connections and a pool of threads; processes hold no state of their own.

A pooler may stand in between that gives each transaction another server connection (pgbouncer in
transaction mode). So nothing here outlives a transaction: no SET, no LISTEN, no lock and no cursor of a
session, no temporary table; and no prepared statement, see `adapt_to_pooler`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from functools import lru_cache
from typing import Any, cast

import psycopg

from optin.errors import StoreBusy, WriteLost
from optin.store.commit_watch import CommitWatch, NotedEvent, Unwatched
from optin.store.database_interface import Bound, Operation, P, Presence, Row, T, Value, bind
from optin.store.migration_sets import Schema
from optin.store.postgres_inspection import info_of, opened
from optin.store.postgres_lost_writes import PostgresGuard, SchemaMoved
from optin.store.postgres_pool import PostgresPool
from optin.store.postgres_presence import PostgresPresence
from optin.store.postgres_roles import not_allowed, refuse_missing_rights
from optin.store.postgres_schema import all_tables, complete, migrate, schema_findings
from optin.store.postgres_server_differences import is_temporary

CONNECTIONS = 10
WAITING = 500
QUEUE_SECONDS = 5.0  # an operation that waited longer is refused: whoever asked should not wait for nothing
CONFLICT_TRIES = 10
CONFLICTS = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
OTHER_SCHEMA = (  # no such table, other columns, or one more that must be filled
    psycopg.ProgrammingError,
    psycopg.errors.NotNullViolation,
    psycopg.errors.CheckViolation,
)
_PARAMETER = re.compile(r":([a-z_]+)")
_READS = ("SELECT", "SET", "SHOW")
_ALTERS = ("ALTER", "CREATE", "DROP")


@lru_cache(maxsize=256)
def _native(sql: str) -> tuple[str, str]:
    """Return a statement in the driver's syntax, and its first word."""
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")), sql.split(maxsplit=1)[0].upper()


class PostgresTx:
    """A transaction on one connection."""

    for_update = "FOR UPDATE"
    skip_locked = "FOR UPDATE SKIP LOCKED"

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        """Use `connection`, in the thread that holds it."""
        self._connection = connection
        self.wrote = False
        self.altered = False  # the schema itself
        self.events: list[NotedEvent] = []

    def _noted(self, sql: str) -> str:
        """Return a statement in the driver's syntax; remember whether it writes."""
        text, word = _native(sql)
        self.wrote = self.wrote or word not in _READS
        self.altered = self.altered or word in _ALTERS
        return text

    def alone(self, operation: Bound[T]) -> T:
        """Run an operation of one statement without an explicit transaction."""
        self._connection.autocommit = True
        try:
            return operation(PostgresTx(self._connection))
        finally:
            with suppress(psycopg.Error):  # a connection that broke is replaced
                self._connection.autocommit = False

    def one_of(self, column: str, values: Sequence[bytes]) -> tuple[str, dict[str, Any]]:
        """Return the condition that a column has one of many values, and its parameters.

        One array: the driver reads a statement with hundreds of parameters anew each time.
        """
        return f"{column} = ANY(:among)", {"among": list(values)}

    def hold(self, name: bytes) -> None:
        """Take an advisory lock until the transaction ends."""
        number = int.from_bytes(name[:8].ljust(8, b"\0"), "big", signed=True)
        self._connection.execute("SELECT pg_advisory_xact_lock(%s)", [number])

    def run(self, sql: str, **values: Value) -> int:
        """Run a statement; return how many rows it changed."""
        return self._connection.execute(self._noted(sql), values).rowcount

    def one(self, sql: str, **values: Value) -> Row | None:
        """Return the first row, or None."""
        return self._connection.execute(self._noted(sql), values).fetchone()

    def all(self, sql: str, **values: Value) -> list[Row]:
        """Return every row."""
        return self._connection.execute(self._noted(sql), values).fetchall()

    def named(self, sql: str, **values: Value) -> list[dict[str, Value]]:
        """Return every row by the names of its columns."""
        cursor = self._connection.execute(self._noted(sql), values)
        names = [it.name for it in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def many(self, sql: str, rows: Sequence[Mapping[str, Value]]) -> None:
        """Run a statement once for each of `rows`."""
        with self._connection.cursor() as cursor:
            cursor.executemany(self._noted(sql), rows)

    def each(self, sql: str, **values: Value) -> Iterator[Row]:
        """Yield rows as they are read, through a cursor on the server."""
        with self._connection.cursor(name="optin_each") as cursor:
            yield from cursor.execute(self._noted(sql), values)


class PostgresStore:
    """One database on a server."""

    shared = True
    watch: CommitWatch = Unwatched()

    def __init__(self, url: str, schema: Schema, *, inspecting: bool = False) -> None:
        """Connect and bring the schema up to date. Raises StoreUnusable.

        A migration only adds, so servers of the version before may run meanwhile. `inspecting`: a schema that
        is not optin's is told by `schema_findings`, and takes no writes.
        """
        self._schema = schema
        self._guard = PostgresGuard(schema)
        info = info_of(url)
        with opened(url) as connection:
            migrate(connection, schema, inspecting=inspecting)
            if not inspecting:
                refuse_missing_rights(connection, all_tables(complete(connection, schema)[0]))
                self._guard.trust(connection)
        self._presence = PostgresPresence(info)
        self._pool = PostgresPool(info, CONNECTIONS)
        self._threads = ThreadPoolExecutor(CONNECTIONS, "optin-postgres")

    def submit(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `operation` in a thread. Raises StoreBusy when too many wait already."""
        return self._queue(bind(operation, *args, **kwargs), write=True)

    def submit_read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a reading operation in a thread. Raises StoreBusy when too many wait already."""
        return self._queue(bind(operation, *args, **kwargs), write=False)

    def _queue(self, operation: Bound[T], *, write: bool) -> Future[T]:
        if self._threads._work_queue.qsize() >= WAITING:  # noqa: SLF001 - the executor tells no other way
            self.watch.failed(StoreBusy.__name__)
            raise StoreBusy
        latest = time.monotonic() + QUEUE_SECONDS
        return self._threads.submit(self._run_in_time, operation, latest, write=write)

    def submit_alone(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run an operation of one statement, which is a transaction by itself: no BEGIN, no COMMIT.

        It is for counts. The guard does not look: it does at the next operation that writes anything else.
        """
        alone = bind(operation, *args, **kwargs)
        return self._queue(lambda tx: cast("PostgresTx", tx).alone(alone), write=False)

    @property
    def presence(self) -> Presence:
        """The presence of this process: a server shows it, a command does not."""
        return self._presence

    def read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `operation` in a transaction of its own, in the calling thread. Raises StoreBusy."""
        return self._run_again(bind(operation, *args, **kwargs), write=False)

    def _run_in_time(self, operation: Bound[T], latest: float, *, write: bool) -> T:
        if time.monotonic() > latest:
            reason = "it waited too long"
            raise StoreBusy(reason)
        return self._run_again(operation, write=write)

    def _run_again(self, operation: Bound[T], *, write: bool) -> T:
        """Run `operation` in its own transaction and commit; repeat after a collision with another.

        Two that wait for each other collide, and two that add the same row, each having seen that it is not
        there yet. Raises StoreBusy when the server cannot do it just now.
        """
        for _ in range(CONFLICT_TRIES):
            with suppress(*CONFLICTS, psycopg.errors.UniqueViolation, SchemaMoved):
                return self._run(operation, write=write)
        try:
            return self._run(operation, write=write)
        except (*CONFLICTS, SchemaMoved) as problem:
            self.watch.failed(type(problem).__name__)
            raise _busy(problem) from None

    def _run(self, operation: Bound[T], *, write: bool) -> T:
        try:
            try:
                return self._transact(operation, write=write)
            except psycopg.errors.ReadOnlySqlTransaction:
                if not self._pool.renew():
                    raise
                return self._transact(operation, write=write)
        except (*CONFLICTS, SchemaMoved, StoreBusy, WriteLost):
            raise
        except Exception as problem:
            if isinstance(problem, psycopg.Error) and is_temporary(problem):
                self.watch.failed(type(problem).__name__)
                raise _busy(problem) from None
            if isinstance(problem, OTHER_SCHEMA):
                self._guard.doubt()
            self._refuse_foreign()
            if isinstance(problem, psycopg.errors.InsufficientPrivilege):
                raise not_allowed(problem) from None
            raise

    def _transact(self, operation: Bound[T], *, write: bool) -> T:
        """Run the operation. The guard also checks when nothing was written: rows to write may be hidden."""
        began = time.perf_counter()
        with self._pool.transaction() as connection:
            tx = PostgresTx(connection)
            result = operation(tx)
            if write or tx.wrote:
                self._guard.approve(connection, own_change=tx.altered)
        if tx.wrote:
            self.watch.committed(1, time.perf_counter() - began, tx.events)
        return result

    def schema_findings(self) -> list[str]:
        """Return the differences of the schema from optin's, in sentences; empty when there are none."""
        with self._pool.transaction() as connection:
            findings = schema_findings(connection, self._schema)
        if findings:
            self._guard.doubt()
        return findings

    def _refuse_foreign(self) -> None:
        """Raise WriteLost when a foreign schema object may have caused an error."""
        with suppress(psycopg.Error), self._pool.transaction() as connection:
            self._guard.approve(connection, own_change=True)

    def close(self) -> None:
        """Finish the accepted operations, then close the connections."""
        self._threads.shutdown()
        self._pool.close()
        self._presence.close()

    def truncate_wal(self) -> bool:
        """Return True: how long PostgreSQL keeps its own log is up to its operator."""
        return True

    def alone(self) -> AbstractContextManager[None]:
        """Prevent servers from starting until the block ends. Raises StoreUnusable where one runs."""
        return self._presence.alone()


def _busy(problem: Exception) -> StoreBusy:
    """Return a StoreBusy with the kind of the server's error and none of its text."""
    return StoreBusy(f"PostgreSQL: {type(problem).__name__}")
