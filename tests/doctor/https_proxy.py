"""A proxy that speaks TLS in front of a server, right or wrong as a test wants it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Forwarding:
    """How the proxy treats a request. `forwards`: replace, append or no X-Forwarded-For."""

    forwards: str = "replace"
    hides: tuple[bytes, ...] = ()  # headers of answers that are left out
    pages_alone: bool = False  # whether it knows no path below /health


def _forwarded(head: bytes, client: str, how: Forwarding) -> bytes:
    lines = head[:-4].split(b"\r\n")
    theirs = [it for it in lines if it.lower().startswith(b"x-forwarded-for:")]
    kept = [it for it in lines if it not in theirs and not it.lower().startswith(b"connection:")]
    if how.forwards == "append":
        kept += theirs
    if how.forwards != "no":
        kept.append(f"X-Forwarded-For: {client}".encode())
    return b"\r\n".join([*kept, b"Connection: close", b"", b""])


async def _serve(
    port: int, how: Forwarding, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    client = writer.get_extra_info("peername")[0]
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        head = await reader.readuntil(HEAD_END)
        if how.pages_alone and b" /health" in head.split(b"\r\n")[0]:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        else:
            ours, theirs = await asyncio.open_connection("127.0.0.1", port)
            theirs.write(_forwarded(head, client, how))
            answer = await ours.read()
            first, end, body = answer.partition(HEAD_END)
            lines = [
                it for it in first.split(b"\r\n") if not it.lower().startswith(how.hides or (b"no such",))
            ]
            writer.write(b"\r\n".join(lines) + end + body)
            theirs.close()
        await writer.drain()
    writer.close()


@contextmanager
def https_proxy(port: int, tls: ssl.SSLContext | None, how: Forwarding = Forwarding()) -> Iterator[int]:
    """Run a proxy in front of `port`; yield its own port. Without `tls` it speaks plain HTTP."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []

    async def run() -> None:
        serve = lambda reader, writer: _serve(port, how, reader, writer)  # noqa: E731 - one line
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.01)  # what was closed is let go

    running: list[asyncio.Task[None]] = []

    def work() -> None:
        running.append(loop.create_task(run()))
        loop.run_until_complete(running[0])
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(running[0].cancel)
        thread.join(10)
