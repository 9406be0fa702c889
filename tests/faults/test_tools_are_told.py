"""Tools that are told in their own interface: a listmonk over https, in good and bad days."""

from __future__ import annotations

import asyncio
import gzip
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from optin.export.connectors.installed import TOOLS
from optin.export.connectors.tool import ToolAccount, ToolLead, ToolTrouble, TroubleKind
from optin.jobs import processor_lanes as lanes
from optin.jobs import tool_receiver
from optin.jobs.processor_lanes import lane_jobs
from optin.jobs.tool_receiver import ToolReceiver, printing_receivers
from optin.services.tool_connection import ToolConnection
from optin.settings.site import Processor
from optin.store.registered_webhooks import webhook_states
from tests.faults.test_webhooks_leave import now_is_now, quick
from tests.flows.test_webhooks import ALICE, SECOND, bodies, erase
from tests.listmonk import TOKEN, Answer, FakeListmonk, Said, listmonk
from tests.waiting import SECONDS, wait_until
from tests.world import CALL, TIPS, World

__all__ = ["quick"]  # a fixture
BOB = "bob@example.com"
LISTS = {str(TIPS): "36", str(CALL): "37"}


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeListmonk]:
    with listmonk(tmp_path / "tls") as running:
        yield running


def receiver_of(
    fake: FakeListmonk, name: str = "crm", lists: Mapping[str, str] = LISTS, seconds: float = 10
) -> ToolReceiver:
    fields = {"magnet": "source", "source": "campaign"}
    account = partial(ToolAccount, token=TOKEN, server=fake.server, lists=lists, fields=fields)
    return ToolReceiver(name, "there", ToolConnection(TOOLS["listmonk"], account, fake.client(seconds)))


@contextmanager
def telling(world: World, receivers: Mapping[str, Any]) -> Iterator[None]:
    """Let the lanes of `serve` go on over a world, in a thread."""
    world.policy = replace(world.policy, webhooks=dict.fromkeys(receivers, frozenset(LISTS)))
    installation = world.installation()
    stop, loops, ready = asyncio.Event(), [], threading.Event()

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        ready.set()
        await asyncio.gather(*(job.run(stop) for job in lane_jobs(installation, receivers)))

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    ready.wait(120)
    try:
        wait_until(lambda: world.count("webhook") == len(receivers))
        yield
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive()


def soon(world: World, true: Callable[[], object]) -> None:
    """Make everything due again and again, until `true()`."""
    ends = time.monotonic() + SECONDS
    while not true() and time.monotonic() < ends:
        world.do(lambda tx: tx.run("UPDATE webhook_outbox SET next_at = 0 WHERE claim IS NULL"))
        time.sleep(0.03)
    assert true()


@pytest.mark.usefixtures("quick")
def test_a_consent_lives_in_the_tool_as_long_as_it_lives_here(
    world: World, fake: FakeListmonk, caplog: pytest.LogCaptureFixture
) -> None:
    """W11, E5, E7, S4: contact, list, proof; the end; the consent anew; the erasure. Nobody in the log."""
    caplog.set_level(logging.INFO)
    now_is_now(world)
    with telling(world, {"crm": receiver_of(fake)}):
        request = world.join(ALICE, TIPS, CALL, phone="+31201234567", first_name="Alice")
        fake.wait(lambda: (fake.status_of(ALICE), fake.status_of(ALICE, 37)) == ("confirmed",) * 2)
        soon(world, lambda: world.count("webhook_outbox") == 0)
        found = fake.by_email(ALICE)
        assert found is not None
        assert found["name"] == "Alice"
        proof = found["attribs"]["optin_" + TIPS.replace("-", "_")]
        assert proof["consent_text"] == "Mail mij maandelijks een tip."
        assert proof["evidence"].startswith(request.hex())
        assert proof["unsubscribe_url"].startswith(f"{world.policy.base_url}/unsubscribe/")
        assert found["attribs"]["optin_" + CALL.replace("-", "_")]["consent_text"] != proof["consent_text"]
        assert found["attribs"]["source"] == "koud-bellen"
        world.withdraw(request, TIPS)
        fake.wait(lambda: fake.status_of(ALICE) == "unsubscribed")
        assert fake.status_of(ALICE, 37) == "confirmed"
        world.wait(SECOND)
        world.join(ALICE, TIPS)
        fake.wait(lambda: fake.status_of(ALICE) == "confirmed")
        soon(world, lambda: world.count("webhook_outbox") == 0)
        erase(world, ALICE)
        soon(world, lambda: fake.by_email(ALICE) is None)
        wait_until(lambda: world.count("webhook_outbox") == 0)
    handed = [body for body in bodies(world) if body["kind"] == "handed"]
    assert [body["to"] for body in handed] == [], "her events were blanked"
    assert "@example.com" not in caplog.text
    assert TOKEN not in caplog.text
    world.check_evidence()


@pytest.mark.usefixtures("quick")
def test_who_is_in_the_tool_already_is_found_exactly(world: World, fake: FakeListmonk) -> None:
    """W11: the search is a regular expression: of look-alikes nobody is touched."""
    plus = "a.l+ice@example.com"
    for other in (
        "aXl+ice@example.com",
        "xa.l+ice@example.com",
        "a.llice@example.com",
        "a.l+ice@example.com.au",
    ):
        fake.add(other, 36, status="unsubscribed")
    fake.add(plus, 36, status="unsubscribed")
    now_is_now(world)
    with telling(world, {"crm": receiver_of(fake)}):
        world.join(plus, TIPS)
        fake.wait(lambda: fake.status_of(plus) == "confirmed")
        erase(world, plus)
        soon(world, lambda: fake.by_email(plus) is None)
    assert len(fake.subscribers) == 4
    assert {status for status, _ in fake.subscriptions.values()} == {"unsubscribed", "confirmed"}
    assert [it["attribs"] for it in fake.subscribers.values()] == [{}] * 4


@pytest.mark.usefixtures("quick")
def test_a_wrong_token_waits_and_nothing_is_lost(
    world: World, fake: FakeListmonk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W11: shouted once with the cure; mended, everybody arrives, without a restart."""
    monkeypatch.setattr(lanes, "LONGEST_REST_SECONDS", 0.02)
    now_is_now(world)
    fake.token = "the:other"
    people = [f"p{number}@example.com" for number in range(6)]
    with telling(world, {"crm": receiver_of(fake)}):
        for email in people:
            world.join(email, TIPS)
        soon(world, lambda: len(fake.said) > 20)
        assert caplog.text.count("listmonk crm: nothing reaches it: status 403. Messages wait. Mend it") == 1
        assert "optin connect crm" in caplog.text
        fake.token = TOKEN
        soon(world, lambda: all(fake.status_of(email) == "confirmed" for email in people))
        soon(world, lambda: world.count("webhook_outbox") == 0)
    assert caplog.text.count("it works again") == 1
    world.check_evidence()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("managed", [{36, 37}, {37}])
def test_a_list_that_is_gone_waits_for_an_officer(
    world: World, fake: FakeListmonk, caplog: pytest.LogCaptureFixture, managed: set[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """W11: gone, or not for this token, which listmonk leaves out without a word; never "taken"."""
    monkeypatch.setattr(lanes, "LONGEST_REST_SECONDS", 0.02)
    fake.managed = managed
    if 36 in managed:
        del fake.lists[36]
    now_is_now(world)
    with telling(world, {"crm": receiver_of(fake)}):
        world.join(ALICE, TIPS)
        soon(world, lambda: "nothing reaches it" in caplog.text)
        assert ("there is no list 36" if 36 in managed else "may not manage the list 36") in caplog.text
        assert world.count("webhook_outbox") == 1
        fake.lists[36], fake.managed = "Tips", {36, 37}
        soon(world, lambda: fake.status_of(ALICE) == "confirmed")
        soon(world, lambda: world.count("webhook_outbox") == 0)


@pytest.mark.usefixtures("quick")
def test_who_was_blocked_there_is_refused_and_shown(world: World, fake: FakeListmonk) -> None:
    """W11: an officer sees it; nobody is put back on a list who blocked the company there."""
    fake.add(ALICE, 36)
    fake.blocklist(ALICE)
    now_is_now(world)
    with telling(world, {"crm": receiver_of(fake)}):
        world.join(ALICE, TIPS)
        wait_until(lambda: world.store.read(webhook_states)[0].refused)
    assert world.store.read(webhook_states)[0].refused == {"blocklisted in listmonk": 1}
    assert fake.status_of(ALICE) == "unsubscribed"


@pytest.mark.usefixtures("quick")
def test_a_message_that_comes_twice_undoes_nothing(world: World, fake: FakeListmonk) -> None:
    """W11, R2: taken, unsubscribed there, told once more: that stop stands, an earlier one does not."""
    now_is_now(world)
    fake.add(ALICE, 36)
    fake.add(BOB, 36)
    fake.unsubscribe(ALICE, at=world.now + timedelta(minutes=1))
    fake.unsubscribe(BOB, at=world.now - timedelta(minutes=1))
    with telling(world, {"crm": receiver_of(fake)}):
        world.join(ALICE, TIPS)
        world.join(BOB, TIPS)
        fake.wait(lambda: fake.status_of(BOB) == "confirmed")
        wait_until(lambda: world.store.read(webhook_states)[0].refused)
    assert fake.status_of(ALICE) == "unsubscribed"


@pytest.mark.usefixtures("quick")
def test_an_older_listmonk_is_named(
    world: World, fake: FakeListmonk, caplog: pytest.LogCaptureFixture
) -> None:
    """W11: it cannot update a contact without ending its other subscriptions."""
    fake.version = (6, 0)
    fake.add(ALICE, 37)
    now_is_now(world)
    with telling(world, {"crm": receiver_of(fake)}):
        world.join(ALICE, TIPS)
        wait_until(lambda: "listmonk 6.1 or newer is needed" in caplog.text)


NESTED = b"[" * 200_000
BOMB = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(bytes(50_000_000))
HOSTILE = [
    Answer(200, b"<html>hello</html>"),
    Answer(200, b""),
    Answer(200, []),
    Answer(200, {"data": None}),
    Answer(200, {"data": {"results": [{"id": "x"}]}}),
    Answer(200, {"data": {"id": {}, "lists": 5}}),
    Answer(200, {"data": {"results": {"id": 1}}}),
    Answer(200, NESTED),
    Answer(200, b'{"data": ' + b"9" * 100_000 + b"}"),
    Answer(200, b"\xff\xfe{}"),
    Answer(302, {}, location="https://127.0.0.1/"),
    Answer(500, {"message": ALICE}),
    Answer(429, {}, retry_after="120"),
    Answer(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 6_000_000),
    Answer(raw=BOMB),
    Answer(raw=b"SSH-2.0-hello\r\n"),
    Answer(raw=b" "),
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("at", ["POST", "GET", "PUT"])
def test_no_answer_breaks_the_steps(fake: FakeListmonk, hostile: Answer, at: str) -> None:
    """W11, S5: no JSON, another shape, bombs, redirects: a trouble each, none with a person in it."""

    def answer(said: Said) -> None:
        if said.method == at:
            raise hostile

    fake.add(ALICE, 36, status="unsubscribed")
    fake.before = answer
    receiver = receiver_of(fake, seconds=5)
    tool, columns = receiver.connection.tool, {"confirmed_at": datetime.now(UTC).isoformat()}
    with pytest.raises(ToolTrouble) as found:
        asyncio.run(
            receiver.connection.carry_out(
                lambda account: tool.confirmed(account, ToolLead(ALICE, str(TIPS), columns)), 30
            )
        )
    trouble = found.value
    unread = at == "PUT" and hostile.status == 200 and hostile not in HOSTILE[-4:-3] + HOSTILE[-2:]
    setup = hostile.status == 302 or unread  # what it says of a change is not believed: it is read back
    assert trouble.kind is (TroubleKind.SETUP if setup else TroubleKind.LATER)
    assert ALICE not in trouble.says
    assert trouble.wait_seconds == (120 if hostile.status == 429 else 0)


@pytest.mark.usefixtures("quick")
def test_a_slow_tool_delays_no_other(
    world: World, fake: FakeListmonk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W11: one that takes no end is left after its time; the other is told meanwhile."""
    monkeypatch.setattr(tool_receiver, "MESSAGE_SECONDS", 1.0)
    hold = threading.Event()

    def wait(_said: Said) -> None:
        hold.wait(SECONDS)

    fake.before = wait
    now_is_now(world)
    with (
        listmonk(tmp_path / "other") as other,
        telling(world, {"crm": receiver_of(fake), "post": receiver_of(other, "post")}),
    ):
        begun = time.monotonic()
        for number in range(8):
            world.join(f"p{number}@example.com", TIPS)
        other.wait(lambda: len(other.subscribers) == 8)
        assert time.monotonic() - begun < SECONDS
        assert fake.subscribers == {}
        hold.set()
        soon(world, lambda: len(fake.subscribers) == 8)


@pytest.mark.usefixtures("quick")
def test_an_erasure_while_a_confirmation_is_under_way(world: World, fake: FakeListmonk) -> None:
    """W11, R5: the erasure waits for the call and its lease; nothing is left of her in the tool."""
    arrived, go_on = threading.Event(), threading.Event()

    def hold(said: Said) -> None:
        if said.method == "POST":
            arrived.set()
            go_on.wait(60)

    fake.after = hold
    now_is_now(world)
    with telling(world, {"crm": receiver_of(fake)}):
        world.join(ALICE, TIPS)
        assert arrived.wait(60)
        erase(world, ALICE)
        go_on.set()
        soon(world, lambda: fake.by_email(ALICE) is None)
        soon(world, lambda: world.count("webhook_outbox") == 0)
    assert [it.method for it in fake.said if it.method in {"POST", "DELETE"}] == ["POST", "DELETE"]
    world.check_evidence()


def test_calls_keep_the_pace_of_the_tool(fake: FakeListmonk, monkeypatch: pytest.MonkeyPatch) -> None:
    """W11: no more calls a second than the tool allows, whatever is done at once."""
    monkeypatch.setattr(TOOLS["listmonk"], "calls_per_second", 20.0)
    connection = receiver_of(fake).connection

    async def many() -> float:
        begun = time.monotonic()
        await asyncio.gather(*(connection.carry_out(connection.tool.set_up, 60) for _ in range(21)))
        return time.monotonic() - begun

    assert asyncio.run(many()) >= 0.95


@pytest.mark.usefixtures("quick")
def test_in_dev_no_tool_is_told(world: World) -> None:
    """W11, O2: it is said what would be told to whom, without the person."""
    now_is_now(world)
    said: list[str] = []
    crm = Processor(name="crm", agreement="x", connect="listmonk", lists=LISTS)
    with telling(world, printing_receivers({"crm": crm}, said.append)):
        world.join(ALICE, TIPS)
        wait_until(lambda: said)
    assert said[0].startswith("listmonk: crm would be told consent.confirmed (msg_")
    assert said[0].endswith("); optin dev sends nothing.")
    assert ALICE not in said[0]


@pytest.mark.usefixtures("quick")
def test_the_end_for_a_purpose_without_a_list_waits(
    world: World, fake: FakeListmonk, caplog: pytest.LogCaptureFixture
) -> None:
    """W11, R2: whoever takes a list away from the settings is told to put it back, and no end is lost."""
    now_is_now(world)
    with telling(world, {"crm": receiver_of(fake)}):
        request = world.join(ALICE, TIPS)
        fake.wait(lambda: fake.status_of(ALICE) == "confirmed")
        soon(world, lambda: world.count("webhook_outbox") == 0)
    with telling(world, {"crm": receiver_of(fake, lists={str(CALL): "37"})}):
        world.withdraw(request)
        wait_until(lambda: "has no list any more" in caplog.text)
    with telling(world, {"crm": receiver_of(fake)}):
        soon(world, lambda: fake.status_of(ALICE) == "unsubscribed")
