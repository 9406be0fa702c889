"""What a migration will do is told before it is made, and servers of two versions write side by side."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.errors import StoreUnusable, WriteLost
from optin.services.migration_plan_text import PlanStatus, plan_lines, plan_status
from optin.store import migration_plan
from optin.store.kind_tables import KindTable, TableScope, TablesPart
from optin.store.migration_plan import MigrationPlan, Waits, plan_migrations
from optin.store.migration_sets import OWN, Record, Schema
from optin.store.migrations import MIGRATIONS, POSTGRES, SQLITE, Migration
from optin.store.postgres import PostgresStore
from tests.postgres import new_database
from tests.stores import MIGRATION_NAMES, SCHEMA, connect
from tests.stranger import past_optin
from tests.waiting import wait_until
from tests.web.conftest import site_at
from tests.world import TIPS, World

ON_POSTGRES = pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
HARMLESS = Migration(
    "m990_harmless",
    (
        "CREATE TABLE more (id {blob} NOT NULL PRIMARY KEY REFERENCES request(id) ON DELETE CASCADE){strict}",
        "CREATE INDEX request_by_more ON request(form, id)",
        "CREATE INDEX event_of_more ON event(request_id) WHERE body LIKE '%more%'",
        "ALTER TABLE request ADD COLUMN more {blob}",
        "ALTER TABLE outbox ADD COLUMN more {int} NOT NULL DEFAULT 0",
        "ALTER TABLE subject ADD COLUMN more TEXT NOT NULL DEFAULT 'none'",
    ),
)
HARMFUL = {
    "a unique index": "CREATE UNIQUE INDEX once ON request(form)",
    "a column to fill": "ALTER TABLE installation ADD COLUMN more TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP",
    "a table made anew": "ALTER TABLE outbox DROP COLUMN last_reply",
}
EARLIER = [it.name for it in MIGRATIONS].index("m037_forms_counted")  # a database from before it
DONE: frozenset[Record] = frozenset((OWN, it.name) for it in MIGRATIONS)


def newer(*steps: Migration) -> Schema:
    """Return the schema of a version to come."""
    return replace(SCHEMA, own=(*MIGRATIONS, *steps))


def planned(*statements: str, rows: int = 1_000_000) -> MigrationPlan:
    """Plan one migration of these statements over a database of today."""
    schema = Schema(own=(*MIGRATIONS, Migration("m990_more", statements)))
    return plan_migrations(schema, DONE, POSTGRES, lambda _table: rows)


@pytest.mark.parametrize(
    ("statement", "line", "status"),
    [
        ("CREATE TABLE a (x {int}){strict}", "  new table a", PlanStatus.SERVERS_GO_ON),
        (
            "CREATE INDEX a ON event(id)",
            "  new index a of event: 1,000,000 rows, about 4 seconds, writes of the table wait",
            PlanStatus.SERVERS_GO_ON,
        ),
        (
            "CREATE UNIQUE INDEX a ON event(id)",
            "  new index a of event: 1,000,000 rows, about 4 seconds, writes of the table wait",
            PlanStatus.STOP_SERVERS,
        ),
        (
            "ALTER TABLE event ADD COLUMN a {int}",
            "  new column a of event: 1,000,000 rows, reads and writes of the table wait",
            PlanStatus.SERVERS_GO_ON,
        ),
        (
            "ALTER TABLE event ADD COLUMN a {int} NOT NULL DEFAULT 0",
            "  new column a of event: 1,000,000 rows, reads and writes of the table wait",
            PlanStatus.SERVERS_GO_ON,
        ),
        (
            "ALTER TABLE event ADD COLUMN a {int} NOT NULL DEFAULT random()",
            "  other change event: 1,000,000 rows, may rewrite all of them, about 20 seconds,"
            " reads and writes of the table wait",
            PlanStatus.STOP_SERVERS,
        ),
        (
            "DROP TABLE replay",
            "  dropped table replay: 1,000,000 rows, reads and writes of the table wait",
            PlanStatus.STOP_SERVERS,
        ),
        (
            "UPDATE request SET form = ''",
            "  changed rows request: 1,000,000 rows, about 20 seconds, writes of the table wait",
            PlanStatus.STOP_SERVERS,
        ),
        (
            "CREATE TRIGGER a BEFORE UPDATE ON event FOR EACH ROW EXECUTE FUNCTION b()",
            "  new trigger a of event: 1,000,000 rows, writes of the table wait",
            PlanStatus.STOP_SERVERS,
        ),
        (
            "VACUUM",
            "  other change it: 0 rows, may rewrite all of them, reads and writes of the table wait",
            PlanStatus.STOP_SERVERS,
        ),
    ],
)
def test_each_sort_of_statement_is_told(statement: str, line: str, status: PlanStatus) -> None:
    """O1, S5: what it does, how long, what waits, and whether servers of the version before go on."""
    plan = planned(statement)
    assert list(plan_lines(plan))[:2] == ["m990_more  due", line]
    assert plan_status(plan) is status


def test_what_is_done_to_a_table_of_the_same_plan_is_part_of_making_it() -> None:
    """O1: no rows are there that an index or a trigger would have to read."""
    plan = planned(
        "CREATE TABLE a_anew (x {int}){strict}",
        "CREATE INDEX a_x ON a_anew(x)",
        "ALTER TABLE a_anew RENAME TO a",
        "CREATE INDEX a_y ON a(x)",
        "DROP TABLE a",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS ''",
    )
    assert [(it.effect, it.table, it.waits) for it in plan.due[0].changes] == [
        (migration_plan.Effect.NEW_TABLE, "a_anew", Waits.NOTHING)
    ]
    everything = plan_migrations(SCHEMA, (), SQLITE, lambda _table: pytest.fail("there is no table"))
    assert {it.effect for migration in everything.due for it in migration.changes} == {
        migration_plan.Effect.NEW_TABLE
    }


def test_servers_from_before_this_rule_bear_new_tables_only() -> None:
    """O1: a database without the last migration of that version may be served by it."""
    before = DONE - {(OWN, migration_plan.LAST_OF_STRICT_SERVERS)}
    plan = plan_migrations(SCHEMA, before, POSTGRES, lambda _table: 0)
    assert migration_plan.LAST_OF_STRICT_SERVERS in plan.obstacles  # an index on a table that they know
    assert not planned("CREATE INDEX a ON event(id)").obstacles


def test_every_migration_is_of_a_known_sort() -> None:
    """O1: nothing in a plan is unnamed, on either database."""
    for dialect in (SQLITE, POSTGRES):
        for step in SCHEMA.steps:
            for statement in step.migration.statements(dialect):
                change = migration_plan._change(statement)  # noqa: SLF001 - the sorting itself
                assert change is None or change.table, statement


def test_no_two_migrations_have_a_number_in_common() -> None:
    """O1, S5: by its number a database tells that two versions disagree."""
    numbers = [it.name.partition("_")[0] for it in MIGRATIONS]
    assert numbers == sorted(set(numbers))


def run(root: Path, *words: str) -> Result:
    """Run a command at a site."""
    return CliRunner().invoke(main, [*words, "--site", str(root)])


@pytest.fixture(params=["sqlite", "postgres"])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a database in which nothing is, not even tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/optin.db"
    return new_database(request.getfixturevalue("postgres"))


def test_a_plan_of_a_real_database_changes_nothing(fresh_url: str, tmp_path: Path) -> None:
    """O1, S5: in text and JSON, with its status; then the migration itself, and nothing is due any more."""
    root = tmp_path / "site"
    site_at(root)
    config = root / "optin.toml"
    config.write_text(f'store = "{fresh_url}"\n' + config.read_text())
    whole = run(root, "migrate", "--plan")
    assert (whole.exit_code, whole.stdout.splitlines()) == (
        PlanStatus.SERVERS_GO_ON,
        [*(f"{it}  due" for it in MIGRATION_NAMES), "The database is new.", "Nothing was changed."],
    )
    connect(fresh_url, root, schema=replace(SCHEMA, own=MIGRATIONS[:EARLIER])).close()
    for _ in range(2):
        text = run(root, "migrate", "--plan")
        assert text.exit_code == PlanStatus.STOP_SERVERS
        assert "m039_dead_mails  due\n  new index outbox_dead of outbox: 0 rows" in text.stdout
        assert "Stop " in text.stdout
        told = json.loads(run(root, "migrate", "--plan", "--json").stdout)
        assert told["status"] == PlanStatus.STOP_SERVERS
        assert [it["name"] for it in told["due"]] == [it.name for it in MIGRATIONS[EARLIER:]]
    assert run(root, "migrate").exit_code == 0
    nothing = run(root, "migrate", "--plan")
    assert (nothing.exit_code, nothing.stdout) == (0, "No migration is due.\n")
    assert json.loads(run(root, "migrate", "--plan", "--json").stdout)["due"] == []
    assert run(root, "migrate", "--json").exit_code == 2


def beside(store_url: str, world: World, *steps: Migration) -> None:
    """Migrate the database as a newer program does at its start, while the older one has it open."""
    PostgresStore(store_url, newer(*steps)).close()
    assert world.store.shared


@ON_POSTGRES
def test_a_server_writes_on_beside_what_a_newer_one_added(world: World, store_url: str) -> None:
    """O1, O10: the whole journey, and the comparison of each minute finds nothing."""
    world.join("before@example.com", TIPS)
    beside(store_url, world, HARMLESS)
    world.join("after@example.com", TIPS)
    assert world.store.schema_findings() == []
    assert world.count("subject") == 2


@ON_POSTGRES
def test_a_swallowing_trigger_is_still_found_beside_a_newer_version(world: World, store_url: str) -> None:
    """P3: what a newer version may add is no cover for what may lose a row."""
    beside(store_url, world, HARMLESS)
    past_optin(
        world.store,
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER stay BEFORE INSERT ON request FOR EACH ROW EXECUTE FUNCTION nothing()",
    )
    with pytest.raises(WriteLost, match="trigger stay on request is not optin's"):
        world.sign_up("alice@example.com", TIPS)
    world.tampered = True


@ON_POSTGRES
def test_without_a_newer_version_the_same_index_is_foreign(world: World) -> None:
    """P3: the record of a migration allows it, and nothing else."""
    past_optin(world.store, HARMLESS.tables[1])
    assert world.store.schema_findings() == ["index request_by_more on request is not optin's"]
    world.tampered = True


@ON_POSTGRES
@pytest.mark.parametrize("what", HARMFUL)
def test_a_server_stops_writing_where_it_cannot_go_on(world: World, store_url: str, what: str) -> None:
    """O1, S5: within a minute, with a sentence that names the version; nothing is stored then."""
    step = Migration("m990_harmful", (HARMFUL[what],))
    beside(store_url, world, step)
    assert world.store.schema_findings()  # as every minute
    with pytest.raises(WriteLost, match=r"a newer version migrated it \(m990_harmful\).*start the newer one"):
        world.sign_up("alice@example.com", TIPS)
    assert world.count("request") == 0
    world.tampered = True


@ON_POSTGRES
def test_a_row_that_the_newer_schema_refuses_tells_why(world: World, store_url: str) -> None:
    """O1, S5: at once, and not as an error of the program."""
    beside(store_url, world, Migration("m990_filled", ("ALTER TABLE request ADD COLUMN more TEXT NOT NULL",)))
    with pytest.raises(WriteLost, match=r"a newer version migrated it \(m990_filled\)"):
        world.sign_up("alice@example.com", TIPS)
    world.tampered = True


@ON_POSTGRES
def test_a_migration_that_collides_with_forms_is_made_all_the_same(world: World, store_url: str) -> None:
    """O1, O10: each waits for a table that the other has; the form goes on, the migration begins again."""
    steps = ("ALTER TABLE outbox ADD COLUMN more {int}", "ALTER TABLE request ADD COLUMN more {int}")
    with ThreadPoolExecutor(1) as thread, psycopg.connect(store_url) as form:
        form.execute("LOCK TABLE request IN ROW EXCLUSIVE MODE")  # as who writes there has it
        done = thread.submit(PostgresStore, store_url, newer(Migration("m990_collides", steps)))
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'request'::regclass"
        wait_until(lambda: form.execute(waiting).fetchone())
        form.execute("SELECT 1 FROM outbox").fetchall()
        form.commit()
        done.result().close()
    world.join("after@example.com", TIPS)


def test_two_versions_that_disagree_are_told_apart(fresh_url: str, tmp_path: Path) -> None:
    """O1, S5: two migrations of one number: neither is newer, and the database stays as it is."""
    other, own = (
        Migration("m990_other", ("CREATE TABLE a (x {int} NOT NULL){strict}",)),
        Migration("m990_own", ("CREATE TABLE b (x {int} NOT NULL){strict}",)),
    )
    connect(fresh_url, tmp_path, schema=newer(other)).close()
    with pytest.raises(
        StoreUnusable, match=r"disagree on a migration: there it is m990_other, here m990_own\."
    ):
        connect(fresh_url, tmp_path, schema=newer(own))
    with pytest.raises(StoreUnusable, match=r"made by a newer optin \(m990_other\); install that one"):
        connect(fresh_url, tmp_path)
    connect(fresh_url, tmp_path, schema=newer(other)).close()


def test_a_kind_that_disagrees_is_named(fresh_url: str, tmp_path: Path) -> None:
    """O1, K2: the sets of kinds have numbers of their own."""

    def of(name: str) -> Schema:
        table = f"kind_mine_{name}"
        step = Migration(f"m001_{name}", (f"CREATE TABLE {table} (x {{int}} NOT NULL){{strict}}",))
        part = TablesPart((KindTable(table, TableScope.MAGNET),), (step,))
        return replace(SCHEMA, kinds=(*SCHEMA.kinds, ("mine", part)))

    connect(fresh_url, tmp_path, schema=of("one")).close()
    with pytest.raises(StoreUnusable, match=r"this kind mine disagree .* m001_one, here m001_two"):
        connect(fresh_url, tmp_path, schema=of("two"))
