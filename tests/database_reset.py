"""Empty a PostgreSQL database that a test has used, for the next test.

To make a database and to delete it again costs fifty times as much as to delete the rows of a test.
A database whose schema, settings or rights were changed is not emptied: it is deleted.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

COUNTS_AT_ONCE = 150_000  # the first version whose counters hold what an ended connection did
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
# Rows of the system catalogs that were written in this database. ANALYZE, which PostgreSQL does by itself,
# writes pg_statistic only.
CATALOG_WRITES = """
SELECT COALESCE(SUM(n_tup_ins + n_tup_upd + n_tup_del), 0)
FROM pg_stat_sys_tables AS counted JOIN pg_class ON pg_class.oid = counted.relid
WHERE schemaname = 'pg_catalog' AND NOT relisshared AND counted.relname <> 'pg_statistic'
"""
SETTINGS = """
SELECT pg_database.xmin::text,
  (SELECT COUNT(*) FROM pg_db_role_setting WHERE setdatabase = pg_database.oid)
FROM pg_database WHERE datname = current_database()
"""
END_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class NewStore:
    """What stands in a store in which nobody has written."""

    tables: tuple[str, ...]
    rows: dict[str, bytes]  # of the tables that are not empty
    sequences: tuple[tuple[str, int | None], ...]


def read_new_store(url: str) -> NewStore:
    """Read what a new store holds."""
    with psycopg.connect(url) as connection:
        tables = tuple(str(row[0]) for row in connection.execute(TABLES))
        rows = {table: _rows(connection, table) for table in tables}
        sequences = tuple((str(name), last) for name, last in connection.execute(SEQUENCES))
    return NewStore(tables, {table: told for table, told in rows.items() if told}, sequences)


def read_settings(url: str) -> tuple[object, ...]:
    """Return what changes with the owner, the rights and the settings of a database."""
    with psycopg.connect(url) as connection:
        return connection.execute(SETTINGS).fetchone() or ()


def reset(url: str, new: NewStore, settings: tuple[object, ...]) -> bool:
    """Make the database at `url` a new store again; return False when it can only be deleted."""
    with psycopg.connect(url) as connection:
        connection.execute(END_OTHERS)
        if connection.info.server_version < COUNTS_AT_ONCE:
            return False
        if connection.execute(SETTINGS).fetchone() != settings:
            return False
        if connection.execute(CATALOG_WRITES).fetchone() != (0,):
            return False
        connection.execute(
            "SET LOCAL session_replication_role = replica"
        )  # no triggers: some refuse to delete
        delete = sql.SQL("DELETE FROM {}")
        connection.execute(sql.SQL("; ").join(delete.format(sql.Identifier(it)) for it in new.tables))
        for table, rows in new.rows.items():
            with connection.cursor().copy(
                sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
            ) as copy:
                copy.write(rows)
        for name, last in new.sequences:
            connection.execute("SELECT setval(%s, %s, %s)", (name, last or 1, last is not None))
    return True


def _rows(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(copy)
