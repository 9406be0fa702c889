"""The interface of a database: six methods, the same on SQLite and PostgreSQL.

An operation is a plain function of a transaction. It may be run again after a failed group, so it has no
effect but through the transaction. SQL is written once, with `:name` parameters, in the common subset;
no literal in a statement holds a colon.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

from optin.store.commit_watch import CommitWatch, NotedEvent

Row: TypeAlias = tuple[Any, ...]
Value: TypeAlias = int | str | bytes | None
T = TypeVar("T")
P = ParamSpec("P")

EPOCH = datetime.fromtimestamp(0, UTC)
MILLISECOND = timedelta(milliseconds=1)  # in whole numbers: a float would lose one now and then


class Tx(Protocol):
    """One open transaction. Whoever opened it commits or rolls back. `events`: those it stores, to count."""

    events: list[NotedEvent]

    @property
    def for_update(self) -> str:
        """The clause that locks selected rows; empty where there is one writer."""

    @property
    def skip_locked(self) -> str:
        """The clause that locks selected rows and skips those locked by others."""

    def one_of(self, column: str, values: Sequence[bytes]) -> tuple[str, dict[str, Any]]:
        """Return the condition that a column has one of many values, and its parameters."""

    def hold(self, name: bytes) -> None:
        """Take a named lock until the transaction ends."""

    def run(self, sql: str, **values: Value) -> int:
        """Run a statement; return how many rows it changed."""

    def one(self, sql: str, **values: Value) -> Row | None:
        """Return the first row, or None."""

    def all(self, sql: str, **values: Value) -> list[Row]:
        """Return every row."""

    def named(self, sql: str, **values: Value) -> list[dict[str, Value]]:
        """Return every row by the names of its columns."""

    def many(self, sql: str, rows: Sequence[Mapping[str, Value]]) -> None:
        """Run a statement once for each of `rows`."""

    def each(self, sql: str, **values: Value) -> Iterator[Row]:
        """Yield rows while they are read, in constant memory."""


@contextmanager
def savepoint(tx: Tx) -> Iterator[None]:
    """Run in a savepoint: when the block raises, undo only the block."""
    tx.run("SAVEPOINT part")
    before = len(tx.events)
    try:
        yield
    except BaseException:
        del tx.events[before:]
        tx.run("ROLLBACK TO part")
        tx.run("RELEASE part")
        raise
    tx.run("RELEASE part")


Operation: TypeAlias = Callable[Concatenate[Tx, P], T]
Bound: TypeAlias = Callable[[Tx], T]  # an operation that has its other arguments


def bind(operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Bound[T]:
    """Return the operation with all arguments bound except the transaction."""
    return lambda tx: operation(tx, *args, **kwargs)


class Runner(Protocol):
    """Runs one operation in its own transaction: `Store.read`, or one that writes."""

    def __call__(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `operation(tx, *args, **kwargs)` returns."""


class Presence(Protocol):
    """The presence of this process, as others on the same store see it (`sending_claims`)."""

    @property
    def incarnation(self) -> bytes:
        """The id of this run of the process."""

    @property
    def beat_seconds(self) -> float | None:
        """How often to call `renew`; None: once, when a server starts."""

    def renew(self, tx: Tx, now: datetime) -> int:
        """Show that this server runs, and take over what dead ones had claimed; return how many rows.

        Raises StoreUnusable while a backup is put back into the store.
        """

    def leave(self, tx: Tx) -> None:
        """Announce that this server is stopping, with no claims left."""


class Store(Protocol):
    """Runs operations durably: what a completed write stored survives a power cut (D1, S6)."""

    watch: CommitWatch

    @property
    def shared(self) -> bool:
        """Whether several servers may use it at once."""

    def submit(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `operation(tx, ...)` in its own transaction; the result arrives after the commit.

        Raises StoreBusy, here or in the future, when the store takes no more just now, and WriteLost when
        something in the schema might swallow what is written.
        """

    def submit_alone(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run an operation of one statement, as cheaply as the database can."""

    def read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading operation in the calling thread, without waiting for writers."""

    def submit_read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a reading operation in a thread of the store."""

    def schema_findings(self) -> list[str]:
        """Return the differences of the schema from optin's, in sentences; empty when there are none.

        While there is something, every write raises WriteLost.
        """

    def truncate_wal(self) -> bool:
        """Empty SQLite's write-ahead log, so that erased bytes are removed from it too (R5).

        Returns False while a reader still stands in the way; ask again then.
        """

    @property
    def presence(self) -> Presence:
        """The presence of this process, as others on the same store see it."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep servers from starting while store or keys are replaced. Raises StoreUnusable if one runs."""

    def close(self) -> None:
        """Finish the accepted operations, then close."""


async def written(store: Store, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Await a writing operation. A cancelled caller does not undo it."""
    return await asyncio.shield(asyncio.wrap_future(store.submit(operation, *args, **kwargs)))


async def written_alone(store: Store, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Await a writing operation of one statement."""
    return await asyncio.shield(asyncio.wrap_future(store.submit_alone(operation, *args, **kwargs)))


async def read(store: Store, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Await a reading operation."""
    return await asyncio.wrap_future(store.submit_read(operation, *args, **kwargs))


def to_ms(moment: datetime) -> int:
    """Return a moment as stored: milliseconds since 1970 (UTC), as precise as in events."""
    return (moment - EPOCH) // MILLISECOND


def from_ms(stored: int) -> datetime:
    """Return the moment stored by `to_ms`, aware, in UTC."""
    seconds, milliseconds = divmod(stored, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)


DRIVERS = ("sqlite3", "psycopg")  # who never imported one got no error of it


def is_of_database(problem: Exception) -> bool:
    """Return whether the database raised an error: then the store decides, for example to run it again."""
    loaded = (sys.modules.get(name) for name in DRIVERS)
    return any(driver is not None and isinstance(problem, driver.Error) for driver in loaded)
