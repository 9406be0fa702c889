"""Webhooks and misfortune: a process that is killed with one in hand, a backup that is put back."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from optin.consent.webhook_message import secret_text
from optin.services.site_edition import load_edition
from optin.store.registered_webhooks import keep_webhooks
from tests.faults.test_backup import (
    House,
    back_up,
    erase,
    fresh_store,
    restored,
    withdraw,
)
from tests.faults.test_backup import house as house  # noqa: PLC0414 - a fixture
from tests.flows.test_webhooks import Told
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.receiver import Receiver, receiving
from tests.world import TIPS

LINE = 'webhook = { url = "https://hooks.example.net/", purposes = ["tips-email"] }\n'
# the work of `serve`, with a sender that may reach this machine: no setting allows that
WORK = """
import asyncio, sys
from pathlib import Path
from dataclasses import replace
from optin.services.site_edition import load_edition
from optin.services.open_installation import open_installation
from optin.services.http_client import VettedClient
from optin.jobs.webhook_sender import HttpSender
from optin.settings.site import Webhook
from tests.installed import KINDS
from tests.webhook_jobs import webhook_jobs

root, store, url = sys.argv[1:]
edition, _ = load_edition(Path(root), KINDS)
crm = edition.site.settings.processors["crm"]
crm = crm.model_copy(update={"webhook": Webhook(url=url, purposes=crm.webhook.purposes)})
sender = HttpSender(VettedClient(lambda _: True, schemes=("http",), seconds=30))
settings = edition.site.settings.model_copy(update={"store": store})
with open_installation(settings, edition.policy, KINDS) as installation:
    async def work():
        stop = asyncio.Event()
        await asyncio.gather(*(job.run(stop) for job in webhook_jobs(installation, {"crm": crm}, sender)))
    asyncio.run(work())
"""


def with_webhook(house: House) -> House:
    add_settings(house.root, LINE)
    edition, findings = load_edition(house.root, KINDS)
    assert edition is not None
    assert findings == ()
    house = replace(house, edition=edition)
    with house.world() as world:
        world.do(keep_webhooks, addresses={"crm": "x"})
    return house


def work(house: House, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORK, str(house.root), house.store, url])


def work_until(house: House, receiver: Receiver, count: int) -> None:
    """Let a process send messages until so many came; then kill it."""
    process = work(house, receiver.url())
    try:
        receiver.wait(count)
    finally:
        process.kill()
        process.wait(120)


def test_who_is_killed_with_a_message_in_hand_loses_none(house: House) -> None:
    """E7, S6: kill -9 while the receiver hangs; the next process tells what holds by then, and all others."""
    house = with_webhook(house)
    with house.world() as world:
        secret = secret_text(world.vault.webhook_secrets("crm")[0])
        world.join("alice@example.com", TIPS)
    hanging, well = Receiver(drip=b" "), Receiver()
    with receiving(hanging), receiving(well):
        process = work(house, hanging.url())
        hanging.wait(1)
        process.kill()
        process.wait(120)
        with house.world() as world:
            withdraw(world, "alice@example.com")
            world.join("bob@example.com", TIPS)
            waiting = world.do(lambda tx: tx.run("UPDATE webhook_outbox SET next_at = 0"))  # the lease ends
            assert waiting == 3
        work_until(house, well, 2)
    assert hanging.taken[0].signed_by(secret)
    told = [(taken.message["type"], taken.message["data"]["email"]) for taken in well.taken]
    assert sorted(told) == [
        ("consent.confirmed", "bob@example.com"),
        ("consent.withdrawn", "alice@example.com"),
    ], "the confirmation that was in hand is not proven any more, so only its end is told"
    house.audit()


def test_a_message_that_was_in_hand_comes_again(house: House) -> None:
    """E7, S6: the same id and person, so that who took it before it was killed drops it."""
    house = with_webhook(house)
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    hanging, well = Receiver(drip=b" "), Receiver()
    with receiving(hanging), receiving(well):
        for receiver in (hanging, well):
            work_until(house, receiver, 1)
            with house.world() as world:
                world.do(lambda tx: tx.run("UPDATE webhook_outbox SET next_at = 0"))
    assert hanging.taken[0].id == well.taken[0].id
    assert well.taken[0].message["data"]["email"] == "alice@example.com"


def test_after_a_restore_nobody_who_left_is_told_of_as_confirmed(
    house: House,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """E7, S7, R5: what a backup had queued of people who left since does not leave; their end is told."""
    house = with_webhook(house)
    with house.world() as world:
        world.join("alice@example.com", TIPS)
        world.join("frank@example.com", TIPS)
        assert Told(world).hear() == ["consent.confirmed"] * 2
        for name in ("bob", "carol", "erica"):
            world.join(f"{name}@example.com", TIPS)
    back_up(house, tmp_path / "old.backup")
    with house.world() as world:
        world.wait(timedelta(minutes=1))
        before = Told(world)
        before.hear()
        for name in ("carol", "frank"):
            withdraw(world, f"{name}@example.com")
        for name in ("alice", "erica"):
            erase(world, f"{name}@example.com")
        before.hear()
    other = fresh_store(house, tmp_path, request)
    restored(other, str(tmp_path / "old.backup"))
    with other.world() as world:
        world.wait(timedelta(minutes=2))
        again = Told(world)
        again.hear()
        told = sorted((kind, data["email"]) for kind, data in again.messages)
    assert told == [
        ("consent.confirmed", "bob@example.com"),
        ("consent.erased", "alice@example.com"),
        ("consent.withdrawn", "frank@example.com"),
    ]
    first = dict(zip(((k, d["email"]) for k, d in before.messages), before.ids, strict=True))
    bob = ("consent.confirmed", "bob@example.com")
    assert first[bob] in again.ids, "under its old id: who had it drops it"
    other.audit()
