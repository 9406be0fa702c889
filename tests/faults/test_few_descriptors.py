"""A server that has used up its file descriptors still signs up, confirms and withdraws."""

from __future__ import annotations

import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from tests.mail.server import Script, mail_server
from tests.serving import NO_TLS, Serving, form_key, served
from tests.waiting import SECONDS, wait_until
from tests.web.conftest import site_at

FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_no_request_and_no_mail_opens_a_file(tmp_path: Path) -> None:
    """S6: templates, catalogues, zones, numbering plans, code: all of it is read at the start."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.opened_files", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


@contextmanager
def without_descriptors(serving: Serving, left: int) -> Iterator[None]:
    """Let a running process open no more than `left` files than it has open now."""
    process = psutil.Process(serving.process.pid)
    soft, hard = process.rlimit(resource.RLIMIT_NOFILE)
    highest = max(int(path.name) for path in Path(f"/proc/{process.pid}/fd").iterdir())
    free = [number for number in range(highest) if not Path(f"/proc/{process.pid}/fd/{number}").exists()]
    process.rlimit(resource.RLIMIT_NOFILE, (highest + 1 - min(len(free), 0) + left, hard))
    taken: list[socket.socket] = []
    try:
        while len(taken) < len(free) + left + 20:  # whoever comes takes what is left
            taken.append(socket.create_connection(("127.0.0.1", serving.port), timeout=5))
        wait_until(lambda: process.num_fds() >= highest + 1 + left)
        yield
    finally:
        process.rlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for connection in taken:
            connection.close()


def link(script: Script, address: str, kind: str) -> str:
    """Return the newest link of a kind that was mailed to somebody."""
    for data in reversed(script.mails):
        mail = message_from_bytes(data, policy=default)
        body = mail.get_body(("plain",))
        found = None if body is None else re.search(rf"/{kind}/(\S+)", body.get_content())
        if mail["To"] == address and found is not None:
            return f"/{kind}/{found[1]}"
    return ""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_people_are_served_without_descriptors(
    tmp_path: Path, free_port: int, request: pytest.FixtureRequest, kind: str
) -> None:
    """S6, D5: who is connected already; everybody else as soon as there is room."""
    site_at(tmp_path / "site")
    script, keys = Script(), str(tmp_path / "keys.json")
    store = f"sqlite:///{tmp_path}/optin.db"
    if kind == "postgres":
        store = request.getfixturevalue("postgres_url")
    with mail_server(script) as mail_port:
        mail = f"smtp://127.0.0.1:{mail_port}"
        with served(tmp_path / "site", free_port, store, mail, keys) as serving:
            for left in (0, 2):
                served_without_descriptors(serving, script, left)
            assert serving.stop() == 0
    log = serving.log.read_text()
    assert "internal error" not in log
    assert "Traceback" not in log


def served_without_descriptors(serving: Serving, script: Script, left: int) -> None:
    """Confirm, withdraw and sign up while the server can open `left` files more."""
    alice, carol, dora = (f"{name}{left}" for name in ("alice", "carol", "dora"))

    def mailed(name: str, kind: str) -> str:
        return link(script, f"{name}@example.com", kind)

    with httpx.Client(base_url=serving.base, verify=NO_TLS, timeout=SECONDS) as client:
        key = form_key(client)
        sign_up(client, key, alice)
        sign_up(client, key, carol)
        wait_until(lambda: mailed(alice, "confirm"))
        wait_until(lambda: mailed(carol, "confirm"))
        client.post(mailed(carol, "confirm"), headers=FORM)
        wait_until(lambda: mailed(carol, "unsubscribe"))
        with without_descriptors(serving, left):
            confirm = mailed(alice, "confirm")
            assert client.get(confirm).status_code == 200
            assert client.post(confirm, headers=FORM).status_code == 303
            withdraw = mailed(carol, "unsubscribe")
            assert client.get(withdraw).status_code == 200
            done = client.post(withdraw, data={"List-Unsubscribe": "One-Click"})
            assert done.status_code in {200, 303}, done.text
            sign_up(client, key, dora)
            assert client.get("/paper").status_code == 200
            assert client.get("/nothing").status_code == 404
    with httpx.Client(base_url=serving.base, verify=NO_TLS, timeout=SECONDS) as anew:
        wait_until(lambda: anew.get("/health/ready").status_code == 200)
    wait_until(lambda: mailed(alice, "unsubscribe"))
    wait_until(lambda: mailed(dora, "confirm"))


def sign_up(client: httpx.Client, key: str, name: str) -> None:
    """Send the form; see that it is taken."""
    data = {"form": key, "email": f"{name}@example.com", "consent": "tips-email"}
    answer = client.post("/paper", data=data)
    assert answer.status_code == 303, answer.text
