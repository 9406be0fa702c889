"""Killed under load, again and again, on both databases: nothing lost, and how many mails come twice."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.faults.kills import kill
from tests.ports import reserved_port
from tests.postgres import NEWEST, new_database, postgres_server, programs_of

ON_SQLITE, ON_POSTGRES = 25, 20
STEPS = 300  # acknowledged in each life


def main() -> None:
    """Print what came of it."""
    with tempfile.TemporaryDirectory() as name, reserved_port() as port:
        folder = Path(name)
        toll = kill(folder, port, f"sqlite:///{folder}/optin.db", ON_SQLITE, STEPS)
        print(f"kill -9 × {ON_SQLITE} on SQLite: {toll} (0 lost, at most 0.2 % doubled)", flush=True)
        print(*toll.lost, *toll.findings, sep="\n", end="")
    with (
        tempfile.TemporaryDirectory() as name,
        reserved_port() as port,
        postgres_server(programs_of(NEWEST)) as server,
    ):
        toll = kill(Path(name), port, new_database(server), ON_POSTGRES, STEPS)
        print(f"kill -9 × {ON_POSTGRES} on PostgreSQL: {toll} (0 lost, at most 0.2 % doubled)", flush=True)
        print(*toll.lost, *toll.findings, sep="\n", end="")
