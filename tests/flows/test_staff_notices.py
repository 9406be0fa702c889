"""What staff are told of confirmed requests: what is counted, when, and who never appears."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from optin.flows.delivery.deliver_mails import record_crashed_send
from optin.flows.delivery.mail_order import NoticeLine, StaffOrder, Verdict
from optin.flows.delivery.retry_abandoned_mails import SkipReason, retry_dead
from optin.flows.delivery.staff_notices import (
    GIVE_UP_AFTER,
    LEASE,
    LONGEST_WAIT_SECONDS,
    PAUSE,
    NoticeResult,
    OutgoingNotice,
    claim_staff_notices,
    queue_staff_mail,
    record_notice_result,
)
from optin.flows.retention.clock_correction import future_limits
from optin.flows.rights.erase import BY_PERSON
from optin.store.correct_future_times import correct_future_times
from optin.store.staff_notices import keep_receivers, release_receiver
from tests.flows.test_webhooks import ALICE, erase
from tests.world import CALL, TIPS, World

MOMENT = timedelta(milliseconds=1)
SALES = {"email": "sales@example.com", "lang": "en"}


def register(world: World, **receivers: frozenset[str]) -> int:
    """Let receivers be told, of these magnets or of all; return how many notices of others are dropped."""
    world.policy = replace(world.policy, notify=receivers)
    return world.do(partial(keep_receivers, receivers=[*receivers], now=world.now))


@pytest.fixture
def told(world: World) -> Iterator[World]:
    """Yield a world with one receiver of everything."""
    register(world, sales=frozenset())
    yield world
    world.check_evidence()


def claim(world: World, receiver: str = "sales") -> OutgoingNotice | None:
    return world.do(partial(claim_staff_notices, context=world.context, receiver=receiver, now=world.now))


def settle(world: World, notice: OutgoingNotice, *, sent: bool, clock_doubted: bool = False) -> NoticeResult:
    settle = partial(record_notice_result, claimed=notice.claimed, now=world.now, sent=sent)
    return world.do(partial(settle, clock_doubted=clock_doubted))


def hear(world: World, receiver: str = "sales") -> tuple[NoticeLine, ...]:
    """Take what is due for a chat service, and say that it was sent."""
    notice = claim(world, receiver)
    if notice is None:
        return ()
    assert settle(world, notice, sent=True) == NoticeResult(sent=True)
    return notice.digest.lines


def mail(world: World) -> list[StaffOrder]:
    """Queue and claim the mails to staff that are due."""
    queue = partial(queue_staff_mail, context=world.context, to=SALES)
    world.do(partial(queue, receiver="sales", now=world.now))
    return [order for order in world.claim() if isinstance(order, StaffOrder)]


def counts(lines: tuple[NoticeLine, ...]) -> list[tuple[int, int]]:
    return [(line.confirmed, line.with_consent) for line in lines]


def test_a_confirmation_is_told_in_counts(told: World) -> None:
    """W12: what, which magnet, a link; nothing before the confirmation; a second click tells nothing."""
    request = told.sign_up(ALICE, TIPS, first_name="Alice")
    assert hear(told) == ()
    told.confirm(request)
    told.confirm(request)
    (line,) = hear(told)
    url = f"{told.policy.base_url}/koud-bellen"
    assert line == NoticeLine("Koud bellen onder de AVG", url, confirmed=1, with_consent=1)
    assert told.count("notice") == 0


def test_a_hundred_in_a_minute_are_one_message_and_a_digest(told: World) -> None:
    """W12: the first is told at once, the others a minute after it, in one message."""
    told.confirm(told.sign_up("p0@example.com", TIPS))
    begun = told.now
    assert counts(hear(told)) == [(1, 1)]
    for number in range(1, 100):
        told.confirm(told.sign_up(f"p{number}@example.com", *((TIPS,) if number % 3 else ())))
        if number % 20 == 0:
            told.wait(timedelta(seconds=10))
            assert hear(told) == ()
    told.now = begun + PAUSE - MOMENT
    assert hear(told) == ()
    told.now = begun + PAUSE
    assert counts(hear(told)) == [(99, 66)]
    told.now += PAUSE
    assert hear(told) == ()


def test_who_withdrew_or_was_erased_is_not_counted(told: World) -> None:
    """W12, R5: by chat and by mail, also when the mail was queued before."""
    withdrawn = told.join("carol@example.com", TIPS)
    told.join(ALICE, TIPS)
    told.join("bob@example.com", TIPS)
    told.withdraw(withdrawn)
    erase(told, ALICE, BY_PERSON)
    assert counts(hear(told)) == [(1, 1)]
    told.wait(PAUSE)
    told.join("dave@example.com", TIPS)
    queue = partial(queue_staff_mail, context=told.context, to=SALES)
    assert told.do(partial(queue, receiver="sales", now=told.now))
    erase(told, "dave@example.com", BY_PERSON)
    assert mail(told) == []
    assert told.count("notice") == 0
    assert told.store.read(lambda tx: tx.all("SELECT 1 FROM outbox WHERE kind = 'staff'")) == []


def test_who_withdrew_before_and_comes_back_is_counted(told: World) -> None:
    """W12: a request without a consent is one, whatever the person once withdrew."""
    told.withdraw(told.join("carol@example.com", TIPS))
    assert hear(told) == ()
    told.wait(PAUSE)
    told.join("carol@example.com")
    assert counts(hear(told)) == [(1, 0)]


def test_each_is_told_of_their_magnets(world: World) -> None:
    """W12: a receiver with magnets hears of no other; who is no longer registered hears nothing."""
    register(world, sales=frozenset({"koud-bellen"}), other=frozenset({"something-else"}))
    world.join(ALICE, TIPS)
    assert counts(hear(world, "sales")) == [(1, 1)]
    assert hear(world, "other") == ()
    world.wait(PAUSE)
    world.join("bob@example.com")
    assert register(world, other=frozenset()) == 1
    assert world.count("notice") == 0
    assert claim(world, "sales") is None


def test_a_mail_is_counted_when_it_leaves(told: World) -> None:
    """W12: one mail at a time; what happens while it waits is in the next; no more than one a minute."""
    told.join(ALICE, TIPS)
    (order,) = mail(told)
    assert order.recipient == "sales@example.com"
    assert order.digest is not None
    assert counts(order.digest.lines) == [(1, 1)]
    told.settle(order, Verdict.LATER)
    told.join("bob@example.com", CALL, phone="+31201234567")
    told.wait(PAUSE)
    (again,) = mail(told)
    assert again.message_id == order.message_id
    assert again.digest == order.digest
    told.settle(again, Verdict.SENT)
    assert told.count("notice") == 1
    (following,) = mail(told)
    assert following.digest is not None
    assert counts(following.digest.lines) == [(1, 1)]
    told.settle(following, Verdict.SENT)
    assert told.count("notice") == 0
    assert told.count("mail") == 0, "the company's own mails are no evidence about a person"


def test_a_mail_whose_courier_died_is_counted_once(told: World) -> None:
    """W12, S6: the mail server took it, which was recorded later; the next mail does not repeat it."""
    told.join(ALICE, TIPS)
    (order,) = mail(told)
    assert told.run(record_crashed_send, order.number, order.claim, b"mail", now=told.now)
    told.join("bob@example.com", TIPS)
    told.wait(PAUSE)
    (following,) = mail(told)
    assert following.digest is not None
    assert counts(following.digest.lines) == [(1, 1)]


def test_a_clock_that_was_ahead_keeps_nobody_untold(told: World) -> None:
    """W12, O7: when it is right again, a receiver does not wait for the moment that it had set."""
    told.do(lambda tx: release_receiver(tx, "sales", 0, told.now + timedelta(days=400)))
    told.join(ALICE, TIPS)
    assert hear(told) == ()
    told.do(partial(correct_future_times, future_limits=future_limits(told.context, told.now), now=told.now))
    assert counts(hear(told)) == [(1, 1)]


def test_a_mail_that_is_refused_is_over(told: World) -> None:
    """W12: an address of staff that is wrong keeps nothing waiting."""
    told.join(ALICE, TIPS)
    (order,) = mail(told)
    told.settle(order, Verdict.REFUSED)
    assert told.count("notice") == 0


def test_a_service_that_is_down_is_dropped_after_a_day(told: World) -> None:
    """W12: tried again with growing pauses, in one message; then dropped, but for what is younger."""
    told.join(ALICE, TIPS)
    begun, tries = told.now, 0
    while told.now < begun + GIVE_UP_AFTER:
        notice = claim(told)
        if notice is not None:
            tries += 1
            assert settle(told, notice, sent=False) == NoticeResult(sent=False)
        told.wait(timedelta(minutes=10))
    assert 20 < tries < 60
    told.join("bob@example.com", TIPS)
    told.wait(timedelta(seconds=LONGEST_WAIT_SECONDS * 2))
    notice = claim(told)
    assert notice is not None
    assert counts(notice.digest.lines) == [(2, 2)]
    assert settle(told, notice, sent=False, clock_doubted=True).dropped == 0
    told.wait(timedelta(seconds=LONGEST_WAIT_SECONDS * 2))
    notice = claim(told)
    assert notice is not None
    assert settle(told, notice, sent=False).dropped == 1
    told.wait(timedelta(seconds=LONGEST_WAIT_SECONDS * 2))
    assert counts(hear(told)) == [(1, 1)]


def test_whoever_was_killed_loses_nothing(told: World) -> None:
    """W12, S6: nobody else tells it meanwhile; after its lease it is told again, with what is new."""
    told.join(ALICE, TIPS)
    lost = claim(told)
    assert lost is not None
    assert claim(told) is None
    told.join("bob@example.com", TIPS)
    told.wait(LEASE)
    again = claim(told)
    assert again is not None
    assert counts(again.digest.lines) == [(2, 2)]
    settle(told, lost, sent=True)
    assert told.count("notice") == 2, "who comes late settles nothing"
    settle(told, again, sent=True)
    assert told.count("notice") == 0


def test_a_notice_mail_is_not_sent_again_by_hand(told: World) -> None:
    """W12: optin mail retry says why."""
    told.join(ALICE, TIPS)
    told.send()
    told.wait(PAUSE)
    told.join("bob@example.com", TIPS)
    (order,) = mail(told)
    told.settle(order, Verdict.REFUSED)
    assert told.run(retry_dead, after=0, now=told.now).skipped == {SkipReason.STAFF: 1}
