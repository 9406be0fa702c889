"""SQLite: one writer thread with group commit, and readers beside it.

Each group is one BEGIN IMMEDIATE … COMMIT with one fsync; each operation in it has a savepoint, so a
failing one takes nobody along. `synchronous=FULL`: what was acknowledged survives a power cut.
"""

from __future__ import annotations

import os
import queue
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from optin.errors import StoreBusy, StoreUnusable, WriteLost
from optin.store.commit_watch import CommitWatch, NotedEvent, Unwatched
from optin.store.database_interface import Bound, Operation, P, Presence, Row, T, Tx, bind
from optin.store.event_log import integrate
from optin.store.migration_plan import MigrationPlan, plan_migrations
from optin.store.migration_sets import Schema, names_of
from optin.store.migrations import SQLITE
from optin.store.sending_claims import new_incarnation, release_claims_of_others
from optin.store.sqlite_connection import SqliteTx, connect, read_file
from optin.store.sqlite_lock import CHANGE, SERVER, lock_file
from optin.store.sqlite_readers import SqliteReaders
from optin.store.sqlite_schema import RECORDS, SqliteGuard, is_due, migrate, schema_findings

QUEUE_LENGTH = 2_000
GROUP_LENGTH = 64
READ_CACHE_KIB = 16_384  # a proof in a large log reads nodes from all over it
READERS = 2
OPENED_BEFOREHAND = 6  # by a server: its readers, and what it does beside its requests


class _Waiting:
    """A queued operation and the future of its caller."""

    __slots__ = ("future", "operation")

    def __init__(self, operation: Bound[Any]) -> None:
        self.operation = operation
        self.future: Future[Any] = Future()

    def settle(self, result: object, problem: BaseException | None) -> None:
        if problem is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(problem)


class SqliteStore:
    """One database file. Open it with `serving=True` in the one process that serves it."""

    shared = False
    watch: CommitWatch = Unwatched()

    def __init__(
        self, path: Path, schema: Schema, *, serving: bool = False, inspecting: bool = False
    ) -> None:
        """Open or make the file and bring its schema up to date. Raises StoreUnusable.

        `inspecting`: a schema that is not optin's is told by `schema_findings`, and takes no writes.
        """
        self._path, self._schema = path, schema
        self._lock = lock_file(path, SERVER) if serving else None
        self.presence: Presence = SqlitePresence()
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(QUEUE_LENGTH)
        self._readers = ThreadPoolExecutor(READERS, "optin-reader")
        self._connections = SqliteReaders(self._connect_to_read)
        self._closed = False
        try:
            self._connection = connect(path)
            self._guard = SqliteGuard(self._connection, path, schema)
            with self.alone() if is_due(self._connection, schema) else nullcontext():
                migrate(self._connection, schema, inspecting=inspecting)
            self._connections.open(OPENED_BEFOREHAND if serving else 0)
        except (sqlite3.Error, OSError) as problem:
            self._unlock()
            msg = f"The database {path.name} cannot be opened ({problem}); nothing was changed."
            raise StoreUnusable(msg) from None
        except BaseException:
            self._unlock()
            raise
        self._writer = threading.Thread(target=self._write_groups, name="optin-writer", daemon=True)
        self._writer.start()

    def submit(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue `operation` for the next group. Raises StoreBusy when the queue is full."""
        waiting = _Waiting(bind(operation, *args, **kwargs))
        if self._closed:
            raise StoreBusy
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            self.watch.failed(StoreBusy.__name__)
            raise StoreBusy from None
        return waiting.future

    submit_alone = submit

    def read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading operation in the calling thread."""
        try:
            with self._connections.borrow() as connection:
                connection.execute("BEGIN")
                try:
                    return operation(SqliteTx(connection), *args, **kwargs)
                finally:
                    connection.rollback()
        except sqlite3.OperationalError as problem:
            if "no such" in str(problem):
                raise WriteLost(self.schema_findings()) from None
            raise StoreBusy from None

    def submit_read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a reading operation in a thread of the store."""
        return self._readers.submit(self.read, bind(operation, *args, **kwargs))

    def schema_findings(self) -> list[str]:
        """Return the differences of the schema from optin's, in sentences; empty when there are none."""
        with closing(connect(self._path)) as connection:
            return schema_findings(connection, self._schema)

    def close(self) -> None:
        """Finish the accepted operations, then close every connection and release the lock."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        self._connections.close()
        self._connection.close()
        self._unlock()

    def truncate_wal(self) -> bool:
        """Empty the write-ahead log, so that erased bytes are removed from it too (R5).

        Returns False while a reader still stands in the way; ask again then.
        """
        with self._connections.borrow() as connection:
            row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return bool(row[0] == 0)

    def _connect_to_read(self) -> sqlite3.Connection:
        connection = connect(self._path)
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{READ_CACHE_KIB}")
        return connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Prevent servers from starting until the block ends. Raises StoreUnusable where one runs."""
        if self._lock is not None:  # this is the one
            yield
            return
        lock = lock_file(self._path, CHANGE)
        try:
            yield
        finally:
            os.close(lock)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _write_groups(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            last = False
            while len(group) < GROUP_LENGTH and not last:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                last = following is None
                if following is not None:
                    group.append(following)
            self._commit(group)
            if last:
                return

    def _commit(self, group: list[_Waiting]) -> None:
        """Run a group and commit it; if the whole transaction fails, run its members one by one."""
        try:
            self._begin()
        except (sqlite3.Error, WriteLost) as problem:  # nobody in this group gets in
            self._rollback()
            self.watch.failed(type(_translated(problem)).__name__)
            for waiting in group:
                waiting.settle(None, _translated(problem))
            return
        began = time.perf_counter()
        try:
            outcomes, events = self._attempt(group)
        except (sqlite3.Error, ValueError) as problem:
            self._rollback()
            if len(group) == 1:
                self.watch.failed(type(_translated(problem)).__name__)
                group[0].settle(None, _translated(problem))
                return
            for waiting in group:
                self._commit([waiting])
            return
        self.watch.committed(len(group), time.perf_counter() - began, events)
        for waiting, (result, failure) in zip(group, outcomes, strict=True):
            waiting.settle(result, failure)

    def _begin(self) -> None:
        """Take the write lock. Raises WriteLost when writes might not be kept."""
        self._connection.execute("BEGIN IMMEDIATE")
        if findings := self._guard.findings():
            raise WriteLost(findings)

    def _attempt(
        self, group: list[_Waiting]
    ) -> tuple[list[tuple[object, BaseException | None]], list[NotedEvent]]:
        connection = self._connection
        outcomes: list[tuple[object, BaseException | None]] = []
        tx = SqliteTx(connection)
        for waiting in group:
            connection.execute("SAVEPOINT op")
            before = len(tx.events)
            try:
                outcomes.append((waiting.operation(tx), None))
            except Exception as problem:  # noqa: BLE001 - each failure belongs to the one who asked
                if not connection.in_transaction:  # it took the whole group down
                    raise _foreign(problem) from None
                connection.execute("ROLLBACK TO op")
                del tx.events[before:]
                outcomes.append((None, _translated(problem)))
            connection.execute("RELEASE op")
        integrate(tx)  # who is answered is in the log
        connection.execute("COMMIT")
        return outcomes, tx.events

    def _rollback(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def due_in_file(path: Path, schema: Schema) -> list[str]:
    """Return the names of a database's pending migrations; change nothing. Raises StoreUnusable."""
    records: list[Row] = read_file(path, lambda tx: tx.all(RECORDS), [])
    return names_of(schema.due([(row[0], row[1]) for row in records]))


def plan_in_file(path: Path, schema: Schema) -> MigrationPlan:
    """Return what a database's pending migrations would do; change nothing. Raises StoreUnusable."""

    def look(tx: Tx) -> MigrationPlan:
        records = {(str(row[0]), str(row[1])) for row in tx.all(RECORDS)}

        def count(table: str) -> int:
            row = tx.one(f"SELECT COUNT(*) FROM {table}")
            return 0 if row is None else int(row[0])

        return plan_migrations(schema, records, SQLITE, count)

    return read_file(path, look, plan_migrations(schema, (), SQLITE, lambda _table: 0))


class SqlitePresence:
    """The presence of this process. The lock excludes other servers, so no beat is needed."""

    beat_seconds: float | None = None

    def __init__(self) -> None:
        """Begin a new incarnation."""
        self.incarnation = new_incarnation()

    def renew(self, tx: Tx, now: datetime) -> int:
        """Take over the claims of every other process: the lock proves that they are dead."""
        return release_claims_of_others(tx, self.incarnation, now)

    def leave(self, tx: Tx) -> None:
        """Do nothing: the lock ends with the process."""


def _foreign(problem: Exception) -> sqlite3.Error:
    """Return the first database error in a chain of causes."""
    if isinstance(problem, sqlite3.Error):
        return problem
    return sqlite3.OperationalError(type(problem).__name__)


_BUSY = re.compile(r"locked|busy|full|disk I/O|readonly|unable to open")


def _translated(problem: Exception) -> Exception:
    if isinstance(problem, sqlite3.OperationalError) and _BUSY.search(str(problem)):
        return StoreBusy(str(problem))
    return problem
