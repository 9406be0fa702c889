"""A tool, a clock or a row that lies: no end of a consent is lost by it, and nobody keeps others waiting."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from optin.cli import connect_tools
from optin.consent.email_and_telephone import parse_email
from optin.export.connectors.tool import Stop, Stops, ToolAnswer, ToolCall, ToolLead, ToolTrouble, TroubleKind
from optin.flows.exports.queue_webhook_messages import LEAST_TRIES
from optin.flows.rights.withdrawals_in_tools import ToolEndings, ToolUnsubscription
from optin.jobs.processor_lanes import Lane
from optin.jobs.pull_tool_endings import pull_endings, pull_jobs
from optin.store.registered_webhooks import webhook_states
from tests.faults.test_tools_are_told import BOB, receiver_of
from tests.faults.test_tools_tell_back import ToolWithoutCalls, pull, statuses, told
from tests.flows.test_webhooks import ALICE, Told, register
from tests.listmonk import FakeListmonk, listmonk
from tests.waiting import wait_until
from tests.world import CALL, TIPS, TIPS_BY_EMAIL, World

FIRST = "(SELECT MIN(id) FROM webhook_outbox)"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeListmonk]:
    with listmonk(tmp_path / "tls") as running:
        yield running


class Telling(ToolWithoutCalls):
    """A tool that tells of these ends, with this mark; `asked` is with which marks it was read."""

    def __init__(self, mark: str, *found: Stop) -> None:
        self.found, self.mark = found, mark
        self.asked: list[str] = []

    def stops(self, _account: Any, mark: str) -> Any:
        yield from ()
        self.asked.append(mark)
        return Stops(self.found, self.mark)


def break_request(world: World, email: str) -> None:
    """Let the declaration of a person be unreadable."""
    world.tampered = True
    index = world.vault.index(parse_email(email))
    sql = "UPDATE request SET sealed = :s WHERE email_index = :i"
    world.do(lambda tx: tx.run(sql, s=b"\x00" + bytes(40), i=index))


def test_a_person_who_cannot_be_read_keeps_no_other_from_ending(world: World, fake: FakeListmonk) -> None:
    """W11, R2, S6: the others are withdrawn; the broken one is suppressed, once, and other tools are told."""
    told(world, fake, ALICE, BOB)
    break_request(world, ALICE)
    fake.unsubscribe(ALICE)
    fake.unsubscribe(BOB)
    assert pull(world, fake) == ToolEndings(withdrawn=1, broken=1)
    assert statuses(world, BOB)[str(TIPS)] == "withdrawn"
    suppressed = world.store.read(
        lambda tx: tx.all(
            "SELECT purpose, channel FROM suppression WHERE email_index = :i",
            i=world.vault.index(parse_email(ALICE)),
        )
    )
    assert suppressed == [(TIPS_BY_EMAIL.purpose, TIPS_BY_EMAIL.channel.value)]
    post = Told(world, "post")
    assert post.hear() == ["consent.withdrawn", "consent.withdrawn"]
    assert {data["email"] for _, data in post.messages} == {ALICE, BOB}
    assert pull(world, fake) == ToolEndings()


def test_a_broken_person_is_said_without_a_name(
    world: World,
    fake: FakeListmonk,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """W11, S4: the log of a server says how many, and so does `optin pull`."""
    caplog.set_level(logging.INFO)
    told(world, fake, ALICE, BOB)
    for email in (ALICE, BOB):
        break_request(world, email)
    fake.unsubscribe(ALICE)
    installation = world.installation()

    async def run() -> None:
        stop = asyncio.Event()
        (job,) = pull_jobs(installation, {"crm": receiver_of(fake)})
        running = asyncio.ensure_future(job.run(stop))
        await asyncio.to_thread(wait_until, lambda: "1 people who unsubscribed there" in caplog.text)
        stop.set()
        await running

    asyncio.run(run())
    fake.unsubscribe(BOB)
    assert connect_tools.pull_tool(installation, "crm", receiver_of(fake))
    assert "rows of 1 people cannot be read" in capsys.readouterr().err
    assert "@example.com" not in caplog.text


def test_a_mark_of_the_future_is_not_kept(
    world: World, fake: FakeListmonk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W11, R2, O7: a tool whose clock was wrong once is asked for all ends again; none is passed over."""
    told(world, fake, ALICE, BOB)
    receiver, installation = receiver_of(fake), world.installation()
    tool = Telling("2999-01-01T00:00:00+00:00 -", Stop(ALICE))
    monkeypatch.setattr(receiver.connection, "tool", tool)

    def again() -> ToolEndings | None:
        return asyncio.run(pull_endings(installation, "crm", receiver))

    assert again() == ToolEndings(withdrawn=2)
    tool.mark = before = f"{(world.now - timedelta(hours=1)).isoformat()} -"
    again()
    tool.mark = "2999-01-01T00:00:00+00:00 -"
    again()
    again()
    assert tool.asked == ["", "", before, before]
    world.do(lambda tx: tx.run("UPDATE tool_mark SET mark = '2999-01-01T00:00:00+00:00 -'"))
    again()
    assert tool.asked[-1] == "", "one that was stored by a wrong clock"


@pytest.mark.parametrize("broken", ["kind = 'x'", "created_at = 9000000000000000000"])
def test_a_message_that_cannot_be_read_keeps_no_other_waiting(
    world: World, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    """E7, W11, S6: the others leave at once; it is tried again, given up in the end, counted and said."""
    register(world, crm=frozenset({TIPS}))
    crm = Told(world)
    for email in (ALICE, BOB):
        world.join(email, TIPS)
    world.do(lambda tx: tx.run(f"UPDATE webhook_outbox SET {broken} WHERE id = {FIRST}"))
    assert crm.hear() == ["consent.confirmed"]
    assert crm.dropped == ["unreadable: ValueError"]
    for _ in range(LEAST_TRIES - 2):
        world.wait(timedelta(days=1))
        assert crm.claim() == []
    world.wait(timedelta(days=1))
    lane = Lane(world.installation(), "crm", receiver_of(FakeListmonk()), asyncio.Event())
    asyncio.run(lane.round())
    assert "was given up: unreadable: ValueError; inform the processor yourself" in caplog.text
    (state,) = world.store.read(webhook_states)
    assert (state.waiting, state.given_up) == (0, 1)


def test_a_list_that_is_too_long_for_one_pull_is_read_by_several(
    world: World, fake: FakeListmonk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W11, R2, S5: the next pull goes on where this one ended, also in the next list."""
    monkeypatch.setattr("optin.export.connectors.listmonk.PAGES", 3)
    monkeypatch.setattr("optin.export.connectors.listmonk.PER_PAGE", 2)
    told(world, fake, ALICE, BOB)
    for number in range(9):
        fake.add(f"nobody{number}@example.com", 36, status="unsubscribed")
    carol = "carol@example.com"
    fake.add(carol, 36, 37)
    world.join(carol, TIPS, CALL, phone="+31201234569")
    Told(world).hear()
    world.wait(timedelta(minutes=1))
    fake.unsubscribe(carol)
    fake.unsubscribe(BOB, 37)
    assert pull(world, fake).withdrawn == 0
    assert sum(pull(world, fake).withdrawn for _ in range(5)) == 2
    assert statuses(world, carol) == {str(TIPS): "withdrawn", str(CALL): "given"}
    assert statuses(world, BOB) == {str(TIPS): "given", str(CALL): "withdrawn"}
    mark = world.store.read(lambda tx: tx.one("SELECT mark FROM tool_mark"))
    assert mark is not None
    assert ":" not in mark[0].split()[-1]


def test_a_tool_that_ends_many_consents_is_said(
    world: World, fake: FakeListmonk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W11, R2: a list emptied by mistake or by a thief of the token withdraws, and somebody is told."""
    monkeypatch.setattr("optin.jobs.pull_tool_endings.MANY", 2)
    told(world, fake, ALICE, BOB)
    for email in (ALICE, BOB):
        fake.unsubscribe(email)
    (job,) = pull_jobs(world.installation(), {"crm": receiver_of(fake)})

    async def run() -> None:
        stop = asyncio.Event()
        running = asyncio.ensure_future(job.run(stop))
        await asyncio.to_thread(wait_until, lambda: "it ended 2 consents at once" in caplog.text)
        stop.set()
        await running

    asyncio.run(run())


def test_a_listmonk_without_our_lists_loses_no_end(fake: FakeListmonk) -> None:
    """W11, R5: another account: nobody is known there, so ends and erasures wait for the right token."""
    fake.lists.clear()
    connection = receiver_of(fake).connection
    tool = connection.tool
    for steps in (
        lambda account: tool.ended(account, ALICE, str(TIPS)),
        lambda account: tool.erased(account, ALICE),
    ):
        with pytest.raises(ToolTrouble) as trouble:
            asyncio.run(connection.carry_out(steps, 10))
        assert trouble.value.kind is TroubleKind.SETUP
    fake.lists[37] = "Calls"
    asyncio.run(connection.carry_out(lambda account: tool.erased(account, ALICE), 10))


def test_nothing_of_a_person_is_shown_by_accident() -> None:
    """W11, S4: not in the text of an object, which a debugger may print; a trouble is short."""
    call = ToolCall("GET", f"/contacts/{ALICE}", {"email": ALICE}, {"authorization": "s3cret"})
    for it in (
        call,
        ToolAnswer(200, {"x": ALICE}, {"email": ALICE}),
        ToolLead(ALICE, "tips", {"email": ALICE}),
        Stop(ALICE),
        ToolUnsubscription(ALICE),
    ):
        assert ALICE not in repr(it)
        assert "s3cret" not in repr(it)
    assert len(ToolTrouble(TroubleKind.LATER, "x" * 100_000).says) < 600
