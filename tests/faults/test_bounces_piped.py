"""Mails that come back, end to end: sent by a server, returned, piped into `optin bounce` beside it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from optin.cli.bounce import read_bounded
from optin.consent.return_address import TOKEN_CHARACTERS
from optin.services.open_installation import open_installation
from optin.services.returned_mails import MOST_KEPT
from tests.bounces.notices import READER, VERP, Answer, report
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.own_site import add_settings
from tests.serving import confirm_from_mail, environment, form_key, served
from tests.shell import shell
from tests.site_people import edition_on
from tests.waiting import wait_until
from tests.web.conftest import site_at

ALICE = "alice@example.com"
MAY = ("may", ALICE, "--purpose", "tips-email", "--channel", "email")
HARD = report(Answer("550 5.1.1 user unknown", "5.1.1"))
MEGABYTE = 1 << 20


def piped(root: Path, message: bytes, settings: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Give a message to the command, as a mail server does."""
    return subprocess.run(
        [sys.executable, "-m", "optin", "bounce", "--site", str(root)],
        input=message,
        env=settings,
        capture_output=True,
        timeout=120,
        check=False,
    )


def from_address(sender: str) -> bytes:
    """Return a report about a mail with this envelope sender."""
    return HARD.replace(VERP.encode(), sender.encode()).replace(READER.encode(), ALICE.encode())


def test_a_mail_that_comes_back_reaches_whoever_asks(store_url: str, tmp_path: Path, free_port: int) -> None:
    """O6: sent with a return address of its own; once it came back, the address may not be mailed."""
    root = tmp_path / "site"
    site_at(root)
    add_settings(root, '\n[bounces]\naddress = "bounces@optin.example.com"\n')
    script = Script(reports=True)
    keys = str(root / "var" / "keys.json")
    with mail_server(script) as mail_port:
        mail = f"smtp://127.0.0.1:{mail_port}"
        known = environment(store_url, mail, keys)
        with (
            served(root, free_port, store_url, mail, keys) as server,
            httpx.Client(base_url=server.base, headers={"host": "optin.example.com"}) as client,
        ):
            data = {"form": form_key(client), "email": ALICE, "consent": "tips-email"}
            assert client.post("/paper", data=data).status_code == 303
            wait_until(lambda: script.mails)
            confirm_from_mail(client, script.mails[0])
            wait_until(lambda: len(script.mails) == 2)
            name, _, rest = script.senders[-1].partition("+")
            token, _, domain = rest.partition("@")
            assert (name, domain) == ("bounces", "optin.example.com")
            assert len(token) == TOKEN_CHARACTERS
            assert {"RET=HDRS", "NOTIFY=FAILURE,DELAY", f"ENVID={token}"} <= set(script.asked)
            assert shell(root, *MAY, OPTIN_STORE=store_url).exit_code == 0

            forged = piped(root, HARD, known)
            assert (forged.returncode, forged.stdout) == (0, b"hard: no token of ours\n")
            assert shell(root, *MAY, OPTIN_STORE=store_url).exit_code == 0
            again = from_address(script.senders[-1])
            first, second = piped(root, again, known), piped(root, again, known)
        assert (first.returncode, first.stdout, first.stderr) == (0, b"hard: unreachable\n", b"")
        assert (second.returncode, second.stdout) == (0, b"hard: known\n")
        no = shell(root, *MAY, OPTIN_STORE=store_url)
        assert (no.exit_code, "unreachable" in no.output) == (1, True)


@pytest.fixture(scope="module")
def quiet_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a site that has a database, and that nobody uses."""
    root = tmp_path_factory.mktemp("quiet") / "site"
    edition = edition_on("sqlite:///var/optin.db", root)
    with open_installation(edition.site.settings, edition.policy, KINDS):
        return root


def plain_environment(**settings: str) -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if not k.startswith("OPTIN_")}, **settings}


def test_what_cannot_be_taken_now_is_tried_again(tmp_path: Path, free_port: int) -> None:
    """O6: 75 keeps the message in the mail server's queue; one sentence, no traceback, no address."""
    root = tmp_path / "site"
    site_at(root)
    away = f"postgresql://optin@127.0.0.1:{free_port}/optin"
    no_database = piped(root, HARD, plain_environment(OPTIN_STORE=away))
    no_site = piped(tmp_path, HARD, plain_environment())
    (root / "optin.toml").write_text("broken = [")
    broken = piped(root, HARD, plain_environment())
    for ended in (no_database, no_site, broken):
        assert ended.returncode == os.EX_TEMPFAIL
        assert ended.stdout == b""
        assert ended.stderr
        assert b"Traceback" not in ended.stderr
        assert READER.encode() not in ended.stderr


class Endless(io.RawIOBase):
    """A stream of so many bytes, none of which is kept."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self.left)
        buffer[:count] = b"x" * count
        self.left -= count
        return count


def test_a_large_message_costs_no_memory(quiet_site: Path) -> None:
    """O6: 50 MB are read to their end, and one megabyte of them is kept."""
    source = Endless(50 * MEGABYTE)
    tracemalloc.start()
    try:
        assert len(read_bounded(io.BufferedReader(source))) == MOST_KEPT
        assert tracemalloc.get_traced_memory()[1] < 3 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert source.left == 0
    ended = piped(quiet_site, HARD + b"x" * (50 * MEGABYTE), plain_environment())
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"hard: no token of ours\n", b"")
