"""One row that cannot be read keeps no other waiting: it is set aside, and given up in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from optin.consent.email_and_telephone import EmailAddress
from optin.flows.context import Context
from optin.flows.delivery.retry_abandoned_mails import SkipReason, retry_dead
from optin.flows.exports.queue_webhook_messages import (
    CallResult,
    ReceiverAnswer,
    claim_outgoing,
    record_answer,
)
from optin.flows.retention import sweep_consents
from optin.flows.rights.erase import erase_person
from optin.jobs.sweep_runner import sweep
from optin.store.database_interface import Tx
from optin.store.event_log import integrate
from optin.store.mail_outbox import NoticeMail, enqueue, enqueue_notice
from optin.store.registered_webhooks import keep_webhooks
from optin.store.sending_claims import ClaimBatch
from tests.stranger import past_triggers
from tests.world import TIPS, World, audit_findings, open_world

BROKEN = {
    "altered": b"\x00" + bytes(40),
    "cut short": b"\x00",
    "empty": b"",
    "of another key": b"\xff" + bytes(60),
}


@pytest.fixture
def world(store_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Open a world whose rows a test may break."""
    opened = open_world(store_url, tmp_path_factory.mktemp("world"))
    opened.tampered = True
    yield opened
    opened.store.close()


def outbox(world: World, column: str) -> list[object]:
    return [row[0] for row in world.do(lambda tx: tx.all(f"SELECT {column} FROM outbox ORDER BY id"))]


@pytest.mark.parametrize("sealed", BROKEN.values(), ids=BROKEN)
def test_a_request_that_cannot_be_read_holds_up_no_mail(world: World, sealed: bytes) -> None:
    """S6, D1: the others leave at once; the broken one waits longer each time, and is dead after a week."""
    broken = world.sign_up("alice@example.com", TIPS)
    world.sign_up("bob@example.com", TIPS)
    world.do(lambda tx: tx.run("UPDATE request SET sealed = :s WHERE id = :id", s=sealed, id=broken))
    assert [order.recipient for order in world.send()] == ["bob@example.com"]
    assert outbox(world, "state") == ["queued", "sent"]
    assert str(outbox(world, "last_reply")[0]).startswith("unreadable: ")
    assert outbox(world, "attempts")[0] == 1
    world.wait(timedelta(days=8))
    assert world.send() == []
    assert outbox(world, "state") == ["dead", "sent"]


def test_a_mail_of_an_unknown_kind_is_given_up_and_says_which(world: World) -> None:
    """S6, D1: what queued it is not installed any more; the others leave, and it may be sent again later."""
    request = world.join("alice@example.com", TIPS)
    world.send()
    world.do(enqueue, kind="parcel-sent", request=request, domain="example.com", now=world.now)
    world.do(
        enqueue_notice, vault=world.vault, notice=NoticeMail("parcel-lost", bytes(32), {}),
            domain="example.com", now=world.now
    )  # fmt: skip
    world.sign_up("bob@example.com", TIPS)
    assert [order.recipient for order in world.send()] == ["bob@example.com"]
    assert outbox(world, "state").count("queued") == 0
    assert [it for it in outbox(world, "last_reply") if "unknown" in str(it)] == [
        "unknown kind of mail: parcel-sent",
        "unknown kind of mail: parcel-lost",
    ]
    retry = partial(retry_dead, context=world.context, after=0, now=world.now)
    assert dict(world.do(retry).skipped) == {SkipReason.UNKNOWN: 2}


def test_a_notice_that_cannot_be_read_holds_up_no_mail(world: World) -> None:
    """S6: a mail about personal data, whose own seal is broken."""
    world.join("alice@example.com", TIPS)
    world.send()
    index = world.vault.index(EmailAddress("alice@example.com"))
    told = {"email": "alice@example.com", "lang": "nl"}
    for _ in range(2):
        world.do(
            enqueue_notice, vault=world.vault, notice=NoticeMail("personal", index, told),
                domain="example.com", now=world.now
        )  # fmt: skip
    world.do(
        lambda tx: tx.run(
            "UPDATE outbox SET sealed = :s WHERE id = (SELECT MIN(id) FROM outbox WHERE kind = 'personal')",
            s=b"\x00" + bytes(40),
        )
    )
    assert [order.kind for order in world.send()] == ["personal"]


def test_a_message_that_cannot_be_composed_holds_up_no_webhook(world: World) -> None:
    """S6, E7: the processor is told of everybody else."""
    world.policy = replace(world.policy, webhooks={"crm": frozenset({str(TIPS)})})
    world.do(keep_webhooks, addresses={"crm": "x"})
    broken = world.join("alice@example.com", TIPS)
    other = world.join("bob@example.com", TIPS)
    while world.do(integrate):
        pass
    claim = partial(claim_outgoing, context=world.context, processor="crm", batch=ClaimBatch(10))
    for call in world.do(claim, now=world.now)[0]:
        world.do(record_answer, notice=call.notice, reply=CallResult(ReceiverAnswer.TAKEN), now=world.now)
    for request in (broken, other):
        world.withdraw(request)
    world.do(
        lambda tx: tx.run(
            "UPDATE subject SET sealed = :s WHERE id = (SELECT subject_id FROM request WHERE id = :id)",
            s=b"\x00" + bytes(40),
            id=broken,
        )
    )
    calls, dropped = world.do(claim, now=world.now)
    assert len(calls) == 1
    assert b"bob@example.com" in calls[0].body
    assert [it.why for it in dropped] == ["unreadable: KeysUnusable"]
    waiting = world.do(lambda tx: tx.all("SELECT attempts FROM webhook_outbox ORDER BY id"))
    assert waiting == [(1,), (0,)]


@pytest.mark.parametrize("sealed", BROKEN.values(), ids=BROKEN)
def test_a_consent_that_cannot_be_read_keeps_no_other_from_ending(
    world: World, sealed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """R8, S6: the others expire; the broken one is counted, said once, and named by the audit."""
    broken = world.join("alice@example.com", TIPS)
    for name in ("bob", "carol"):
        world.join(f"{name}@example.com", TIPS)
    world.do(lambda tx: tx.run("UPDATE request SET sealed = :s WHERE id = :id", s=sealed, id=broken))
    world.wait(timedelta(days=800))
    installation, told = world.installation(), Counter[str]()
    done = sweep(installation, told=told)
    assert (done["expired"], done["refused"]) == (2, 1)
    assert sweep(installation, told=told)["refused"] == 1
    assert caplog.text.count("1 refused: unreadable: ") == 1
    assert "alice" not in caplog.text
    assert any(broken.hex() in finding for finding in audited(world))


def test_a_request_whose_events_cannot_be_read_keeps_no_other(world: World) -> None:
    """D6, S6: whether it may go is not known, so it stays; the others go."""
    broken = world.sign_up("alice@example.com", TIPS)
    world.sign_up("bob@example.com", TIPS)
    past_triggers(world.store, "UPDATE event SET body = '{' WHERE request_id = :id", id=broken)
    world.wait(timedelta(days=800))
    assert sweep(world.installation())["refused"] == 1
    assert [row[0] for row in world.do(lambda tx: tx.all("SELECT id FROM request"))] == [broken]


def test_a_person_who_cannot_be_erased_keeps_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """R8, S6: whatever was written of the erasure is undone; the others go."""
    for name in ("alice", "bob", "carol"):
        world.join(f"{name}@example.com")
    world.send()
    alice = world.vault.index(EmailAddress("alice@example.com"))

    def fails(tx: Tx, context: Context, email_index: bytes, *args: Any, **kwargs: Any) -> Any:
        answer = erase_person(tx, context, email_index, *args, **kwargs)
        if email_index == alice:
            raise ValueError
        return answer

    monkeypatch.setattr(sweep_consents, "erase_person", fails)
    world.wait(timedelta(days=800))
    done = sweep(world.installation())
    assert (done["magnets"], done["refused"], world.count("subject")) == (2, 1, 1)
    monkeypatch.undo()
    assert sweep(world.installation())["magnets"] == 1
    assert audited(world) == []


def audited(world: World) -> list[str]:
    return audit_findings(world.store, world.vault)
