"""Lanes to processors: what is shouted, how long a lane waits, and that one never holds up another."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from optin.flows.exports.queue_webhook_messages import CallResult, OutgoingMessage, ReceiverAnswer
from optin.jobs import processor_lanes as lanes
from optin.jobs.agreement_end import while_agreed
from optin.jobs.processor_lanes import Lane, SetupFaults
from optin.settings.site import Processor
from tests.faults.test_webhooks_leave import LOCAL, now_is_now, quick, working
from tests.flows.test_webhooks import ALICE, register
from tests.receiver import Receiver, receiving
from tests.waiting import wait_until
from tests.world import CALL, TIPS, World

__all__ = ["quick"]  # a fixture
TAKEN = CallResult(ReceiverAnswer.TAKEN, "200")
WRONG_TOKEN = CallResult(ReceiverAnswer.SETUP, "401")


def due(world: World) -> None:
    world.do(lambda tx: tx.run("UPDATE webhook_outbox SET next_at = 0 WHERE claim IS NULL"))


def until(world: World, true: object) -> None:
    """Make everything due again and again, until `true()`."""
    assert callable(true)
    ends = time.monotonic() + 120
    while not true() and time.monotonic() < ends:
        due(world)
        time.sleep(0.03)
    assert true()


@pytest.mark.usefixtures("quick")
def test_a_wrong_secret_waits_is_shouted_once_and_nothing_is_lost(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W11, E7, S4: one person's message at a time; after the cure all arrive, and a new fault is shouted."""
    monkeypatch.setattr(lanes, "LONGEST_REST_SECONDS", 0.02)
    caplog.set_level(logging.INFO)
    now_is_now(world)
    people = [f"p{number}@example.com" for number in range(9)]
    wrong = [True]
    with (
        receiving(Receiver(status=lambda _: 401 if wrong[0] else 204)) as receiver,
        working(world, LOCAL, crm=receiver.url()),
    ):
        for email in people:
            world.join(email, TIPS)
        until(world, lambda: len(receiver.taken) > 20)
        assert caplog.text.count("nothing reaches it: 401") == 1
        assert "Check the url of its webhook in optin.toml" in caplog.text
        assert world.count("webhook_outbox") == len(people)
        wrong[0] = False
        until(world, lambda: world.count("webhook_outbox") == 0)
        assert caplog.text.count("it works again") == 1
        wrong[0] = True
        world.join(ALICE, TIPS)
        until(world, lambda: caplog.text.count("nothing reaches it: 401") == 2)
    assert "@example.com" not in caplog.text
    world.check_evidence()


@dataclass
class Scripted:
    """Answers by script, the last one for ever."""

    answers: list[CallResult]
    told: list[str] = field(default_factory=list)
    at_once: list[int] = field(default_factory=list)
    _now: int = 0
    label: str = "scripted"
    address: str = "there"
    cure: str = "Mend it."

    async def tell(self, message: OutgoingMessage) -> CallResult:
        self._now += 1
        await asyncio.sleep(0)
        self.at_once.append(self._now)
        self._now -= 1
        self.told.append(message.notice.purpose)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def lane(world: World, receiver: Scripted) -> Lane:
    register(world, crm=frozenset({TIPS, CALL}))
    registered = asyncio.Event()
    registered.set()
    return Lane(world.installation(), "crm", receiver, registered)


def test_while_the_set_up_is_wrong_one_message_is_tried_at_a_time(world: World) -> None:
    """W11: four at first, then one; and four again as soon as it works."""
    receiver = Scripted([*[WRONG_TOKEN] * 6, TAKEN])
    crm = lane(world, receiver)
    now_is_now(world)
    for number in range(12):
        world.join(f"p{number}@example.com", TIPS)

    async def rounds() -> list[int]:
        counts = []
        for _ in range(5):
            due(world)
            before = len(receiver.told)
            await crm.round()
            counts.append(len(receiver.told) - before)
        return counts

    assert asyncio.run(rounds()) == [4, 1, 1, 1, 4]


def test_a_lane_waits_as_long_as_its_receiver_asks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """W11: Retry-After is of the whole lane, not of one message; bounded, and no round is missed."""
    monkeypatch.setattr(lanes, "LONGEST_ASKED_SECONDS", 0.5)
    receiver = Scripted([CallResult(ReceiverAnswer.LATER, "429", 3600.0), TAKEN])
    crm = lane(world, receiver)
    now_is_now(world)
    world.join(ALICE, TIPS)

    async def rounds() -> None:
        assert await crm.round() is False
        world.join("bob@example.com", TIPS)
        begun = time.monotonic()
        while len(receiver.told) < 3 and time.monotonic() < begun + 60:
            due(world)
            assert crm._rest <= lanes.LONGEST_REST_SECONDS  # noqa: SLF001 - the job must not look stale
            await crm.round()
            await asyncio.sleep(0.02)
        assert time.monotonic() - begun > 0.3

    asyncio.run(rounds())
    assert len(receiver.told) == 3


def test_one_fault_is_said_once_a_day_and_again_when_it_was_mended(caplog: pytest.LogCaptureFixture) -> None:
    """W11: another fault is another line; what works of another purpose mends nothing."""
    faults = SetupFaults("brevo", "post", "Mend it.")
    faults.failed("no list 36", "tips", 0.0)
    faults.failed("no list 36", "tips", 10.0)
    faults.worked("calls", 11.0)
    faults.failed("no list 36", "tips", 20.0)
    assert len(caplog.records) == 1
    faults.failed("wrong token", "", 21.0)
    faults.failed("no list 36", "tips", 86_400.0)
    assert len(caplog.records) == 3
    faults.worked("tips", 86_401.0)
    assert faults, "the wrong token was not seen to work"
    faults.worked("", 86_402.0)
    assert not faults
    assert "brevo post: it works again" in caplog.text
    faults.failed("no list 36", "tips", 86_403.0)
    assert len(caplog.records) == 5
    faults.worked("calls", 3 * 86_400.0)
    assert not faults, "perhaps nothing of that purpose is left to tell"
    assert len(caplog.records) == 5, "but nobody saw it work"


@pytest.mark.usefixtures("quick")
def test_a_refused_message_is_logged_without_the_person(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """W11, S4: tool, kind, id and status; and the next one is told."""
    now_is_now(world)
    with (
        receiving(Receiver(status=lambda number: 204 if number else 422)) as receiver,
        working(world, LOCAL, crm=receiver.url()),
    ):
        world.join(ALICE, TIPS)
        wait_until(lambda: "was refused and is not sent again: 422" in caplog.text)
        world.join("bob@example.com", TIPS)
        receiver.wait(2)
    assert "@example.com" not in caplog.text


def test_after_the_last_day_of_its_agreement_a_processor_receives_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """L9, E1, E7: on the day itself it does; afterwards messages wait, and go once a new day is written."""
    receiver = Scripted([TAKEN])
    register(world, crm=frozenset({TIPS}))
    registered = asyncio.Event()
    registered.set()
    installation = world.installation()
    now_is_now(world)
    today = world.now.astimezone(installation.policy.zone).date()

    def told_with(ends: date) -> int:
        processor = Processor(name="CRM B.V.", agreement="x", ends=ends)
        agreed = while_agreed(installation, {"crm": receiver}, {"crm": processor})
        due(world)
        before = len(receiver.told)
        asyncio.run(Lane(installation, "crm", agreed["crm"], registered).round())
        return len(receiver.told) - before

    world.join(ALICE, TIPS)
    yesterday = today - timedelta(days=1)
    assert told_with(yesterday) == 0
    assert f"nothing reaches it: its agreement ended on {yesterday}. Messages wait. Write" in caplog.text
    assert world.count("webhook_outbox") == 1
    assert told_with(today) == 1
    assert world.count("webhook_outbox") == 0
