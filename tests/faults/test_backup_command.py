"""A finished backup is given to the operator's command: `[backup] command`."""

from __future__ import annotations

import logging
import os
import shlex
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from optin.errors import RequestRefused
from optin.flows.delivery.waiting_matters import waiting_matters
from optin.jobs.scheduled_backups import back_up_if_due
from optin.services import scheduled_backup
from optin.services.backup_command import run_backup_command, without_private_parts
from optin.services.doctor.data_checks import judge_scheduled
from optin.services.doctor.finding import Verdict
from optin.services.scheduled_backup import ON_THE_WAY, claim
from optin.services.site_edition import load_edition
from optin.store.queue_depths import queue_depths
from tests.faults.test_backup import House
from tests.faults.test_scheduled_backup import BEGIN, DAY, Night, name, serving, site_with
from tests.installed import KINDS
from tests.kinds.test_uninstalled import stored_at
from tests.waiting import wait_until
from tests.world import TIPS

HOUR = timedelta(hours=1)


def never() -> bool:
    return False


@contextmanager
def night_with(root: Path, store_url: str, lines: str, folder: Path) -> Iterator[Night]:
    edition, findings = load_edition(site_with(root, lines), KINDS)
    assert edition is not None, findings
    house = House(root, stored_at(edition, store_url), store_url)
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    with serving(house, folder) as found:
        yield found


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Return a maker of commands: an own program of these lines, in which `file` is the backup."""

    def make(lines: str) -> str:
        path = tmp_path / "program"
        path.write_text(f"#!{sys.executable}\nimport os, sys, time\nfile = sys.argv[1]\n{lines}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return f"{shlex.quote(str(path))} {{file}}"

    return make


TAKE = "import shutil\nshutil.copy(file, os.environ['ELSEWHERE'])"


def test_a_command_takes_each_backup(
    store_url: str, tmp_path: Path, program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S7: without a folder nothing stays here; what arrives is a whole backup, with a name of ours."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("ELSEWHERE", str(elsewhere))
    root = tmp_path / "site"
    with night_with(root, store_url, f"command = {program(TAKE)!r}", root / ON_THE_WAY) as night:
        assert night.at(BEGIN) == []
        assert [it.name for it in elsewhere.iterdir()] == [name(BEGIN)]
        night.at(BEGIN + 23 * HOUR)
        assert len([*elsewhere.iterdir()]) == 1
        night.at(BEGIN + DAY)
        assert len([*elsewhere.iterdir()]) == 2
        assert night.moments().failed is None
        proved = night.house.run("restore", "--rehearse", str(elsewhere / name(BEGIN)))
        assert proved.exit_code == 0, proved.output
        unnamed = night.house.run("restore", "--rehearse")
        assert unnamed.exit_code == 1
        assert "No folder keeps backups" in unnamed.stderr


def test_a_command_that_fails_is_told_and_tried_again_with_the_same_file(
    store_url: str, tmp_path: Path, program: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    """S7, O3, O5: log, doctor, numbers and notices say it; no older backup is pushed out meanwhile."""
    ready = tmp_path / "ready"
    command = program(
        f"print('connecting', file=sys.stderr)\n"
        f"if not os.path.exists({str(ready)!r}):\n"
        "    sys.exit('refused for boss@example.com with https://user:hush@host/x?key=abc')"
    )
    folder, root = tmp_path / "kept", tmp_path / "site"
    lines = f'folder = "{folder}"\nkeep = 2\ncommand = {command!r}'
    with night_with(root, store_url, lines, folder) as night, caplog.at_level(logging.INFO, "optin.backup"):
        assert night.at(BEGIN) == [name(BEGIN)]
        for hours in (0.9, 1.1, 2.2, 3.3):
            assert night.at(BEGIN + hours * HOUR) == [name(BEGIN)]
        moments = night.moments()
        assert moments.failed == BEGIN + 3.3 * HOUR
        assert "exit status 1" in moments.failure
        assert "It said: refused for …" in moments.failure
        for private in ("boss", "hush", "abc", "alice"):
            assert private not in moments.failure + caplog.text
        table = night.house.edition.site.settings.backup
        seen = judge_scheduled(moments, table, BEGIN + 4 * HOUR)
        assert (seen.verdict, "refused for" in seen.text) == (Verdict.FAILED, True)
        told = night.installation.view(waiting_matters, now=BEGIN + 4 * HOUR)
        assert [it.name for it in told if it.name == "backup"] == ["backup"]
        assert night.installation.store.read(queue_depths).backups.failed == moments.failed
        assert "Failed since" in night.house.run("backup", "--last").output
        ready.touch()
        assert night.at(BEGIN + 4.5 * HOUR) == [name(BEGIN)]
        assert night.moments().failed is None
        assert night.at(BEGIN + DAY) == [name(BEGIN), name(BEGIN + DAY)]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("sys.exit(3)", r"exit status 3\)\. It said nothing"),
        ("os.kill(os.getpid(), 9)", "signal 9"),
        ("sys.stderr.write('x' * 5_000_000); sys.exit(1)", "It said: x{200}…$"),
        ("os.write(2, b'\\xff\\x1b[31m\\x00bad'); sys.exit(1)", "It said: . .31m bad$"),
        ("os.close(2); time.sleep(0.5); sys.exit(4)", "exit status 4"),
    ],
)
def test_each_failure_has_its_sentence(
    tmp_path: Path, program: Callable[[str], str], lines: str, said: str
) -> None:
    """S7: whatever the command says, it is one line of a bearable length."""
    with pytest.raises(RequestRefused, match=said):
        run_backup_command(program(lines), tmp_path / "b", tmp_path, 20.0, never)


@pytest.mark.parametrize("command", ["/nowhere/at-all {file}", "/etc/passwd {file}", "/etc {file}"])
def test_a_command_that_is_none_is_told(tmp_path: Path, command: str) -> None:
    """S7: not there, not a program, a folder."""
    with pytest.raises(RequestRefused, match="cannot be started"):
        run_backup_command(command, tmp_path / "b", tmp_path, 20.0, never)


def test_a_command_runs_without_a_shell_and_without_our_secrets(
    tmp_path: Path, program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S7, S1: signs of a shell are letters; OPTIN_MAIL and the like are not handed on."""
    monkeypatch.setenv("OPTIN_MAIL", "smtp://user:hush@host")
    monkeypatch.setenv("RCLONE_CONFIG", "kept")
    command = program(
        "found = [it for it in os.environ if it.startswith(('OPTIN', 'RCLONE'))]\n"
        "print(sys.argv[2:], found, file=sys.stderr)\nsys.exit(1)"
    )
    with pytest.raises(RequestRefused) as told:
        run_backup_command(f"{command} '$HOME;' | tee", tmp_path / "b", tmp_path, 20.0, never)
    assert "['$HOME;', '|', 'tee'] ['RCLONE_CONFIG']" in str(told.value)


def test_a_command_that_hangs_is_ended_with_its_children(
    tmp_path: Path, program: Callable[[str], str]
) -> None:
    """S7: after its time limit, or when the server stops; nothing of it stays."""
    pids = tmp_path / "pids"
    lines = (
        f"os.fork()\nwith open({str(pids)!r}, 'a') as out: out.write(f'{{os.getpid()}}\\n')\ntime.sleep(60)"
    )
    with pytest.raises(RequestRefused, match="did not end within"):
        run_backup_command(program(lines), tmp_path / "b", tmp_path, 1.0, never)
    began = time.monotonic()
    assert not run_backup_command(
        program(lines), tmp_path / "b", tmp_path, 60.0, lambda: time.monotonic() > began + 1.0
    )
    wait_until(lambda: not any(is_alive(int(it)) for it in pids.read_text().split()), seconds=20)
    assert len(pids.read_text().split()) == 4


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_server_that_stops_meanwhile_leaves_it_to_the_next(
    store_url: str, tmp_path: Path, program: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    """S7: that is no failure, and nobody has to wait for an hour."""
    slow = tmp_path / "slow"
    slow.touch()
    command = program(f"while os.path.exists({str(slow)!r}): time.sleep(0.05)")
    root = tmp_path / "site"
    folder = root / ON_THE_WAY
    with night_with(root, store_url, f"command = {command!r}", folder) as night:
        night.installation.clock = lambda: BEGIN
        with caplog.at_level(logging.INFO, "optin.backup"):
            back_up_if_due(night.installation, night.house.edition, lambda: True)
        assert "after the next start" in caplog.text
        assert (night.names(), night.moments().failed) == ([name(BEGIN)], None)
        slow.unlink()
        assert night.at(BEGIN + timedelta(minutes=1)) == []


def test_the_claim_lasts_as_long_as_the_work(
    store_url: str, tmp_path: Path, program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S7: a backup that takes longer than an hour is made by one server, on either database."""
    monkeypatch.setattr(scheduled_backup, "RENEW_SECONDS", 0.05)
    slow = tmp_path / "slow"
    slow.touch()
    began = tmp_path / "began"
    command = program(f"open({str(began)!r}, 'w')\nwhile os.path.exists({str(slow)!r}): time.sleep(0.05)")
    folder, root = tmp_path / "kept", tmp_path / "site"
    lines = f'folder = "{folder}"\ncommand = {command!r}'
    with night_with(root, store_url, lines, folder) as night, serving(night.house, folder) as other:
        moment = [BEGIN]
        night.installation.clock = other.installation.clock = lambda: moment[0]
        done = Event()

        def work() -> None:
            back_up_if_due(night.installation, night.house.edition)
            done.set()

        Thread(target=work, daemon=True).start()
        wait_until(began.exists)
        for minutes in (50, 100, 150):
            moment[0] = BEGIN + timedelta(minutes=minutes)
            time.sleep(0.5)  # several renewals
            assert not claim(other.installation)
        slow.unlink()
        assert done.wait(20)
        assert night.moments().failed is None


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Permission denied (publickey)", "Permission denied (publickey)"),
        ("to jan@example.nl: no", "to … no"),
        ("https://h/x?sig=abc&b=c failed", "https://h/x… failed"),
        ("call +31 6 1234 5678 now", "call … now"),
        ("no such bucket, --password=hunter2 given", "no such bucket, --… given"),
        ("access_token: abc.def is old", "access_… is old"),
    ],
)
def test_what_a_command_says_is_shown_without_personal_data(line: str, shown: str) -> None:
    """O5, R1: addresses, numbers, passwords and keys are left out."""
    assert without_private_parts(line) == shown
    assert os.linesep not in without_private_parts(f"{line}\nmore")
