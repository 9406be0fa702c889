"""A slow network to the database: a program on a machine of the site that delays whatever passes it.

tc-netem would do it in the kernel, but not every kernel has it. A lost packet is played as what it costs the
reader of a stream: the wait until it was sent again. Run: python slow_relay.py PORT HOST PORT
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Awaitable

PIECE_BYTES = 1_400  # as a packet
DELAY_SECONDS = 0.1  # either way
LOST = 0.01
SENT_AGAIN_SECONDS = 0.6  # two journeys, and the wait before a packet counts as lost


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what arrives, in its order, each piece a while after it came."""
    loop, on_the_way = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()

    async def deliver() -> None:
        while True:
            due, piece = await on_the_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not piece:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()

    delivering, due = asyncio.ensure_future(deliver()), 0.0
    piece = b"begin"
    while piece:
        try:
            piece = await reader.read(PIECE_BYTES)
        except OSError:
            piece = b""
        late = SENT_AGAIN_SECONDS if random.random() < LOST else 0.0
        due = max(due, loop.time() + DELAY_SECONDS + late)
        await on_the_way.put((due, piece))
    await asyncio.gather(delivering, return_exceptions=True)


async def main(port: int, host: str, to: int) -> None:
    """Relay until the process ends."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(host, to)
        both: tuple[Awaitable[None], Awaitable[None]] = _carry(reader, here), _carry(there, writer)
        await asyncio.gather(*both)

    server = await asyncio.start_server(relay, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
