"""A rehearsed restore proves a backup in a folder of its own, and leaves the live store as it is."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import Result

from optin.services.rehearse_restore import WORKING
from optin.services.steady_clock import utc_now
from optin.store.backup_facts import LAST_REHEARSAL, BackupMoments, backup_moments
from optin.store.database_copy import TABLES
from optin.store.database_interface import Tx
from tests.faults.test_backup import House, back_up, erase, exported, withdraw
from tests.web.conftest import site_at
from tests.world import TIPS


class Usage(NamedTuple):
    """What shutil.disk_usage returns, in bytes."""

    total: int
    used: int
    free: int


@pytest.fixture
def house(store_url: str, scratch: Path, tmp_path: Path) -> House:
    assert scratch.is_dir()  # after `store_url`, whose server has files in the usual place
    return House(tmp_path / "site", site_at(tmp_path / "site"), store_url)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files; nothing may be left in it."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def rehearsed(house: House, *words: str) -> Result:
    return house.run("restore", "--rehearse", *words)


def reason(outcome: Result) -> str:
    """Return why a backup was not proved."""
    assert outcome.exit_code == 1, outcome.output
    assert isinstance(outcome.exception, SystemExit), outcome.exception
    return " ".join(outcome.stderr.split())


def rows(house: House) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the live store, but the moment of a rehearsal."""
    found: dict[str, list[tuple[object, ...]]] = {}

    def read(tx: Tx) -> None:
        for table in TABLES:
            kept = [tuple(row) for row in tx.all(f"SELECT * FROM {table}") if row[0] != LAST_REHEARSAL]
            found[table] = sorted(kept, key=repr)

    with house.installation(with_journal=False) as installation:
        installation.store.read(read)
    return found


def moments(house: House) -> BackupMoments:
    with house.installation() as installation:
        return installation.store.read(backup_moments)


def test_a_rehearsal_proves_a_backup_and_changes_nothing(house: House, tmp_path: Path) -> None:
    """S7: keys, log, counts, audit and later erasures are proved; the live store keeps only the moment."""
    with house.world() as world:
        for name in ("alice", "carol", "erica"):
            world.join(f"{name}@example.com", TIPS)
    file = back_up(house, tmp_path / "night.backup")
    with house.world() as world:
        world.wait(timedelta(minutes=1))
        withdraw(world, "carol@example.com")
        erase(world, "erica@example.com")
    before, journal, copy = rows(house), house.journal.read_bytes(), file.read_bytes()
    outcome = rehearsed(house, str(file))
    assert outcome.exit_code == 0, (outcome.output, outcome.exception)
    assert "1 erased, 1 withdrawn" in outcome.output
    assert "3 rows of subject" in outcome.output
    assert "all of it matches" in outcome.output
    assert "Not proved: files outside the database" in outcome.output
    assert (rows(house), house.journal.read_bytes(), file.read_bytes()) == (before, journal, copy)
    assert utc_now() - timedelta(minutes=1) < (moments(house).rehearsed or world.now) <= utc_now()
    with house.world() as world:
        assert exported(world) == {"alice@example.com"}


def test_the_last_backup_and_its_proof_are_told(house: House, tmp_path: Path) -> None:
    """S7: optin backup --last prints moment, place and size, and when a restore was last rehearsed."""
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    assert "No backup was made" in reason(house.run("backup", "--last"))
    file = back_up(house, tmp_path / "night.backup")
    outcome = house.run("backup", "--last")
    assert f"{file}, {file.stat().st_size} bytes" in outcome.output
    assert "No backup was proved yet" in outcome.output
    assert rehearsed(house, str(file)).exit_code == 0
    assert "Last proved: 20" in house.run("backup", "--last").output
    assert house.run("backup").exit_code == house.run("backup", str(file), "--last").exit_code == 2


def test_what_a_killed_rehearsal_left_goes(house: House, tmp_path: Path, scratch: Path) -> None:
    """S7, R1: the copy of a backup outlives no retention; one that may be under way stays."""
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    file = back_up(house, tmp_path / "night.backup")
    old, new = (scratch / f"{WORKING}{name}" for name in ("old", "new"))
    for it in (old, new):
        it.mkdir()
        (it / "night.backup").write_bytes(b"x")
    os.utime(old, (0, 0))
    assert rehearsed(house, str(file)).exit_code == 0
    assert list(scratch.iterdir()) == [new]
    shutil.rmtree(new)


def test_a_rehearsal_without_a_journal_says_what_it_did_not_prove(house: House, tmp_path: Path) -> None:
    """S7: what was not looked at is never said to be proved."""
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    file = back_up(house, tmp_path / "night.backup")
    outcome = rehearsed(house, str(file), "--without-journal")
    assert outcome.exit_code == 0, outcome.output
    assert "No journal was read" in outcome.output
    assert "The journal fits" not in outcome.output


def root_page(file: Path, table: str) -> int:
    """Return the number of the page, from 1 on, where a table begins."""
    with closing(sqlite3.connect(file)) as database:
        found = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return int(found[0])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("cut", "is cut off: it has"),
        ("zeros in the middle", "its pages are damaged"),
        ("not a database", "not a SQLite database"),
        ("other keys", "keys are not those of this database"),
        ("edited row", "not proved"),
        ("sealed value", "do not open sealed values in: subject"),
    ],
)
@pytest.mark.usefixtures("scratch")
def test_a_backup_that_would_not_restore_is_told(tmp_path: Path, damage: str, said: str) -> None:
    """S7: each fault has its sentence, the exit status is 1, and no proof is noted."""
    house = House(tmp_path / "site", site_at(tmp_path / "site"), f"sqlite:///{tmp_path}/live.db")
    with house.world() as world:
        for number in range(20):
            world.join(f"person{number}@example.com", TIPS)
    file = back_up(house, tmp_path / "night.backup")
    match damage:
        case "cut":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        case "zeros in the middle":
            content = bytearray(file.read_bytes())
            start = (root_page(file, "event") - 1) * 4_096
            content[start : start + 4_096] = bytes(4_096)
            file.write_bytes(content)
        case "not a database":
            file.write_bytes(b"x" * 8_192)
        case "other keys":
            other = House(tmp_path / "other", site_at(tmp_path / "other"), f"sqlite:///{tmp_path}/other.db")
            with other.world():
                pass
            file = back_up(other, tmp_path / "other.backup")
        case "edited row":
            change(file, "UPDATE consent SET status = 'withdrawn'")
        case "sealed value":
            change(file, "UPDATE subject SET sealed = zeroblob(60)")
    outcome = reason(rehearsed(house, str(file)))
    assert said in outcome
    assert moments(house).rehearsed is None


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def test_a_rehearsal_looks_for_room_first(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S7: a full disk of temporary files is told with its cure before anything is copied."""
    with house.world():
        pass
    file = back_up(house, tmp_path / "night.backup")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9, 10))
    assert "TMPDIR" in reason(rehearsed(house, str(file)))


@pytest.mark.usefixtures("scratch")
def test_a_rehearsal_needs_no_live_store(tmp_path: Path) -> None:
    """S7: after the loss of a machine a backup is proved before it is put back; none is made by that."""
    live = tmp_path / "live.db"
    house = House(tmp_path / "site", site_at(tmp_path / "site"), f"sqlite:///{live}")
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    file = back_up(house, tmp_path / "night.backup")
    for part in tmp_path.glob("live.db*"):
        part.unlink()
    outcome = rehearsed(house, str(file))
    assert outcome.exit_code == 0, (outcome.output, outcome.exception)
    assert "the moment of this proof is not kept" in outcome.output
    assert not live.exists()
