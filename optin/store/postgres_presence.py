"""Which server processes run on a PostgreSQL: each renews a row and holds a lock.

A process that is killed loses its connection, and with it the lock, at once; its row grows old. Both together
tell its death within seconds. A connection that was merely lost is no death; nor is a database that was away.
Behind a pooler no lock outlives a transaction, so only the row counts there, and it is waited for longer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import psycopg

from optin.errors import StoreUnusable
from optin.store.database_interface import Tx
from optin.store.postgres_pool import was_ended
from optin.store.postgres_server_differences import is_pooled
from optin.store.sending_claims import new_incarnation, release_claims

BEAT_SECONDS = 1.0
SILENT_MS = 3_000  # without its lock: dead
SILENT_POOLED_MS = 20_000
RECOVERY_SECONDS = 20.0  # after the database was away; a job tries again within 15 seconds
SERVERS_LOCK = 0x6F7074696E53  # "optinS": shared by servers as they show themselves, alone by a restore
NOW = "(SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT))"  # the server's: one for all


class PostgresPresence:
    """The presence of this process. Only a server (`enter`) shows it."""

    beat_seconds: float | None = BEAT_SECONDS

    def __init__(self, info: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Connect with `info`. `clock` returns seconds."""
        self.incarnation = new_incarnation()
        self._clock = clock
        self._shown_at: float | None = None
        self._recovers_until = -math.inf
        self._info = info
        self._connection: psycopg.Connection[Any] | None = None
        self._pooled = False

    def renew(self, tx: Tx, now: datetime) -> int:
        """Show that this server runs, and take over the work of dead ones. Raises StoreUnusable."""
        self._hold()
        if tx.one(f"SELECT pg_try_advisory_xact_lock_shared({SERVERS_LOCK})") != (True,):
            msg = "A backup is being restored into this database; start the server when that is done."
            raise StoreUnusable(msg)
        tx.run(
            f"INSERT INTO server_process(id, pooled, seen_at) VALUES (:id, :pooled, {NOW})"
            f" ON CONFLICT (id) DO UPDATE SET pooled = excluded.pooled, seen_at = {NOW}",
            id=self.incarnation,
            pooled=int(self._pooled),
        )
        if self._was_kept_away():
            return 0
        return sum(self._bury(tx, dead, now) for dead in self._dead(tx))

    def _was_kept_away(self) -> bool:
        """Return whether this server was prevented from renewing a moment ago: then so were others.

        Each has lost its lock, and its row is old, though it lives and sends mail. So it is given time.
        """
        now = self._clock()
        if self._shown_at is not None and now - self._shown_at > SILENT_MS / 1_000:
            self._recovers_until = now + RECOVERY_SECONDS
        self._shown_at = now
        return now < self._recovers_until

    def leave(self, tx: Tx) -> None:
        """Mark this server as stopping."""
        tx.run("DELETE FROM server_process WHERE id = :id", id=self.incarnation)

    def close(self) -> None:
        """Release the lock."""
        if self._connection is not None:
            self._connection.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Prevent servers from starting until the block ends. Raises StoreUnusable where one runs.

        A server whose database was made anew beneath it shows itself at its next beat.
        """
        with psycopg.connect(self._info, autocommit=True, prepare_threshold=None) as looking:
            if looking.execute("SELECT 1 FROM server_process LIMIT 1").fetchone() is None:
                time.sleep(2 * BEAT_SECONDS)
        with psycopg.connect(self._info, prepare_threshold=None) as connection:
            row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [SERVERS_LOCK]).fetchone()
            if row != (True,) or self._lives_beside(connection):
                msg = (
                    "A server uses this database; stop every server of this site first. One that was killed"
                    " counts as gone after a few seconds. Nothing was changed."
                )
                raise StoreUnusable(msg)
            yield

    def _lives_beside(self, connection: psycopg.Connection[Any]) -> bool:
        """Return whether another server runs."""
        others = f"SELECT id, pooled, {NOW} - seen_at FROM server_process WHERE id <> %s"
        rows = connection.execute(others.encode(), [self.incarnation]).fetchall()

        def is_free(lock: int) -> bool:
            found = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock]).fetchone()
            return found == (True,)

        return any(not _is_dead(bytes(row[0]), row[1], row[2], is_free) for row in rows)

    def _hold(self) -> None:
        """Hold the lock of this incarnation on its own connection; reconnect when it is lost."""
        if self._pooled or (self._connection is not None and not was_ended(self._connection)):
            return
        with suppress(psycopg.Error):
            if self._connection is not None:
                self._connection.close()
        self._connection = psycopg.connect(self._info, autocommit=True, prepare_threshold=None)
        self._pooled = is_pooled(self._connection)
        if self._pooled or not self._locked(self._connection):
            self._connection.close()

    def _locked(self, connection: psycopg.Connection[Any]) -> bool:
        """Take the lock, unless a lost connection of this process still holds it: that counts as well."""
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [lock_of(self.incarnation)]).fetchone()
        return row == (True,)

    def _dead(self, tx: Tx) -> list[bytes]:
        """Return the dead ones among other servers; another process may be checking the same one."""
        rows = tx.all(
            f"SELECT id, pooled, {NOW} - seen_at FROM server_process"
            f" WHERE id <> :own AND {NOW} - seen_at > {SILENT_MS} {tx.skip_locked}",
            own=self.incarnation,
        )

        def is_free(lock: int) -> bool:
            return tx.one("SELECT pg_try_advisory_xact_lock(:lock)", lock=lock) == (True,)

        return [bytes(row[0]) for row in rows if _is_dead(bytes(row[0]), row[1], row[2], is_free)]

    @staticmethod
    def _bury(tx: Tx, dead: bytes, now: datetime) -> int:
        tx.run("DELETE FROM server_process WHERE id = :id", id=dead)
        return release_claims(tx, dead, now)


def lock_of(incarnation: bytes) -> int:
    """Return the number of the lock that an incarnation holds while it runs."""
    return int.from_bytes(incarnation[:8], "big", signed=True)


def _is_dead(incarnation: bytes, pooled: int, silent_ms: int, is_free: Callable[[int], bool]) -> bool:
    if pooled:
        return silent_ms > SILENT_POOLED_MS
    return silent_ms > SILENT_MS and is_free(lock_of(incarnation))
