"""Differences between PostgreSQL servers, and poolers in front of them."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from optin.errors import StoreUnusable

OLDEST_VERSION = 13
CONNECT_SECONDS = 10
# Where a network is cut or a machine vanishes, nobody says so: without limits of its own the system waits a
# quarter of an hour for what it sent, and two hours on an idle connection.
SILENCE = {"tcp_user_timeout": 6_000, "keepalives_idle": 3, "keepalives_interval": 1, "keepalives_count": 3}
READ_ONLY = "25006"
CONNECTION_ENDED = frozenset({"25P03", "25P04"})  # by a time limit of the server's


def connection_info(url: str, seconds: int) -> str:
    """Return the connection parameters of `url`, by default with time limits. Raises psycopg.Error.

    `seconds`: to connect. A connection on which nothing comes back is given up in a few seconds.
    """
    limits = {"connect_timeout": seconds, **SILENCE}
    own = conninfo_to_dict(url)
    return make_conninfo(url, **{name: value for name, value in limits.items() if name not in own})


def refuse_old_server(version: int) -> None:
    """Raise StoreUnusable for a server that is too old; `version` as in server_version_num: 130023."""
    major = version // 10_000
    if major < OLDEST_VERSION:
        msg = (
            f"PostgreSQL {major} is too old: optin needs {OLDEST_VERSION} or newer. Upgrade the server, or"
            " name another one in OPTIN_STORE. Nothing was changed."
        )
        raise StoreUnusable(msg)


def refuse_read_only(connection: psycopg.Connection[Any]) -> None:
    """Raise StoreUnusable while the server accepts no writes."""
    row = connection.execute("SELECT current_setting('transaction_read_only')").fetchone()
    if row is not None and row[0] == "on":
        msg = (
            "PostgreSQL accepts no changes now: it is read-only, like a standby before its failover is"
            " complete. Try again, or name another server in OPTIN_STORE. Nothing was changed."
        )
        raise StoreUnusable(msg)


def server_version(connection: psycopg.Connection[Any]) -> int:
    """Return the server's own version, whatever a pooler in between reports."""
    row = connection.execute("SHOW server_version_num").fetchone()
    return 0 if row is None else int(row[0])


def adapt_to_pooler(connection: psycopg.Connection[Any]) -> None:
    """Prepare no statements when a pooler is in between, such as pgbouncer.

    In its transaction mode each transaction may run on another server connection, which knows nothing of
    statements that were prepared before. A pooler gives itself away by the process number: it greets
    before it knows which server process will answer, so it has to make one up.
    """
    if is_pooled(connection):
        connection.prepare_threshold = None


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Return whether another process answers than the one that accepted the connection."""
    before = connection.autocommit
    connection.autocommit = True  # leaves no transaction open
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.autocommit = before
    return row is None or row[0] != connection.info.backend_pid


def is_temporary(problem: psycopg.Error) -> bool:
    """Return whether an error is temporary: the server can usually do it.

    Besides what the driver calls operational (connection lost, shutting down, starting up, too many
    connections, disk full): it is read-only, as a standby is until a failover is through, or it ended the
    connection by a time limit.
    """
    if isinstance(problem, psycopg.OperationalError | psycopg.InterfaceError):
        return True
    return problem.sqlstate == READ_ONLY or problem.sqlstate in CONNECTION_ENDED
