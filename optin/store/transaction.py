"""What an operation sees of a database: five methods, the same on SQLite and PostgreSQL.

An operation is a plain function of a transaction. It may be run again after a failed group, so it has no
effect but through the transaction. SQL is written once, with `:name` parameters, in the common subset;
no literal in a statement holds a colon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

Row: TypeAlias = tuple[Any, ...]
Value: TypeAlias = int | str | bytes | None
T = TypeVar("T")
P = ParamSpec("P")

EPOCH = datetime.fromtimestamp(0, UTC)
MILLISECOND = timedelta(milliseconds=1)  # in whole numbers: a float would lose one now and then


class Tx(Protocol):
    """One open transaction. The one who opened it commits or rolls back."""

    @property
    def for_update(self) -> str:
        """What locks the rows that a SELECT returns; nothing where writers come one by one."""

    @property
    def skip_locked(self) -> str:
        """The same, passing over rows that another process works on."""

    def hold(self, name: bytes) -> None:
        """Make others who hold the same name wait until this transaction ends."""

    def run(self, sql: str, **values: Value) -> int:
        """Run a statement; return how many rows it changed."""

    def one(self, sql: str, **values: Value) -> Row | None:
        """Return the first row, or None."""

    def all(self, sql: str, **values: Value) -> list[Row]:
        """Return every row."""

    def many(self, sql: str, rows: Sequence[Mapping[str, Value]]) -> None:
        """Run a statement once for each of `rows`."""

    def each(self, sql: str, **values: Value) -> Iterator[Row]:
        """Yield rows as they are read, in flat memory."""


@contextmanager
def savepoint(tx: Tx) -> Iterator[None]:
    """Run in a savepoint: when the block raises, undo only the block."""
    tx.run("SAVEPOINT part")
    try:
        yield
    except BaseException:
        tx.run("ROLLBACK TO part")
        tx.run("RELEASE part")
        raise
    tx.run("RELEASE part")


Operation: TypeAlias = Callable[Concatenate[Tx, P], T]
Bound: TypeAlias = Callable[[Tx], T]  # an operation that has its other arguments


def bind(operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Bound[T]:
    """Return the operation with all its arguments but the transaction."""
    return lambda tx: operation(tx, *args, **kwargs)


class Runner(Protocol):
    """Runs one operation in a transaction of its own: `Store.read`, or one that writes."""

    def __call__(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `operation(tx, *args, **kwargs)` returns."""


class Presence(Protocol):
    """The life of this process, as others that share its store see it (`claims`)."""

    @property
    def incarnation(self) -> bytes:
        """What tells this life from every other."""

    @property
    def beat_seconds(self) -> float | None:
        """How often `renew` is to be called; None: once, when a server starts."""

    def renew(self, tx: Tx, now: datetime) -> int:
        """Show that this server lives, and take back what dead ones had in hand; return how much.

        Raises StoreUnusable while a backup is put back into the store.
        """

    def leave(self, tx: Tx) -> None:
        """Say that this server is about to end; it has nothing in hand any more."""


class Store(Protocol):
    """Runs operations, durably: when `write` has returned, a power cut loses nothing of it (D1, S6)."""

    @property
    def shared(self) -> bool:
        """Whether several servers may use it at once."""

    def submit(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `operation(tx, ...)` in a transaction of its own; the result comes after the commit.

        Raises StoreBusy, here or in the future, when the store takes no more just now, and WriteLost when
        something in the schema might swallow what is written.
        """

    def submit_alone(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do the same for an operation of one statement, as cheaply as the database can."""

    def read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation that only reads, in the calling thread, beside the writers."""

    def submit_read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do the same in a thread of the store."""

    def schema_findings(self) -> list[str]:
        """Return in sentences what of the schema is not as optin makes it; nothing when all is.

        While there is something, every write raises WriteLost.
        """

    def truncate_wal(self) -> bool:
        """Empty SQLite's write-ahead log, so that erased bytes are gone from it too (R5).

        Returns False while a reader still stands in the way; ask again then.
        """

    @property
    def presence(self) -> Presence:
        """The life of this process, as others that share the store see it."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep servers away while store or keys are replaced. Raises StoreUnusable where one runs."""

    def close(self) -> None:
        """Finish what was accepted, then close."""


async def written(store: Store, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Await `operation`. A caller that goes away does not undo it."""
    return await asyncio.shield(asyncio.wrap_future(store.submit(operation, *args, **kwargs)))


async def written_alone(store: Store, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Await an operation of one statement."""
    return await asyncio.shield(asyncio.wrap_future(store.submit_alone(operation, *args, **kwargs)))


async def read(store: Store, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Await an operation that only reads."""
    return await asyncio.wrap_future(store.submit_read(operation, *args, **kwargs))


def to_ms(moment: datetime) -> int:
    """Return milliseconds UTC since 1970, as every time is stored: exactly those that events write."""
    return (moment - EPOCH) // MILLISECOND


def from_ms(stored: int) -> datetime:
    """Return the moment that `to_ms` stored, aware, in UTC."""
    seconds, milliseconds = divmod(stored, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)


def list_parameters(values: Sequence[bytes]) -> tuple[dict[str, Value], str]:
    """Return values as parameters, and how a statement names them in a list."""
    named: dict[str, Value] = {f"v{_letters(place)}": value for place, value in enumerate(values)}
    return named, ", ".join(f":{name}" for name in named)


def _letters(number: int) -> str:
    """Return a number in letters: parameters have no digits."""
    return str(number).translate(_AS_LETTERS)


_AS_LETTERS = str.maketrans("0123456789", "abcdefghij")
