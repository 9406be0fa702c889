"""What stands before a server in earnest: a proxy that speaks https. Chromium finds it by the site's name."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.serving import BASE_URL


@dataclass
class FrontDoor:
    """Where it listens, and the port of the server behind it."""

    port: int = 0
    inward: int = 0

    @property
    def arguments(self) -> tuple[str, ...]:
        """What Chromium must know, so that the site's own address leads here."""
        leads = f"--host-resolver-rules=MAP {urlsplit(BASE_URL).hostname} 127.0.0.1:{self.port}"
        return (leads, "--no-proxy-server", "--ignore-certificate-errors")


@contextmanager
def front_door(context: ssl.SSLContext) -> Iterator[FrontDoor]:
    """Open a door on a free port of this machine; close it at the end."""
    door, loop, ready = FrontDoor(), asyncio.new_event_loop(), threading.Event()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", door.inward)
        except OSError:  # nobody is at home
            writer.close()
            return
        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))

    async def work() -> None:
        server = await asyncio.start_server(enter, "127.0.0.1", 0, ssl=context)
        door.port = server.sockets[0].getsockname()[1]
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(work())
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(120)
    try:
        yield door
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
