"""Confirmed leads told to a tool that answers in 50 ms; and whether one that hangs delays another."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import ssl
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from optin.export.connectors.tool import Steps, Stops, ToolAccount, ToolCall, ToolLead, trouble_of
from optin.jobs.processor_lanes import lane_jobs
from optin.jobs.tool_receiver import ToolReceiver
from optin.services.http_client import VettedClient
from optin.services.tool_connection import ToolConnection
from optin.store.registered_webhooks import keep_webhooks
from tests.mail.server import certificate
from tests.world import TIPS, World, open_world

LEADS = 300
ROUNDS = 3
ANSWER_SECONDS = 0.05
HANGS = b"/hangs"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take one call; answer after 50 ms, or never."""
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError), closing(writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if HANGS in head:
            await reader.read()  # until the caller has had enough
            return
        await asyncio.sleep(ANSWER_SECONDS)
        writer.write(ANSWER)
        await writer.drain()


async def _serve(folder: str, pipe: Connection) -> None:
    _, context = certificate(Path(folder))
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=context, backlog=256)
    pipe.send(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(pipe.recv)


def serve(folder: str, pipe: Connection) -> None:
    """Be the tool, in a process of its own, until told to stop."""
    asyncio.run(_serve(folder, pipe))


class OneCall:
    """A tool that takes a contact in one call, as most do."""

    name = "bench"
    calls_per_second = 10_000.0

    def __init__(self, path: str) -> None:
        """Call `path`."""
        self._path = path

    def address(self, account: ToolAccount) -> str:
        """Return the address of the tool."""
        return account.server

    def headers(self, _account: ToolAccount) -> Mapping[str, str]:
        """Return no header."""
        return {}

    def set_up(self, _account: ToolAccount) -> Steps[tuple[str, ...]]:
        """Do nothing."""
        yield from ()
        return ()

    def confirmed(self, _account: ToolAccount, lead: ToolLead) -> Steps[None]:
        """Upsert in one call."""
        answer = yield ToolCall("POST", self._path, {"email": lead.email, "fields": dict(lead.columns)})
        if not answer.is_ok:
            raise trouble_of(answer)

    def ended(self, _account: ToolAccount, email: str, _purpose: str) -> Steps[None]:
        """Tell of an end in one call."""
        yield ToolCall("DELETE", self._path, {"email": email})

    def erased(self, _account: ToolAccount, email: str) -> Steps[None]:
        """Tell of an erasure in one call."""
        yield ToolCall("DELETE", self._path, {"email": email})

    def stops(self, _account: ToolAccount, mark: str) -> Steps[Stops]:
        """Return nobody."""
        yield from ()
        return Stops((), mark)


def receivers(server: str, trust: ssl.SSLContext, *names: str) -> dict[str, ToolReceiver]:
    """Return receivers by name; that named "slow" calls what never answers."""
    client = VettedClient(lambda _: True, trust)
    account = ToolAccount("t", server, {str(TIPS): "1"})
    return {
        name: ToolReceiver(
            name, name, ToolConnection(OneCall("/hangs" if name == "slow" else "/"), lambda: account, client)
        )
        for name in names
    }


async def rate(world: World, told: Mapping[str, ToolReceiver]) -> float:
    """Return how many leads a second "crm" is told of: claimed, proven, recorded, told, settled."""
    stop = asyncio.Event()

    def waiting() -> int:
        row = world.store.read(
            lambda tx: tx.one(
                "SELECT COUNT(*) FROM webhook_outbox WHERE processor = 'crm' AND state = 'queued'"
            )
        )
        return 0 if row is None else int(row[0])

    leads = waiting()
    begun = time.perf_counter()
    jobs = [asyncio.ensure_future(job.run(stop)) for job in lane_jobs(world.installation(), told)]
    while await asyncio.to_thread(waiting):
        await asyncio.sleep(0.02)
    spent = time.perf_counter() - begun
    stop.set()
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    return leads / spent


def main() -> None:
    """Print both rates and their ratio."""
    logging.disable()  # of the tool that never answers it says so each time
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = multiprocessing.Pipe()
        tool = multiprocessing.get_context("spawn").Process(target=serve, args=(name, theirs))
        tool.start()
        server = f"https://127.0.0.1:{ours.recv()}"
        folder = Path(name)
        trust = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        world = open_world(f"sqlite:///{folder}/optin.db", folder)
        alone: list[float] = []
        beside: list[float] = []
        try:
            for number in range(ROUNDS):
                for measured, names in ((alone, ("crm",)), (beside, ("crm", "slow"))):
                    purposes = dict.fromkeys(names, frozenset({str(TIPS)}))
                    world.policy = replace(world.policy, webhooks=purposes)
                    world.do(keep_webhooks, addresses=dict.fromkeys(names, "there"))
                    for lead in range(LEADS):
                        world.join(f"p{number}-{len(names)}-{lead}@example.com", TIPS)
                    measured.append(asyncio.run(rate(world, receivers(server, trust, *names))))
        finally:
            world.store.close()
            ours.send(None)
            tool.join()
    print(f"leads told to a tool that answers in 50 ms: {statistics.median(alone):.0f} a second")
    ratio = statistics.median(beside) / statistics.median(alone)
    print(f"the same beside a tool that never answers: {ratio:.2f} ×")
