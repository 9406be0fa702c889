"""A PostgreSQL that is too old is refused; each version that is promised is among those that are tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from optin.errors import StoreUnusable
from optin.keys import KeyRing
from optin.store.encryption import Vault
from optin.store.postgres_server_differences import OLDEST_VERSION
from tests.host.servers import RELEASES, programs_of
from tests.ports import NO_MAIL, NOBODY
from tests.postgres import NEWEST, OLDER, new_database, postgres_server
from tests.serving import environment
from tests.stores import open_store
from tests.web.conftest import site_at


def test_every_version_that_is_promised_is_tested() -> None:
    """O1: from the oldest to the newest, and one before."""
    assert sorted({*RELEASES, OLDER, NEWEST}) == list(range(OLDEST_VERSION - 1, NEWEST + 1))


def test_a_server_that_is_too_old_is_refused_untouched(tmp_path: Path) -> None:
    """O1, S2: by the store and by the command, in one sentence; no table is made."""
    site_at(tmp_path / "site")
    with postgres_server(programs_of(OLDEST_VERSION - 1)) as server:
        url = new_database(server)
        with pytest.raises(StoreUnusable, match="PostgreSQL 12 is too old: optin needs 13 or newer"):
            open_store(url, tmp_path, Vault(KeyRing.fresh("dev")))
        command = [sys.executable, "-m", "optin", "serve", "--site", str(tmp_path / "site")]
        outcome = subprocess.run(
            [*command, "--port", str(NOBODY)],
            env=environment(url, NO_MAIL, str(tmp_path / "keys.json")),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = found.fetchall()
    assert outcome.returncode == 1
    assert "PostgreSQL 12 is too old" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert tables == []
