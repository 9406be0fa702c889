"""The schema is compared by its full text: at every start, and again while the program runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlite_utils import Database, Migrations

from optin.errors import StoreUnusable
from optin.keys import KeyRing
from optin.services.open_store import StoreUse
from optin.store.database_interface import Store
from optin.store.encryption import Vault
from optin.store.migration_sets import Schema
from optin.store.migrations import MIGRATIONS
from optin.store.postgres_schema import RECORD, all_tables
from optin.store.schema_differences import differences
from tests.postgres import database
from tests.stores import SCHEMA, open_store
from tests.stranger import past_optin

EMPTY = "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
GUARD = "CREATE OR REPLACE FUNCTION event_guard() RETURNS trigger LANGUAGE plpgsql"
ON_SQLITE = {
    "a trigger that swallows": (
        "trigger swallow on consent is not optin's",
        "CREATE TRIGGER swallow BEFORE UPDATE ON consent BEGIN SELECT RAISE(IGNORE); END",
    ),
    "an emptied trigger of the same name": (
        "trigger event_no_update on event is not as optin made it",
        "DROP TRIGGER event_no_update",
        "CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT 1; END",
    ),
    "a trigger that is gone": ("trigger event_queue on event is missing", "DROP TRIGGER event_queue"),
    "a trigger that undoes": (
        "trigger undo on suppression is not optin's",
        "CREATE TRIGGER undo AFTER INSERT ON suppression BEGIN DELETE FROM suppression; END",
    ),
    "a column": ("table consent is not as optin made it", "ALTER TABLE consent ADD COLUMN note TEXT"),
    "a unique index": ("index once on request is not optin's", "CREATE UNIQUE INDEX once ON request(form)"),
    "an index by an expression": (
        "index other on request is not optin's",
        "CREATE INDEX other ON request(lower(form) COLLATE NOCASE)",
    ),
    "an index that is gone": ("index request_open on request is missing", "DROP INDEX request_open"),
    "a view": ("view seen is not optin's", "CREATE VIEW seen AS SELECT * FROM event"),
    "a view in place of a table": (
        "view tally is not optin's",
        "ALTER TABLE tally RENAME TO old_tally",
        "CREATE VIEW tally AS SELECT * FROM old_tally",
    ),
    "a virtual table": ("table words is not optin's", "CREATE VIRTUAL TABLE words USING fts5(x)"),
    "a table that holds ours": (
        "table holder is not optin's",
        "CREATE TABLE holder (id BLOB REFERENCES request(id))",
    ),
    "a text that was edited in place": (
        "table erasure is not as optin made it",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = replace(sql, 'reason TEXT NOT NULL', 'reason TEXT')"
        " WHERE name = 'erasure'",
    ),
    "a second way to the same rows": (
        "second name way for the same rows is not optin's",
        "PRAGMA writable_schema = ON",
        "INSERT INTO sqlite_master SELECT 'table', 'way', 'way', rootpage,"
        " 'CREATE TABLE way (id INTEGER PRIMARY KEY, request_id, body, leaf, mac)'"
        " FROM sqlite_master WHERE name = 'event'",
    ),
}
ON_POSTGRES = {
    "a trigger that swallows": (
        "trigger swallow on consent is not optin's",
        EMPTY,
        "CREATE TRIGGER swallow BEFORE UPDATE ON consent FOR EACH ROW EXECUTE FUNCTION nothing()",
    ),
    "an emptied function of the same name": (
        "function event_guard is not as optin made it",
        f"{GUARD} AS $$ BEGIN RETURN COALESCE(NEW, OLD); END $$",
    ),
    "a function with other rights": (
        "function event_guard is not as optin made it", "ALTER FUNCTION event_guard() SECURITY DEFINER",
    ),
    "a function with another path": (
        "function event_guard is not as optin made it", "ALTER FUNCTION event_guard() SET search_path = evil",
    ),
    "a function of the same name elsewhere": (
        "trigger event_no_update on event is not as optin made it",
        "CREATE SCHEMA evil",
        "CREATE FUNCTION evil.event_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "DROP TRIGGER event_no_update ON event",
        "CREATE TRIGGER event_no_update BEFORE UPDATE ON event"
        " FOR EACH ROW EXECUTE FUNCTION evil.event_guard()",
    ),
    "a disabled trigger": (
        "trigger event_queue on event is not as optin made it",
        "ALTER TABLE event DISABLE TRIGGER event_queue",
    ),
    "a disabled foreign key": (
        "trigger RI_FKey_check_ins of request_form_fkey on request is not as optin made it",
        "ALTER TABLE request DISABLE TRIGGER ALL",
    ),
    "a trigger that is gone": (
        "trigger event_queue on event is missing", "DROP TRIGGER event_queue ON event",
    ),
    "a rule": (
        "rule nowhere on suppression is not optin's",
        "CREATE RULE nowhere AS ON INSERT TO suppression DO INSTEAD NOTHING",
    ),
    "row-level security": (
        "table consent is not as optin made it", "ALTER TABLE consent ENABLE ROW LEVEL SECURITY",
    ),
    "a policy": ("policy shut on consent is not optin's", "CREATE POLICY shut ON consent USING (false)"),
    "a column": ("column consent.note is not optin's", "ALTER TABLE consent ADD COLUMN note TEXT"),
    "another type": (
        "column erasure.reason is not as optin made it", "ALTER TABLE erasure ALTER reason TYPE varchar(3)",
    ),
    "a default": (
        "column consent.status is not as optin made it",
        "ALTER TABLE consent ALTER status SET DEFAULT 'given'",
    ),
    "a generated column": (
        "column consent.more is not optin's",
        "ALTER TABLE consent ADD COLUMN more BIGINT GENERATED ALWAYS AS (since + 1) STORED",
    ),
    "a column that may be empty": (
        "column erasure.reason is not as optin made it", "ALTER TABLE erasure ALTER reason DROP NOT NULL",
    ),
    "a constraint that is gone": (
        "constraint outbox_state_check on outbox is missing",
        "ALTER TABLE outbox DROP CONSTRAINT outbox_state_check",
    ),
    "a table that holds ours": (
        "constraint holder_id_fkey on holder is not optin's",
        "CREATE TABLE holder (id BYTEA REFERENCES request(id))",
    ),
    "a unique index": ("index once on request is not optin's", "CREATE UNIQUE INDEX once ON request(form)"),
    "a child that adds rows": (
        "inheritance of child from event is not optin's", "CREATE TABLE child () INHERITS (event)",
    ),
    "a table that a crash empties": (
        "table outbox is not as optin made it", "ALTER TABLE outbox SET UNLOGGED",
    ),
    "numbers that go down": (
        "sequence event_id_seq is not as optin made it", "ALTER SEQUENCE event_id_seq INCREMENT -1",
    ),
    "a table of the same name that comes first": (
        "schemas: of tables with optin's names one is not optin's",
        "CREATE SCHEMA evil",
        "CREATE TABLE evil.consent (LIKE consent)",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = evil, public', current_database());"
        " END $$",
    ),
    "operators that come first": (
        "search_path: a schema that comes before pg_catalog is not optin's",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog',"
        " current_database()); END $$",
    ),
}  # fmt: skip


def opened(url: str, root: Path, vault: Vault | None = None) -> Store:
    return open_store(url, root, vault or Vault(KeyRing.fresh("dev")))


@pytest.mark.parametrize("what", ON_SQLITE)
def test_what_is_not_ours_on_sqlite_is_refused_by_name_and_told(what: str, tmp_path: Path) -> None:
    """P3, P4: a schema that was changed past optin is not opened; an inspecting store says all of it."""
    finding, *statements = ON_SQLITE[what]
    refused(f"sqlite:///{tmp_path}/optin.db", tmp_path, finding, statements)


@pytest.mark.parametrize("what", ON_POSTGRES)
@pytest.mark.parametrize("server", ["postgres", "older_postgres"])  # past a pooler, which keeps old settings
def test_what_is_not_ours_on_postgres_is_refused_by_name_and_told(
    what: str, server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """P3, P4: likewise, whatever the server's version prints."""
    finding, *statements = ON_POSTGRES[what]
    with database(request.getfixturevalue(server)) as url:
        refused(url, tmp_path, finding, statements)


def refused(url: str, root: Path, finding: str, statements: list[str]) -> None:
    vault = Vault(KeyRing.fresh("dev"))
    store = opened(url, root, vault)
    assert store.schema_findings() == []
    past_optin(store, *statements)
    store.close()
    with pytest.raises(StoreUnusable, match="is not optin's") as caught:
        open_store(url, root, vault)
    assert "optin audit" in str(caught.value)
    store = open_store(url, root, vault, use=StoreUse.INSPECTION)
    assert finding in store.schema_findings()
    store.close()


@pytest.mark.parametrize(
    "statements",
    [
        (
            "CREATE TABLE theirs (id INTEGER PRIMARY KEY, words TEXT UNIQUE)",
            "CREATE INDEX of_theirs ON theirs(words)",
        ),
        ("ANALYZE",),
    ],
)
def test_plain_tables_of_others_and_statistics_are_left_alone(
    statements: tuple[str, ...], store_url: str, tmp_path: Path
) -> None:
    """S6: nothing of ours goes through them, so they are nobody's business."""
    vault = Vault(KeyRing.fresh("dev"))
    store = opened(store_url, tmp_path, vault)
    past_optin(store, *statements)
    store.close()
    opened(store_url, tmp_path, vault).close()


def test_a_store_of_every_earlier_version_opens(empty_url: str, tmp_path: Path) -> None:
    """O1: it is compared with what its own migrations make, then brought up to date, then compared again."""
    vault = Vault(KeyRing.fresh("dev"))
    for count in range(3, len(MIGRATIONS) + 1):
        open_store(empty_url, tmp_path, vault, schema=Schema(own=MIGRATIONS[:count])).close()
    for count in range(1, max(len(part.migrations) for _, part in SCHEMA.kinds)):
        kinds = tuple(
            (kind, replace(part, migrations=part.migrations[:count])) for kind, part in SCHEMA.kinds
        )
        open_store(empty_url, tmp_path, vault, schema=Schema(kinds)).close()
    store = opened(empty_url, tmp_path, vault)
    assert store.schema_findings() == []
    store.close()


def test_an_old_store_that_was_changed_is_refused_before_it_is_migrated(tmp_path: Path) -> None:
    """P3, S6: migrations do not run among foreign triggers."""
    vault, url = Vault(KeyRing.fresh("dev")), f"sqlite:///{tmp_path}/optin.db"
    store = opened(url, tmp_path, vault)
    past_optin(
        store,
        "DELETE FROM _sqlite_migrations WHERE name = 'm010_promises'",
        "DROP TABLE promise",
        "DROP TABLE served_details",
        "CREATE TRIGGER swallow BEFORE INSERT ON event BEGIN SELECT RAISE(IGNORE); END",
    )
    store.close()
    with pytest.raises(StoreUnusable, match="trigger swallow on event"):
        opened(url, tmp_path, vault)
    with closing(sqlite3.connect(tmp_path / "optin.db")) as file:
        assert not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'promise'").fetchall()


def test_migrations_of_another_set_are_not_ours(empty_url: str, tmp_path: Path) -> None:
    """O1: what another program's set has done, under the same name and in the same table, skips nothing."""
    vault, name = Vault(KeyRing.fresh("dev")), MIGRATIONS[0].name
    if empty_url.startswith("sqlite"):
        others = Migrations("another")
        others(name=name)(lambda _: None)
        with closing(sqlite3.connect(tmp_path / "optin.db", isolation_level=None)) as file:
            others.apply(Database(file))
    else:
        with psycopg.connect(empty_url) as connection:
            connection.execute(RECORD.encode())
            connection.execute(
                "INSERT INTO _sqlite_migrations(migration_set, name) VALUES ('another', %s)", [name]
            )
    for _ in range(2):
        store = opened(empty_url, tmp_path, vault)
        assert store.schema_findings() == []
        store.close()


def test_a_store_of_a_newer_version_is_refused(store_url: str, tmp_path: Path) -> None:
    """O1: with the cure; an older program would not know what it must not leave out."""
    vault = Vault(KeyRing.fresh("dev"))
    store = opened(store_url, tmp_path, vault)
    past_optin(
        store,
        "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES ('optin', 'm999_more', '')",
    )
    store.close()
    with pytest.raises(StoreUnusable, match=r"newer optin \(m999_more\)"):
        opened(store_url, tmp_path, vault)


def test_the_comparison_says_foreign_altered_and_missing() -> None:
    """P3: in this order, each in a sentence."""
    found = differences({"table a": "x", "table b": "x"}, {"table b": "y", "table c": "x"})
    assert found == ["table c is not optin's", "table b is not as optin made it", "table a is missing"]


def test_the_comparison_leaves_nothing_behind(postgres_url: str, tmp_path: Path) -> None:
    """S6: what is made to compare by is forgotten in the same transaction."""
    store = opened(postgres_url, tmp_path)
    store.schema_findings()
    store.close()
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("SELECT relname FROM pg_class WHERE relpersistence = 't'").fetchall()
        ours = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relname = ANY(%s)", [all_tables(SCHEMA)]
        ).fetchone()
    assert rows == []
    assert ours == (len(all_tables(SCHEMA)),)
