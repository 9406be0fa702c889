"""Messages to staff on their way: real chat services, good and bad; and a server that is killed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optin.services.chat_process import MAIL, NOT_PUBLIC, NOT_SECURE, UNKNOWN
from optin.services.chat_sender import DIED, NOT_STARTED, TOO_LONG, ChatMessage, ChatResult, ChatSender
from optin.services.site_edition import load_edition
from optin.store.staff_notices import keep_receivers
from tests.chat_process import COMMAND
from tests.faults.test_backup import House
from tests.faults.test_backup import house as house  # noqa: PLC0414 - a fixture
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.ports import NOBODY
from tests.receiver import Receiver, Taken, receiving
from tests.waiting import wait_until
from tests.world import TIPS

MESSAGE = ChatMessage("New confirmed requests: 1", "White paper: 1 confirmed <!channel> & more")
LOCAL = ChatSender(COMMAND, 60)
LINES = '\n[notify.sales]\nto = "env:TEST_NOTIFY_SALES"\n'
# the work of `serve`, with a process for messages that may reach this machine: no setting allows that
WORK = """
import asyncio, logging, sys
from pathlib import Path
from optin.services.site_edition import load_edition
from optin.services.open_installation import open_installation
from optin.services.chat_sender import ChatSender
from optin.jobs.staff_notifier import notify_jobs
from tests.chat_process import COMMAND
from tests.installed import KINDS

logging.basicConfig(level=logging.INFO)
root, store = sys.argv[1:]
edition, _ = load_edition(Path(root), KINDS)
settings = edition.site.settings.model_copy(update={"store": store})
with open_installation(settings, edition.policy, KINDS) as installation:
    async def work():
        stop = asyncio.Event()
        jobs = notify_jobs(installation, lambda: edition, ChatSender(COMMAND, 60))
        await asyncio.gather(*(job.run(stop) for job in jobs))
    asyncio.run(work())
"""


def send(address: str, sender: ChatSender = LOCAL) -> ChatResult:
    return asyncio.run(sender.send(address, MESSAGE))


def chat(receiver: Receiver, scheme: str = "json", more: str = "") -> str:
    """Return the receiver's address as apprise spells it."""
    return f"{scheme}://127.0.0.1:{receiver.port}/hook{more}"


def said(taken: Taken) -> Any:
    return json.loads(taken.body)


def test_a_chat_service_takes_a_message() -> None:
    """W12: title and text arrive as they are."""
    with receiving(Receiver(status=lambda _: 200)) as receiver:
        assert send(chat(receiver)) == ChatResult(sent=True, said="sent")
    (taken,) = receiver.taken
    assert (said(taken)["title"], said(taken)["message"]) == (MESSAGE.title, MESSAGE.body)


@pytest.mark.parametrize("more", ["", "?redirect=yes"])
def test_a_redirect_is_not_followed(more: str) -> None:
    """W12: to nowhere, whatever the address says."""
    with receiving(Receiver()) as other, receiving(Receiver(status=lambda _: 307)) as receiver:
        receiver.location = other.url()
        assert send(chat(receiver, more=more)) == ChatResult(sent=False, said="status 307")
    assert (len(receiver.taken), len(other.taken)) == (1, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254"])
def test_only_public_addresses_are_called(host: str) -> None:
    """W12: the process that serves in earnest reaches nothing of this machine or its network."""
    with receiving(Receiver()) as receiver:
        result = send(f"jsons://{host}:{receiver.port}/hook", ChatSender())
        assert result == ChatResult(sent=False, said=NOT_PUBLIC)
    assert receiver.taken == []


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("json://hooks.example.net/", NOT_SECURE),
        ("syslog://", NOT_SECURE),
        ("mailtos://user:secret@example.com", MAIL),
        ("nothing://example.com", UNKNOWN),
        ("no address", UNKNOWN),
    ],
)
def test_an_address_that_is_not_called_says_why(address: str, why: str) -> None:
    """W12: without TLS, for e-mail, or unknown."""
    assert send(address, ChatSender()) == ChatResult(sent=False, said=why)


def test_a_service_that_fails_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """W12, S4: it refuses, is not there, or drips; the loop goes on, and nothing secret is said."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{NOBODY}")
    with receiving(Receiver(status=lambda _: 403)) as receiver:
        assert send(chat(receiver)) == ChatResult(sent=False, said="status 403")
    assert send(f"json://127.0.0.1:{NOBODY}/secret") == ChatResult(sent=False, said="no answer")
    assert send("json://x", ChatSender((sys.executable, "-c", "print('secret')"))).said == DIED
    not_started = send("json://x/secret", ChatSender(("/nothing/is/here",)))
    assert not not_started.sent
    assert not_started.said == f"{NOT_STARTED}: No such file or directory"
    turns = 0

    async def beside() -> ChatResult:
        nonlocal turns
        sending = asyncio.ensure_future(ChatSender(COMMAND, 2).send(chat(receiver), MESSAGE))
        while not sending.done():
            turns += 1
            await asyncio.sleep(0.01)
        return await sending

    with receiving(Receiver(drip=b" ")) as receiver:
        begun = time.monotonic()
        assert asyncio.run(beside()) == ChatResult(sent=False, said=TOO_LONG)
    assert time.monotonic() - begun < 60
    assert turns > 20


def told_house(house: House, more: str = "") -> House:
    """Let the house tell its sales."""
    add_settings(house.root, LINES + more)
    edition, findings = load_edition(house.root, KINDS)
    assert edition is not None
    assert [it.severity for it in findings] in ([], ["warning"])
    house = replace(house, edition=edition)
    with house.world() as world:
        world.do(keep_receivers, receivers=["sales"], now=world.now)
    return house


def work(house: House, receiver: Receiver, log: Path) -> subprocess.Popen[bytes]:
    own = {**os.environ, "TEST_NOTIFY_SALES": chat(receiver, more="?secret=kept")}
    with log.open("ab") as output:
        words = [sys.executable, "-c", WORK, str(house.root), house.store]
        return subprocess.Popen(words, env=own, stderr=output)


def test_who_is_killed_with_a_message_in_hand_loses_none(house: House, tmp_path: Path) -> None:
    """W12, S6: kill -9 while the service hangs; two processes then tell it once; no secret in the log."""
    house, log = told_house(house), tmp_path / "log"
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    hanging, well = Receiver(drip=b" "), Receiver(status=lambda _: 200)
    with receiving(hanging), receiving(well):
        process = work(house, hanging, log)
        hanging.wait(1)
        process.kill()
        process.wait(120)
        with house.world() as world:
            world.join("bob@example.com", TIPS)
            assert (
                world.do(lambda tx: tx.run("UPDATE notice_receiver SET next_at = 0")) == 1
            )  # the lease ends
        processes = [work(house, well, log) for _ in range(2)]
        try:
            well.wait(1)
            with house.world() as world:
                wait_until(lambda: world.count("notice") == 0)
        finally:
            for process in processes:
                process.kill()
                process.wait(120)
    (taken,) = well.taken
    assert said(taken)["title"].endswith(": 2")
    assert "example.com/" in said(taken)["message"]
    for secret in ("alice@", "bob@", "kept"):
        assert secret not in json.dumps(said(taken)) + log.read_text()
    house.audit()


def test_the_log_says_what_was_dropped(house: House, tmp_path: Path) -> None:
    """W12, S4: a service that refuses for a day, in a log line without a person or an address."""
    house, log = told_house(house), tmp_path / "log"
    with house.world() as world:
        world.join("alice@example.com", TIPS)
        world.do(lambda tx: tx.run("UPDATE notice SET at = 0"))
    with receiving(Receiver(status=lambda _: 500)) as receiver:
        process = work(house, receiver, log)
        try:
            wait_until(lambda: "were dropped" in log.read_text())
        finally:
            process.kill()
            process.wait(120)
    lines = log.read_text()
    assert "notify sales: no message was sent: status 500; it is tried again" in lines
    assert "notify sales: 1 notices could not be sent for a day and were dropped" in lines
    assert "alice" not in lines
    assert "kept" not in lines
    with house.world() as world:
        assert world.count("notice") == 0
    assert logging.getLogger("apprise").handlers == [], "the library is in no process of the server"
    assert "apprise" not in sys.modules


def test_the_server_looks_at_what_waits(house: House, tmp_path: Path) -> None:
    """W12, S4: a mail that was given up is told to whoever asked for that, and to no one of leads."""
    house, log = told_house(house, 'events = ["waits"]\n'), tmp_path / "log"
    with house.world() as world:
        world.join("bob@example.com", TIPS)
        assert world.count("notice") == 0
        world.sign_up("alice@example.com", TIPS)
        assert world.do(lambda tx: tx.run("UPDATE outbox SET state = 'dead' WHERE kind = 'confirmation'"))
    with receiving(Receiver(status=lambda _: 200)) as receiver:
        process = work(house, receiver, log)
        try:
            receiver.wait(1)
            with house.world() as world:
                wait_until(lambda: world.count("notice") == 0)
        finally:
            process.kill()
            process.wait(120)
    (taken,) = receiver.taken
    assert "optin mail retry" in said(taken)["message"]
    for person in ("alice@", "bob@"):
        assert person not in json.dumps(said(taken)) + log.read_text()
