"""Killed at any moment, under load: whatever was acknowledged is stored, and its mail leaves."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import httpx2 as httpx
import pytest

from optin.flows.evidence.audit import Audit
from optin.keys import load_keys
from optin.store.encryption import Vault
from optin.store.event_log import integrate
from tests.conftest import THOROUGH
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.ports import NO_MAIL
from tests.serving import NO_TLS, Serving, form_key, served, start
from tests.stores import open_store
from tests.waiting import SECONDS, wait_until
from tests.web.conftest import site_at

LOADERS = 6
DEATHS = 10 if THOROUGH else 4  # of a server
DEATHS_BESIDE_ANOTHER = 5 if THOROUGH else 2


class Load:
    """Signs people up until it is told to stop, and remembers who was acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, base: str, key: str, name: str) -> None:
        self._stop.clear()
        self._threads = [
            threading.Thread(target=self._run, args=(base, key, f"{name}-{number}"))
            for number in range(LOADERS)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, more: int) -> None:
        """Wait until `more` people are acknowledged than now: on a busy machine that takes its time."""
        enough = len(self.acknowledged) + more
        deadline = time.monotonic() + 120
        while len(self.acknowledged) < enough and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.acknowledged) >= enough

    def finish(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, base: str, key: str, name: str) -> None:
        with httpx.Client(base_url=base, timeout=5) as client:
            for number in range(200):
                address = f"{name}-{number}@example.com"
                try:
                    answer = client.post(
                        "/paper", data={"form": key, "email": address, "consent": "tips-email"}
                    )
                except httpx.HTTPError:
                    return
                if answer.status_code == 303:
                    self.acknowledged.append(address)
                if self._stop.is_set():
                    return


def wait_for(script: Script, addresses: list[str], seconds: float) -> set[str]:
    """Wait until everybody got a mail; return who did not."""
    deadline = time.monotonic() + seconds
    missing = set(addresses)
    while missing and time.monotonic() < deadline:
        time.sleep(0.02)
        missing = set(addresses) - set(script.recipients)
    return missing


def test_deaths_under_load_lose_nothing(tmp_path: Path, free_port: int) -> None:
    """D1, S6: kill -9, time and again; acknowledged = stored = mailed; few doubles, each the same mail."""
    site_at(tmp_path / "site")
    script, load = Script(), Load()
    store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
    with mail_server(script) as mail_port:
        mail = f"smtp://127.0.0.1:{mail_port}"
        for death in range(DEATHS):
            serving = start(tmp_path / "site", free_port, store, mail, keys)
            with httpx.Client(base_url=serving.base, timeout=SECONDS) as client:
                load.start(serving.base, form_key(client), f"d{death}")
            load.wait_for(2)
            time.sleep(death / DEATHS / 10)  # each death at another moment
            serving.kill()
            load.finish()
        database = sqlite3.connect(tmp_path / "optin.db")
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        requests = database.execute("SELECT COUNT(*) FROM request").fetchone()[0]
        events = database.execute(
            "SELECT COUNT(DISTINCT request_id) FROM event WHERE body LIKE '%requested%'"
        ).fetchone()[0]
        letters = database.execute("SELECT COUNT(DISTINCT request_id) FROM outbox").fetchone()[0]
        assert requests == events == letters >= len(load.acknowledged) > DEATHS
        database.close()
        with served(tmp_path / "site", free_port, store, mail, keys):
            assert wait_for(script, load.acknowledged, SECONDS) == set()
    assert audited(tmp_path, store, keys) >= requests
    identities = [message_from_bytes(mail, policy=default)["Message-ID"] for mail in script.mails]
    doubles = len(identities) - len(set(identities))
    # taken by the mail server, and killed before its answer was read: one for each open connection at most
    assert doubles <= 3 * DEATHS
    assert len(set(identities)) <= requests


def audited(root: Path, url: str, keys: str) -> int:
    """See that the log has no gap and no double, and its root follows; return its size (P4)."""
    ring = load_keys(keys, root)
    assert ring is not None
    store = open_store(url, root, Vault(ring))
    while store.submit(integrate).result():
        pass
    audit = Audit(store.read, Vault(ring), KINDS.flows)
    for _ in audit.run():
        pass
    assert audit.findings == []
    counts = store.read(lambda tx: tx.one("SELECT COUNT(*), COUNT(DISTINCT event_id) FROM log_leaf"))
    assert counts == (audit.events, audit.events)
    store.close()
    return audit.events


def test_deaths_in_the_middle_of_integrating_leave_no_gap(
    tmp_path: Path, free_port: int, other_port: int, postgres_url: str
) -> None:
    """P4, S6: on PostgreSQL, kill -9 time and again while two processes sign up and integrate."""
    site_at(tmp_path / "site")
    script, keys = Script(), str(tmp_path / "keys.json")
    acknowledged = 0
    with mail_server(script) as mail_port:
        mail = f"smtp://127.0.0.1:{mail_port}"
        other = start(tmp_path / "site", other_port, postgres_url, mail, keys)
        for death in range(DEATHS_BESIDE_ANOTHER):
            serving = start(tmp_path / "site", free_port, postgres_url, mail, keys)
            load = Load()
            with httpx.Client(base_url=serving.base, timeout=SECONDS) as client:
                load.start(serving.base, form_key(client), f"d{death}")
            load.wait_for(2)
            time.sleep(death / 20)
            serving.kill()
            load.finish()
            acknowledged += len(load.acknowledged)
        other.stop()
    assert audited(tmp_path, postgres_url, keys) >= acknowledged > 0


def test_a_graceful_stop_sends_nothing_twice_and_loses_nothing(tmp_path: Path, free_port: int) -> None:
    """S6, D1: SIGTERM under load: each acknowledged sign-up is mailed once, over two lives."""
    site_at(tmp_path / "site")
    script, load = Script(), Load()
    store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
    with mail_server(script) as mail_port:
        mail = f"smtp://127.0.0.1:{mail_port}"
        serving = start(tmp_path / "site", free_port, store, mail, keys)
        with httpx.Client(base_url=serving.base, timeout=SECONDS) as client:
            load.start(serving.base, form_key(client), "a")
        load.wait_for(20)
        assert serving.stop() == 0
        load.finish()
        with served(tmp_path / "site", free_port, store, mail, keys):
            assert wait_for(script, load.acknowledged, SECONDS) == set()
    assert len(load.acknowledged) > 0
    assert len(script.recipients) == len(set(script.recipients))


def test_two_processes_share_one_postgres(
    tmp_path: Path, free_port: int, other_port: int, postgres_url: str
) -> None:
    """O1: several stateless processes; a form of one is posted to the other; nobody is mailed twice."""
    site_at(tmp_path / "site")
    script, keys = Script(), str(tmp_path / "keys.json")
    with mail_server(script) as mail_port:
        mail = f"smtp://127.0.0.1:{mail_port}"
        one = start(tmp_path / "site", free_port, postgres_url, mail, keys, "--workers", "2")
        other = start(tmp_path / "site", other_port, postgres_url, mail, keys)
        try:
            load, load_two = Load(), Load()
            with httpx.Client(base_url=one.base, timeout=SECONDS) as client:
                key = form_key(client)
            load.start(one.base, key, "one")
            load_two.start(other.base, key, "two")
            load.wait_for(20)
            load_two.wait_for(20)
            load.finish()
            load_two.finish()
            everybody = load.acknowledged + load_two.acknowledged
            assert wait_for(script, everybody, SECONDS) == set()
            confirm_everywhere(script, one, other)
            wait_until(lambda: len(script.mails) > len(everybody))  # the delivery
        finally:
            for serving in (one, other):
                serving.stop()
    identities = [message_from_bytes(mail, policy=default)["Message-ID"] for mail in script.mails]
    assert len(identities) == len(set(identities)) > len(everybody)


def confirm_everywhere(script: Script, one: Serving, other: Serving) -> None:
    """Press the same button at both processes: one consent, the same page."""
    text = message_from_bytes(script.mails[0], policy=default).get_body(("plain",))
    assert text is not None
    token = re.search(r"/confirm/(\S+)", text.get_content())
    assert token is not None
    headers = {"content-type": "application/x-www-form-urlencoded"}
    pages = set()
    with httpx.Client(verify=NO_TLS, headers=headers, timeout=SECONDS) as client:
        for serving in (one, other, one):
            client.post(f"{serving.base}/confirm/{token[1]}")
            page = client.get(f"{serving.base}/confirm/{token[1]}")
            pages.add(re.sub(r"/download/[^\"]+", "", page.text))
    assert len(pages) == 1


def test_a_second_server_on_the_same_file_is_refused(tmp_path: Path, free_port: int, other_port: int) -> None:
    """O1: one sentence, status 1; the first goes on."""
    site_at(tmp_path / "site")
    store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
    with served(tmp_path / "site", free_port, store, NO_MAIL, keys) as serving:
        with pytest.raises(AssertionError, match="Another optin server"):
            start(tmp_path / "site", other_port, store, NO_MAIL, keys)
        assert httpx.get(f"{serving.base}/health", timeout=SECONDS).status_code == 200
