"""No command replaces or rewrites a store that is served, and nobody serves one that is being replaced."""

from __future__ import annotations

import os
import time
from pathlib import Path

import httpx2 as httpx
import psycopg
import pytest
from click.testing import Result

from optin.errors import StoreUnusable
from optin.store.postgres import PostgresStore
from optin.store.sqlite import SqliteStore
from optin.store.sqlite_lock import CHANGE, lock_file
from tests.ports import NO_MAIL
from tests.serving import form_key, served, settings, start
from tests.shell import shell
from tests.stores import SCHEMA
from tests.waiting import SECONDS
from tests.web.conftest import site_at


def run(site: Path, store: str, keys: str, *words: str) -> Result:
    """Give a command in another shell."""
    return shell(site, *words, **settings(store, NO_MAIL, keys))


def sign_up(client: httpx.Client, key: str, name: str) -> int:
    data = {"form": key, "email": f"{name}@example.com", "consent": "tips-email"}
    return client.post("/paper", data=data).status_code


def empty(url: str) -> None:
    """Make a database anew."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def test_a_restore_beside_a_server_is_refused(tmp_path: Path, free_port: int) -> None:
    """S7, D1: whoever moves the file away from under a server is told; nobody acknowledged is lost."""
    site = tmp_path / "site"
    site_at(site)
    store, keys, file = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json"), tmp_path / "copy"
    with (
        served(site, free_port, store, NO_MAIL, keys) as serving,
        httpx.Client(base_url=serving.base, timeout=SECONDS) as client,
    ):
        key = form_key(client)
        assert sign_up(client, key, "before") == 303
        assert run(site, store, keys, "backup", str(file)).exit_code == 0
        for name in ("optin.db", "optin.db-wal", "optin.db-shm"):
            (tmp_path / name).rename(tmp_path / f"{name}.away")
        assert [sign_up(client, key, f"lost{number}") for number in range(5)] == [503] * 5
        while (answer := client.get("/health/ready")).status_code == 200:
            time.sleep(0.1)  # an answer holds for a second
        assert answer.status_code == 503
        assert "was replaced or removed while it was in use" in answer.text
        refused = run(site, store, keys, "restore", str(file))
        assert refused.exit_code == 1
        assert "Another optin server uses optin.db; stop it first" in refused.stderr
        assert not (tmp_path / "optin.db").exists()
    restored = run(site, store, keys, "restore", str(file))
    assert restored.exit_code == 0, restored.stderr
    with (
        served(site, free_port, store, NO_MAIL, keys) as serving,
        httpx.Client(base_url=serving.base, timeout=SECONDS) as client,
    ):
        assert sign_up(client, form_key(client), "after") == 303


def test_a_server_does_not_start_while_its_store_is_replaced(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S7: it waits a moment, then says why it does not start."""
    site = tmp_path / "site"
    site_at(site)
    store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
    with served(site, free_port, store, NO_MAIL, keys):
        pass
    lock = lock_file(tmp_path / "optin.db", CHANGE)
    with pytest.raises(AssertionError, match=r"Another command replaces or changes optin\.db just now"):
        start(site, free_port, store, NO_MAIL, keys)
    os.close(lock)
    monkeypatch.undo()
    with served(site, free_port, store, NO_MAIL, keys):
        pass


def test_a_restore_beside_a_server_on_postgres_is_refused(
    tmp_path: Path, free_port: int, postgres_url: str
) -> None:
    """S7: also where the database was emptied beneath it: it shows itself at its next beat."""
    site = tmp_path / "site"
    site_at(site)
    keys, file = str(tmp_path / "keys.json"), tmp_path / "copy"
    with served(site, free_port, postgres_url, NO_MAIL, keys) as serving:
        with httpx.Client(base_url=serving.base, timeout=SECONDS) as client:
            assert sign_up(client, form_key(client), "before") == 303
        assert run(site, postgres_url, keys, "backup", str(file)).exit_code == 0
        empty(postgres_url)
        refused = run(site, postgres_url, keys, "restore", str(file))
        assert refused.exit_code == 1
        assert "A server uses this database; stop every server of this site first" in refused.stderr
    empty(postgres_url)
    restored = run(site, postgres_url, keys, "restore", str(file))
    assert restored.exit_code == 0, restored.stderr
    store = PostgresStore(postgres_url, SCHEMA)
    with store.alone(), pytest.raises(AssertionError, match="A backup is being restored"):
        start(site, free_port, postgres_url, NO_MAIL, keys)
    store.close()


def test_keys_are_not_rotated_beside_a_server(tmp_path: Path, free_port: int) -> None:
    """S2: it would not know the new ones, by which other shells seal what it must read."""
    site = tmp_path / "site"
    site_at(site)
    store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
    with served(site, free_port, store, NO_MAIL, keys):
        before = Path(keys).read_bytes()
        refused = run(site, store, keys, "keys", "rotate")
        assert refused.exit_code == 1
        assert "stop it first" in refused.stderr
        assert Path(keys).read_bytes() == before
    done = run(site, store, keys, "keys", "rotate")
    assert done.exit_code == 0, done.stderr
    assert Path(keys).read_bytes() != before
    with served(site, free_port, store, NO_MAIL, keys):
        pass


def test_a_schema_is_not_changed_beneath_a_server_of_another_version(tmp_path: Path) -> None:
    """S7: on SQLite; the command says what is in its way, and nothing is changed."""
    path = tmp_path / "optin.db"
    serving = SqliteStore(path, SCHEMA, serving=True)
    last = SCHEMA.own[-1].name
    serving.submit(lambda tx: tx.run("DELETE FROM _sqlite_migrations WHERE name = :n", n=last)).result()
    with pytest.raises(StoreUnusable, match=r"Another optin server uses optin\.db"):
        SqliteStore(path, SCHEMA)
    serving.close()
