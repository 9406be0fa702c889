"""Check before each commit that no trigger or rule swallowed what a transaction wrote.

Whoever wrote to a table holds a lock on it until the commit, and a trigger, rule or policy cannot come to or
go from that table meanwhile. So whatever could have swallowed a row is in the catalogue when the last row
was written, and one look there before the commit finds it.
"""

from __future__ import annotations

from typing import Any

import psycopg

from optin.errors import WriteLost
from optin.store.migration_sets import Schema
from optin.store.postgres_schema import schema_findings, stamp

Connection = psycopg.Connection[Any]


class SchemaMoved(Exception):
    """The schema was changed during a transaction, and is sound: the transaction must run again."""


class PostgresGuard:
    """Remembers the state of the catalogue that was compared and accepted."""

    def __init__(self, schema: Schema) -> None:
        """Begin without a comparison."""
        self._schema = schema
        self._stamp = ""

    def approve(self, connection: Connection, *, own_change: bool) -> None:
        """Check that `connection`'s writes are kept. Raises WriteLost or SchemaMoved; then do not commit.

        `own_change`: the transaction itself changed the schema, as a restore does.
        """
        now = stamp(connection, self._schema)
        if now == self._stamp:
            return
        if findings := schema_findings(connection, self._schema):
            self._stamp = ""
            raise WriteLost(findings)
        if not own_change:
            self._stamp = now
            raise SchemaMoved

    def trust(self, connection: Connection) -> None:
        """Accept the schema that was just compared on `connection`."""
        self._stamp = stamp(connection, self._schema)

    def doubt(self) -> None:
        """Make the next transaction compare everything again."""
        self._stamp = ""
