"""An upgrade of a site that people sign up at: servers of two versions beside each other, on one database."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from optin.services.migration_plan_text import PlanStatus
from tests.host.namespaces import missing
from tests.host.site_machines import Site, site_machines, start_all
from tests.host.test_several_machines import held
from tests.host.traffic import Traffic
from tests.house.requirements_table import ROOT

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not checked: {missing()}")

RELEASE = "d18ee247^"  # 0.1.0
NEXT = """    Migration(
        "m990_next",
        (
            "CREATE TABLE next (id {blob} NOT NULL PRIMARY KEY REFERENCES request(id)){strict}",
            "CREATE INDEX request_next ON request(form, id)",
            "ALTER TABLE request ADD COLUMN next {int} NOT NULL DEFAULT 0",
        ),
    ),
)
"""


def code_of(commit: str, folder: Path) -> Path:
    """Unpack the program of an earlier commit."""
    packed = subprocess.run(
        ["git", "archive", commit, "optin", "templates"], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip(f"not checked: this clone does not hold {commit}")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def code_to_come(folder: Path) -> Path:
    """Copy the program as it is, with one more migration."""
    for name in ("optin", "templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    migrations = folder / "optin" / "store" / "migrations.py"
    text = migrations.read_text()
    assert text.endswith(")\n")
    migrations.write_text(text.removesuffix(")\n") + NEXT)
    return folder


def plan(site: Site, program: Path | None) -> tuple[int, list[str]]:
    """Return what a version would do to the database: its status, and why servers must be stopped."""
    process = site.processes[0]
    own = {"OPTIN_STORE": process.store, **({"PYTHONPATH": str(program)} if program else {})}
    done = subprocess.run(
        process.machine.command(
            sys.executable, "-m", "optin", "migrate", "--plan", "--json", "--site", str(process.site)
        ),
        env={**os.environ, **own},
        cwd=process.site, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)["stop_servers_first"]


def upgrade(site: Site, program: Path | None, traffic: Traffic) -> None:
    """Replace one process after the other; the first one of the new version migrates."""
    for process in site.processes:
        assert process.stop() == 0
        process.program = program
        process.start()
        traffic.wait_for(5)


def test_an_upgrade_to_a_version_to_come_is_not_noticed(tmp_path: Path) -> None:
    """O1, O10, D1: with what the present version bears, as the plan says: nobody gets an error."""
    program = code_to_come(tmp_path / "next")
    with site_machines(tmp_path / "machines") as site:
        assert plan(site, program) == (PlanStatus.SERVERS_GO_ON, [])
        traffic = Traffic(site, "next")
        traffic.start()
        upgrade(site, program, traffic)
        toll = held(traffic.finish(), "upgrade to a version that adds an index, a column and a table")
        assert toll.doubled == []
        assert toll.failed == 0, traffic.failures
        assert plan(site, program)[0] == PlanStatus.NOTHING_DUE
        older = site.processes[0]
        older.stop()
        older.program = None
        older.begin()
        assert older.running is not None
        assert older.running.wait(60) == 1
        assert (
            "The database was made by a newer optin (m990_next); install that one." in older.log.read_text()
        )
        older.running = None


def test_an_upgrade_from_the_release_before(tmp_path: Path) -> None:
    """O1, D1: its servers refuse forms beside the new tables, those of the new version take them."""
    program = code_of(RELEASE, tmp_path / "release")
    assert re.search(r'"0\.1\.0"', (program / "optin" / "__init__.py").read_text())
    with site_machines(tmp_path / "machines", started=False) as site:
        for process in site.processes:
            process.program = program
        start_all(site)
        status, obstacles = plan(site, None)
        assert (status, bool(obstacles)) == (PlanStatus.STOP_SERVERS, True)
        traffic = Traffic(site, "release")
        traffic.start()
        upgrade(site, None, traffic)
        toll = held(traffic.finish(), "upgrade from 0.1.0, one process after the other")
        assert toll.doubled == []
