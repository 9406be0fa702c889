"""A hundred thousand letters due at once: how fast they leave, and how sign-ups fare meanwhile (W13)."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from optin.consent.email_and_telephone import parse_email
from optin.consent.posted_form import ValidEntry
from optin.consent.retention_period import RetentionPeriod
from optin.flows.consents.confirm import confirm
from optin.flows.consents.sign_up import sign_up
from optin.flows.request_policy import Letter, LetterText
from optin.jobs.courier_outbox import StoreOutbox
from optin.jobs.letter_queue import LetterQueue
from optin.mail.courier import Courier, MailWriter
from optin.mail.dkim_signing import Signer
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport
from optin.store.database_interface import Tx, written
from optin.store.letters import all_letter_sums
from tests.benchmarks.courier import sign_ups, sink
from tests.benchmarks.load import CONNECTIONS
from tests.mail.orders import composer
from tests.world import TIPS, TIPS_BY_EMAIL, World, open_world

PEOPLE = 100_000
MAILS = 2_000  # confirmations, for the courier's rate
SIGN_UPS = 3_000
ROUNDS = 3
STEP = 250  # people joined in one transaction
AFTER = RetentionPeriod.parse("3 days")
TEXT = LetterText("Zo belt u", "Eén tip", "<p>Bel voor twaalven.</p>" * 40, "Bel voor twaalven.\n\n" * 40)


def main() -> None:
    """Print both ratios."""
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=sink, args=(name, theirs))
        server.start()
        folder = Path(name)
        address = SmtpAddress(
            "127.0.0.1", ours.recv(), user="user", password="p w/d", authority=folder / "ca.pem"
        )
        world = open_world(f"sqlite:///{folder}/optin.db", folder)
        try:
            asyncio.run(measure(world, address))
        finally:
            ours.send("stop")
            server.join()
            world.store.close()


async def measure(world: World, address: SmtpAddress) -> None:
    """Measure the courier, sign-ups without letters, sign-ups with them, and the letters alone."""
    begun = time.perf_counter()
    for first in range(0, PEOPLE, STEP):
        world.do(join, world, range(first, min(first + STEP, PEOPLE)))
    world.wait(timedelta(days=3))
    print(f"  {PEOPLE:,} people joined in {time.perf_counter() - begun:.0f} s", flush=True)
    sign_ups(world, "c", MAILS)
    async with sending(world, address):
        courier = await rate_of(lambda: world.count("mail"), MAILS)
    before, ratios = memory_mb(), []
    for turn in range(ROUNDS):
        rates = []
        for letters in ((), (Letter("tips-1", AFTER, {"nl": TEXT}),)):
            world.policy = replace(world.policy, letters={TIPS_BY_EMAIL: letters})
            async with sending(world, address):
                rates.append(await signing_up(world, f"t{turn}{len(letters)}"))
                await until(lambda: world.count("outbox WHERE state = 'queued' AND kind <> 'letter'") == 0)
        ratios.append(rates[1] / rates[0])
        print(f"  sign-ups {rates[0]:,.0f}/s, while letters are due {rates[1]:,.0f}/s", flush=True)
    sent = letters_sent(world)
    async with sending(world, address):
        rate = await rate_of(lambda: letters_sent(world) - sent, PEOPLE - sent)
    print(f"  letters {rate:,.0f}/s, confirmations {courier:,.0f}/s; {memory_mb() - before:,.0f} MB more")
    print(f"sign-ups while letters are due / without: {statistics.median(ratios):.2f} (at least 0.9)")
    print(f"letters / confirmations of the same courier: {rate / courier:.2f} (at least 0.8)")


def join(tx: Tx, world: World, numbers: range) -> None:
    """Let people sign up and confirm; their other mails are gone."""
    for number in numbers:
        entry = ValidEntry(parse_email(f"p{number}@example.com"), (), (TIPS,))
        request, _ = sign_up(tx, world.context, form=world.form, entry=entry, now=world.now)
        confirm(tx, world.context, request, world.now)
    tx.run("DELETE FROM outbox")


@asynccontextmanager
async def sending(world: World, address: SmtpAddress) -> AsyncIterator[None]:
    """Run a courier, and with it the job that queues letters."""
    installation, stop = world.installation(), asyncio.Event()
    writer = MailWriter(composer(), Signer(), "tips@example.com")
    courier = Courier(StoreOutbox(installation), writer, SmtpTransport(address), lambda: world.now)
    installation.wake_courier = courier.wake
    running = asyncio.gather(courier.run(stop), LetterQueue(installation).run(stop))
    yield
    stop.set()
    await running


async def signing_up(world: World, name: str) -> float:
    """Sign people up from as many tasks as there are connections; return how many a second."""
    numbers = iter(range(SIGN_UPS))

    async def one() -> None:
        for number in numbers:
            entry = ValidEntry(parse_email(f"{name}{number}@example.com"), (), (TIPS,))
            await written(
                world.store, sign_up, context=world.context, form=world.form, entry=entry, now=world.now
            )

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return SIGN_UPS / (time.perf_counter() - begun)


async def rate_of(count: Callable[[], int], most: int) -> float:
    """Return how many a second there are more, until there are `most`."""
    begun, first = time.perf_counter(), count()
    await until(lambda: count() >= most)
    return (most - first) / (time.perf_counter() - begun)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    while not holds():
        await asyncio.sleep(0.05)


def letters_sent(world: World) -> int:
    """Return how many letters left."""
    return sum(it.sent for it in world.store.read(all_letter_sums))


def memory_mb() -> float:
    """Return the most memory that this process ever held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
