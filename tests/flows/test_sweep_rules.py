"""Sweeping, as the server does it by itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from optin.errors import StoreBusy
from optin.jobs.background_job import Job
from optin.jobs.sweep_runner import sweep, sweep_by_itself
from optin.settings.site import Limits
from optin.store.database_interface import Store
from tests.world import TIPS, World, open_world


def test_what_was_never_confirmed_leaves_no_byte_behind(tmp_path: Path) -> None:
    """D6, R5: neither in the database file nor in its write-ahead log; what was confirmed stays."""
    world = open_world(f"sqlite:///{tmp_path}/optin.db", tmp_path)
    world.join("alice@example.com", TIPS)
    world.sign_up("bob@example.com", TIPS)
    rows = world.do(lambda tx: tx.all("SELECT sealed, confirmed_at FROM request"))
    kept = next(sealed for sealed, confirmed in rows if confirmed)
    gone = next(sealed for sealed, confirmed in rows if not confirmed)

    def bytes_on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("optin.db*"))

    assert gone in bytes_on_disk()
    world.wait(timedelta(days=8))
    assert sweep(world.installation())["unconfirmed"] == 1
    assert gone not in bytes_on_disk()
    assert kept in bytes_on_disk()
    world.check_evidence()
    world.store.close()


def test_many_are_swept_in_small_steps(world: World) -> None:
    """R8: step by step, beside live traffic; the settled mails go after a month."""
    world.policy = world.policy.__class__(mail_domain="example.com", limits=Limits(per_address_per_day=1_000))
    for number in range(230):
        world.sign_up(f"p{number % 3}@example.com", TIPS)
    world.wait(timedelta(days=8))
    assert sweep(world.installation())["unconfirmed"] == 230
    assert world.count("request") == 0
    world.join("alice@example.com", TIPS)
    world.claim()
    world.do(lambda tx: tx.run("UPDATE outbox SET state = 'sent', settled_at = next_at"))
    assert world.count("outbox") > 0
    world.wait(timedelta(days=40))
    assert sweep(world.installation())["unconfirmed"] == 0
    assert world.count("outbox") == 0


def test_a_busy_store_puts_the_sweep_off(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """S6: it comes again; the server goes on."""
    installation = world.installation()

    class Busy:
        """A store that takes nothing."""

        def submit(self, _operation: object) -> None:
            raise StoreBusy

    installation.store = cast("Store", Busy())

    async def run() -> None:
        stop = asyncio.Event()
        sweeping = asyncio.ensure_future(Job("sweep", partial(sweep_by_itself, installation)).run(stop))
        await asyncio.sleep(0.2)
        stop.set()
        await sweeping

    asyncio.run(run())
    assert "sweep failed and will be tried again" in caplog.text
