"""Staff who are told names, and staff who are told what waits: what is said, when, and what never is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest

from optin.consent.kind_part_lookup import PartsByKind
from optin.flows.context import Context
from optin.flows.delivery.mail_order import MailKind, NamedPerson, StaffDigest, Verdict
from optin.flows.delivery.staff_notices import MOST_NAMED, PAUSE, queue_staff_mail
from optin.flows.delivery.waiting_matters import AGAIN_AFTER, LATE_AFTER, queue_waiting_notices
from optin.flows.exports.queue_webhook_messages import GIVE_UP_AFTER, LEAST_TRIES, ReceiverAnswer
from optin.flows.kind_flow_hooks import FlowPart
from optin.flows.rights.erase import BY_PERSON
from optin.store.database_interface import Tx
from optin.store.reported_matters import reported_matters
from optin.store.staff_notices import keep_receivers
from tests.flows.test_staff_notices import SALES, claim, hear, mail, register, settle
from tests.flows.test_staff_notices import told as told  # noqa: PLC0414 - a fixture
from tests.flows.test_webhooks import ALICE, Told, erase
from tests.flows.test_webhooks import crm as crm  # noqa: PLC0414 - a fixture
from tests.world import CALL, TIPS, World

WHY = "So that we call back the same day."


@pytest.fixture
def named(told: World) -> Iterator[World]:
    """Yield a world whose sales staff are told names."""
    told.policy = replace(told.policy, notify_named={"sales": WHY})
    yield told
    told.check_evidence()


def digest(world: World) -> StaffDigest:
    """Return what the one mail to staff that is due says."""
    [order] = mail(world)
    assert order.digest is not None
    return order.digest


def people(found: StaffDigest) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(it.email, it.first_name, it.purposes) for line in found.lines for it in line.people]


def test_a_mail_names_who_has_a_consent_and_for_what(named: World) -> None:
    """W12: who confirmed without a consent is counted, and may not be approached, so is not named."""
    named.join(ALICE, TIPS, first_name="Alice")
    named.join("bob@example.com")
    named.join("carol@example.com", TIPS, CALL, phone="+31201234567")
    found = digest(named)
    assert found.why == WHY
    assert [(line.confirmed, line.with_consent) for line in found.lines] == [(3, 2)]
    assert people(found) == [
        (ALICE, "Alice", (TIPS,)),
        ("carol@example.com", "", tuple(sorted((TIPS, CALL)))),
    ]


def test_who_was_erased_or_withdrew_before_a_mail_leaves_is_not_named(named: World) -> None:
    """W12, R2, R5: what a mail says is read when it is sent; the outbox held nobody's name."""
    withdrawn = named.join("carol@example.com", TIPS)
    for email in (ALICE, "bob@example.com"):
        named.join(email, TIPS)
    queue = partial(queue_staff_mail, context=named.context, to=SALES)
    assert named.do(partial(queue, receiver="sales", now=named.now))
    named.withdraw(withdrawn)
    erase(named, ALICE, BY_PERSON)
    assert [email for email, _, _ in people(digest(named))] == ["bob@example.com"]


def test_a_reason_that_was_removed_names_nobody_any_more(named: World) -> None:
    """W12: also of what was queued while there was one."""
    named.join(ALICE, TIPS)
    named.policy = replace(named.policy, notify_named={})
    found = digest(named)
    assert (found.why, people(found)) == ("", [])


def test_a_chat_is_told_no_names(named: World) -> None:
    """W12: whatever the policy says of its receiver."""
    named.join(ALICE, TIPS)
    assert [line.people for line in hear(named)] == [()]


def test_a_large_digest_names_some_and_counts_all(named: World) -> None:
    """W12: a mail is no export."""
    for number in range(MOST_NAMED + 2):
        named.join(f"p{number}@example.com", TIPS)
    while named.claim():  # the deliveries, so that the mail to staff is the next
        pass
    found = digest(named)
    assert found.lines[0].confirmed == MOST_NAMED + 2
    first = [f"p{number}@example.com" for number in range(MOST_NAMED)]
    assert [email for email, _, _ in people(found)] == first


def test_names_stand_in_no_repr(named: World) -> None:
    """S4: an order that is logged by mistake names nobody."""
    named.join(ALICE, TIPS, first_name="Alice")
    found = digest(named)
    assert people(found)
    assert "alice" not in repr(found).lower()
    assert "Alice" not in repr(NamedPerson(ALICE, "Alice", (TIPS,)))


def look(world: World, receiver: str = "sales") -> int:
    """Look at what waits, as the server does every minute; return how much is to be told."""
    return int(
        world.do(partial(queue_waiting_notices, context=world.context, receiver=receiver, now=world.now))
    )


def waiting(world: World) -> tuple[str, ...]:
    """Return what a chat is told that waits, and say that it was sent."""
    notice = claim(world)
    if notice is None:
        return ()
    settle(world, notice, sent=True)
    world.wait(PAUSE)
    return notice.digest.waiting


def give_up_a_mail(world: World) -> None:
    """Let the mail server refuse the recipient of a confirmation mail."""
    world.sign_up("bob@example.com", TIPS)
    [order] = [order for order in world.claim() if order.kind is MailKind.CONFIRMATION]
    world.settle(order, Verdict.REFUSED)


def test_mails_that_were_given_up_are_told_once_a_day(told: World) -> None:
    """W12: not every minute; again after a day while they wait; anew when others were given up."""
    assert look(told) == 0
    give_up_a_mail(told)
    assert look(told) == 1
    assert look(told) == 0
    assert waiting(told) == ("Mails that were given up: 1. See: optin mail retry --dry-run",)
    assert (look(told), waiting(told)) == (0, ())
    told.wait(AGAIN_AFTER)
    assert look(told) == 1
    assert len(waiting(told)) == 1
    told.do(lambda tx: tx.run("UPDATE outbox SET state = 'sent'"))
    assert look(told) == 0
    give_up_a_mail(told)
    assert look(told) == 1


def test_what_is_settled_before_the_message_leaves_is_not_told(told: World) -> None:
    """W12: the message says what waits when it is sent."""
    give_up_a_mail(told)
    look(told)
    told.do(lambda tx: tx.run("UPDATE outbox SET state = 'sent'"))
    assert waiting(told) == ()
    assert told.count("notice") == 0


def test_a_stopped_webhook_and_abandoned_messages_wait(crm: Told) -> None:
    """W12, E7: each processor by its id, with what to do; nobody's data."""
    register(crm.world, sales=frozenset())
    crm.world.join(ALICE, TIPS)
    [call] = crm.claim()
    crm.settle(call, ReceiverAnswer.GONE)
    look(crm.world)
    notice = claim(crm.world)
    assert notice is not None
    [sentence] = notice.digest.waiting
    assert "webhook of crm answered 410" in sentence
    assert "alice" not in sentence
    settle(crm.world, notice, sent=True)


def test_messages_that_a_processor_did_not_take_wait(crm: Told) -> None:
    """W12, E7: after three days somebody must inform it."""
    register(crm.world, sales=frozenset())
    crm.world.join(ALICE, TIPS)
    for _ in range(LEAST_TRIES):
        [call] = crm.claim()
        crm.settle(call, ReceiverAnswer.LATER)
        crm.world.wait(GIVE_UP_AFTER)
    assert look(crm.world) == 1
    assert waiting(crm.world) == (
        "Messages that crm did not take in time: 1. Inform it yourself; see: optin exports",
    )


def test_a_processor_that_takes_nothing_is_told_after_an_hour(crm: Told) -> None:
    """W12, W11: a wrong token makes messages wait, and somebody must mend it."""
    register(crm.world, sales=frozenset())
    crm.world.join(ALICE, TIPS)
    [call] = crm.claim()
    crm.settle(call, ReceiverAnswer.SETUP)
    assert look(crm.world) == 0
    crm.world.wait(LATE_AFTER + PAUSE)
    assert look(crm.world) == 1
    [sentence] = waiting(crm.world)
    assert "waited for crm for over an hour: 1." in sentence
    crm.hear()
    assert look(crm.world) == 0


def test_contacts_that_a_tool_refused_wait(crm: Told) -> None:
    """W12, W11: apart from what it did not take; why, and who, only those see who look."""
    register(crm.world, sales=frozenset())
    crm.world.join(ALICE, TIPS)
    [call] = crm.claim()
    crm.settle(call, ReceiverAnswer.REFUSED)
    assert look(crm.world) == 1
    [sentence] = waiting(crm.world)
    assert sentence == "Messages that crm refused for good: 1. Inform it yourself; see: optin exports"


def test_what_a_kind_says_waits_and_a_kind_that_fails_are_told(told: World) -> None:
    """W12, M2: by the kind's own sentence; a broken kind keeps nobody from being told."""

    def says(_tx: Tx, _context: Context, _now: datetime) -> list[str]:
        return ["/book waits for a cover"]

    def fails(_tx: Tx, _context: Context, _now: datetime) -> list[str]:
        raise RuntimeError

    ours = told.kinds
    for warnings, expected in (
        (says, "/book waits for a cover"),
        (fails, "cannot report what waits"),
    ):
        part = replace(FlowPart(), warnings=warnings)
        told.kinds = PartsByKind(FlowPart(), lambda: ["book"], {"book": part}.get)
        assert look(told) == 1
        [sentence] = waiting(told)
        assert expected in sentence
    told.kinds = ours


def test_leads_and_what_waits_are_one_message(told: World) -> None:
    """W12: at most one a minute, whatever there is to tell."""
    told.join(ALICE, TIPS)
    give_up_a_mail(told)
    look(told)
    found = digest(told)
    assert ([line.confirmed for line in found.lines], len(found.waiting)) == ([1], 1)
    told.join("carol@example.com", TIPS)
    assert mail(told) == []


def test_receivers_of_different_names_are_told_apart(told: World) -> None:
    """W12: each has what waits told once; one that is removed is forgotten with its notices."""
    register(told, sales=frozenset(), desk=frozenset())
    give_up_a_mail(told)
    assert (look(told, "sales"), look(told, "desk"), look(told, "desk")) == (1, 1, 0)
    assert told.do(partial(keep_receivers, receivers=["sales"], now=told.now)) == 1
    assert told.do(partial(reported_matters, receiver="desk")) == {}
    assert len(told.do(partial(reported_matters, receiver="sales"))) == 1
