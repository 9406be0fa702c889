"""A process that is killed between two calls to a tool: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from optin.services.site_edition import load_edition
from optin.store.registered_webhooks import keep_webhooks
from tests.faults.test_backup import House
from tests.faults.test_backup import house as house  # noqa: PLC0414 - a fixture
from tests.installed import KINDS
from tests.listmonk import TOKEN, FakeListmonk, Said, listmonk
from tests.own_site import add_settings
from tests.world import TIPS

LINES = """connect = "listmonk"
server = "https://lists.example.com"
lists = { tips-email = "36" }
"""
# the work of `serve`, with a client that may reach this machine: no setting allows that
WORK = """
import asyncio, ssl, sys
from pathlib import Path
from optin.services.site_edition import load_edition
from optin.services.open_installation import open_installation
from optin.services.http_client import VettedClient
from optin.jobs.processor_lanes import lane_jobs
from optin.jobs.tool_receiver import tool_receivers
from tests.installed import KINDS

root, store, server, authority = sys.argv[1:]
edition, _ = load_edition(Path(root), KINDS)
crm = edition.site.settings.processors["crm"].model_copy(update={"server": server})
client = VettedClient(lambda _: True, ssl.create_default_context(cafile=authority), seconds=30)
settings = edition.site.settings.model_copy(update={"store": store})
with open_installation(settings, edition.policy, KINDS) as installation:
    async def work():
        stop = asyncio.Event()
        receivers = tool_receivers({"crm": crm}, Path(root), client)
        await asyncio.gather(*(job.run(stop) for job in lane_jobs(installation, receivers)))
    asyncio.run(work())
"""


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_who_is_killed_between_two_calls_loses_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """W11, S6: kill -9 while the tool has done a call and not answered; the next one does it all anew."""
    monkeypatch.setenv("OPTIN_TOKEN_CRM", TOKEN)
    add_settings(house.root, LINES)
    edition, findings = load_edition(house.root, KINDS)
    assert edition is not None
    assert findings == ()
    house = replace(house, edition=edition)
    arrived, go_on = threading.Event(), threading.Event()

    def hang(said: Said) -> None:
        if said.method == method:
            arrived.set()
            go_on.wait(60)

    fake = FakeListmonk()
    with listmonk(tmp_path / "tls", fake):
        if method != "POST":
            fake.add("alice@example.com", 36, status="unsubscribed")
        fake.after = hang
        with house.world() as world:
            world.do(keep_webhooks, addresses={"crm": "x"})
            world.join("alice@example.com", TIPS)
        command = [
            sys.executable,
            "-c",
            WORK,
            str(house.root),
            house.store,
            fake.server,
            str(tmp_path / "tls/ca.pem"),
        ]
        process = subprocess.Popen(command)
        try:
            assert arrived.wait(60)
        finally:
            process.kill()
            process.wait(60)
        go_on.set()
        fake.after = lambda _said: None
        said = len(fake.said)
        with house.world() as world:
            assert world.do(lambda tx: tx.run("UPDATE webhook_outbox SET next_at = 0, claim = NULL")) == 1
        process = subprocess.Popen(command)
        try:
            with house.world() as world:
                fake.wait(lambda: world.count("webhook_outbox") == 0, 60)
        finally:
            process.kill()
            process.wait(60)
    assert fake.status_of("alice@example.com") == "confirmed"
    assert len(fake.subscribers) == 1
    assert "PATCH" in {it.method for it in fake.said[said:]}, "made anew, upon what was there"
    house.audit()
