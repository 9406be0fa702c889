"""Backups: looked at before they count; and a past that is put back in which nobody comes back."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import Slug
from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import Status
from optin.errors import JournalUnusable
from optin.flows.retention.sweep_rules import plan, sweep_rules
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.withdraw import withdraw_consent
from optin.flows.sweep_context import SweepContext
from optin.jobs.sweep_runner import sweep
from optin.keys import load_keys
from optin.proof.canonical_json import Json
from optin.proof.journal_chain import JournalEnd
from optin.services.installation import Installation
from optin.services.journal_file import JournalContent
from optin.services.open_installation import open_installation
from optin.services.open_journal import begin_journal
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.services.steady_clock import utc_now
from optin.services.withdrawal_journal import Journal
from optin.settings.installation import Settings
from optin.settings.site import Retention
from optin.store.database_copy import TABLES
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.journal_lines import add_replay_line, mark_waiting
from optin.store.limit_counters import CounterTable
from optin.store.migrations import LOG, sqlite_triggers
from optin.store.person_records import request_ids
from tests.installed import KINDS
from tests.stores import SCHEMA
from tests.web.conftest import site_at
from tests.world import TIPS, World, export_from, mark_trusted


@dataclass
class House:
    """A site with its store, and what people do to it."""

    root: Path
    edition: Edition
    store: str

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--site", str(self.root)], env={"OPTIN_STORE": self.store})

    @contextmanager
    def installation(self, *, with_journal: bool = True) -> Iterator[Installation]:
        settings = self.edition.site.settings.model_copy(update={"store": self.store})
        with open_installation(
            settings, self.edition.policy, KINDS, with_journal=with_journal
        ) as installation:
            yield installation

    @contextmanager
    def world(self) -> Iterator[World]:
        with self.installation() as installation:
            keep_edition(installation.store, self.edition, installation.clock())
            form = self.edition.publication.forms[Slug("paper")]
            world = World(
                installation.store, installation.vault, installation.clock(), form, self.edition.policy
            )
            yield world
            installation.note_ending()

    @property
    def journal(self) -> Path:
        return self.root / "var" / "journal.jsonl"

    def file(self) -> Journal:
        """The journal, as a process that has read nothing of it yet."""
        ring = load_keys("var/keys.json", self.root)
        assert ring is not None
        return Journal(self.journal, Vault(ring))

    def kept(self) -> JournalContent:
        """Read what the journal holds."""
        return self.file().read()

    def audit(self) -> None:
        outcome = self.run("audit")
        assert outcome.exit_code == 0, outcome.output


@pytest.fixture
def house(store_url: str, tmp_path: Path) -> House:
    return House(tmp_path / "site", site_at(tmp_path / "site"), store_url)


def index_of(world: World, email: str) -> bytes:
    return world.vault.index(parse_email(email))


def erase(world: World, email: str) -> None:
    about = partial(erase_person, context=world.context, email_index=index_of(world, email), reason=BY_PERSON)
    world.do(about, now=world.now)


def withdraw(world: World, email: str) -> None:
    world.withdraw(world.do(request_ids, email_index=index_of(world, email))[-1])


def exported(world: World) -> set[str]:
    lead_export = export_from(world)
    return {lead.email for lead in lead_export.proven()}


def fresh_store(house: House, tmp_path: Path, request: pytest.FixtureRequest) -> House:
    """Name an empty store of the same kind."""
    if house.store.startswith("sqlite"):
        return replace(house, store=f"sqlite:///{tmp_path}/restored.db")
    return replace(house, store=request.getfixturevalue("another_postgres_url"))


def back_up(house: House, file: Path) -> Path:
    outcome = house.run("backup", str(file))
    assert outcome.exit_code == 0, outcome.output
    assert "Delete it within 3 months" in outcome.output
    return file


def restored(house: House, *words: str) -> str:
    outcome = house.run("restore", *words)
    assert outcome.exit_code == 0, (outcome.output, outcome.exception)
    return outcome.output


def told(world: World) -> int:
    """Count what a restored backup would be told."""
    text = "SELECT COUNT(*) FROM replay WHERE line LIKE '%person%'"
    row = world.store.read(lambda tx: tx.one(text))
    return 0 if row is None else int(row[0])


def rows_of(house: House, table: str) -> int:
    with house.installation(with_journal=False) as installation:
        return len(installation.store.read(lambda tx: tx.all(f"SELECT * FROM {table}")))


def refusal(house: House, *words: str) -> str:
    """Return why a restore was refused; nothing is in place then."""
    outcome = house.run("restore", *words)
    assert outcome.exit_code == 1
    assert isinstance(outcome.exception, SystemExit), outcome.exception
    if house.store.startswith("sqlite"):
        assert not Path(house.store.removeprefix("sqlite:///")).exists()
    else:
        assert rows_of(house, "event") == rows_of(house, "subject") == 0
    return " ".join(outcome.stderr.split())


def test_nobody_comes_back_by_a_backup(house: House, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """S7, R5, R7: who was erased or withdrew since stays so; who left and came back must ask anew."""
    with house.world() as world:
        for name in ("alice", "carol", "erica"):
            world.join(f"{name}@example.com", TIPS)
    assert house.run("backup", str(tmp_path / "old.backup")).exit_code == 0
    with house.world() as world:
        world.wait(timedelta(minutes=1))
        withdraw(world, "carol@example.com")
        erase(world, "erica@example.com")
        world.wait(timedelta(seconds=1))
        world.join("nora@example.com", TIPS)
        withdraw(world, "nora@example.com")
    other = fresh_store(house, tmp_path, request)
    outcome = other.run("restore", str(tmp_path / "old.backup"))
    assert outcome.exit_code == 0, outcome.output
    assert "1 erased, 2 withdrawn" in outcome.output
    with other.world() as world:
        assert exported(world) == {"alice@example.com"}
        assert world.status("carol@example.com", TIPS) is Status.WITHDRAWN
        assert world.do(request_ids, email_index=index_of(world, "erica@example.com")) == []
        suppressed = world.store.read(lambda tx: tx.all("SELECT email_index FROM suppression"))
        wanted = {index_of(world, f"{name}@example.com") for name in ("carol", "erica", "nora")}
        assert wanted <= {bytes(row[0]) for row in suppressed}
        world.wait(timedelta(minutes=2))
        withdraw(world, "alice@example.com")  # the journal goes on after what was replayed
    other.audit()
    third = replace(other, store=f"sqlite:///{tmp_path}/third.db")
    outcome = third.run("restore", str(tmp_path / "old.backup"))
    assert "1 erased, 3 withdrawn" in outcome.output
    with third.world() as world:
        assert exported(world) == set()


def test_requests_of_people_and_breaches_come_back_with_a_backup(
    house: House, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """S7, K5, L9, R5: as they were; the letter of somebody who was erased since without its texts."""
    with house.world():
        pass
    for who in ("alice@example.com", "erica@example.com"):
        words = ["--asks", "erasure", "--arrived", "2026-11-02", "--via", "letter", "--note", f"from {who}"]
        assert house.run("requests", "add", who, *words).exit_code == 0
    assert house.run("breaches", "add", "--what", "laptop", "--discovered", "2026-11-02T09:00").exit_code == 0
    file = back_up(house, tmp_path / "old.backup")
    time.sleep(0.01)
    erica = ["erica@example.com", "--yes", "--why", "letter", "--request", "2"]
    assert house.run("subject", "erase", *erica).exit_code == 0
    other = fresh_store(house, tmp_path, request)
    assert "1 erased" in restored(other, str(file))
    assert other.run("requests", "answer", "1", "--what", "done").exit_code == 0
    assert other.run("requests", "answer", "2", "--what", "done again").exit_code == 0  # open in the backup
    found = json.loads(other.run("requests", "--format", "json").stdout)["requests"]
    assert [(it["address"], it["note"]) for it in found] == [
        ("alice@example.com", "from alice@example.com"),
        ("", ""),
    ]
    breaches = json.loads(other.run("breaches", "--format", "json").stdout)["breaches"]
    assert [it["what"] for it in breaches] == ["laptop"]
    assert other.run("breaches", "add", "--what", "x", "--discovered", "2026-11-02T09:00").exit_code == 0
    other.audit()


def test_a_restore_without_a_journal_must_be_meant(house: House, tmp_path: Path) -> None:
    """S7: the cure is named; nothing is overwritten."""
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    house.run("backup", str(tmp_path / "old.backup"))
    journal = house.root / "var" / "journal.jsonl"
    journal.unlink()
    other = replace(house, store=f"sqlite:///{tmp_path}/restored.db")
    refused = other.run("restore", str(tmp_path / "old.backup"))
    assert refused.exit_code == 1
    assert "would come back" in refused.stderr.replace("\n", " ")
    assert not (tmp_path / "restored.db").exists()
    assert other.run("restore", str(tmp_path / "old.backup"), "--without-journal").exit_code == 0
    again = other.run("restore", str(tmp_path / "old.backup"), "--without-journal")
    assert again.exit_code == 1
    assert "Nothing is overwritten" in again.stderr


def test_a_backup_is_consistent_beside_live_traffic(tmp_path: Path) -> None:
    """S7: verified pages and log, while others sign up."""
    house = House(tmp_path / "site", site_at(tmp_path / "site"), f"sqlite:///{tmp_path}/optin.db")
    stop = threading.Event()
    with house.world() as world:
        world.join("alice@example.com", TIPS)

        def traffic() -> None:
            number = 0
            while not stop.is_set() and number < 3_000:
                number += 1
                world.sign_up(f"p{number}@example.com", TIPS)

        running = threading.Thread(target=traffic)
        running.start()
        outcomes = [house.run("backup", str(tmp_path / f"{number}.backup")) for number in range(3)]
        stop.set()
        running.join()
    assert [outcome.exit_code for outcome in outcomes] == [0, 0, 0], outcomes[0].output
    assert (tmp_path / "0.backup").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".*.part*"))
    other = replace(house, store=f"sqlite:///{tmp_path}/restored.db")
    assert other.run("restore", str(tmp_path / "2.backup")).exit_code == 0
    other.audit()


@pytest.mark.parametrize(
    "damage", ["cut", "not a database", "other keys", "edited log", "foreign trigger", "empty database"]
)
def test_a_backup_that_cannot_be_trusted_is_refused(tmp_path: Path, damage: str) -> None:
    """S7, S5: a sentence, exit 1, nothing put in place."""
    house = House(tmp_path / "site", site_at(tmp_path / "site"), f"sqlite:///{tmp_path}/optin.db")
    with house.world() as world:
        for number in range(20):
            world.join(f"p{number}@example.com", TIPS)
    file = tmp_path / "old.backup"
    house.run("backup", str(file))
    match damage:
        case "cut":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        case "not a database":
            file.write_bytes(b"hello" * 1_000)
        case "other keys":
            (house.root / "var" / "keys.json").unlink()
            replace(house, store=f"sqlite:///{tmp_path}/new.db").run("exports")
        case "edited log":
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("DROP TRIGGER log_leaf_no_update")
                connection.execute("UPDATE log_leaf SET leaf = zeroblob(32) WHERE seq = 3")
                (trigger,) = (it for it in sqlite_triggers(LOG) if "log_leaf_no_update" in it)
                connection.execute(trigger)
                connection.commit()
        case "foreign trigger":
            with closing(sqlite3.connect(file)) as connection:
                connection.execute(
                    "CREATE TRIGGER stay BEFORE INSERT ON suppression BEGIN SELECT RAISE(IGNORE); END"
                )
        case _:
            file.unlink()
            sqlite3.connect(file).close()
            file.touch()
    other = replace(house, store=f"sqlite:///{tmp_path}/restored.db")
    outcome = other.run("restore", str(file))
    assert outcome.exit_code == 1, outcome.output
    assert outcome.stderr.strip()
    assert not (tmp_path / "restored.db").exists()
    assert not list(tmp_path.glob(".restore*"))


def test_a_backup_holds_every_table(house: House) -> None:
    """S7: none that a migration brings is forgotten."""
    with house.world() as world:
        if house.store.startswith("sqlite"):
            rows = world.store.read(lambda tx: tx.all("SELECT name FROM sqlite_master WHERE type = 'table'"))
        else:
            text = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            rows = world.store.read(lambda tx: tx.all(text))
    assert {row[0] for row in rows if not row[0].startswith(("_sqlite", "sqlite_"))} == {
        *TABLES,
        *SCHEMA.kind_tables,
        "kind_register",  # made with the schema
        CounterTable.NETWORK,  # for an hour; a crash may forget it as well
        "server_process",  # who lives now
    }


def test_a_line_that_a_crash_cut_short_loses_nothing(tmp_path: Path) -> None:
    """S7, S6: the journal catches up at the next start, each line once."""
    house = House(tmp_path / "site", site_at(tmp_path / "site"), f"sqlite:///{tmp_path}/optin.db")
    with house.world() as world:
        for name in ("carol", "dora", "emma"):
            world.join(f"{name}@example.com", TIPS)
            withdraw(world, f"{name}@example.com")
    journal = house.root / "var" / "journal.jsonl"
    whole = journal.read_bytes()
    assert len(whole.splitlines()) == 7  # what the file is; then two for each: event and person
    assert b"example.com" not in whole
    with house.installation() as installation:
        world = World(
            installation.store, installation.vault, installation.clock(), policy=house.edition.policy
        )
        erase(world, "emma@example.com")  # and killed before its lines were written to their end
    with journal.open("ab") as file:
        file.write(b'{"at":"2026')
    with house.installation():
        lines = journal.read_bytes().splitlines()
    assert lines[:7] == whole.splitlines()
    assert len(lines) == 9
    assert len(house.kept().replay_lines) == 4


def test_what_is_unknown_to_a_backup_takes_no_number_of_what_is_known(
    house: House, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """S7, R5: lines about people who came after the backup, and lines about those in it, in any order."""
    with house.world() as world:
        for name in ("carol", "erica", "paula"):
            world.join(f"{name}@example.com", TIPS)
    file = back_up(house, tmp_path / "old.backup")
    with house.world() as world:
        world.wait(timedelta(minutes=1))
        for name in ("nora", "olga"):
            world.join(f"{name}@example.com", TIPS)
        withdraw(world, "nora@example.com")
        erase(world, "olga@example.com")
        withdraw(world, "carol@example.com")
        erase(world, "erica@example.com")
    other = fresh_store(house, tmp_path, request)
    assert "2 erased, 2 withdrawn" in restored(other, str(file))
    with other.world() as world:
        assert exported(world) == {"paula@example.com"}
        assert told(world) == 4  # as they were told, and none besides
        world.wait(timedelta(minutes=2))
        withdraw(world, "paula@example.com")
        assert told(world) == 5
    other.audit()


def test_a_restore_on_postgres_is_whole_or_nothing(
    postgres_url: str, tmp_path: Path, another_postgres_url: str
) -> None:
    """S7, S6: killed while it replays, it leaves an empty store, never one in which people are back."""
    house = House(tmp_path / "site", site_at(tmp_path / "site"), postgres_url)
    with house.world() as world:
        world.join("carol@example.com", TIPS)
    file = back_up(house, tmp_path / "old.backup")
    with house.world() as world:
        world.wait(timedelta(minutes=1))
        withdraw(world, "carol@example.com")
    other = replace(house, store=another_postgres_url)
    with other.installation(with_journal=False):
        pass  # there is a schema
    with psycopg.connect(another_postgres_url) as stranger:
        name = stranger.info.dbname
        stranger.execute(f"ALTER DATABASE {name} SET lock_timeout = '100ms'".encode())
        stranger.commit()
        stranger.execute("LOCK TABLE suppression IN SHARE MODE")
        assert other.run("restore", str(file)).exit_code == 1
    for table in ("event", "subject", "consent", "replay"):
        assert rows_of(other, table) == 0
    assert "1 withdrawn" in restored(other, str(file))
    with other.world() as world:
        assert exported(world) == set()
    other.audit()


def test_the_journal_loses_nothing_when_commits_come_out_of_order(
    postgres_url: str, tmp_path: Path, another_postgres_url: str
) -> None:
    """S7, S6: who withdrew first and is committed last is in the file, and in no backup's way."""
    house = House(tmp_path / "site", site_at(tmp_path / "site"), postgres_url)
    with house.world() as world:
        for name in ("carol", "dora"):
            world.join(f"{name}@example.com", TIPS)
    begun, committing = threading.Event(), threading.Event()
    with house.world() as world:
        world.wait(timedelta(minutes=1))
        carol = world.do(request_ids, email_index=index_of(world, "carol@example.com"))[-1]

        def slowly(tx: Tx) -> None:
            withdraw_consent(tx, world.context, carol, None, world.now)
            begun.set()
            committing.wait(60)

        slow = world.store.submit(slowly)
        try:
            assert begun.wait(60)
            withdraw(world, "dora@example.com")
            file = back_up(house, tmp_path / "between.backup")
        finally:
            committing.set()
        slow.result()
    kept = house.journal.read_text()
    with house.world() as world:
        for name in ("carol", "dora"):
            assert kept.count(index_of(world, f"{name}@example.com").hex()) == 1
    other = replace(house, store=another_postgres_url)
    assert "1 withdrawn" in restored(other, str(file))
    with other.world() as world:
        assert exported(world) == set()


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
def test_what_is_left_of_an_old_database_is_not_mixed_with_a_backup(tmp_path: Path, ending: str) -> None:
    """S7, S5: SQLite would write an old journal into the new database; it is refused by name."""
    house = House(tmp_path / "site", site_at(tmp_path / "site"), f"sqlite:///{tmp_path}/optin.db")
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    file = back_up(house, tmp_path / "old.backup")
    other = replace(house, store=f"sqlite:///{tmp_path}/restored.db")
    left = tmp_path / f"restored.db{ending}"
    left.write_bytes(b"what was written last")
    assert f"restored.db{ending} already exists" in refusal(other, str(file))
    assert left.read_bytes() == b"what was written last"
    left.unlink()
    restored(other, str(file))
    assert not list(tmp_path.glob(".restore*"))
    other.audit()


def garble(line: bytes, old: str, new: str) -> bytes:
    assert old.encode() in line
    return line.replace(old.encode(), new.encode())


DAMAGE: dict[str, tuple[str, Callable[[list[bytes]], list[bytes]]]] = {
    "empty": ("empty", lambda _: []),
    "no first line": ("line 1 ", lambda lines: lines[1:]),
    "one line missing": ("line 3 ", lambda lines: [*lines[:2], *lines[3:]]),
    "two lines in another order": ("line 2 ", lambda lines: [lines[0], lines[2], lines[1], *lines[3:]]),
    "no JSON": ("line 2 ", lambda lines: [lines[0], b"\0" * 80, *lines[2:]]),
    "no UTF-8": ("line 3 ", lambda lines: [*lines[:2], b"\xff" + lines[2], lines[3]]),
    "unknown kind": ("line 4 ", lambda it: [*it[:3], garble(it[3], "withdrawn", "forgotten"), *it[4:]]),
    "no person": ("line 8 ", lambda it: [*it[:7], garble(it[7], '"person"', '"nobody"')]),
    "a person who is no digest": (
        "line 8 ",
        lambda it: [*it[:7], garble(it[7], '"person":"', '"person":"zz')],
    ),
    "another leaf": ("line 3 ", lambda it: [*it[:2], garble(it[2], '"leaf":"', '"leaf":"0'), *it[3:]]),
    "another root": ("line 2 ", lambda it: [it[0], garble(it[1], '"root":"', '"root":"0'), *it[2:]]),
    "another moment": ("line 3 ", lambda it: [*it[:2], garble(it[2], '"at":"20', '"at":"19'), *it[3:]]),
    "a list": ("line 4 ", lambda it: [*it[:3], b"[1, 2]", *it[4:]]),
    "cut and gone on": ("line 3 ", lambda it: [*it[:2], it[2][:-20], *it[3:]]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_journal_that_is_damaged_is_refused_with_its_line(
    house: House, tmp_path: Path, damage: str
) -> None:
    """S7, S5, R5: nobody comes back silently by a journal that lost something."""
    with house.world() as world:
        for name in ("carol", "dora", "erica"):
            world.join(f"{name}@example.com", TIPS)
    file = back_up(house, tmp_path / "old.backup")
    with house.world() as world:
        world.wait(timedelta(minutes=1))
        withdraw(world, "carol@example.com")
        withdraw(world, "dora@example.com")
        erase(world, "erica@example.com")
    where, change = DAMAGE[damage]
    lines = house.journal.read_bytes().splitlines()
    assert len(lines) == 8
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_bytes(b"".join(line + b"\n" for line in change(lines)))
    other = replace(house, store=f"sqlite:///{tmp_path}/restored.db")
    said = refusal(other, str(file), "--journal", str(damaged))
    assert "damaged.jsonl is damaged" in said
    assert where in said
    assert "--without-journal" in said
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(b"\n".join(lines) + b"\n" + lines[-1][:30])  # a crash may cut the last line short
    assert "1 erased, 2 withdrawn" in restored(other, str(file), "--journal", str(whole))


def test_a_line_whose_sum_is_right_and_whose_meaning_is_unknown_is_refused(tmp_path: Path) -> None:
    """S7, S5: a later version's line, or somebody's own, is never passed over."""
    house = House(tmp_path / "site", site_at(tmp_path / "site"), f"sqlite:///{tmp_path}/optin.db")
    with house.world() as world:
        world.join("carol@example.com", TIPS)
    file = back_up(house, tmp_path / "old.backup")
    told: tuple[dict[str, Json], ...] = (
        {"kind": "forgotten", "person": "ab" * 32},
        {"kind": "erased", "person": "ab" * 32},
        {"kind": "erased", "person": "ab" * 31, "suppressed": True},
        {"kind": "erased", "person": "zz" * 32, "suppressed": True},
        {"kind": "withdrawn", "person": "ab" * 32, "purpose": TIPS, "channel": "tele pathy"},
    )
    ring = load_keys("var/keys.json", house.root)
    assert ring is not None
    odd = tmp_path / "odd.jsonl"
    for line in told:
        chain = JournalEnd(partial(Vault(ring).journal_seal, b"line"), lambda _: None)
        odd.write_bytes(chain.begin("odd", None) + chain.add(utc_now(), line))
        other = replace(house, store=f"sqlite:///{tmp_path}/restored.db")
        assert "line 2 " in refusal(other, str(file), "--journal", str(odd)), line


def test_after_a_restore_without_the_journal_it_goes_on(
    house: House, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """S7, R5: the old journal is still there; who is erased from now on is in it too."""
    with house.world() as world:
        for name in ("alice", "carol", "dora", "erica"):
            world.join(f"{name}@example.com", TIPS)
    file = back_up(house, tmp_path / "old.backup")
    with house.world() as world:
        world.wait(timedelta(minutes=1))
        withdraw(world, "carol@example.com")
        withdraw(world, "dora@example.com")
    other = fresh_store(house, tmp_path, request)
    assert "nothing" in restored(other, str(file), "--without-journal")
    with other.world() as world:
        world.wait(timedelta(minutes=2))
        erase(world, "erica@example.com")
    third = replace(house, store=f"sqlite:///{tmp_path}/third.db")
    assert "1 erased, 2 withdrawn" in restored(third, str(file))
    with third.world() as world:
        assert exported(world) == {"alice@example.com"}


def test_a_journal_that_was_lost_is_begun_anew_by_word_of_an_officer(house: House, tmp_path: Path) -> None:
    """S7, O9: with who left, from what the database still knows; until then nothing opens the store."""
    with house.world() as world:
        for name in ("carol", "dora"):
            world.join(f"{name}@example.com", TIPS)
    file = back_up(house, tmp_path / "old.backup")
    with house.world() as world:
        withdraw(world, "carol@example.com")
        erase(world, "dora@example.com")
    told = {line.name for line in house.kept().replay_lines}
    settings = house.edition.site.settings.model_copy(update={"store": house.store})
    other = replace(house, store=f"sqlite:///{tmp_path}/restored.db")
    house.journal.write_bytes(b"")
    assert "empty" in refusal(other, str(file))
    for lost in (house.journal.unlink, partial(house.journal.write_bytes, b"")):
        lost()
        with pytest.raises(JournalUnusable, match="serve --new-journal"), house.installation():
            pass
        begin_journal(settings, SCHEMA)
        with pytest.raises(JournalUnusable, match="leave out --new-journal"):
            begin_journal(settings, SCHEMA)
        with house.installation():
            assert {line.name for line in house.kept().replay_lines} == told
    assert "1 erased, 1 withdrawn" in restored(other, str(file))


def test_a_long_line_is_written_once(house: House) -> None:
    """S7, S6: however long the last line is, the file does not grow by being opened."""
    with house.world() as world:
        told: dict[str, Json] = {"kind": "withdrawn", "person": "ab" * 32, "purpose": "x" * 70_000}
        world.do(add_replay_line, content={**told, "channel": "email"}, now=world.now)
    size = house.journal.stat().st_size
    assert size > 70_000
    for _ in range(3):
        with house.world():
            pass
    assert house.journal.stat().st_size == size
    with house.world() as world:
        world.do(add_replay_line, content={**told, "channel": "phone"}, now=world.now)
    assert len(house.kept().replay_lines) == 2


def test_the_journal_names_no_request(house: House) -> None:
    """R5, R8: the digest of the person is enough, however often they asked."""
    with house.world() as world:
        requests = [world.join("erica@example.com", TIPS) for _ in range(3)]
        erase(world, "erica@example.com")
    kept = house.journal.read_text()
    assert "erased" in kept
    assert not any(request.hex() in kept for request in requests)


def test_the_journal_goes_back_as_far_as_backups_do(
    house: House, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """R8, R5, S7: what no backup needs to be told leaves database and file; an older backup is refused."""
    with house.world() as world:
        for name in ("carol", "erica", "alice"):
            world.join(f"{name}@example.com", TIPS)
    ancient = back_up(house, tmp_path / "ancient.backup")
    with house.world() as world:
        world.wait(timedelta(minutes=1))
        withdraw(world, "carol@example.com")
        erase(world, "erica@example.com")
        carol, erica, alice = (
            index_of(world, f"{name}@example.com").hex() for name in ("carol", "erica", "alice")
        )
    house.journal.with_name(".journal.jsonl.part").write_text(carol)  # of a sweep that was killed
    later = utc_now() + timedelta(days=60)
    swept_at(house, later)
    assert carol in house.journal.read_text()
    with house.world() as world:
        world.now = later
        withdraw(world, "alice@example.com")
    swept_at(house, utc_now() + timedelta(days=100))
    assert rows_of(house, "replay") == 2  # her withdrawal, and the event of it
    kept = house.journal.read_text()
    assert carol not in kept
    assert erica not in kept
    assert alice in kept
    assert house.journal.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in house.journal.parent.glob("*journal*")] == ["journal.jsonl"]
    other = fresh_store(house, tmp_path, request)
    assert "the backup is older" in refusal(other, str(ancient))
    with house.world() as world:
        erase(world, "alice@example.com")
    assert len(house.kept().replay_lines) == 2


def swept_at(house: House, moment: datetime) -> None:
    with house.installation() as installation:
        installation.clock = lambda: moment
        mark_trusted(installation.store, installation.vault, moment)
        sweep(installation)


def test_a_dry_run_says_what_leaves_the_journal(house: House) -> None:
    """R8: and the setting decides when."""
    with house.world() as world:
        world.join("carol@example.com", TIPS)
        withdraw(world, "carol@example.com")
    with house.installation() as installation:
        policy = replace(house.edition.policy, retention=Retention(backups=RetentionPeriod.parse("1 week")))
        for days, count in ((6, 0), (9, 2)):
            context = SweepContext(installation.vault, policy, utc_now() + timedelta(days=days))
            lines = installation.store.read(plan, context=context, rules=sweep_rules(KINDS.flows))
            planned = {line.rule.name: line for line in lines}
            assert planned["journal"].count == count
            assert "1 week" in planned["journal"].rule.reason(policy)


def test_the_longest_life_of_a_backup_is_a_setting(tmp_path: Path) -> None:
    """R8: [retention] backups."""
    assert site_at(tmp_path / "site").policy.retention.backups.text == "3 months"
    config = tmp_path / "site" / "optin.toml"
    config.write_text(config.read_text() + '\n[retention]\nbackups = "2 weeks"\n')
    edition, _ = load_edition(tmp_path / "site", KINDS)
    assert edition is not None
    assert edition.policy.retention.backups.text == "2 weeks"


def test_a_journal_that_is_older_than_the_backup_is_refused(
    house: House, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """S7, R5: an old copy of the journal, or another site's, does not know who left since."""
    with house.world() as world:
        for name in ("carol", "dora"):
            world.join(f"{name}@example.com", TIPS)
        withdraw(world, "carol@example.com")
    old = tmp_path / "old.jsonl"
    old.write_bytes(house.journal.read_bytes())
    with house.world() as world:
        world.wait(timedelta(minutes=1))
        withdraw(world, "dora@example.com")
    file = back_up(house, tmp_path / "new.backup")
    other = fresh_store(house, tmp_path, request)
    assert "The journal is older than the backup" in refusal(other, str(file), "--journal", str(old))
    assert "nothing" in restored(other, str(file))


def test_a_line_that_is_told_twice_is_done_once(
    house: House, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """S7: who came back after an erasure that the backup knows is not erased again."""
    with house.world() as world:
        world.join("erica@example.com", TIPS)
        erase(world, "erica@example.com")
        world.wait(timedelta(minutes=1))
        world.join("erica@example.com", TIPS)
    file = back_up(house, tmp_path / "old.backup")
    with house.installation() as installation:
        installation.write(mark_waiting)  # as after a crash between the file and the note that it is there
    assert len(house.kept().replay_lines) == 1
    with house.installation():
        assert len(house.kept().replay_lines) == 2
    other = fresh_store(house, tmp_path, request)
    assert "nothing" in restored(other, str(file))
    with other.world() as world:
        assert exported(world) == {"erica@example.com"}


def test_a_journal_is_written_anew_beside_those_who_write_to_it(house: House) -> None:
    """R8, S7, S6: no line is lost to a file that another process has just replaced."""
    old, new = utc_now() - timedelta(days=200), utc_now()

    def told(number: int) -> dict[str, Json]:
        return {"kind": "erased", "person": f"{number:064x}", "suppressed": True}

    with house.installation() as installation:

        def write(first: int) -> None:
            journal = house.file()
            for number in range(first, first + 60):
                installation.write(add_replay_line, content=told(number), now=old if number % 3 else new)
                journal.catch_up(installation.store)

        writers = [threading.Thread(target=write, args=(first,)) for first in (0, 1_000)]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            house.file().forget(new - timedelta(days=1))
        for writer in writers:
            writer.join()
        house.file().forget(new - timedelta(days=1))
    wanted = [number for first in (0, 1_000) for number in range(first, first + 60) if not number % 3]
    found = [int(str(line.content["person"]), 16) for line in house.kept().replay_lines]
    assert sorted(found) == wanted


def test_the_journal_lies_where_the_site_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S7: optin.toml and the environment name it, so that it may lie on another disk than the store."""
    assert Settings().read_at(tmp_path).journal == "var/journal.jsonl"
    assert (
        Settings(journal="apart/j.jsonl").read_at(tmp_path).path("apart/j.jsonl")
        == tmp_path / "apart/j.jsonl"
    )
    assert Settings(journal="apart/j.jsonl").read_at(tmp_path).journal == "apart/j.jsonl"
    monkeypatch.setenv("OPTIN_JOURNAL", "/mnt/other/j.jsonl")
    assert Settings(journal="apart/j.jsonl").read_at(tmp_path).journal == "/mnt/other/j.jsonl"
