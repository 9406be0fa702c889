"""A command that is killed between two writes leaves either both or neither."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from tests.export.test_scrub import site as site  # noqa: PLC0414 - the same people

KILLED_AT = """
import os, signal, sys
from optin.app.main import main
from optin.store.sqlite import SqliteTx

run = SqliteTx.run

def killed(self, sql, **values):
    if "INSERT INTO rights_action" in sql:
        os.kill(os.getpid(), signal.SIGKILL)
    return run(self, sql, **values)

SqliteTx.run = killed
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    "act", [("hold", "--until", "2099-12-31"), ("withdraw",), ("erase", "--yes")], ids=lambda act: act[0]
)
def test_a_killed_command_leaves_no_act_without_its_record(
    site: Path,
    act: tuple[str, ...],
) -> None:
    """R9: what an officer does and the record of it are one transaction, whenever the power fails."""
    before = kept_rows(site)
    words = ["subject", *act, "alice@example.com", "--why", "letter", "--site", str(site)]
    killed = subprocess.run([sys.executable, "-c", KILLED_AT, *words], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert kept_rows(site) == before
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    after = kept_rows(site)
    assert after["rights_action"] == 1
    assert after != {**before, "rights_action": 1}


def kept_rows(site: Path) -> dict[str, int]:
    """Count what such a command writes."""
    tables = ("rights_action", "legal_hold", "suppression", "request", "event")
    with closing(sqlite3.connect(site / "var" / "optin.db")) as database:
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
