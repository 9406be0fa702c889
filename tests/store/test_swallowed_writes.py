"""A trigger, rule or policy that comes while the program runs swallows nothing that is called done."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.status_transitions import RequestId
from optin.errors import OptinError, StoreUnusable, WriteLost
from optin.flows.delivery.mail_order import Verdict
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.store.database_interface import Tx
from tests.stranger import is_sqlite, own_connection, past_optin
from tests.world import CALL, TIPS, World, open_world

SWALLOW = "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
TABLES = ("request", "event", "outbox", "subject", "consent", "suppression", "mail", "erasure", "replay")


@pytest.fixture
def busy(store_url: str, tmp_path: Path) -> Iterator[World]:
    """Open a world in which alice consented, bob never answered, and everybody may be swallowed."""
    world = open_world(store_url, tmp_path)
    world.join("alice@example.com", TIPS, CALL, phone="+31201234567")
    world.sign_up("bob@example.com", TIPS)
    world.send()
    world.sign_up("dora@example.com", TIPS)
    yield world
    world.check_evidence()
    world.store.close()


def swallow(world: World, table: str, what: str) -> tuple[str, ...]:
    """Let every change of a table come to nothing; return how to undo it."""
    if is_sqlite(world.store):
        past_optin(
            world.store, f"CREATE TRIGGER aa_swallow BEFORE {what} ON {table} BEGIN SELECT RAISE(IGNORE); END"
        )
        return ("DROP TRIGGER aa_swallow",)
    past_optin(
        world.store,
        SWALLOW,
        f"CREATE TRIGGER aa_swallow BEFORE {what} ON {table} FOR EACH ROW EXECUTE FUNCTION swallow()",
    )
    return (f"DROP TRIGGER aa_swallow ON {table}", "DROP FUNCTION swallow()")


def found_request(world: World, sql: str) -> RequestId:
    row = world.store.read(lambda tx: tx.one(sql))
    assert row is not None
    return RequestId(bytes(row[0]))


def sign_up(world: World) -> None:
    world.sign_up("carol@example.com", TIPS)


def confirm(world: World) -> None:
    world.confirm(
        found_request(world, "SELECT id FROM request WHERE confirmed_at IS NULL ORDER BY created_at LIMIT 1")
    )


def withdraw(world: World) -> None:
    world.withdraw(found_request(world, "SELECT request_id FROM consent LIMIT 1"))


def erase(world: World) -> None:
    alice = world.vault.index(parse_email("alice@example.com"))
    world.do(erase_person, context=world.context, email_index=alice, reason=BY_PERSON, now=world.now)


def courier(world: World) -> None:
    for order in world.claim():
        world.settle(order, Verdict.SENT)


ACTS: dict[str, tuple[Callable[[World], None], tuple[tuple[str, str], ...]]] = {
    "a sign-up": (sign_up, (("request", "INSERT"), ("event", "INSERT"), ("outbox", "INSERT"))),
    "a confirmation": (
        confirm,
        (
            ("request", "UPDATE"), ("event", "INSERT"), ("subject", "INSERT"), ("consent", "INSERT"),
            ("outbox", "INSERT"),
        ),
    ),
    "a withdrawal": (
        withdraw,
        (("event", "INSERT"), ("consent", "UPDATE"), ("suppression", "INSERT"), ("replay", "INSERT")),
    ),
    "an erasure": (
        erase,
        (
            ("erasure", "INSERT"), ("event", "UPDATE"), ("mail", "DELETE"), ("request", "DELETE"),
            ("subject", "DELETE"), ("replay", "INSERT"),
        ),
    ),
    "a mail": (courier, (("outbox", "UPDATE"), ("mail", "INSERT"), ("event", "INSERT"))),
}  # fmt: skip


def counted(world: World) -> dict[str, int]:
    return {table: world.count(table) for table in TABLES}


@pytest.mark.parametrize("act", ACTS)
def test_a_swallowed_write_is_an_error_and_leaves_nothing_behind(busy: World, act: str) -> None:
    """D1, P3, S6: nobody is told that it is done, whichever write it is; without triggers, the same works."""
    perform, writes = ACTS[act]
    before = counted(busy)
    for table, what in writes:
        undo = swallow(busy, table, what)
        with pytest.raises(WriteLost, match=f"trigger aa_swallow on {table} is not optin's") as caught:
            perform(busy)
        assert "@" not in caught.value.log_line
        assert counted(busy) == before, (table, what)
        past_optin(busy.store, *undo)
        busy.wait(timedelta(seconds=1))
    perform(busy)
    assert counted(busy) != before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE RULE nowhere AS ON INSERT TO suppression DO INSTEAD NOTHING",
        "CREATE RULE nowhere AS ON UPDATE TO consent DO INSTEAD NOTHING",
        "CREATE RULE more AS ON INSERT TO suppression DO ALSO DELETE FROM suppression",
        "ALTER TABLE event DISABLE TRIGGER event_queue",
        SWALLOW.replace("FUNCTION swallow", "OR REPLACE FUNCTION event_queue"),
        "ALTER TABLE consent RENAME TO old; CREATE TABLE consent (LIKE old INCLUDING ALL)",
        "CREATE POLICY shut ON consent USING (false)",
    ],
)
def test_on_postgres_a_rule_or_another_function_or_table_is_noticed_too(
    postgres_url: str, tmp_path: Path, statement: str
) -> None:
    """D1, P3: whatever way the catalogue knows to make nothing of a write."""
    world = open_world(postgres_url, tmp_path)
    alice = world.join("alice@example.com", TIPS)
    past_optin(world.store, *statement.split("; CREATE TABLE", 1)[:1])
    if "; CREATE TABLE" in statement:
        past_optin(world.store, "CREATE TABLE" + statement.split("; CREATE TABLE", 1)[1])
    with pytest.raises(WriteLost):
        world.withdraw(alice)
    world.store.close()


def test_a_trigger_that_comes_between_two_writes_of_a_transaction_is_noticed(
    postgres_url: str, tmp_path: Path
) -> None:
    """D1, P3: it is looked for before the commit, when the tables are locked against others like it."""
    world = open_world(postgres_url, tmp_path)
    world.join("alice@example.com", TIPS)

    def act(tx: Tx) -> None:
        tx.run("UPDATE outbox SET next_at = next_at + 1")
        swallow(world, "consent", "UPDATE")
        tx.run("UPDATE consent SET since = since + 1")

    with pytest.raises(WriteLost, match="aa_swallow on consent"):
        world.do(act)
    world.store.close()


def test_a_table_that_was_written_to_takes_no_trigger_before_the_commit(
    postgres_url: str, tmp_path: Path
) -> None:
    """D1, P3: this lock is why one look is enough."""
    world = open_world(postgres_url, tmp_path)
    world.join("alice@example.com", TIPS)
    seen: list[str] = []

    def act(tx: Tx) -> None:
        tx.run("UPDATE consent SET since = since + 1")
        with own_connection(world.store) as stranger:
            stranger.execute("SET lock_timeout = '200ms'")
            try:
                stranger.execute("ALTER TABLE consent ENABLE ROW LEVEL SECURITY")
            except Exception as problem:  # noqa: BLE001 - which it is, is looked at below
                seen.append(type(problem).__name__)

    world.do(act)
    assert seen == ["LockNotAvailable"]
    world.store.close()


def test_a_function_that_was_put_back_makes_the_transaction_run_again(
    postgres_url: str, tmp_path: Path
) -> None:
    """D1: functions are not locked; so any change of one while a transaction ran makes it run anew."""
    world = open_world(postgres_url, tmp_path)
    turns: list[int] = []
    found = "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'event_queue'"
    (text,) = world.store.read(lambda tx: tx.one(found)) or ("",)

    def act(tx: Tx) -> None:
        turns.append(1)
        tx.run("INSERT INTO tally(monday, form, kind, count) VALUES ('', '', 'x', 1)")
        if len(turns) == 1:
            past_optin(world.store, str(text))

    world.do(act)
    assert len(turns) == 2
    assert world.count("tally") == 1
    world.store.close()


def test_a_harmless_change_elsewhere_stops_nobody(store_url: str, tmp_path: Path) -> None:
    """S6: others may have tables of their own in the same database, with triggers of their own."""
    world = open_world(store_url, tmp_path)
    past_optin(world.store, "CREATE TABLE theirs (x INTEGER)")
    if not is_sqlite(world.store):
        past_optin(
            world.store,
            SWALLOW,
            "CREATE TRIGGER own BEFORE INSERT ON theirs FOR EACH ROW EXECUTE FUNCTION swallow()",
        )
    world.join("alice@example.com", TIPS)
    world.check_evidence()
    world.store.close()


def test_a_schema_whose_count_was_set_back_changes_nothing_for_who_has_it_open(tmp_path: Path) -> None:
    """P3: SQLite goes on with the schema that was compared; the next start finds the trigger."""
    world = open_world(f"sqlite:///{tmp_path}/optin.db", tmp_path)
    alice = world.join("alice@example.com", TIPS)
    with closing(sqlite3.connect(tmp_path / "optin.db", isolation_level=None)) as file:
        (count,) = file.execute("PRAGMA schema_version").fetchone()
        file.execute("CREATE TRIGGER aa BEFORE INSERT ON suppression BEGIN SELECT RAISE(IGNORE); END")
        file.execute(f"PRAGMA schema_version = {count}")
    world.withdraw(alice)
    assert world.count("suppression") == 1
    assert world.store.schema_findings() == ["trigger aa on suppression is not optin's"]
    world.store.close()
    with pytest.raises(StoreUnusable, match="trigger aa on suppression"):
        open_world(f"sqlite:///{tmp_path}/optin.db", tmp_path, world.vault)


def test_a_file_that_was_taken_away_takes_no_more_writes(tmp_path: Path) -> None:
    """D1: SQLite would go on writing into a file that has no name any more."""
    world = open_world(f"sqlite:///{tmp_path}/optin.db", tmp_path)
    world.join("alice@example.com", TIPS)
    (tmp_path / "optin.db").rename(tmp_path / "moved.db")
    with pytest.raises(WriteLost, match=r"the file optin\.db was replaced or removed"):
        world.sign_up("bob@example.com", TIPS)
    (tmp_path / "moved.db").rename(tmp_path / "optin.db")
    world.sign_up("bob@example.com", TIPS)
    world.store.close()


def test_what_cannot_be_read_says_why(store_url: str, tmp_path: Path) -> None:
    """S5: a table that is gone is no crash."""
    world = open_world(store_url, tmp_path)
    past_optin(world.store, "ALTER TABLE tally RENAME TO old")
    with pytest.raises(OptinError, match="table tally is missing"):
        world.count("tally")
    world.store.close()
