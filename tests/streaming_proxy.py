"""A proxy that passes on each byte as it comes, as nginx does with `proxy_request_buffering off`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HEAD_END = b"\r\n\r\n"


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


async def _serve(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    client = writer.get_extra_info("peername")[0]
    with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        head = await reader.readuntil(HEAD_END)
        ours, theirs = await asyncio.open_connection("127.0.0.1", port)
        try:
            theirs.write(head[:-2] + f"X-Forwarded-For: {client}\r\nConnection: close\r\n\r\n".encode())
            await asyncio.gather(_pass_on(reader, theirs), _pass_on(ours, writer))
        finally:  # also when the proxy stops meanwhile
            theirs.close()
    writer.close()


@contextmanager
def streaming_proxy(port: int) -> Iterator[int]:
    """Run a proxy in front of `port`; yield its own port."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []

    async def run() -> None:
        server = await asyncio.start_server(lambda r, w: _serve(port, r, w), "127.0.0.1", 0, backlog=1_024)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed is let go in the next round

    running: list[asyncio.Task[None]] = []

    def work() -> None:
        running.append(loop.create_task(run()))
        loop.run_until_complete(running[0])
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(120)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(running[0].cancel)
        thread.join(10)
