"""Whoever unsubscribes in a tool has withdrawn here: once, for the right purposes, never by an old end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.export.connectors.tool import Stop, Stops, ToolTrouble
from optin.flows.rights.personal_data import PersonalData, view_personal
from optin.flows.rights.withdrawals_in_tools import ToolEndings, ended_after_consent, withdraw_unsubscribed
from optin.jobs import pull_tool_endings as pulling
from optin.jobs.pull_tool_endings import EVERY, pull_endings, pull_jobs
from optin.store.tool_marks import claim_pull, store_pull_mark
from tests.faults.test_tools_are_told import BOB, receiver_of, soon, telling
from tests.faults.test_webhooks_leave import now_is_now, quick
from tests.flows.test_webhooks import ALICE, SECOND, Told, bodies, register
from tests.listmonk import Answer, FakeListmonk, Said, listmonk
from tests.waiting import wait_until
from tests.world import CALL, TIPS, World

__all__ = ["quick"]  # a fixture
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeListmonk]:
    with listmonk(tmp_path / "tls") as running:
        yield running


def pull(world: World, fake: FakeListmonk, lists: dict[str, str] | None = None) -> ToolEndings:
    receiver = receiver_of(fake) if lists is None else receiver_of(fake, lists=lists)
    done = asyncio.run(pull_endings(world.installation(), "crm", receiver))
    assert done is not None
    return done


def told(world: World, fake: FakeListmonk, *emails: str) -> Told:
    """Let people join and the tool know of it, by the clock of this machine."""
    now_is_now(world)
    world.now -= timedelta(hours=1)
    register(world, crm=frozenset({TIPS, CALL}), post=frozenset({TIPS, CALL}))
    for number, email in enumerate(emails):
        world.join(email, TIPS, CALL, phone=f"+3120123456{number}")
        fake.add(email, 36, 37)
    crm = Told(world)
    crm.hear()
    Told(world, "post").hear()
    now_is_now(world)
    return crm


def data_of(world: World, email: str) -> PersonalData:
    index = world.vault.index(parse_email(email))
    data: PersonalData = world.view(view_personal, email_index=index, now=world.now)
    return data


def statuses(world: World, email: str) -> dict[str, str]:
    return {it.purpose: it.status for it in data_of(world, email).consents}


def test_who_unsubscribes_there_has_withdrawn_here(world: World, fake: FakeListmonk) -> None:
    """W11, R2: that purpose alone, and the evidence says who told; others are told, the teller is not."""
    crm = told(world, fake, ALICE, BOB)
    fake.unsubscribe(ALICE)
    assert pull(world, fake) == ToolEndings(withdrawn=1)
    assert statuses(world, ALICE) == {str(TIPS): "withdrawn", str(CALL): "given"}
    assert set(statuses(world, BOB).values()) == {"given"}
    (event,) = [body for body in bodies(world) if body["kind"] == "withdrawn"]
    assert (event["told_by"], event["purpose"]) == ("crm", TIPS)
    assert [(it.kind, it.told_by) for it in data_of(world, ALICE).events if it.told_by] == [
        ("withdrawn", "crm")
    ]
    assert crm.hear() == []
    assert Told(world, "post").hear() == ["consent.withdrawn"]
    world.check_evidence()


def test_a_second_pull_changes_nothing(world: World, fake: FakeListmonk) -> None:
    """W11: the same ends are read again, and are over already; the mark moves on."""
    told(world, fake, ALICE)
    fake.unsubscribe(ALICE)
    assert pull(world, fake).withdrawn == 1
    before = world.count("event")
    assert pull(world, fake) == ToolEndings()
    assert world.count("event") == before
    mark = world.store.read(lambda tx: tx.one("SELECT mark FROM tool_mark"))
    assert mark is not None
    assert mark[0].startswith(f"{datetime.now(UTC):%Y-%m-%dT}")


def test_who_blocked_the_company_there_withdrew_everything_it_knows(world: World, fake: FakeListmonk) -> None:
    """W11, R2: every purpose that has a list; none that has not."""
    told(world, fake, ALICE, BOB)
    fake.blocklist(ALICE)
    assert pull(world, fake).withdrawn == 2
    assert set(statuses(world, ALICE).values()) == {"withdrawn"}
    fake.blocklist(BOB)
    assert pull(world, fake, {str(CALL): "37"}).withdrawn == 1
    assert statuses(world, BOB) == {str(TIPS): "given", str(CALL): "withdrawn"}
    world.check_evidence()


def test_nobody_who_was_not_told_of_is_ended(world: World, fake: FakeListmonk) -> None:
    """W11: an address that this tool was never given, nobody's, and one that is none: only counted."""
    told(world, fake, ALICE)
    register(world, post=frozenset({TIPS}))
    world.join(BOB, TIPS)
    for email in (BOB, "nobody@example.com", "no address@"):
        fake.add(email, 36, status="unsubscribed")
    assert pull(world, fake) == ToolEndings(unknown=1, unreadable=1)
    assert set(statuses(world, BOB).values()) == {"given"}
    world.check_evidence()


def test_an_old_end_does_not_undo_a_new_consent(world: World, fake: FakeListmonk) -> None:
    """W11, D4: stopped there, given anew here, and not told yet: the new consent stands."""
    crm = told(world, fake, ALICE)
    fake.unsubscribe(ALICE, at=world.now - timedelta(minutes=30))
    world.wait(SECOND)
    world.join(ALICE, TIPS)
    assert pull(world, fake) == ToolEndings(), "the tool speaks of the time before"
    fake.unsubscribe(ALICE, at=world.now + timedelta(seconds=1))
    assert pull(world, fake) == ToolEndings(), "too close to tell, and the tool does not know of it yet"
    crm.hear()
    world.wait(MINUTE)
    assert pull(world, fake).withdrawn == 1, "now it does"


@pytest.mark.parametrize(
    ("end_at", "since", "knows", "later"),
    [
        (NOW + 6 * MINUTE, NOW, False, True),
        (NOW - 6 * MINUTE, NOW, True, False),
        (NOW + 4 * MINUTE, NOW, False, False),
        (NOW - 4 * MINUTE, NOW, True, True),
        (None, NOW, True, True),
        (None, NOW, False, False),
        (NOW, None, True, True),
    ],
)
def test_when_an_end_counts(
    end_at: datetime | None, since: datetime | None, knows: object, later: object
) -> None:
    """W11: the clocks decide where they are far enough apart; else whether the tool knew of the consent."""
    assert ended_after_consent(end_at, since, knows=bool(knows)) is later


class ToolWithoutCalls:
    """What every tool has, for one that is never called."""

    name = "listmonk"
    calls_per_second = 1000.0

    def address(self, *_: Any) -> str:
        return "https://example.com"

    def headers(self, *_: Any) -> dict[str, str]:
        return {}


class Failing(ToolWithoutCalls):
    """A tool whose answer ends in the middle of the second hundred."""

    def __init__(self, emails: list[str]) -> None:
        self.emails = emails

    def stops(self, _account: Any, mark: str) -> Any:
        yield from ()
        return Stops(tuple(map(Stop, self.emails)), mark + "x")


def test_the_mark_is_kept_when_everything_was_taken(
    world: World, fake: FakeListmonk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W11, S6: killed after the first part, the next pull begins at the old mark; nobody is skipped."""
    told(world, fake, ALICE, BOB)
    monkeypatch.setattr(pulling, "AT_ONCE", 1)
    receiver = receiver_of(fake)
    monkeypatch.setattr(receiver.connection, "tool", Failing([ALICE, BOB]))
    taken = withdraw_unsubscribed
    calls = []

    def dies(*args: Any, **kwargs: Any) -> ToolEndings:
        calls.append(args)
        if len(calls) == 2:
            raise RuntimeError
        return taken(*args, **kwargs)

    monkeypatch.setattr(pulling, "withdraw_unsubscribed", dies)
    with pytest.raises(RuntimeError):
        asyncio.run(pull_endings(world.installation(), "crm", receiver))
    assert world.store.read(lambda tx: tx.one("SELECT mark FROM tool_mark")) == ("",)
    assert set(statuses(world, ALICE).values()) == {"withdrawn"}
    assert set(statuses(world, BOB).values()) == {"given"}
    done = asyncio.run(pull_endings(world.installation(), "crm", receiver))
    assert done == ToolEndings(withdrawn=2)
    assert world.store.read(lambda tx: tx.one("SELECT mark FROM tool_mark")) == ("x",)
    world.check_evidence()


def test_one_server_of_several_reads(world: World) -> None:
    """W11: each reading is claimed; another tool begins anew; a clock that was ahead holds up nobody."""
    claim: Any = {"processor": "crm", "source": "here", "every": EVERY}
    now = world.now
    assert world.do(claim_pull, **claim, now=now) == ""
    assert world.do(claim_pull, **claim, now=now) is None
    world.do(store_pull_mark, processor="crm", source="here", mark="m1")
    world.do(store_pull_mark, processor="crm", source="elsewhere", mark="m2")
    assert world.do(claim_pull, **claim, now=now + EVERY) == "m1"
    assert world.do(claim_pull, **claim, now=now - timedelta(days=300)) == "m1"
    assert world.do(claim_pull, **{**claim, "source": "elsewhere"}, now=now) == ""


@pytest.mark.usefixtures("quick")
def test_a_server_reads_by_itself(
    world: World, fake: FakeListmonk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W11, S4: a tool that fails is tried again; a wrong token is shouted once; nobody is in the log."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(pulling, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(pulling, "EVERY", timedelta(0))
    told(world, fake, ALICE)
    fake.unsubscribe(ALICE)
    token, fake.token = fake.token, "another:one"
    answers = iter([Answer(500, {}), Answer(200, {"data": 1})])

    def fail(_said: Said) -> None:
        if (instead := next(answers, None)) is not None:
            raise instead

    installation = world.installation()

    async def run() -> None:
        stop = asyncio.Event()
        jobs = [
            asyncio.ensure_future(it.run(stop)) for it in pull_jobs(installation, {"crm": receiver_of(fake)})
        ]
        await asyncio.to_thread(wait_until, lambda: len(fake.said) > 5)
        fake.before, fake.token = fail, token
        await asyncio.to_thread(wait_until, lambda: "1 consents were withdrawn there" in caplog.text)
        stop.set()
        await asyncio.gather(*jobs)

    asyncio.run(run())
    assert caplog.text.count("listmonk crm: nothing reaches it: status 403") == 1
    assert caplog.text.count("who unsubscribed there could not be read") == 2
    assert "@example.com" not in caplog.text


@pytest.mark.usefixtures("quick")
def test_round_and_round(world: World, fake: FakeListmonk) -> None:
    """W11: told, stopped there, withdrawn here, given anew, told again: the two never quarrel."""
    now_is_now(world)
    with telling(world, {"crm": receiver_of(fake)}):
        world.join(ALICE, TIPS)
        fake.wait(lambda: fake.status_of(ALICE) == "confirmed")
        soon(world, lambda: world.count("webhook_outbox") == 0)
        fake.unsubscribe(ALICE)
        world.wait(MINUTE)
        assert pull(world, fake).withdrawn == 1
        world.wait(SECOND)
        world.join(ALICE, TIPS)
        fake.wait(lambda: fake.status_of(ALICE) == "confirmed")
        soon(world, lambda: world.count("webhook_outbox") == 0)
        world.wait(MINUTE)
        assert pull(world, fake) == ToolEndings()
        assert fake.status_of(ALICE) == "confirmed"
    assert statuses(world, ALICE) == {str(TIPS): "given"}
    world.check_evidence()


def test_a_trouble_leaves_the_mark_alone(world: World, fake: FakeListmonk) -> None:
    """W11: what was read before stays read, and the next pull begins there."""
    told(world, fake, ALICE)
    fake.token = "another:one"
    with pytest.raises(ToolTrouble):
        pull(world, fake)
    assert world.store.read(lambda tx: tx.one("SELECT mark FROM tool_mark")) == ("",)
