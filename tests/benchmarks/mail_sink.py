"""A mail server that only takes mails, as cheaply as it can, in a process of its own.

It counts them, and notes when mails arrived for the addresses that begin with `NOTED`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

NOTED = "noted"
_RECIPIENT = re.compile(rb"RCPT TO:<([^>]+)>", re.IGNORECASE)
_END = b"\r\n.\r\n"


class _Taking(asyncio.Protocol):
    """One connection."""

    def __init__(self, arrivals: dict[str, float], count: list[int]) -> None:
        self._arrivals, self._count = arrivals, count
        self._received, self._recipient, self._in_data = b"", "", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._received += data
        while self._step():
            pass

    def _step(self) -> bool:
        """Read one command, or the end of a mail; return whether there was one."""
        if self._in_data:
            end = self._received.find(_END)
            if end < 0:
                return False
            self._received, self._in_data = self._received[end + len(_END) :], False
            self._count[0] += 1
            if self._recipient.startswith(NOTED):
                self._arrivals.setdefault(self._recipient, time.time())
            self._transport.write(b"250 taken\r\n")
            return True
        line, found, rest = self._received.partition(b"\r\n")
        if not found:
            return False
        self._received = rest
        verb = line[:4].upper()
        self._in_data = verb == b"DATA"
        if verb == b"RCPT" and (named := _RECIPIENT.match(line)):
            self._recipient = named[1].decode()
        self._transport.write(_ANSWERS.get(verb, b"250 fine\r\n"))
        if verb == b"QUIT":
            self._transport.close()
        return True


_ANSWERS = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}


def _run(pipe: Connection) -> None:
    async def serve() -> None:
        arrivals: dict[str, float] = {}
        count, over = [0], asyncio.Event()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Taking(arrivals, count), "127.0.0.1", 0)

        def asked() -> None:
            try:
                pipe.recv()
                pipe.send((count[0], dict(arrivals)))
            except EOFError:
                over.set()
                loop.remove_reader(pipe.fileno())

        loop.add_reader(pipe.fileno(), asked)
        pipe.send(server.sockets[0].getsockname()[1])
        await over.wait()

    asyncio.run(serve())


@dataclass(frozen=True)
class MailSink:
    """The running sink. `port`: where it listens on this machine."""

    port: int
    _pipe: Connection

    def seen(self) -> tuple[int, dict[str, float]]:
        """Return how many mails came so far, and when (seconds since 1970) the noted ones came."""
        self._pipe.send(None)
        count, arrivals = self._pipe.recv()
        return count, arrivals


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    """Run a sink until the block ends."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(theirs,))
    process.start()
    theirs.close()
    try:
        yield MailSink(ours.recv(), ours)
    finally:
        ours.close()
        process.join(10)
