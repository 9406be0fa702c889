"""What may befall backups that a server makes: other files, other sites, wrong clocks, kills, a full disk."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from optin.consent.retention_period import RetentionPeriod
from optin.services.doctor.data_checks import check_backup
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import Verdict
from optin.services.scheduled_backup import next_time
from optin.settings.backup import BackupTable
from optin.site.backup_check import objections_to_backup
from optin.store.installation_facts import ORIGIN
from tests.faults.test_backup_command import night_with
from tests.faults.test_scheduled_backup import BEGIN, DAY, Night, name
from tests.faults.test_scheduled_backup import night as night  # noqa: PLC0414 - the same server

HOUR = timedelta(hours=1)


def copy_of(source: Path, target: Path, origin: str = "") -> Path:
    """Copy a backup; with `origin` it becomes one of another site."""
    shutil.copy(source, target)
    if origin:
        with closing(sqlite3.connect(target)) as database:
            database.execute("UPDATE installation SET value = ? WHERE name = ?", [origin.encode(), ORIGIN])
            database.commit()
    return target


def test_a_backup_of_another_site_in_the_same_folder_stays(night: Night) -> None:
    """S7: two sites may share a folder; each deletes its own."""
    night.at(BEGIN)
    other = copy_of(
        night.folder / name(BEGIN), night.folder / name(BEGIN - 9 * DAY), origin="https://other.example"
    )
    for day in (1, 2, 3):
        night.at(BEGIN + day * DAY)
    assert night.names() == sorted([other.name, name(BEGIN + 2 * DAY), name(BEGIN + 3 * DAY)])


def test_what_is_no_whole_backup_is_left_and_told(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    """S7: an empty file, a cut one, a folder, a link, a day that is none: nothing of it stops a backup."""
    night.at(BEGIN)
    whole = (night.folder / name(BEGIN)).read_bytes()
    old = [night.folder / name(BEGIN - days * DAY) for days in range(10, 14)]
    old[0].write_bytes(b"")
    old[1].write_bytes(whole[:2_000])
    old[2].mkdir()
    old[3].symlink_to(night.folder / "elsewhere")
    none = night.folder / "optin-20269999T000000Z.backup"
    none.write_bytes(whole)
    for day in (1, 2, 3):
        night.at(BEGIN + day * DAY)
    assert night.names() == sorted(
        [*(it.name for it in old), none.name, name(BEGIN + 2 * DAY), name(BEGIN + 3 * DAY)]
    )
    assert "is left for you to delete" in caplog.text
    assert night.moments().failed is None


@pytest.mark.parametrize("kind", ["file", "link to nowhere", "link to a file", "folder"])
def test_a_name_that_is_taken_is_never_overwritten(night: Night, kind: str) -> None:
    """S7: nor is anything written through a link; the next try has another name."""
    night.folder.mkdir()
    taken, elsewhere = night.folder / name(BEGIN), night.folder.parent / "elsewhere"
    match kind:
        case "file":
            taken.write_text("mine")
        case "folder":
            taken.mkdir()
        case "link to a file":
            elsewhere.write_text("mine")
            taken.symlink_to(elsewhere)
        case _:
            taken.symlink_to(elsewhere)
    assert night.at(BEGIN) == [taken.name]
    assert night.moments().failed == BEGIN
    assert not elsewhere.exists() or elsewhere.read_text() == "mine"
    assert name(BEGIN + 2 * HOUR) in night.at(BEGIN + 2 * HOUR)
    assert night.moments().failed is None


def test_a_folder_behind_a_link_is_used(night: Night, tmp_path: Path) -> None:
    """S7: as with a disk that is mounted elsewhere."""
    real = tmp_path / "disk"
    real.mkdir()
    night.folder.symlink_to(real)
    assert night.at(BEGIN) == [name(BEGIN)]
    assert [it.name for it in real.iterdir()] == [name(BEGIN)]


def test_backups_of_a_wrong_clock_push_no_right_one_out(night: Night) -> None:
    """S7, O7: what is ahead of the clock goes first."""
    night.at(BEGIN + 900 * DAY)
    for hours in (0, 24, 48):
        night.at(BEGIN + hours * HOUR)
    assert night.names() == [name(BEGIN + DAY), name(BEGIN + 2 * DAY)]


def test_backups_are_kept_for_a_time(store_url: str, tmp_path: Path) -> None:
    """S7: `keep` as a period; the newest stays however old it is."""
    folder = tmp_path / "kept"
    lines = f'folder = "{folder}"\nkeep = "2 days"\nevery = "12 hours"'
    with night_with(tmp_path / "site", store_url, lines, folder) as night:
        for half in range(8):
            night.at(BEGIN + half * 12 * HOUR)
        made = [BEGIN + half * 12 * HOUR for half in range(4, 8)]
        assert night.names() == [name(it) for it in made]
        assert night.at(BEGIN + 40 * DAY) == [name(BEGIN + 40 * DAY)]


def test_a_clock_that_is_behind_deletes_no_young_backup(tmp_path: Path) -> None:
    """S7, O7: one that is behind by less than is doubted; what is far ahead goes."""
    folder = tmp_path / "kept"
    lines = f'folder = "{folder}"\nkeep = "30 days"\nevery = "1 hour"'
    with night_with(tmp_path / "site", f"sqlite:///{tmp_path}/optin.db", lines, folder) as night:
        for hours in (0, 6, 12):
            night.at(BEGIN + hours * HOUR)
        copy_of(folder / name(BEGIN), folder / name(BEGIN + 900 * DAY))
        night.at(BEGIN - HOUR)
        assert night.names() == [name(BEGIN + hours * HOUR) for hours in (-1, 0, 6, 12)]


def test_backups_are_made_at_a_time_of_day() -> None:
    """S7: by the clocks of the site's zone, also where they are put forward and back."""
    zone = ZoneInfo("Europe/Amsterdam")
    table = BackupTable(folder="kept", at="02:30")
    for last, due in [
        ("2026-12-01T14:00", "2026-12-02T01:30"),  # made late
        ("2026-12-01T01:30", "2026-12-02T01:30"),
        ("2026-12-01T23:30", "2026-12-03T01:30"),  # the second of December there
        ("2026-03-28T01:30", "2026-03-29T01:30"),  # 02:30 is skipped: 03:30
        ("2026-03-29T01:30", "2026-03-30T00:30"),
        ("2026-10-24T00:30", "2026-10-25T00:30"),  # twice: the first
        ("2026-10-25T00:30", "2026-10-26T01:30"),
    ]:
        moments = [datetime.fromisoformat(it).replace(tzinfo=UTC) for it in (last, due)]
        assert next_time(table, moments[0], zone) == moments[1], last
    weekly = BackupTable(folder="kept", at="02:30", every=RetentionPeriod.parse("1 week"))
    assert next_time(weekly, datetime(2026, 12, 1, 14, tzinfo=UTC), zone) == datetime(
        2026, 12, 8, 1, 30, tzinfo=UTC
    )


def test_a_server_killed_while_it_writes_leaves_no_backup(tmp_path: Path) -> None:
    """S7, S6: no half file has the name of a backup; another server makes one after the claim ended."""
    folder, store = tmp_path / "kept", f"sqlite:///{tmp_path}/live.db"
    with night_with(tmp_path / "site", store, f'folder = "{folder}"', folder) as night:
        killed = subprocess.run(
            [sys.executable, "-c", _KILLED_AT, str(tmp_path / "site")],
            env={**os.environ, "OPTIN_STORE": store},
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL
        left = night.names()
        assert len(left) == 1
        assert left[0].startswith(".optin-")
        now = night.installation.clock()
        assert night.at(now) == left  # the claim of the dead one
        assert name(now + 2 * HOUR) in night.at(now + 2 * HOUR)
        assert night.at(now + 50 * HOUR) == [name(now + 2 * HOUR), name(now + 50 * HOUR)]


_KILLED_AT = """
import os, signal, sys
from pathlib import Path

from optin.jobs.scheduled_backups import back_up_if_due
from optin.services import backup
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from tests.installed import KINDS

edition, _ = load_edition(Path(sys.argv[1]), KINDS)
backup.os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with open_installation(edition.site.settings, edition.policy, KINDS, with_journal=False) as installation:
    back_up_if_due(installation, edition)
"""


def test_a_disk_that_fills_while_it_writes_leaves_nothing(store_url: str, tmp_path: Path) -> None:
    """S7: the room was there when it was looked at; the refusal of the system is told."""
    folder = tmp_path / "kept"
    with night_with(tmp_path / "site", store_url, f'folder = "{folder}"', folder) as night:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        held = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        big = max(200_000, *(it.stat().st_size for it in tmp_path.rglob("*.db*")), 0)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (min(big, 250_000), before[1]))
            assert night.at(BEGIN) == []
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, held)
        assert night.moments().failed == BEGIN
        assert night.at(BEGIN + 2 * HOUR) == [name(BEGIN + 2 * HOUR)]


def test_the_newest_backup_is_rehearsed_without_its_name(night: Night) -> None:
    """S7: of those that the server made, and not of a time to come."""
    missing = night.house.run("restore", "--rehearse")
    assert missing.exit_code == 1
    assert "cannot be read" in missing.stderr
    for day in (3, 2):
        night.at(BEGIN - day * DAY)
    copy_of(night.folder / name(BEGIN - 2 * DAY), night.folder / name(BEGIN + 900 * DAY))
    (night.folder / "optin-newest.backup").write_text("mine")
    outcome = night.house.run("restore", "--rehearse")
    assert outcome.exit_code == 0, outcome.output
    assert name(BEGIN - 2 * DAY) in outcome.output
    assert night.moments().rehearsed is not None
    assert night.house.run("restore").exit_code == 2


def test_backups_beside_the_database_are_told(tmp_path: Path) -> None:
    """S7, O3: the doctor warns of backups on the same disk, and of a folder that is gone."""
    folder, store = tmp_path / "kept", f"sqlite:///{tmp_path}/live.db"
    with night_with(tmp_path / "site", store, f'folder = "{folder}"', folder) as night:
        assert len(night.at(night.installation.clock())) == 1, night.moments()
        proved = night.house.run("restore", "--rehearse")
        assert proved.exit_code == 0, (proved.output, proved.exception)
        settings = night.house.edition.site.settings
        assert not [*objections_to_backup(night.house.root, settings)]
        examination = Examination(
            night.house.edition, night.installation.clock(), installation=night.installation
        )
        seen = check_backup(examination)
        assert seen.verdict is Verdict.WARNING
        assert "on the disk of the database" in seen.text
        shutil.rmtree(folder)
        assert "is not there" in check_backup(examination).text
