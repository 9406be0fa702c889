"""A pgbouncer on each machine of the site, with the settings of docs/run/several-machines.md."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.host.namespaces import Machine
from tests.host.pgbouncer import installed
from tests.host.postgres_pair import PASSWORD, POSTGRES_PORT, SYSTEM_USER, as_user
from tests.host.several_machines_page import pooler_settings


@dataclass
class MachinePooler:
    """One pgbouncer."""

    machine: Machine
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="optin-pooler-")))
    process: subprocess.Popen[bytes] | None = None

    def start(self, database: str) -> None:
        """Start it in front of a database, by its address."""
        shutil.chown(self.folder, SYSTEM_USER)
        (self.folder / "userlist.txt").write_text(f'"optin" "{PASSWORD}"\n')
        self._write(database)
        program = installed()
        assert program is not None, "pgbouncer is not installed; make test-host installs it"
        words = self.machine.command(*as_user(), program, str(self.folder / "pgbouncer.ini"))
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)

    def point_to(self, database: str, port: int = POSTGRES_PORT) -> None:
        """Send everybody to another database server, as an operator does: edit the file, reload."""
        self._write(database, port)
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
        shutil.rmtree(self.folder)

    def _write(self, database: str, port: int = POSTGRES_PORT) -> None:
        text = pooler_settings().replace("db1.example.com port=5432", f"{database} port={port}")
        text = text.replace("/etc/pgbouncer", str(self.folder))
        (self.folder / "pgbouncer.ini").write_text(text)
