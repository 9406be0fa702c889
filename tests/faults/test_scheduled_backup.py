"""Backups that a server makes by itself."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from optin.jobs.scheduled_backups import back_up_if_due
from optin.services.doctor.data_checks import judge_scheduled
from optin.services.doctor.finding import Verdict
from optin.services.installation import Installation
from optin.services.site_edition import load_edition
from optin.settings.backup import BackupTable
from optin.store.backup_facts import BackupMoments, backup_moments
from tests.faults.test_backup import House
from tests.faults.test_rehearse_restore import Usage
from tests.installed import KINDS
from tests.kinds.test_uninstalled import stored_at
from tests.web.conftest import site_at
from tests.world import TIPS, mark_trusted

DAY = timedelta(days=1)
BEGIN = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Night:
    """A server of a site with `[backup]`, whose clock the test sets."""

    house: House
    installation: Installation
    folder: Path

    def at(self, moment: datetime) -> list[str]:
        """Let the job look at that moment; return the names of the files."""
        self.installation.clock = lambda: moment
        mark_trusted(self.installation.store, self.installation.vault, moment)
        back_up_if_due(self.installation, self.house.edition)
        return self.names()

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []

    def moments(self) -> BackupMoments:
        return self.installation.store.read(backup_moments)


def name(moment: datetime) -> str:
    return f"optin-{moment:%Y%m%dT%H%M%SZ}.backup"


def site_with(root: Path, lines: str) -> Path:
    site_at(root)
    config = root / "optin.toml"
    config.write_text(f"{config.read_text()}\n[backup]\n{lines}\n")
    return root


@contextmanager
def serving(house: House, folder: Path) -> Iterator[Night]:
    with house.installation() as installation:
        yield Night(house, installation, folder)


@pytest.fixture
def night(store_url: str, tmp_path: Path) -> Iterator[Night]:
    folder = tmp_path / "kept"
    root = site_with(tmp_path / "site", f'folder = "{folder}"\nkeep = 2')
    edition, findings = load_edition(root, KINDS)
    assert edition is not None, findings
    house = House(root, stored_at(edition, store_url), store_url)
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    with serving(house, folder) as found:
        yield found


def test_a_server_makes_backups_in_time_and_keeps_the_newest(night: Night) -> None:
    """S7: one a day; beyond `keep` the oldest of ours goes, and no other file ever."""
    assert night.at(BEGIN) == [name(BEGIN)]
    assert night.at(BEGIN + timedelta(hours=23)) == [name(BEGIN)]
    others = ["optin-20200101T000000Z.backup.txt", "my-optin-20200101T000000Z.backup", "notes"]
    for other in others:
        (night.folder / other).write_text("mine")
    for day in (1, 2, 3):
        night.at(BEGIN + day * DAY)
    assert night.names() == sorted([*others, name(BEGIN + 2 * DAY), name(BEGIN + 3 * DAY)])
    made = night.folder / name(BEGIN + 3 * DAY)
    assert made.stat().st_mode & 0o777 == 0o600
    last = night.moments().last
    assert last is not None
    assert (last.file, last.size, last.at) == (str(made), made.stat().st_size, BEGIN + 3 * DAY)
    assert night.house.run("restore", "--rehearse", str(made)).exit_code == 0


def test_a_clock_that_jumped_stops_no_backups(night: Night) -> None:
    """S7: one that was made in a future that was wrong counts for nothing when the clock is right again."""
    night.at(BEGIN + 900 * DAY)
    assert name(BEGIN) in night.at(BEGIN)
    assert len(night.names()) == 2
    assert name(BEGIN + DAY) in night.at(BEGIN + DAY)


def test_nothing_is_deleted_while_the_clock_is_in_doubt(night: Night) -> None:
    """S7, O7: the backups of the right time stay."""
    night.at(BEGIN)
    night.at(BEGIN + DAY)
    night.installation.clock = lambda: BEGIN + 900 * DAY  # and nobody said that it is right
    back_up_if_due(night.installation, night.house.edition)
    assert len(night.names()) == 3


def test_what_a_killed_server_left_is_deleted_a_day_later(night: Night) -> None:
    """S7, S6: and keeps nobody from a new backup."""
    night.folder.mkdir()
    draft, fresh = (night.folder / f".{name(BEGIN)}.{it}.part" for it in ("0a1b2c3d", "ffffffff"))
    for path in (draft, fresh):
        path.write_bytes(b"half")
    os.utime(draft, (0, 0))
    assert night.at(BEGIN) == sorted([fresh.name, name(BEGIN)])


def test_two_servers_make_one_backup(night: Night) -> None:
    """S7: several find it due at once; one makes it."""
    with serving(night.house, night.folder) as other:
        for server in (night, other):
            server.installation.clock = lambda: BEGIN
        threads = [
            Thread(target=back_up_if_due, args=(server.installation, night.house.edition))
            for server in (night, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert night.names() == [name(BEGIN)]


def test_a_full_disk_is_told_and_tried_again(
    night: Night, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S7, O3: nothing is written, the log and the doctor say it; an hour later it is tried again."""
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9, 10))
        with caplog.at_level(logging.INFO, "optin.backup"):
            assert night.at(BEGIN) == []
    assert "the backup failed" in caplog.text
    assert "alice" not in caplog.text
    failed = night.moments()
    assert failed.failed == BEGIN
    seen = judge_scheduled(failed, BackupTable(folder="kept"), BEGIN)
    assert (seen.verdict, "MB free" in seen.text) == (Verdict.FAILED, True)
    assert night.at(BEGIN + timedelta(minutes=59)) == []
    assert night.at(BEGIN + timedelta(minutes=61)) == [name(BEGIN + timedelta(minutes=61))]
    assert night.moments().failed is None


def test_a_folder_that_cannot_be_written_is_told(night: Night) -> None:
    """S7: such as a file of that name."""
    night.folder.write_text("a file")
    back_up_if_due(night.installation, night.house.edition)
    assert night.moments().failed is not None


def test_old_backups_and_old_proofs_are_told() -> None:
    """S7, O3: later than twice the schedule, or no proof within 30 days."""
    table, now = BackupTable(folder="kept"), BEGIN
    fresh = BackupMoments(now - timedelta(hours=25), now - 29 * DAY)
    cases = {
        fresh: Verdict.PASSED,
        replace(fresh, made=now - timedelta(hours=49)): Verdict.FAILED,
        replace(fresh, rehearsed=now - 31 * DAY): Verdict.WARNING,
        replace(fresh, rehearsed=None): Verdict.WARNING,
        BackupMoments(None, None): Verdict.WARNING,
    }
    assert {it: judge_scheduled(it, table, now).verdict for it in cases} == cases


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('folder = "var"', "keys are in the folder"),
        ('folder = "."', "keys are in the folder"),
        ('folder = "kept"\nkeep = 100', "live longer than 3 months"),
        ('folder = "kept"\nkeep = 0', "keep"),
        ('folder = "kept"\nevery = "often"', "not a period"),
        ('folder = "kept"\nkeep = "4 months"', "longer than 3 months"),
        ('folder = "kept"\nkeep = "for ever"', "keep"),
        ('folder = "kept"\nkeep = true', "keep"),
        ('folder = "kept"\nat = "3 at night"', "no time of day"),
        ('folder = "kept"\nat = "24:00"', "no time of day"),
        ('folder = "kept"\nat = "03:30"\nevery = "6 hours"', "cannot be made at 03:30"),
        ('command = "rclone copy elsewhere:"', "{file}"),
        ('command = "{file}"', "needs a program"),
        ('command = "sh -c \'never {file}"', "never closed"),
        ('command = "cp {file} /x"\ncommand_limit = "2 days"', "12 hours at most"),
    ],
)
def test_mistakes_about_backups_are_found(tmp_path: Path, lines: str, said: str) -> None:
    """S7: by optin check, with their place."""
    edition, findings = load_edition(site_with(tmp_path / "site", lines), KINDS)
    assert edition is None
    assert any(said in f"{it}" for it in findings), findings
