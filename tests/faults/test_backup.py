"""Backups: looked at before they count; and a past that is put back in which nobody comes back."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.bootstrap.edition import Edition, keep_edition
from optin.bootstrap.office import Office, open_office
from optin.cli import main
from optin.consent.address import parse_email
from optin.consent.purpose import Channel, PurposeId
from optin.consent.record import Status
from optin.flows.erase import BY_PERSON, erase_person
from optin.flows.export import Harvest
from optin.store.copying import TABLES
from optin.store.dossier import request_ids
from tests.web.conftest import site_at
from tests.world import TIPS, World


@dataclass
class House:
    """A site with its store, and what people do to it."""

    root: Path
    edition: Edition
    store: str

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--site", str(self.root)], env={"OPTIN_STORE": self.store})

    @contextmanager
    def world(self) -> Iterator[World]:
        settings = replace(self.edition.site.settings, store=self.store)
        with open_office(settings, self.edition.policy) as office:
            keep_edition(office.store, self.edition, office.clock())
            form = self.edition.publication.forms["paper"]  # type: ignore[index]
            world = World(office.store, office.vault, office.clock(), form, self.edition.policy)
            yield world
            office.note_ending()

    def audit(self) -> None:
        outcome = self.run("audit")
        assert outcome.exit_code == 0, outcome.output


@pytest.fixture
def house(store_url: str, tmp_path: Path) -> House:
    return House(tmp_path / "site", site_at(tmp_path / "site"), store_url)


def index_of(world: World, email: str) -> bytes:
    return world.vault.index(parse_email(email))


def erase(world: World, email: str) -> None:
    about = partial(erase_person, vault=world.vault, email_index=index_of(world, email), reason=BY_PERSON)
    world.do(partial(about, now=world.now))


def withdraw(world: World, email: str) -> None:
    world.withdraw(world.do(partial(request_ids, email_index=index_of(world, email)))[-1])


def exported(world: World) -> set[str]:
    harvest = Harvest(world.store.read, world.do, world.vault, PurposeId(TIPS), Channel.EMAIL, world.now)
    return {lead.email for lead in harvest.proven()}


def fresh_store(house: House, tmp_path: Path, request: pytest.FixtureRequest) -> House:
    """Name an empty store of the same kind."""
    if house.store.startswith("sqlite"):
        return replace(house, store=f"sqlite:///{tmp_path}/restored.db")
    return replace(house, store=request.getfixturevalue("another_postgres_url"))


@pytest.fixture
def another_postgres_url(postgres: object) -> str:
    postgres.psql("DROP DATABASE IF EXISTS restored")  # type: ignore[attr-defined]
    postgres.psql("CREATE DATABASE restored")  # type: ignore[attr-defined]
    return str(postgres.get_uri("restored"))  # type: ignore[attr-defined]


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
        assert world.do(partial(request_ids, email_index=index_of(world, "erica@example.com"))) == []
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
    assert "nothing is overwritten" in again.stderr


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


@pytest.mark.parametrize("damage", ["cut", "not a database", "other keys", "edited log", "empty database"])
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
                trigger = "CREATE TRIGGER log_leaf_no_update BEFORE UPDATE ON log_leaf BEGIN SELECT 1; END"
                connection.execute(trigger)
                connection.commit()
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
    assert {row[0] for row in rows if not row[0].startswith(("_sqlite", "sqlite_"))} == set(TABLES)


def test_a_line_that_a_crash_cut_short_loses_nothing(tmp_path: Path) -> None:
    """S7, S6: the journal catches up at the next start, each line once."""
    house = House(tmp_path / "site", site_at(tmp_path / "site"), f"sqlite:///{tmp_path}/optin.db")
    with house.world() as world:
        for name in ("carol", "dora", "emma"):
            world.join(f"{name}@example.com", TIPS)
            withdraw(world, f"{name}@example.com")
    journal = house.root / "var" / "journal.jsonl"
    whole = journal.read_bytes()
    assert len(whole.splitlines()) == 3
    assert b"example.com" not in whole
    journal.write_bytes(whole[:-20])
    with house.world() as world:
        office = Office(world.store, world.vault, world.policy)
        assert office.journal is None
    lines = [line for line in journal.read_bytes().splitlines() if line.endswith(b"}")]
    assert lines == whole.splitlines()
