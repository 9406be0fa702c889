"""Limits under several processes, restarts and crashes: none lets more through than its setting says."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx2 as httpx
import psycopg

from optin.errors import StoreBusy
from optin.flows.delivery.mail_limits import take_reader_mail
from optin.keys import load_keys
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.limit_counters import CounterTable, LimitedCount, take_amount
from tests.conftest import THOROUGH
from tests.flows.test_mail_limits import BOB
from tests.own_site import add_settings
from tests.ports import NO_MAIL
from tests.postgres import chosen_programs, new_database, postgres_server
from tests.serving import NO_TLS, Serving, form_key, start
from tests.stores import open_store
from tests.waiting import SECONDS
from tests.web.conftest import site_at
from tests.world import World, open_world

AT_ONCE = 12
WORKERS = 3 if THOROUGH else 2
NETWORK, FORMS, MAILBOX = (
    20,
    45,
    5,
)  # posts from one network, mails that forms may cause, mails to one mailbox
LIMITS = f"""
[limits]
per_network_per_hour = {NETWORK}
per_site_per_minute = 100_000
mails_per_day = {2 * FORMS}

[proxy]
trusted = ["127.0.0.1"]
"""


def flood(serving: Serving, key: str, posts: list[tuple[str, str]]) -> Counter[int]:
    """Post forms at once, each over a connection of its own: addresses, and networks they come from."""
    each_anew = httpx.Limits(max_keepalive_connections=0)

    def post(about: tuple[str, str]) -> int:
        email, network = about
        data = {"form": key, "email": email, "consent": "tips-email"}
        return client.post("/paper", data=data, headers={"x-forwarded-for": network}).status_code

    with (
        httpx.Client(base_url=serving.base, verify=NO_TLS, limits=each_anew, timeout=SECONDS) as client,
        ThreadPoolExecutor(AT_ONCE) as people,
    ):
        return Counter(people.map(post, posts))


def queued(store_url: str, root: Path) -> int:
    """Count the confirmation mails that were ever queued."""
    keys = load_keys("keys.json", root)
    assert keys is not None
    store = open_store(store_url, root, Vault(keys))
    try:
        row = store.read(lambda tx: tx.one("SELECT COUNT(*) FROM outbox WHERE kind = 'confirmation'"))
    finally:
        store.close()
    assert row is not None
    return int(row[0])


def flooded(tmp_path: Path, port: int, store_url: str, more: tuple[str, ...], *, networks_last: bool) -> None:
    """Flood a server, kill it, flood another one, stop it, flood a third."""
    site_at(tmp_path / "site")
    add_settings(tmp_path / "site", LIMITS)
    begun = datetime.now(UTC)
    one_mailbox = [(f"bob+{number}@gmail.com", f"203.0.113.{number}") for number in range(30)]
    one_network = [(f"n{number}@example.com", "2001:db8::7") for number in range(3 * NETWORK)]
    whole_site = [(f"s{number}@example.com", f"198.51.100.{number}") for number in range(2 * FORMS)]
    taken: Counter[str] = Counter()
    for turn in range(3):
        serving = start(tmp_path / "site", port, store_url, NO_MAIL, str(tmp_path / "keys.json"), *more)
        try:
            key = form_key(httpx.Client(base_url=serving.base, timeout=SECONDS))
            answers = flood(serving, key, one_mailbox[turn * 10 : turn * 10 + 10])
            taken["mailbox"] += answers[303]
            taken["network"] += flood(serving, key, one_network)[303]
            if turn:
                taken["site"] += flood(serving, key, whole_site)[303]
        finally:
            if turn == 0:
                serving.kill()
            else:
                serving.stop()
    if datetime.now(UTC).hour != begun.hour:  # another window began meanwhile
        return
    assert taken["mailbox"] == 20  # nobody is told; in the third turn the whole site is
    # a post that a busy server refuses at last has used its turn: one fewer may leave, never one more
    assert FORMS - 2 <= queued(store_url, tmp_path) <= FORMS
    if networks_last:
        assert taken["network"] == NETWORK
        assert FORMS - 2 <= NETWORK + taken["site"] + MAILBOX <= FORMS
    else:
        assert taken["network"] == 2 * NETWORK


def test_workers_let_no_more_through_than_one(tmp_path: Path, free_port: int, postgres_url: str) -> None:
    """O8, D8: one network, one mailbox by its many addresses, the whole site; also after kill -9."""
    flooded(tmp_path, free_port, postgres_url, ("--workers", str(WORKERS)), networks_last=True)


def test_a_restart_on_one_file_lets_no_more_mails_leave(tmp_path: Path, free_port: int) -> None:
    """O8, D8: the same on SQLite; only what one network posted this hour is forgotten."""
    flooded(tmp_path, free_port, f"sqlite:///{tmp_path}/optin.db", (), networks_last=False)


def test_a_crash_of_the_database_forgets_networks_and_nothing_else(tmp_path: Path) -> None:
    """O8, D8: PostgreSQL empties an unlogged table; mailboxes and site are counted on."""
    until = datetime.now(UTC) + timedelta(hours=1)
    with postgres_server(chosen_programs()) as server:
        url = new_database(server)
        world = open_world(url, tmp_path)

        def takes() -> dict[str, int]:
            found = {
                where.value: sum(
                    patiently(
                        world, partial(take_amount, where=where, key=b"k", amount=LimitedCount(1, 3, until))
                    )
                    for _ in range(6)
                )
                for where in CounterTable
            }
            mail = partial(take_reader_mail, context=world.context, email=BOB, now=world.now)
            return {**found, "mailbox": sum(patiently(world, mail) for _ in range(7))}

        assert takes() == {"limit_site": 3, "limit_network": 3, "mailbox": MAILBOX}
        crash(url)
        assert takes() == {"limit_site": 0, "limit_network": 3, "mailbox": 0}
        world.store.close()


def crash(url: str) -> None:
    """Kill one process of the server and wait until it has ended all others: it recovers from its log."""
    with psycopg.connect(url, autocommit=True) as witness, suppress(psycopg.OperationalError):
        with psycopg.connect(url) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        while True:
            witness.execute("SELECT pg_sleep(0.01)")


def patiently(world: World, operation: Callable[[Tx], bool]) -> bool:
    """Run an operation as soon as the server takes it."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return world.do(operation)
        except StoreBusy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
