"""The courier, against one connection for each mail, to the same server with STARTTLS and a login."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from optin.jobs.courier_outbox import StoreOutbox
from optin.mail.courier import LANES, Courier, MailWriter
from optin.mail.dkim_signing import Signer
from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport, ignore_acceptance
from tests.mail.orders import composer
from tests.mail.server import Script, certificate, mail_server
from tests.world import TIPS, World, open_world

MAILS = 400
ALONE = 60
ROUNDS = 3


def sink(folder: str, pipe: Connection) -> None:
    """Take mails in a process of its own until told to stop."""
    _, context = certificate(Path(folder))
    with mail_server(Script(), tls=context, login=True) as port:
        pipe.send(port)
        pipe.recv()


class OneEach(SmtpTransport):
    """Hangs up after each mail, as a naive sender does."""

    async def send(
        self,
        sender: str,
        recipient: str,
        message: bytes,
        accepted: Callable[[], None] = ignore_acceptance,
        *,
        asked: bool = True,
    ) -> SendOutcome:
        """Send one mail over a connection of its own."""
        outcome = await super().send(sender, recipient, message, accepted, asked=asked)
        await self.close()
        return outcome


async def rate(world: World, transport: SmtpTransport, mails: int, lanes: int) -> float:
    """Return mails a second from the outbox: claimed, composed, sent and settled."""
    installation = world.installation()
    outbox = StoreOutbox(installation)
    writer = MailWriter(composer(), Signer(), "tips@example.com")
    courier = Courier(outbox, writer, transport, lambda: world.now, lanes)
    stop, before = asyncio.Event(), world.count("mail")
    begun = time.perf_counter()
    running = asyncio.ensure_future(courier.run(stop))
    while world.count("mail") < before + mails:
        await asyncio.sleep(0.02)
    spent = time.perf_counter() - begun
    stop.set()
    await running
    return mails / spent


def sign_ups(world: World, name: str, count: int) -> None:
    """Queue a confirmation mail for each of `count` people."""
    for number in range(count):
        world.sign_up(f"{name}p{number}@example.com", TIPS)


def main() -> None:
    """Print the ratio."""
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=sink, args=(name, theirs))
        server.start()
        port = ours.recv()
        folder = Path(name)
        world = open_world(f"sqlite:///{folder}/optin.db", folder)
        ratios = []
        for turn in range(ROUNDS):
            address = SmtpAddress(
                "127.0.0.1", port, user="user", password="p w/d", authority=folder / "ca.pem"
            )
            sign_ups(world, f"a{turn}", ALONE)
            alone = asyncio.run(rate(world, OneEach(address), ALONE, lanes=1))
            sign_ups(world, f"c{turn}", MAILS)
            carried = asyncio.run(rate(world, SmtpTransport(address), MAILS, LANES))
            ratios.append(carried / alone)
            print(f"  courier {carried:,.0f}/s   one connection each {alone:,.0f}/s")
        ours.send("stop")
        server.join()
        world.store.close()
    print(f"courier / one connection for each mail: {statistics.median(ratios):.1f} (at least 5)")
