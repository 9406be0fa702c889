"""Open single connections to inspect the server, its schema and its roles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from optin.errors import StoreUnusable
from optin.server_addresses import CURE_POSTGRES, WANTED_POSTGRES
from optin.store.migration_plan import MigrationPlan, plan_migrations
from optin.store.migration_sets import Schema, names_of
from optin.store.migrations import POSTGRES
from optin.store.postgres_roles import grant, not_allowed, refuse_unbound_role
from optin.store.postgres_schema import all_tables, complete, records_in
from optin.store.postgres_server_differences import (
    CONNECT_SECONDS,
    connection_info,
    is_pooled,
    refuse_old_server,
    refuse_read_only,
    server_version,
)

_ESTIMATE = "SELECT CAST(reltuples AS BIGINT) FROM pg_class WHERE oid = to_regclass(%s)"
FIRST_SECONDS = 3  # of the first connection: somebody waits at a terminal, and no request yet


def info_of(url: str, seconds: int = CONNECT_SECONDS) -> str:
    """Return the connection parameters of `url`. Raises StoreUnusable, without text of the address.

    `seconds`: how long a server may take to answer, where its address does not say it.
    """
    try:
        return connection_info(url, seconds)
    except psycopg.Error:  # it quotes pieces of the address, and one may be of a password
        msg = f"{WANTED_POSTGRES} {CURE_POSTGRES}"
        raise StoreUnusable(msg) from None


def is_pooled_at(url: str) -> bool:
    """Return whether a pooler is between us and the server. Raises StoreUnusable."""
    try:
        with psycopg.connect(info_of(url, FIRST_SECONDS), prepare_threshold=None, autocommit=True) as it:
            return is_pooled(it)
    except psycopg.Error:
        msg = "PostgreSQL cannot be reached."
        raise StoreUnusable(msg) from None


@contextmanager
def opened(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Connect for one transaction. Raises StoreUnusable when the server or the role cannot run it."""
    try:
        with psycopg.connect(info_of(url, FIRST_SECONDS), prepare_threshold=None) as connection:
            refuse_old_server(server_version(connection))
            refuse_read_only(connection)
            yield connection
    except psycopg.errors.InsufficientPrivilege as problem:
        raise not_allowed(problem) from None
    except psycopg.errors.ConnectionTimeout:
        msg = (
            "The PostgreSQL server in OPTIN_STORE does not answer. Check its host and port, and whether a"
            " firewall lets this machine through. A server that is far away gets more time by"
            " ?connect_timeout=20 at the end of its address. Nothing was changed."
        )
        raise StoreUnusable(msg) from None
    except psycopg.Error as problem:
        why = str(problem).strip().splitlines()[0] if str(problem).strip() else "no answer"
        msg = f"PostgreSQL cannot be used ({_without_password(why)}); nothing was changed."
        raise StoreUnusable(msg) from None


def due_on(url: str, schema: Schema) -> list[str]:
    """Return the names of a database's pending migrations; change nothing. Raises StoreUnusable."""
    with opened(url) as connection:
        return names_of(schema.due(records_in(connection)))


def plan_on(url: str, schema: Schema) -> MigrationPlan:
    """Return what a database's pending migrations would do; change nothing. Raises StoreUnusable."""
    with opened(url) as connection:

        def count(table: str) -> int:
            row = connection.execute(_ESTIMATE, [table]).fetchone()
            if row is None or row[0] < 0:  # the server has not looked at it yet
                row = connection.execute(f"SELECT COUNT(*) FROM {table}".encode()).fetchone()
            return 0 if row is None else int(row[0])

        return plan_migrations(schema, records_in(connection), POSTGRES, count)


def grant_on(url: str, role: str, schema: Schema) -> None:
    """Grant `role` what a server needs, and no more. Raises RequestRefused or StoreUnusable."""
    with opened(url) as connection:
        whole = complete(connection, schema)[0]
        grant(connection, role, all_tables(whole), whole.append_only)


def refuse_role_on(url: str, role: str) -> None:
    """Raise RequestRefused for a role that no grant would bind; change nothing. Raises StoreUnusable."""
    with opened(url) as connection:
        refuse_unbound_role(connection, role)


def _without_password(text: str) -> str:
    return re.sub(r"//\S*@", "//…@", text)
