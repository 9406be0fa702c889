"""The courier, against one connection for each mail, to the same server with STARTTLS and a login."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from optin.bootstrap.office import Office, StoreOutbox
from optin.mail.courier import Courier
from optin.mail.signing import Signer
from optin.mail.transport import Transport, open_transport
from tests.mail.orders import composer, confirmation
from tests.mail.server import Script, certificate, mail_server
from tests.world import NOON, TIPS, World, open_world

MAILS = 400
ALONE = 60
ROUNDS = 3


def sink(folder: str, pipe: Connection) -> None:
    """Take mails in a process of its own until told to stop."""
    _, context = certificate(Path(folder))
    with mail_server(Script(), tls=context, login=True) as port:
        pipe.send(port)
        pipe.recv()


async def one_connection_each(transport: Transport) -> float:
    """Return mails a second, with a connection for each."""
    message = composer().compose(confirmation(), NOON)
    begun = time.perf_counter()
    for _ in range(ALONE):
        await transport.send("tips@example.com", "a@example.com", message)
        await transport.close()
    return ALONE / (time.perf_counter() - begun)


async def by_courier(world: World, transport: Transport) -> float:
    """Return mails a second from the outbox, composed, sent and settled."""
    office = Office(world.store, world.vault, world.policy, clock=lambda: world.now)
    courier = Courier(
        StoreOutbox(office), composer(), transport, Signer(), "tips@example.com", lambda: world.now
    )
    stop, before = asyncio.Event(), world.count("mail")
    begun = time.perf_counter()
    running = asyncio.ensure_future(courier.run(stop))
    while world.count("mail") < before + MAILS:
        await asyncio.sleep(0.02)
    spent = time.perf_counter() - begun
    stop.set()
    await running
    return MAILS / spent


def main() -> None:
    """Print the ratio."""
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=sink, args=(name, theirs))
        server.start()
        port = ours.recv()
        folder = Path(name)
        url = f"smtp://user:p%20w%2Fd@127.0.0.1:{port}?ca=ca.pem"
        world = open_world(f"sqlite:///{folder}/optin.db", folder)
        ratios = []
        for turn in range(ROUNDS):
            for number in range(MAILS):
                world.sign_up(f"t{turn}p{number}@example.com", TIPS)
            alone = asyncio.run(one_connection_each(open_transport(url, folder)))
            carried = asyncio.run(by_courier(world, open_transport(url, folder)))
            ratios.append(carried / alone)
            print(f"  courier {carried:,.0f}/s   one connection each {alone:,.0f}/s")
        ours.send("stop")
        server.join()
        world.store.close()
    print(f"courier / one connection for each mail: {statistics.median(ratios):.1f} (at least 5)")
