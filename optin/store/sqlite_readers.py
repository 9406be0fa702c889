"""Read-only connections to SQLite, opened in advance: a request must not need a new file descriptor.

One is borrowed for each operation. Where none is left, another is opened; where that cannot be done, the
operation waits for one that is given back.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from optin.errors import StoreBusy

WAIT_SECONDS = 5.0


class SqliteReaders:
    """The reading connections of one store; `connect` opens one."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Begin without connections."""
        self._connect = connect
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._closed = False

    def open(self, count: int) -> None:
        """Open that many connections in advance, with their files. Raises sqlite3.Error."""
        for _ in range(count):
            connection = self._connect()
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
            self._idle.put(connection)

    @contextmanager
    def borrow(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection until the block ends. Raises StoreBusy when none can be opened."""
        connection = self._take()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close every connection; lent ones when returned. None is lent after that.

        To close a connection while another thread reads by it ends the whole process.
        """
        with self._lock:
            self._closed = True
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.put(connection)
                return
        connection.close()

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            reason = "the store is closed"
            raise StoreBusy(reason)
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            pass
        try:
            return self._connect()
        except (sqlite3.Error, OSError):  # no file descriptor is left, as it may be
            pass
        try:
            return self._idle.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            reason = "no connection to read by"
            raise StoreBusy(reason) from None
