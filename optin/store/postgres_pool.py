"""Connections to a PostgreSQL server, reused between transactions and replaced when broken."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from optin.store.postgres_server_differences import adapt_to_pooler

POOL_SECONDS = 5.0  # so long an operation waits for a connection
RECONNECT_SECONDS = 5.0  # tries beyond this are far apart; the next operation begins a new one at once
RENEW_SECONDS = 2.0  # while a server stays read-only, its connections are not replaced more often

Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresPool:
    """Up to `size` connections, shared by the threads of this process."""

    def __init__(self, info: str, size: int) -> None:
        """Connect with `info` when a connection is needed."""
        self._connections = ConnectionPool(
            info,
            min_size=1,
            max_size=size,
            timeout=POOL_SECONDS,
            reconnect_timeout=RECONNECT_SECONDS,
            configure=adapt_to_pooler,
            open=True,
        )
        self._renewed_at = time.monotonic() - RENEW_SECONDS

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction; commit it at the end of the block, roll it back after an error."""
        connection = self._living()
        try:
            with connection:
                yield connection
        finally:
            self._connections.putconn(connection)

    def renew(self) -> bool:
        """Replace every connection, now or when returned; False when that was done just before.

        After a failover they may still lead to the server that takes no more changes, and new ones to the
        server that does.
        """
        if time.monotonic() - self._renewed_at < RENEW_SECONDS:
            return False
        self._connections.drain()
        self._renewed_at = time.monotonic()
        return True

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _living(self) -> Connection:
        """Return a connection that the server did not close while it was idle."""
        connection = self._connections.getconn()
        while was_ended(connection):
            connection.close()
            self._connections.putconn(connection)  # a new one is made in its place
            connection = self._connections.getconn()
        return connection


def was_ended(connection: Connection) -> bool:
    """Return whether the server closed an idle connection; it is asked only when it sent something."""
    said = select.poll()
    try:
        said.register(connection.fileno(), select.POLLIN)
        if said.poll(0):
            ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return True
    return False
