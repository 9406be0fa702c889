"""What processors are told by webhook: of whom, of what, in which order; and what never leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from optin.consent.channel import TELEPHONE, Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import ErasureGround
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.webhook_message import WebhookKind
from optin.flows.exports.queue_webhook_messages import (
    ERASURE_GIVE_UP_AFTER,
    LEASE,
    LEAST_TRIES,
    LONGEST_WAIT_SECONDS,
    CallResult,
    MessageState,
    OutgoingMessage,
    ReceiverAnswer,
    claim_outgoing,
    queue_objected,
    record_answer,
)
from optin.flows.rights.erase import BY_OFFICER, BY_PERSON, erase_person
from optin.flows.rights.personal_data import view_personal
from optin.flows.rights.withdraw import withdraw_person
from optin.jobs.sweep_runner import sweep
from optin.proof.canonical_json import parse
from optin.services.installation import Installation
from optin.store.export_records import ExportRun, record_export
from optin.store.registered_webhooks import keep_webhooks, webhook_states
from optin.store.sending_claims import ClaimBatch
from tests.installed import KINDS
from tests.world import CALL, TIPS, TIPS_BY_EMAIL, World, export_from, open_world

ALICE = "alice@example.com"
SECOND = timedelta(seconds=1)


@dataclass
class Told:
    """A processor with a webhook, and what it was told."""

    world: World
    processor: str = "crm"
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def claim(self, most: int = 10) -> list[OutgoingMessage]:
        """Take what is due, as a lane does."""
        claim = partial(
            claim_outgoing,
            context=self.world.context,
            processor=self.processor,
            batch=ClaimBatch(most),
            now=self.world.now,
        )
        calls, dropped = self.world.do(claim)
        self.dropped += [it.why for it in dropped]
        return calls

    def settle(self, call: OutgoingMessage, answer: ReceiverAnswer = ReceiverAnswer.TAKEN) -> MessageState:
        """Say what the receiver made of it."""
        settle = partial(record_answer, notice=call.notice, reply=CallResult(answer), now=self.world.now)
        outcome: MessageState = self.world.do(settle)
        if answer is ReceiverAnswer.TAKEN:
            message = json.loads(call.body)
            self.messages.append((message["type"], message["data"]))
            self.ids.append(call.notice.message)
        return outcome

    def hear(self) -> list[str]:
        """Take everything that is due, one after the other; return of what kind it was."""
        before = len(self.messages)
        while calls := self.claim():
            for call in calls:
                self.settle(call)
        return [kind for kind, _ in self.messages[before:]]


def register(world: World, **purposes: frozenset[PurposeId]) -> None:
    """Give processors a webhook each, for these purposes; take it from all others."""
    webhooks = {name: frozenset(map(str, named)) for name, named in purposes.items()}
    world.policy = replace(world.policy, webhooks=webhooks)
    world.do(keep_webhooks, addresses=dict.fromkeys(webhooks, "where it goes"))


@pytest.fixture
def crm(world: World) -> Iterator[Told]:
    """Register one processor, for one purpose."""
    register(world, crm=frozenset({TIPS}))
    yield Told(world)
    world.check_evidence()


def erase(world: World, email: str, reason: ErasureGround = BY_PERSON) -> None:
    index = world.vault.index(parse_email(email))
    assert world.run(erase_person, index, reason, world.now) is not None


def export_to(world: World, processor: str) -> None:
    """Export everybody who may be, as the command does."""
    lead_export = export_from(world)
    members = list(lead_export.proven())
    run = ExportRun(
        at=world.now, who="o", why="list", processor=processor, key=TIPS_BY_EMAIL, format="csv",
        exported=len(members), refused={}, members=lead_export.run,
    )  # fmt: skip
    world.do(record_export, vault=world.vault, run=run)


def bodies(world: World) -> list[dict[str, Any]]:
    rows = world.store.read(lambda tx: tx.all("SELECT body FROM event WHERE body IS NOT NULL ORDER BY id"))
    return [dict(parse(row[0])) for row in rows]


def test_a_confirmation_tells_who_is_registered_for_the_purpose(crm: Told) -> None:
    """E7, E1, E2: one message, with what an export would say; the telephone consent and number stay here."""
    request = crm.world.join(ALICE, TIPS, CALL, phone="+31201234567", first_name="Alice")
    crm.world.join("bob@example.com", CALL, phone="+31201234568")
    crm.world.join("carol@example.com")
    assert crm.hear() == ["consent.confirmed"]
    ((_, data),) = crm.messages
    leaf = data["evidence"].partition(":")
    assert leaf[0] == request.hex()
    assert data["unsubscribe_url"].startswith(f"{crm.world.policy.base_url}/unsubscribe/")
    assert (data["email"], data["purpose"], data["channel"]) == (ALICE, TIPS, "email")
    assert data["fields"] == {"first_name": "Alice"}
    assert data["consent_text"] == "Mail mij maandelijks een tip."
    assert data["confirmed_at"] == "2026-11-23T12:00:01.123Z"
    assert "phone" not in data
    assert crm.world.count("webhook_outbox") == 0
    assert crm.hear() == []


def test_a_number_goes_only_with_a_consent_to_be_called(crm: Told) -> None:
    """E7: which purposes a webhook names decides; a number comes with the purpose it was given for."""
    register(crm.world, crm=frozenset({CALL}))
    crm.world.join(ALICE, TIPS, CALL, phone="+31201234567")
    assert crm.hear() == ["consent.confirmed"]
    assert crm.messages[0][1]["phone"] == "+31201234567"
    assert crm.messages[0][1]["purpose"] == CALL


def test_every_message_is_recorded_before_it_leaves(crm: Told) -> None:
    """E7, E5, R1: who was told, when, of which purpose: in the log, on the personal page, once a message."""
    crm.world.join(ALICE, TIPS)
    (call,) = crm.claim()
    crm.settle(call, ReceiverAnswer.LATER)
    crm.world.wait(timedelta(hours=1))
    assert crm.hear() == ["consent.confirmed"]
    handed = [body for body in bodies(crm.world) if body["kind"] == "handed"]
    assert [(body["to"], body["for"]) for body in handed] == [("crm", TIPS)]
    index = crm.world.vault.index(parse_email(ALICE))
    data = crm.world.view(view_personal, email_index=index, now=crm.world.now)
    assert [(it.number, it.processor, it.purpose) for it in data.exports] == [(0, "crm", TIPS)]
    assert "handed" in {event.kind for event in data.events}
    (state,) = crm.world.store.read(webhook_states)
    assert (state.processor, state.people, state.waiting, state.gone) == ("crm", 1, 0, False)


def test_nobody_who_is_not_registered_is_told(crm: Told) -> None:
    """E7: a processor that lost its webhook gets nothing, also nothing that was queued for it before."""
    crm.world.join(ALICE, TIPS)
    register(crm.world)
    assert crm.claim() == []
    crm.world.join("bob@example.com", TIPS)
    assert crm.world.count("webhook_outbox") == 0
    assert crm.world.store.read(webhook_states) == []


def test_a_purpose_that_was_taken_off_the_webhook_does_not_leave(crm: Told) -> None:
    """E7: switched off between the yes and the sending is switched off."""
    crm.world.join(ALICE, TIPS)
    register(crm.world, crm=frozenset({CALL}))
    assert crm.hear() == []
    assert crm.dropped == ["purpose not of this webhook"]
    assert crm.world.count("webhook_told") == 0


def test_what_never_left_needs_no_follow_up(crm: Told) -> None:
    """E7: withdrawn or erased while it is queued, a confirmation is dropped, and nothing follows it."""
    request = crm.world.join(ALICE, TIPS)
    crm.world.withdraw(request)
    assert crm.hear() == []
    crm.world.join("bob@example.com", TIPS)
    erase(crm.world, "bob@example.com")
    assert crm.hear() == []
    assert crm.world.count("webhook_outbox") == 0


def test_a_withdrawal_follows_in_order(crm: Told) -> None:
    """E7, R2: confirmed, withdrawn, confirmed anew: told in that order although the first has to wait."""
    crm.world.join(ALICE, TIPS)
    (first,) = crm.claim()
    crm.settle(first, ReceiverAnswer.LATER)
    index = crm.world.vault.index(parse_email(ALICE))
    crm.world.run(withdraw_person, email_index=index, now=crm.world.now)
    assert crm.hear() == ["consent.withdrawn"], "it may have come through, though nobody said so"
    crm.world.wait(SECOND)
    crm.world.join(ALICE, TIPS)
    request = crm.world.join("bob@example.com", TIPS)
    calls = {json.loads(call.body)["data"]["email"]: call for call in crm.claim()}
    crm.settle(calls[ALICE], ReceiverAnswer.LATER)
    crm.world.withdraw(request)
    assert crm.claim() == [], "what is on its way comes to its end first"
    crm.settle(calls["bob@example.com"])
    assert crm.hear() == ["consent.withdrawn"]
    assert crm.messages[-1][1] == {
        "email": "bob@example.com",
        "purpose": TIPS,
        "channel": "email",
        "ended_at": "2026-11-23T12:00:07.123Z",
    }
    crm.world.wait(timedelta(minutes=1))
    assert crm.hear() == ["consent.confirmed"]
    assert len(set(crm.ids)) == len(crm.ids) == 4


def test_a_second_withdrawal_tells_nothing_new(crm: Told) -> None:
    """E7: the end of a consent is told once to whoever knows it as given."""
    request = crm.world.join(ALICE, TIPS)
    crm.hear()
    crm.world.withdraw(request)
    crm.world.withdraw(request)
    assert crm.hear() == ["consent.withdrawn"]
    crm.world.wait(SECOND)
    crm.world.join(ALICE, TIPS)
    crm.world.withdraw(request)  # before the new confirmation left
    assert crm.hear() == []


def test_the_end_of_its_time_is_told(crm: Told) -> None:
    """E7, R8: a sweep ends a consent; who was told of it hears that, and later of the erasure."""
    crm.world.join(ALICE, TIPS)
    crm.hear()
    crm.world.wait(timedelta(days=24 * 31))
    installation = crm.world.installation()
    sweep(installation)
    assert crm.hear() == ["consent.expired"]
    crm.world.wait(timedelta(days=6 * 366))
    sweep(installation)
    assert crm.hear() == ["consent.erased"]
    assert crm.messages[-1][1] == {"email": ALICE}


def test_a_consent_that_is_over_does_not_leave(crm: Told) -> None:
    """E7, E1: what is proven when it is queued must be proven when it leaves."""
    crm.world.join(ALICE, TIPS)
    crm.world.wait(timedelta(days=24 * 31))
    assert crm.hear() == []
    assert crm.dropped == ["expired"]


def test_what_is_not_proven_does_not_leave(crm: Told) -> None:
    """E7, E1: a consent whose evidence was touched is dropped, and nothing is recorded as handed over."""
    crm.world.join(ALICE, TIPS)
    crm.world.tampered = True
    crm.world.do(lambda tx: tx.run("UPDATE consent SET status = 'withdrawn'"))
    assert crm.hear() == []
    assert crm.dropped == ["unproven"]
    assert crm.world.count("webhook_told") == 0
    assert "handed" not in {body["kind"] for body in bodies(crm.world)}


def test_what_somebody_removed_from_the_database_does_not_leave(crm: Told) -> None:
    """E7, E1: a consent or a person that is gone behind our back is told to nobody."""
    crm.world.join(ALICE, TIPS)
    crm.world.join("bob@example.com", TIPS)
    crm.world.tampered = True
    index = crm.world.vault.index(parse_email("bob@example.com"))
    crm.world.do(lambda tx: tx.run("DELETE FROM consent"))
    crm.world.do(
        lambda tx: tx.run("UPDATE request SET subject_id = NULL WHERE email_index = :index", index=index)
    )
    crm.world.do(lambda tx: tx.run("DELETE FROM subject WHERE email_index = :index", index=index))
    assert crm.hear() == []
    assert crm.dropped == ["unproven", "erased"]


def test_an_objection_is_about_its_own_purpose(crm: Told) -> None:
    """E7: who forbids calls for one purpose ends no other, at the same number."""
    register(crm.world, crm=frozenset({CALL}))
    crm.world.join(ALICE, CALL, phone="+31201234567")
    crm.hear()
    numbers = [crm.world.vault.address_index(TELEPHONE, "+31201234567")]
    calls, others = ConsentKey(CALL, Channel.PHONE), ConsentKey.parse("other", "phone")
    for numbers_meant, key in ((numbers, others), ([], calls)):
        crm.world.do(queue_objected, numbers=numbers_meant, key=key, now=crm.world.now)
        assert crm.hear() == []
    crm.world.do(queue_objected, numbers=numbers, key=calls, now=crm.world.now)
    assert crm.hear() == ["consent.withdrawn"]


def test_an_erasure_is_told_and_then_forgotten(crm: Told) -> None:
    """E7, R5: the address goes with the message, sealed, and no longer; nothing else is told of her."""
    crm.world.join(ALICE, TIPS)
    crm.hear()
    index = crm.world.vault.index(parse_email(ALICE))
    crm.world.run(withdraw_person, email_index=index, now=crm.world.now)
    erase(crm.world, ALICE)
    assert crm.world.count("webhook_told") == 0
    assert crm.hear() == ["consent.erased"]
    assert crm.messages[-1] == ("consent.erased", {"email": ALICE})
    assert crm.world.count("webhook_outbox") == 0


def test_who_has_somebody_by_an_export_is_told_of_the_erasure(crm: Told) -> None:
    """E7, R5: by an export to it, though no webhook told it; nobody else, and not who has no webhook."""
    register(crm.world, crm=frozenset({CALL}), post=frozenset({CALL}))
    crm.world.join(ALICE, TIPS)
    crm.world.join("bob@example.com", TIPS)
    export_to(crm.world, "crm")
    export_to(crm.world, "printer")
    crm.world.join("carol@example.com", TIPS)
    erase(crm.world, ALICE)
    erase(crm.world, "carol@example.com", BY_OFFICER)
    assert crm.hear() == ["consent.erased"]
    assert crm.messages == [("consent.erased", {"email": ALICE})]
    assert Told(crm.world, "post").hear() == []
    assert crm.world.count("webhook_outbox") == 0


def test_an_erasure_waits_for_what_is_on_its_way(crm: Told) -> None:
    """E7, R5: it is not overtaken by a confirmation that hangs; a new sign-up waits for it in turn."""
    crm.world.join(ALICE, TIPS)
    (call,) = crm.claim()
    erase(crm.world, ALICE)
    crm.world.wait(SECOND)
    crm.world.join(ALICE, TIPS)
    assert crm.claim() == []
    assert crm.settle(call) is MessageState.LOST
    crm.messages.clear()
    crm.world.wait(LEASE)
    assert crm.hear() == ["consent.erased", "consent.confirmed"]


def test_whose_number_another_forbids_is_taken_back(crm: Told) -> None:
    """E7, E1: of two who share a number one objects; the processor is told for the other, not why."""
    register(crm.world, crm=frozenset({CALL}))
    crm.world.join(ALICE, CALL, phone="+31201234567")
    crm.world.join("dave@example.com", TIPS, phone="+31209999999")
    bob = crm.world.join("bob@example.com", CALL, phone="+31201234567")
    crm.hear()
    crm.messages.clear()
    crm.world.withdraw(bob)
    assert sorted(crm.hear()) == ["consent.withdrawn"] * 2
    assert {data["email"] for _, data in crm.messages} == {ALICE, "bob@example.com"}
    assert all(set(data) == {"email", "purpose", "channel", "ended_at"} for _, data in crm.messages)
    crm.world.wait(SECOND)
    crm.world.join("carol@example.com", CALL, phone="+31201234567")
    assert crm.hear() == []
    assert crm.dropped == ["suppressed"], "no call to a number that somebody forbade"
    crm.world.join("erin@example.com", CALL, phone="+31205555555")
    crm.world.join("fred@example.com", TIPS, phone="+31205555555")
    crm.hear()
    erase(crm.world, "fred@example.com")
    assert crm.hear() == ["consent.withdrawn"]
    assert crm.messages[-1][1]["email"] == "erin@example.com"


def test_a_message_survives_whoever_died_with_it(crm: Told) -> None:
    """E7, S6: whoever was killed with it settles nothing; it is told again under the same id."""
    crm.world.join(ALICE, TIPS)
    (dead,) = crm.claim()
    assert crm.claim() == []
    crm.world.wait(LEASE)
    (again,) = crm.claim()
    assert again.notice.message == dead.notice.message
    assert crm.settle(dead, ReceiverAnswer.LATER) is MessageState.LOST
    assert crm.settle(again) is MessageState.TOLD
    assert sum(body["kind"] == "handed" for body in bodies(crm.world)) == 1


def test_an_erasure_is_tried_for_thirty_days_and_then_given_up(crm: Told) -> None:
    """E7: after 5 s first, 12 h at most, the same id each time; what is left of it then names nobody."""
    crm.world.join(ALICE, TIPS)
    erased = crm.world.join("bob@example.com", TIPS)
    assert erased
    crm.hear()
    erase(crm.world, "bob@example.com")
    begun, ids, waits, outcome = crm.world.now, set(), [], MessageState.WAITING
    while outcome is MessageState.WAITING:
        (call,) = crm.claim()
        ids.add(call.notice.message)
        outcome = crm.settle(call, ReceiverAnswer.LATER)
        row = crm.world.store.read(lambda tx: tx.one("SELECT next_at, sealed, person FROM webhook_outbox"))
        assert row is not None
        due = row[0] - round(crm.world.now.timestamp() * 1000)
        waits.append(due / 1000)
        if outcome is MessageState.WAITING:
            crm.world.wait(timedelta(milliseconds=due))
    assert outcome is MessageState.GIVEN_UP
    assert len(ids) == 1
    assert len(waits) >= LEAST_TRIES
    assert waits[0] <= 5
    assert max(waits) <= LONGEST_WAIT_SECONDS
    longest = timedelta(seconds=LONGEST_WAIT_SECONDS)
    assert ERASURE_GIVE_UP_AFTER <= crm.world.now - begun <= ERASURE_GIVE_UP_AFTER + longest
    assert row is not None
    assert (row[1], bytes(row[2])) == (None, b"")
    (state,) = crm.world.store.read(webhook_states)
    assert (state.waiting, state.given_up) == (0, 1)
    crm.world.wait(timedelta(days=31))
    sweep(crm.world.installation())
    assert crm.world.count("webhook_outbox") == 0


def test_what_waited_while_nobody_served_has_its_tries(crm: Told) -> None:
    """E7: a server that was off for a week does not give up at the first failure."""
    crm.world.join(ALICE, TIPS)
    crm.world.wait(timedelta(days=7))
    for _ in range(LEAST_TRIES - 1):
        (call,) = crm.claim()
        assert crm.settle(call, ReceiverAnswer.LATER) is MessageState.WAITING
        crm.world.wait(timedelta(hours=12))
    (call,) = crm.claim()
    assert crm.settle(call, ReceiverAnswer.LATER) is MessageState.GIVEN_UP


def test_who_answers_gone_is_left_alone(crm: Told) -> None:
    """E7: after a 410 nothing is queued for it any more, until its address changes."""
    crm.world.join(ALICE, TIPS)
    crm.world.join("bob@example.com", TIPS)
    call, _ = crm.claim()
    assert crm.settle(call, ReceiverAnswer.GONE) is MessageState.STOPPED
    register(crm.world, crm=frozenset({TIPS}))
    assert crm.claim() == []
    crm.world.join("carol@example.com", TIPS)
    assert crm.claim() == []
    (state,) = crm.world.store.read(webhook_states)
    assert state.gone
    crm.world.do(keep_webhooks, addresses={"crm": "another place"})
    crm.world.join("dave@example.com", TIPS)
    assert crm.hear() == ["consent.confirmed"]


def test_each_processor_is_told_for_itself(crm: Told) -> None:
    """E7: one that is down holds up nobody else, and a person's other news only with itself."""
    register(crm.world, crm=frozenset({TIPS}), post=frozenset({TIPS, CALL}))
    request = crm.world.join(ALICE, TIPS, CALL, phone="+31201234567")
    (call,) = crm.claim()
    crm.settle(call, ReceiverAnswer.LATER)
    post = Told(crm.world, "post")
    assert post.hear() == ["consent.confirmed"] * 2
    crm.world.withdraw(request, TIPS)
    assert post.hear() == ["consent.withdrawn"]
    assert crm.hear() == ["consent.withdrawn"]


def test_no_byte_of_an_erased_person_is_left_after_telling(tmp_path: Path) -> None:
    """E7, R5, P9: the sealed address is there while it waits, and in no file when it was told."""
    world = open_world(f"sqlite:///{tmp_path}/optin.db", tmp_path)
    register(world, crm=frozenset({TIPS}))
    crm = Told(world)
    world.join(ALICE, TIPS)
    crm.hear()
    erase(world, ALICE)
    row = world.store.read(lambda tx: tx.one("SELECT sealed, message, person FROM webhook_outbox"))
    assert row is not None

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(tmp_path.glob("optin.db*")))

    assert bytes(row[0]) in on_disk()
    assert ALICE.encode() not in on_disk()
    assert crm.hear() == ["consent.erased"]
    assert Installation(world.store, world.vault, world.policy, KINDS).truncate_wal(tries=50)
    assert bytes(row[0]) not in on_disk()
    assert row[1].encode() not in on_disk()
    world.check_evidence()
    world.store.close()


def test_kinds_are_what_the_page_says() -> None:
    """E7: four kinds, as docs/webhooks.md lists them."""
    assert [kind.value for kind in WebhookKind] == [
        f"consent.{what}" for what in ("confirmed", "withdrawn", "expired", "erased")
    ]
