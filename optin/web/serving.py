"""Running the server: HTTP, courier and sweeper in one process, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.types import ASGIApp

log = logging.getLogger("optin.serve")

BACKLOG = 1_024
UNDER_WAY = 512  # requests at once; more wait in the backlog

Work = Callable[[asyncio.Event], Awaitable[None]]


async def run_server(app: ASGIApp, host: str, port: int, works: tuple[Work, ...] = ()) -> None:
    """Serve `app` until a signal says stop; then finish what is under way and nothing more.

    1. Take no new request; answer those that came in.
    2. Tell courier and sweeper to finish what they have in hand.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        backlog=BACKLOG,
        backpressure=UNDER_WAY,
        websockets=False,
        log_enabled=False,
    )
    working = [asyncio.ensure_future(work(stop)) for work in works]
    serving = asyncio.ensure_future(server.serve())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    finally:
        # 1. Take no new request; answer those that came in.
        stop.set()
        if not serving.done():
            server.stop()
            with suppress(asyncio.CancelledError):
                await serving
        # 2. Let courier and sweeper finish.
        for outcome in await asyncio.gather(*working, return_exceptions=True):
            if isinstance(outcome, Exception):
                log.error("a background task ended early: %s", type(outcome).__name__)
