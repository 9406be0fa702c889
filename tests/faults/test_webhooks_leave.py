"""Webhooks on their way: real receivers, good and bad; and a server that is killed with one in hand."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optin.consent.webhook_message import WebhookKind, secret_text, signed_headers
from optin.flows.exports.queue_webhook_messages import CallResult, ReceiverAnswer
from optin.jobs import processor_lanes as lanes
from optin.jobs.webhook_sender import HttpSender, PrintingSender, WebhookCall
from optin.services import http_client as outgoing
from optin.services.http_client import VettedClient
from optin.services.installation import Installation
from optin.services.public_ip_address import is_public
from optin.settings.site import Processor, Webhook
from optin.store.registered_webhooks import living_webhooks
from tests.flows.test_webhooks import ALICE, erase
from tests.house.requirements_table import ROOT
from tests.mail.server import certificate
from tests.ports import NOBODY
from tests.receiver import Receiver, receiving
from tests.waiting import wait_until
from tests.webhook_jobs import webhook_jobs
from tests.world import CALL, TIPS, World

SECRET = bytes(range(32))
BODY = '{"type":"consent.confirmed","data":{"first_name":"Zoë"}}'.encode()


def anywhere(_address: str) -> bool:
    return True


def delivery(url: str, message: str = "msg_1") -> WebhookCall:
    headers = signed_headers([SECRET], message, int(time.time()), BODY)
    return WebhookCall("crm", WebhookKind.CONFIRMED, url, headers, BODY)


def post(url: str, seconds: float = 5, **options: Any) -> CallResult:
    """Post once, to this machine, which only a test may."""
    chosen = {"may_reach": anywhere, "schemes": ("http", "https"), "seconds": seconds, **options}
    return asyncio.run(HttpSender(VettedClient(**chosen)).post(delivery(url)))


def test_a_message_can_be_verified_by_the_specification() -> None:
    """E7: the headers and signature of Standard Webhooks, computed in the test by its words."""
    with receiving(Receiver()) as receiver:
        assert post(receiver.url()).answer is ReceiverAnswer.TAKEN
    (taken,) = receiver.taken
    assert taken.body == BODY
    assert taken.headers["content-type"] == "application/json"
    assert taken.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert taken.signed_by(secret_text(SECRET))
    assert not taken.signed_by(secret_text(bytes(32)))


def test_the_signature_is_that_of_a_known_example() -> None:
    """E7: the example that the libraries of Standard Webhooks are tested with."""
    secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    import base64  # noqa: PLC0415 - of this test alone

    headers = signed_headers(
        [base64.b64decode(secret)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, ReceiverAnswer.TAKEN),
        (202, ReceiverAnswer.TAKEN),
        (299, ReceiverAnswer.TAKEN),
        (301, ReceiverAnswer.LATER),
        (401, ReceiverAnswer.SETUP),
        (403, ReceiverAnswer.SETUP),
        (404, ReceiverAnswer.SETUP),
        (407, ReceiverAnswer.SETUP),
        (410, ReceiverAnswer.GONE),
        (400, ReceiverAnswer.REFUSED),
        (422, ReceiverAnswer.REFUSED),
        (408, ReceiverAnswer.LATER),
        (423, ReceiverAnswer.LATER),
        (425, ReceiverAnswer.LATER),
        (429, ReceiverAnswer.LATER),
        (477, ReceiverAnswer.LATER),
        (500, ReceiverAnswer.LATER),
        (503, ReceiverAnswer.LATER),
    ],
)
def test_the_status_says_what_became_of_it(status: int, answer: ReceiverAnswer) -> None:
    """E7, W11: 2xx is taken, 410 the end; a fault of the set-up, a refusal and a "later" are told apart."""
    with receiving(Receiver(status=lambda _: status)) as receiver:
        assert post(receiver.url()) == CallResult(answer, str(status))


def test_the_receiver_says_how_long_to_wait() -> None:
    """E7, W11: Retry-After of a 429 and a 503 is heeded, in seconds or as a date; nonsense is none."""
    said = {
        "90": 90.0,
        "9" * 40: 24 * 3600.0,
        "-5": 0.0,
        "soon": 0.0,
        "Fri, 31 Dec 9999 23:59:59 GMT": 24 * 3600.0,
        "Fri, 31 Dec 1999 23:59:59 GMT": 0.0,
    }
    for retry_after, seconds in said.items():
        for status in (429, 503):
            with receiving(Receiver(status={0: status}.__getitem__, retry_after=retry_after)) as receiver:
                assert post(receiver.url()) == CallResult(ReceiverAnswer.LATER, str(status), seconds)


def test_a_redirect_is_not_followed() -> None:
    """E7: not elsewhere, and not round in a loop."""
    with receiving(Receiver()) as other, receiving(Receiver(status=lambda _: 307)) as receiver:
        receiver.location = other.url()
        assert post(receiver.url()).answer is ReceiverAnswer.LATER
        receiver.location = receiver.url()
        assert post(receiver.url()).answer is ReceiverAnswer.LATER
    assert (len(receiver.taken), len(other.taken)) == (2, 0)


@pytest.mark.parametrize(
    ("raw", "drip"),
    [
        (b"", b"x"),
        (b"HTTP/1.1 ", b"2"),
        (b"HTTP/1.1 103 Early Hints\r\n", b"link: </a>\r\n"),
        (b"SSH-2.0-something\r\n", b""),
        (b"HTTP/1.1 two hundred\r\n\r\n", b""),
        (b"HTTP/1.1 103 Early Hints\r\n" + b"link: </a>\r\n" * 20_000, b""),
        (b"x" * 200_000, b""),
        (b" ", b""),
    ],
)
def test_who_answers_anything_holds_up_nothing(raw: bytes, drip: bytes) -> None:
    """E7, S5: slow drops, answers without end and other protocols end at the deadline or the bound."""
    with receiving(Receiver(raw=raw, drip=drip)) as receiver:
        assert post(receiver.url(), seconds=0.5).answer is ReceiverAnswer.LATER


def test_what_comes_after_the_status_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """E7: interim answers are passed over; a body that drips without end is left."""
    monkeypatch.setattr(outgoing, "DRAIN_SECONDS", 0.1)
    raw = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 None\r\n\r\n"
    with receiving(Receiver(raw=raw, drip=b"x")) as receiver:
        assert post(receiver.url(), seconds=60) == CallResult(ReceiverAnswer.TAKEN, "204")


def test_tls_is_verified_against_the_name(tmp_path: Path) -> None:
    """E7: another name than the certificate's, or another authority, and nothing leaves."""
    file, server = certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(file))
    with receiving(Receiver(), server) as receiver:
        assert post(receiver.url("https"), trust=trust).answer is ReceiverAnswer.TAKEN
        wrong = post(receiver.url("https", "localhost"), trust=trust)
        unknown = post(receiver.url("https"))
    assert {wrong.said, unknown.said} == {"SSLCertVerificationError"}
    assert len(receiver.taken) == 1


def test_nobody_there_is_tried_again() -> None:
    """E7: no listener, and no such name."""
    assert post(f"http://127.0.0.1:{NOBODY}/").answer is ReceiverAnswer.LATER
    assert post("http://nobody.invalid/").answer is ReceiverAnswer.LATER


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104 - looked at, not bound
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "fec0::1",
        "feff::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "100::1",
        "4000::1",
        "e000::1",
        "::8.8.8.8",
        "::ffff:0:8.8.8.8",
        "2001:4860:4860::8888%1",
        "192.88.99.1",
        "192.0.0.8",
        "nobody",
        "",
    ],
)
def test_no_address_that_is_not_public(address: str) -> None:
    """E7: private, loopback, link-local and reserved ones, also inside an IPv6 address."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_reached(address: str) -> None:
    """E7: what is on the internet."""
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "127.1", "0x7f.1", "[::1]"])
def test_the_sender_of_serve_reaches_no_machine_here(host: str) -> None:
    """E7: whatever it is called, and although somebody listens; nothing is sent."""
    with receiving(Receiver()) as receiver:
        reply = asyncio.run(HttpSender().post(delivery(receiver.url("https", host))))
    assert reply.answer is ReceiverAnswer.LATER
    assert receiver.taken == []
    assert "not https" in asyncio.run(HttpSender().post(delivery(receiver.url()))).said


@contextmanager
def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> Iterator[list[str]]:
    """Let a name be resolved to these addresses, time after time; yield which names were asked."""
    asked: list[str] = []

    def resolve(host: str | None, port: int, *_: Any, **__: Any) -> list[Any]:
        if host is not None and host.replace(".", "").isdigit():
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        addresses = answers[min(len(asked), len(answers) - 1)]
        asked.append(str(host))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (it, port)) for it in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield asked


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """E7: every address of a name is looked at, not only the first."""
    with receiving(Receiver()) as receiver, names(monkeypatch, ["8.8.8.8", "127.0.0.1"]):
        sender = HttpSender(VettedClient(schemes=("http",)))
        reply = asyncio.run(sender.post(delivery(receiver.url("http", "hooks.example.com"))))
    assert reply.said == "its name leads to an address that is not public"
    assert receiver.taken == []


def test_a_name_that_changes_meanwhile_wins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """E7: the call goes to the very address that was looked at; the name is asked once (DNS rebinding)."""
    looked: list[str] = []

    def may_reach(address: str) -> bool:
        looked.append(address)
        return True

    with receiving(Receiver()) as receiver, names(monkeypatch, ["127.0.0.1"], ["127.0.0.9"]) as asked:
        sender = HttpSender(VettedClient(may_reach=may_reach, schemes=("http",)))
        reply = asyncio.run(sender.post(delivery(receiver.url("http", "hooks.example.com"))))
    assert reply.answer is ReceiverAnswer.TAKEN
    assert looked == ["127.0.0.1"]
    assert asked == ["hooks.example.com"]
    assert receiver.taken[0].headers["host"] == f"hooks.example.com:{receiver.port}"


def processors(**urls: str) -> dict[str, Processor]:
    return {
        name: Processor(name=name, agreement="2026-01-01", webhook=Webhook(url=url, purposes=(TIPS,)))
        for name, url in urls.items()
    }


@contextmanager
def working(world: World, sender: Any, **urls: str) -> Iterator[Installation]:
    """Let the background work of `serve` go on over a world, in a thread."""
    import threading  # noqa: PLC0415 - of this helper alone

    world.policy = replace(world.policy, webhooks=dict.fromkeys(urls, frozenset({str(TIPS)})))
    installation = world.installation()
    stop, ready = asyncio.Event(), threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        ready.set()
        jobs = webhook_jobs(installation, processors(**urls), sender)
        await asyncio.gather(*(job.run(stop) for job in jobs))

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    ready.wait(120)
    try:
        wait_until(lambda: len(world.store.read(living_webhooks)) == len(urls))
        yield installation
    finally:
        with suppress(RuntimeError):  # without webhooks it has nothing to do, and is over
            loops[0].call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()


LOCAL = HttpSender(VettedClient(may_reach=anywhere, schemes=("http",), seconds=5))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "POLL_SECONDS", 0.02)


def now_is_now(world: World) -> None:
    from datetime import UTC, datetime  # noqa: PLC0415 - of this helper alone

    world.now = datetime.now(UTC)


@pytest.mark.usefixtures("quick")
def test_what_happens_arrives(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """E7, S4: confirmed, withdrawn, erased, each once, in order, signed; no person in the log."""
    caplog.set_level(logging.INFO)
    now_is_now(world)
    with receiving(Receiver()) as receiver, working(world, LOCAL, crm=receiver.url()) as installation:
        request = world.join(ALICE, TIPS, CALL, phone="+31201234567")
        receiver.wait(1)
        world.withdraw(request)
        receiver.wait(2)
        wait_until(lambda: world.count("webhook_outbox") == 0)  # or the erasure waits for that call to end
        erase(world, ALICE)
        receiver.wait(3)
        wait_until(lambda: world.count("webhook_outbox") == 0)
    kinds = [taken.message["type"] for taken in receiver.taken]
    assert kinds == ["consent.confirmed", "consent.withdrawn", "consent.erased"]
    assert len({taken.id for taken in receiver.taken}) == 3
    secret = secret_text(world.vault.webhook_secrets("crm")[0])
    assert all(taken.signed_by(secret) for taken in receiver.taken)
    assert world.count("webhook_outbox") == 0
    assert installation.wal_has_erased.is_set(), "the write-ahead log is emptied after the address left it"
    assert ALICE not in caplog.text
    world.check_evidence()


@pytest.mark.usefixtures("quick")
def test_two_processes_tell_each_thing_once_and_in_order(world: World) -> None:
    """E7, O1: two couriers at one outbox; of each person the withdrawal comes after its confirmation."""
    now_is_now(world)
    people = [f"p{number}@example.com" for number in range(25)]
    with (
        receiving(Receiver()) as receiver,
        working(world, LOCAL, crm=receiver.url()),
        working(world, LOCAL, crm=receiver.url()),
    ):
        requests = [world.join(email, TIPS) for email in people]
        receiver.wait(len(people))
        for request in requests:
            world.withdraw(request)
        receiver.wait(2 * len(people))
    told = [(taken.message["data"]["email"], taken.message["type"]) for taken in receiver.taken]
    assert len(told) == 2 * len(people) == len({taken.id for taken in receiver.taken})
    for email in people:
        assert [kind for who, kind in told if who == email] == ["consent.confirmed", "consent.withdrawn"]
    world.check_evidence()


@pytest.mark.usefixtures("quick")
def test_a_receiver_that_is_down_delays_only_its_own(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """E7: it is tried again under the same id; others are told meanwhile, and nobody waits to sign up."""
    now_is_now(world)
    down, up = Receiver(status=lambda number: 503 if number < 2 else 200), Receiver()
    with receiving(down), receiving(up), working(world, LOCAL, crm=down.url(), post=up.url()):
        world.join(ALICE, TIPS)
        up.wait(1)
        for number in (1, 2):
            down.wait(number)
            ends = time.monotonic() + 120
            while "was not accepted: 503" not in caplog.text and time.monotonic() < ends:
                time.sleep(0.02)
            world.do(lambda tx: tx.run("UPDATE webhook_outbox SET next_at = 0 WHERE claim IS NULL"))
            while len(down.taken) == number and time.monotonic() < ends:
                world.do(lambda tx: tx.run("UPDATE webhook_outbox SET next_at = 0 WHERE claim IS NULL"))
                time.sleep(0.05)
        down.wait(3)
    assert len({taken.id for taken in down.taken}) == 1
    assert ALICE not in caplog.text


@pytest.mark.usefixtures("quick")
def test_the_log_says_who_is_left_alone_and_what_is_dropped(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """E7, S4: a 410, a message given up, what is not proven, and what was queued for somebody else."""
    caplog.set_level(logging.INFO)
    now_is_now(world)
    with receiving(Receiver(status=lambda _: 410)) as receiver, working(world, LOCAL, crm=receiver.url()):
        world.join(ALICE, TIPS)
        receiver.wait(1)
        wait_until(lambda: "410" in caplog.text)
    assert "nothing more is sent to it until its url changes" in caplog.text
    with receiving(Receiver(status=lambda _: 500)) as receiver, working(world, LOCAL, crm=receiver.url()):
        world.join("bob@example.com", TIPS)
        receiver.wait(1)
        ends = time.monotonic() + 120
        while "was given up" not in caplog.text and time.monotonic() < ends:
            world.do(
                lambda tx: tx.run(
                    "UPDATE webhook_outbox SET next_at = 0, created_at = 0"
                    " WHERE claim IS NULL AND state = 'queued'"
                )
            )
            time.sleep(0.02)
    assert "was given up after 3 days: 500; inform the processor yourself" in caplog.text
    world.tampered = True
    world.join("carol@example.com", TIPS)
    world.do(lambda tx: tx.run("UPDATE consent SET status = 'withdrawn'"))
    with receiving(Receiver()) as receiver, working(world, LOCAL, crm=receiver.url()):
        wait_until(lambda: "is not sent: unproven" in caplog.text)
    assert "is not sent: unproven" in caplog.text
    assert receiver.taken == []
    world.join("dave@example.com", TIPS)
    with working(world, LOCAL):
        wait_until(lambda: "were dropped" in caplog.text)
    assert "messages were dropped: their processors have no webhook or connector any more" in caplog.text
    assert "@example.com" not in caplog.text


@pytest.mark.usefixtures("quick")
def test_a_store_that_is_busy_puts_it_off(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """E7, S6: whatever goes wrong beside, the lane goes on."""
    from optin.errors import StoreBusy  # noqa: PLC0415 - of this test alone

    now_is_now(world)
    problems: list[Exception] = [StoreBusy(), RuntimeError(ALICE)]

    class Failing:
        async def post(self, it: WebhookCall) -> CallResult:
            if problems:
                raise problems.pop()
            return await LOCAL.post(it)

    with receiving(Receiver()) as receiver, working(world, Failing(), crm=receiver.url()):
        world.join(ALICE, TIPS)
        ends = time.monotonic() + 120
        while not receiver.taken and time.monotonic() < ends:
            world.do(lambda tx: tx.run("UPDATE webhook_outbox SET next_at = 0"))
            time.sleep(0.05)
    assert "webhooks to crm failed and will be tried again: RuntimeError" in caplog.text
    assert not problems
    assert ALICE not in caplog.text


@pytest.mark.usefixtures("quick")
def test_in_dev_nothing_leaves(world: World) -> None:
    """E7, O2: it is said what would be told to whom, without the person."""
    now_is_now(world)
    said: list[str] = []
    with receiving(Receiver()) as receiver, working(world, PrintingSender(said.append), crm=receiver.url()):
        world.join(ALICE, TIPS)
        wait_until(lambda: said)
    assert re.fullmatch(
        r"webhook: crm would receive consent\.confirmed \(msg_[0-9a-f]{32}\); optin dev sends nothing\.",
        said[0],
    )
    assert receiver.taken == []


def example() -> str:
    """Return the receiver of docs/webhooks.md, as it stands there."""
    page = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return str(code)


@pytest.mark.usefixtures("quick")
def test_the_receiver_of_the_documentation_works(world: World, tmp_path: Path, free_port: int) -> None:
    """E7: the very code of the page takes real deliveries, each once, and nothing forged or played back."""
    (tmp_path / "receiver.py").write_text(example(), "utf-8")
    contacts = tmp_path / "contacts.db"
    secret = secret_text(world.vault.webhook_secrets("crm")[0])
    told = {"WEBHOOK_SECRETS": secret, "CONTACTS": str(contacts), "PORT": str(free_port)}
    process = subprocess.Popen([sys.executable, str(tmp_path / "receiver.py")], env=told)
    url = f"http://127.0.0.1:{free_port}/optin"

    def known() -> list[tuple[str, str]]:
        with closing(sqlite3.connect(contacts)) as database:
            return database.execute("SELECT email, purpose FROM contact ORDER BY email").fetchall()

    def wait_for(people: list[str]) -> None:
        ends = time.monotonic() + 120
        while [email for email, _ in known()] != people and time.monotonic() < ends:
            time.sleep(0.05)
        assert known() == [(email, TIPS) for email in people]

    try:
        ends = time.monotonic() + 120
        while time.monotonic() < ends:
            try:
                socket.create_connection(("127.0.0.1", free_port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        now_is_now(world)
        kept: list[WebhookCall] = []

        class Keeping:
            async def post(self, it: WebhookCall) -> CallResult:
                kept.append(it)
                return await LOCAL.post(it)

        with working(world, Keeping(), crm=url):
            alice = world.join(ALICE, TIPS)
            world.join("bob@example.com", TIPS)
            wait_for([ALICE, "bob@example.com"])
            world.withdraw(alice)
            wait_for(["bob@example.com"])
            erase(world, "bob@example.com")
            wait_for([])
        again = asyncio.run(LOCAL.post(kept[0]))
        assert again == CallResult(ReceiverAnswer.TAKEN, "204"), "taken before: nothing happens"
        assert known() == []
        forged = signed_headers([SECRET], "msg_2", int(time.time()), kept[0].body)
        old = signed_headers(
            world.vault.webhook_secrets("crm"), "msg_3", int(time.time()) - 600, kept[0].body
        )
        changed = replace(kept[0], body=kept[0].body.replace(b"alice", b"malory"))
        for bad in (replace(kept[0], headers=forged), replace(kept[0], headers=old), changed):
            assert asyncio.run(LOCAL.post(bad)).said == "401"
        assert known() == []
    finally:
        process.kill()
        process.wait(120)
