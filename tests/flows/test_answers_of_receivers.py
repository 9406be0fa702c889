"""What becomes of a message by the receiver's answer: taken, later, a fault of the set-up, refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.webhook_message import WebhookKind
from optin.flows.exports.queue_webhook_messages import (
    ERASURE_GIVE_UP_AFTER,
    GIVE_UP_AFTER,
    LEAST_TRIES,
    SETUP_GIVE_UP_AFTER,
    SETUP_WAIT,
    CallResult,
    MessageState,
    OutgoingMessage,
    ReceiverAnswer,
    record_answer,
)
from optin.flows.rights.personal_data import view_personal
from optin.flows.rights.withdraw import withdraw_person
from optin.jobs.sweep_runner import sweep
from optin.store.registered_webhooks import WebhookState, webhook_states
from tests.flows.test_webhooks import ALICE, SECOND, Told, erase, register
from tests.world import TIPS, World

ONLY = "UPDATE webhook_outbox SET next_at = 0"


@pytest.fixture
def crm(world: World) -> Iterator[Told]:
    register(world, crm=frozenset({TIPS}))
    yield Told(world)
    world.check_evidence()


def settle(
    crm: Told, call: OutgoingMessage, answer: ReceiverAnswer, said: str = "status 400", wait: float = 0
) -> MessageState:
    done: MessageState = crm.world.do(
        partial(
            record_answer,
            notice=call.notice,
            reply=CallResult(answer, said, wait),
            now=crm.world.now,
        )
    )
    return done


def only(crm: Told) -> OutgoingMessage:
    crm.world.do(lambda tx: tx.run(ONLY))
    (call,) = crm.claim()
    return call


def refuse(crm: Told, said: str = "status 400") -> None:
    assert settle(crm, only(crm), ReceiverAnswer.REFUSED, said) is MessageState.REFUSED


def state(crm: Told) -> WebhookState:
    (found,) = crm.world.store.read(webhook_states)
    return found


def refusals(crm: Told, email: str = ALICE) -> list[tuple[str, str, str, str]]:
    index = crm.world.vault.index(parse_email(email))
    data = crm.world.view(view_personal, email_index=index, now=crm.world.now)
    return [(it.processor, it.kind, it.purpose, it.why) for it in data.refusals]


def test_a_refused_confirmation_is_given_up_at_once_and_shown(crm: Told) -> None:
    """W11, E7: it is not tried again; the officer sees how many, why, and of whom."""
    crm.world.join(ALICE, TIPS)
    crm.world.join("bob@example.com", TIPS)
    first, second = crm.claim()
    assert settle(crm, first, ReceiverAnswer.REFUSED, "Member In Compliance State") is MessageState.REFUSED
    assert settle(crm, second, ReceiverAnswer.TAKEN) is MessageState.TOLD
    crm.world.wait(timedelta(days=2))
    assert crm.claim() == []
    assert (state(crm).waiting, state(crm).given_up) == (0, 1)
    assert state(crm).refused == {"Member In Compliance State": 1}
    seen = [*refusals(crm), *refusals(crm, "bob@example.com")]
    assert seen == [("crm", WebhookKind.CONFIRMED, TIPS, "Member In Compliance State")]


def test_a_reason_is_short_and_never_empty(crm: Told) -> None:
    """W11: whatever a tool says, the row keeps at most 200 characters of it."""
    crm.world.join(ALICE, TIPS)
    refuse(crm, "x" * 5000)
    assert len(refusals(crm)[0][3]) == 200
    crm.world.wait(SECOND)
    crm.world.join(ALICE, TIPS)
    refuse(crm, "")
    assert [why for *_, why in refusals(crm)] == ["refused"], "the newer answer counts"


def test_a_refusal_goes_when_a_later_message_is_taken(crm: Told) -> None:
    """W11: the tool takes the person after all; nothing old is shown."""
    crm.world.join(ALICE, TIPS)
    refuse(crm)
    crm.world.wait(SECOND)
    crm.world.join(ALICE, TIPS)
    crm.hear()
    assert refusals(crm) == []
    assert crm.world.count("webhook_outbox") == 0


def test_a_refusal_goes_with_the_person_and_with_time(crm: Told) -> None:
    """W11, R5: an erasure takes the digest and the reason along; the sweep takes those that are old."""
    crm.world.join(ALICE, TIPS)
    refuse(crm)
    erase(crm.world, ALICE)
    crm.hear()
    assert crm.world.count("webhook_outbox") == 0
    crm.world.wait(SECOND)
    crm.world.join("bob@example.com", TIPS)
    refuse(crm)
    crm.world.wait(timedelta(days=31))
    sweep(crm.world.installation())
    assert crm.world.count("webhook_outbox") == 0


def test_a_refusal_of_somebody_erased_meanwhile_leaves_nothing(crm: Told) -> None:
    """W11, R5: the answer comes when the person is gone already."""
    crm.world.join(ALICE, TIPS)
    call = only(crm)
    erase(crm.world, ALICE)
    assert settle(crm, call, ReceiverAnswer.REFUSED) is MessageState.LOST
    assert crm.world.store.read(lambda tx: tx.all("SELECT 1 FROM webhook_outbox WHERE reason <> ''")) == []


@pytest.mark.parametrize("ends", ["withdrawn", "erased"])
def test_the_end_of_a_consent_is_tried_for_days_though_refused(crm: Told, ends: str) -> None:
    """W11, E7, R2: to lose it harms a person; what is left of it names only who is still here."""
    crm.world.join(ALICE, TIPS)
    crm.hear()
    if ends == "withdrawn":
        index = crm.world.vault.index(parse_email(ALICE))
        crm.world.run(withdraw_person, email_index=index, now=crm.world.now)
    else:
        erase(crm.world, ALICE)
    begun, tries, outcome = crm.world.now, 0, MessageState.WAITING
    while outcome is MessageState.WAITING:
        outcome = settle(crm, only(crm), ReceiverAnswer.REFUSED)
        tries += 1
        crm.world.wait(timedelta(hours=12))
    assert outcome is MessageState.GIVEN_UP
    assert tries >= LEAST_TRIES - 1
    patience = ERASURE_GIVE_UP_AFTER if ends == "erased" else GIVE_UP_AFTER
    assert patience < crm.world.now - begun < patience + timedelta(days=2)
    known = [(row[1], row[3]) for row in refusals(crm)]
    assert known == ([("consent.withdrawn", "status 400")] if ends == "withdrawn" else [])
    if ends == "erased":
        row = crm.world.store.read(lambda tx: tx.one("SELECT sealed, person, reason FROM webhook_outbox"))
        assert row is not None
        assert (row[0], bytes(row[1]), row[2]) == (None, b"", "")


def test_a_wrong_set_up_loses_nothing_for_thirty_days(crm: Told) -> None:
    """W11: no attempt counts meanwhile, so that a failure after the cure is tried for long enough."""
    crm.world.join(ALICE, TIPS)
    crm.world.join("bob@example.com", TIPS)
    _, bob = crm.claim()
    settle(crm, bob, ReceiverAnswer.TAKEN)
    begun = crm.world.now
    while crm.world.now - begun < SETUP_GIVE_UP_AFTER - timedelta(days=1):
        assert settle(crm, only(crm), ReceiverAnswer.SETUP, "401") is MessageState.WAITING
        assert crm.claim() == [], "not at once again"
        crm.world.wait(timedelta(hours=12))
    assert settle(crm, only(crm), ReceiverAnswer.LATER, "500") is MessageState.WAITING
    crm.world.wait(timedelta(days=2))
    assert settle(crm, only(crm), ReceiverAnswer.SETUP, "401") is MessageState.GIVEN_UP
    assert state(crm).refused == {}, "nobody refused her"


def test_a_receiver_is_left_alone_as_long_as_it_asks(crm: Told) -> None:
    """W11: not a moment sooner than Retry-After, and never sooner than by itself."""
    crm.world.join(ALICE, TIPS)
    for asked, least in ((600.0, 600.0), (0.0, 2.5)):
        settle(crm, only(crm), ReceiverAnswer.LATER, "429", asked)
        row = crm.world.store.read(lambda tx: tx.one("SELECT next_at FROM webhook_outbox"))
        assert row is not None
        assert row[0] / 1000 - crm.world.now.timestamp() >= least - 0.01
    settle(crm, only(crm), ReceiverAnswer.SETUP)
    crm.world.wait(SETUP_WAIT)
    assert len(crm.claim()) == 1
