"""Who left by the journal leaves the system by no door, whatever the database says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from optin.consent.channel import Channel
from optin.consent.form_version import Slug
from optin.consent.webhook_message import WebhookKind
from optin.flows.exports.queue_webhook_messages import CallResult, ReceiverAnswer
from optin.flows.exports.scrub_contact_list import Scrubber
from optin.jobs.processor_lanes import Lane
from optin.jobs.webhook_sender import WebhookCall, WebhookReceiver
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation
from optin.settings.site import Webhook
from optin.store.registered_webhooks import keep_webhooks
from optin.store.webhook_outbox import enqueue_message
from tests.faults.test_backup import House, index_of
from tests.flows.test_deletion_grounds import UNDO
from tests.stranger import past_optin, past_triggers
from tests.web.conftest import site_at
from tests.world import TIPS, TIPS_BY_EMAIL, World, installed_export

ALICE, CAROL = "alice@example.com", "carol@example.com"
ABOUT = TIPS_BY_EMAIL
YEAR = timedelta(days=365)


@pytest.fixture
def house(store_url: str, tmp_path: Path) -> House:
    return House(tmp_path / "site", site_at(tmp_path / "site"), store_url)


@dataclass
class Receiver:
    """Takes whatever it is told."""

    told: list[WebhookCall] = field(default_factory=list)

    async def post(self, delivery: WebhookCall) -> CallResult:
        self.told.append(delivery)
        return CallResult(ReceiverAnswer.TAKEN, "200")

    def people(self) -> list[str]:
        return [name for name in (ALICE, CAROL) for it in self.told if name.encode() in it.body]


def details_of(world: World, email: str) -> bytes:
    row = world.store.read(
        lambda tx: tx.one(
            "SELECT sealed FROM subject WHERE email_index = :person", person=index_of(world, email)
        )
    )
    assert row is not None
    return bytes(row[0])


@contextmanager
def carol_cut_off(house: House) -> Iterator[tuple[Installation, World]]:
    """Let alice join, carol join twice and withdraw; then nothing in the database ties that to her.

    A processor is to be told of both: whoever writes to the database can queue a message.
    """
    with house.world() as world:
        world.join(ALICE, TIPS)
        first = world.join(CAROL, TIPS)
        older = details_of(world, CAROL)
        second = world.join(CAROL, TIPS)
        world.withdraw(second)
    with house.installation() as installation:
        installation.policy = replace(installation.policy, webhooks={"crm": frozenset({str(TIPS)})})
        form = house.edition.publication.forms[Slug("paper")]
        world = World(
            installation.store,
            installation.vault,
            installation.clock(),
            form,
            installation.policy,
            tampered=True,
        )
        world.do(keep_webhooks, addresses={"crm": "where it goes"})
        for email in (ALICE, CAROL):
            note = partial(enqueue_message, processor="crm", kind=WebhookKind.CONFIRMED, key=ABOUT)
            world.do(note, person=index_of(world, email), now=world.now)
        undone = past_triggers(
            installation.store,
            "UPDATE request SET email_index = :nobody, subject_id = NULL WHERE id = :second",
            "UPDATE subject SET sealed = :older WHERE email_index = :carol",
            *UNDO[1:],
            first=first,
            second=second,
            nobody=bytes(32),
            older=older,
            carol=index_of(world, CAROL),
        )
        assert all(undone)
        yield installation, world


def lane(installation: Installation, receiver: Receiver) -> Lane:
    registered = asyncio.Event()
    registered.set()
    webhook = Webhook(url="https://crm.example", purposes=(TIPS,))
    return Lane(installation, "crm", WebhookReceiver(installation, "crm", webhook, receiver), registered)


def test_no_webhook_tells_of_somebody_who_left_by_the_journal(house: House) -> None:
    """E1, E7, O9: a message queued by whoever writes to the database brings nobody back."""
    receiver = Receiver()
    with carol_cut_off(house) as (installation, _):
        asyncio.run(lane(installation, receiver).round())
        assert receiver.people() == [ALICE]


def test_a_list_keeps_nobody_who_left_by_the_journal(house: House) -> None:
    """E1, E6, O9."""
    with carol_cut_off(house) as (installation, world):
        know = partial(
            Scrubber,
            installation.store.read,
            installation.vault,
            TIPS_BY_EMAIL,
            Channel.EMAIL.address,
            world.now,
        )
        rows = [((it,), ()) for it in (ALICE, CAROL)]
        kept = ["", "withdrawn"]
        assert list(know("NL", endings=installation.endings()).judge(rows)) == kept
        gone = ["", "withdrawn or erased"]
        only = know("NL", suppress_only=True, endings=installation.endings())
        assert list(only.judge(rows)) == gone


def test_no_webhook_tells_of_a_consent_while_the_log_is_another(house: House) -> None:
    """E7, O9: it waits, and is not given up; when the log is the one that was signed, it leaves."""
    receiver = Receiver()
    with carol_cut_off(house) as (installation, _):
        advance_log(installation)
        past_optin(installation.store, "UPDATE log_state SET size = size - 1")
        asyncio.run(lane(installation, receiver).round())
        assert receiver.told == []
        past_optin(installation.store, "UPDATE log_state SET size = size + 1")
        past_optin(installation.store, "UPDATE webhook_outbox SET next_at = 1")
        asyncio.run(lane(installation, receiver).round())
        assert receiver.people() == [ALICE]


def test_who_withdrew_by_a_clock_that_was_ahead_may_ask_again(house: House) -> None:
    """E1, O7, O9: the order of the log tells what came first; the journal refuses nobody for a year."""
    with house.world() as world:
        gone = world.join(CAROL, TIPS)
        right = world.now
        world.now = right + YEAR
        world.withdraw(gone)
        world.now = right + timedelta(minutes=1)
        world.join(CAROL, TIPS)
    with house.installation() as installation:
        lead_export = installed_export(installation, TIPS_BY_EMAIL, world.now)
        assert installation.endings()
        assert [lead.email for lead in lead_export.proven()] == [CAROL]


def test_what_is_remembered_of_one_person_is_what_the_whole_file_says(house: House) -> None:
    """E1, O9: found without reading all of it."""
    with carol_cut_off(house) as (installation, world):
        advance_log(installation)
        whole = installation.endings()
        assert len(whole) == 1
        assert installation.endings_of(index_of(world, CAROL)) == whole
        assert installation.endings_of(index_of(world, ALICE)) == {}
        lead_export = installed_export(installation, TIPS_BY_EMAIL, world.now)
        assert [lead.email for lead in lead_export.proven()] == [ALICE]
