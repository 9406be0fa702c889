"""Sign-ups over HTTP, durable, against the bare group commit of the same store."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import httpx2 as httpx

from optin.consent.email_and_telephone import parse_email
from optin.consent.posted_form import ValidEntry
from optin.flows.consents.sign_up import sign_up
from optin.store.database_interface import written
from tests.benchmarks.load import CONNECTIONS, Measured, ask
from tests.own_site import add_settings
from tests.ports import NO_MAIL, reserved_port
from tests.serving import form_key, start
from tests.web.conftest import site_at
from tests.world import TIPS, World, open_world

COUNT = 6_000
ROUNDS = 3


async def bare(world: World, count: int = COUNT) -> Measured:
    """Run the sign-up operation alone, from as many tasks as there are connections."""
    numbers = iter(range(count))
    times: list[float] = []

    async def one() -> None:
        for number in numbers:
            entry = ValidEntry(parse_email(f"{world.now.microsecond}p{number}@example.com"), (), (TIPS,))
            begun = time.perf_counter()
            await written(
                world.store,
                sign_up,
                context=world.context,
                form=world.form,
                entry=entry,
                now=world.now,
            )
            times.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    spent = time.perf_counter() - begun
    times.sort()
    return Measured(count / spent, times[count // 2] * 1000, times[count * 99 // 100] * 1000)


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as name, reserved_port() as port:
        folder = Path(name)
        site_at(folder / "site")
        add_settings(folder / "site", "\n[limits]\nper_site_per_minute = 1_000_000\n")
        world = open_world(f"sqlite:///{folder}/bare.db", folder)
        store, keys = f"sqlite:///{folder}/optin.db", str(folder / "keys.json")
        serving = start(folder / "site", port, store, NO_MAIL, keys)
        ratios, spreads = [], []
        try:
            with httpx.Client(base_url=serving.base) as client:
                key = form_key(client)
            for turn in range(ROUNDS):
                floor = asyncio.run(bare(world))
                over = asyncio.run(ask(port, partial(post, key, turn), COUNT, b"HTTP/1.1 303"))
                ratios.append(over.rate / floor.rate)
                spreads.append(over.p99_ms / over.p50_ms)
                print(
                    f"  HTTP {over.rate:,.0f}/s (p50 {over.p50_ms:.1f}, p99 {over.p99_ms:.1f} ms)"
                    f"   bare {floor.rate:,.0f}/s (p50 {floor.p50_ms:.1f}, p99 {floor.p99_ms:.1f} ms)"
                )
        finally:
            serving.stop()
            world.store.close()
    print(f"sign-up over HTTP / bare group commit: {statistics.median(ratios):.2f} (at least 0.5)")
    print(f"p99 / p50 at {CONNECTIONS} connections: {statistics.median(spreads):.2f} (at most 3)")


def post(key: str, turn: object, number: int) -> bytes:
    """Return one sign-up as it goes over the wire."""
    fields = {"form": key, "email": f"t{turn}p{number}@example.com", "consent": "tips-email"}
    body = urlencode(fields).encode()
    head = (
        "POST /paper HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
