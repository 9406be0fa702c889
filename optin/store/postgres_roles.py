"""Roles on PostgreSQL: one owns the tables, a lesser one serves.

The lesser role adds and reads evidence. Of what is there it can change nothing but what an erasure takes
out: it blanks an event and deletes a mail, and the triggers let that pass for a recorded erasure alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from optin.errors import RequestRefused, StoreUnusable

Connection = psycopg.Connection[Any]

WRITTEN_BY_MIGRATIONS = ("_sqlite_migrations", "kind_register")
BLANKED = ("body", "request_id", "mac")  # what an erasure takes out of an event
_MIGRATES = (
    "SELECT current_user, COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE) AND COALESCE("
    "(SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('event')), TRUE)"
)
_MISSING = (
    "SELECT current_user, min(name) FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL"
    " AND NOT (has_table_privilege(to_regclass(name), 'SELECT')"
    " AND has_table_privilege(to_regclass(name), CASE WHEN name = ANY(%s) THEN 'SELECT' ELSE 'INSERT' END))"
)
_ROLE = (
    "SELECT rolsuper, pg_has_role(rolname, (SELECT relowner FROM pg_class WHERE oid = to_regclass('event')),"
    " 'MEMBER'), has_schema_privilege(rolname, current_schema(), 'CREATE'), current_schema(),"
    " current_database() FROM pg_roles WHERE rolname = %s"
)


def refuse_lesser_role(connection: Connection, due: Sequence[str]) -> None:
    """Raise StoreUnusable when this connection's role may not apply the pending migrations."""
    row = connection.execute(_MIGRATES).fetchone()
    if row is not None and not row[1]:
        msg = (
            f"The database lacks {len(due)} migrations ({due[0]} is the first), and the role"
            f" {row[0]} may not make them. Stop the server, and run: optin migrate --grant {row[0]}, with"
            " OPTIN_STORE naming the role that owns the tables. Nothing was changed."
        )
        raise StoreUnusable(msg)


def refuse_missing_rights(connection: Connection, tables: Sequence[str]) -> None:
    """Raise StoreUnusable when this connection's role may not read and add to every table."""
    row = connection.execute(_MISSING, [list(tables), list(WRITTEN_BY_MIGRATIONS)]).fetchone()
    if row is not None and row[1] is not None:
        msg = (
            f"The role {row[0]} may not use the table {row[1]}; run: optin migrate --grant {row[0]}, with"
            " OPTIN_STORE naming the role that owns the tables. Nothing was changed."
        )
        raise StoreUnusable(msg)


def not_allowed(problem: psycopg.Error) -> StoreUnusable:
    """Return the error for a denied statement; it names a table, never a row."""
    what = problem.diag.message_primary or "permission denied"
    return StoreUnusable(
        f"PostgreSQL does not let the role of OPTIN_STORE do this ({what}). Use the role that owns the"
        " tables, or run: optin migrate --grant ROLE. Nothing was changed."
    )


def grant(connection: Connection, role: str, tables: Sequence[str], append_only: Sequence[str]) -> None:
    """Grant `role` what a server needs, and no more. Raises RequestRefused for a role that keeps more."""
    schema, database = refuse_unbound_role(connection, role)
    for statement in _grants(tables, append_only):
        connection.execute(
            sql.SQL(statement).format(
                role=sql.Identifier(role), schema=sql.Identifier(schema), database=sql.Identifier(database)
            )
        )


def refuse_unbound_role(connection: Connection, role: str) -> tuple[str, str]:
    """Return the names of the schema and the database. Raises RequestRefused for a role that keeps more."""
    row = connection.execute(_ROLE, [role]).fetchone()
    if row is None:
        msg = f"There is no role {role}; make it first: CREATE ROLE {role} LOGIN PASSWORD '…'."
        raise RequestRefused(msg)
    is_super, is_owner, may_create, schema, database = row
    if is_super or is_owner:
        msg = f"The role {role} owns the tables or is a superuser: no grant binds it. Name another role."
        raise RequestRefused(msg)
    if may_create:
        msg = (
            f"The role {role} may create objects in the schema {schema}, as everybody may in a database of"
            f" PostgreSQL 14 or older. Let its owner run:"
            f" REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role};"
        )
        raise RequestRefused(msg)
    return schema, database


def _grants(tables: Sequence[str], append_only: Sequence[str]) -> list[str]:
    """Return the statements in order: earlier grants are revoked first."""
    evidence = [name for name in tables if name in append_only]
    others = [name for name in tables if name not in (*append_only, *WRITTEN_BY_MIGRATIONS)]
    return [
        f"REVOKE ALL ON {', '.join(tables)} FROM {{role}}",
        "GRANT TEMPORARY ON DATABASE {database} TO {role}",  # to compare the schema by
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT ON {', '.join(WRITTEN_BY_MIGRATIONS)} TO {{role}}",
        f"GRANT SELECT, INSERT ON {', '.join(evidence)} TO {{role}}",
        f"GRANT UPDATE ({', '.join(BLANKED)}) ON event TO {{role}}",
        "GRANT DELETE ON mail TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(others)} TO {{role}}",
    ]
