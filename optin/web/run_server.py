"""Run the server: HTTP, courier and sweep in one process, started and stopped together."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from granian import net
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from starlette.types import ASGIApp

from optin.errors import SetupRefused
from optin.jobs.background_job import Job
from optin.settings.site import ServerLimits
from optin.web.connection_limits import room_for, set_deadlines
from optin.web.held_off_connections import hold_off, let_in
from optin.web.last_answers import LastAnswers
from optin.web.sighup_reload import release_hangups

log = logging.getLogger("optin.serve")

BACKLOG = 1_024
STOP_SECONDS = 5.0  # until the HTTP server accepts nothing more: it takes a millisecond

USUAL = ServerLimits()
FEW_FILES = (
    "this process may open too few files: it accepts %d connections at once, not %d; raise its limit of open"
    " files (LimitNOFILE, ulimit -n)"
)


class _ListeningServer(Server):
    """Serves on a listening socket: granian's own would share its port with any other server."""

    def __init__(self, app: ASGIApp, listening: socket.socket, **options: Any) -> None:
        super().__init__(app, **options)
        self._listening = listening
        self._copy: int | None = None

    def _init_shared_socket(self) -> None:
        sockets: Any = net  # its types do not tell what it is made of
        self._copy = os.dup(self._listening.fileno())
        self._shd = sockets.SocketHolder(self._copy, False, BACKLOG)  # noqa: FBT003 - no name

    async def accept_no_more(self) -> None:
        """Stop, and wait until it accepts nothing more: it has closed its copy of the socket then."""
        self.stop()  # type: ignore[no-untyped-call]  # the library has no types there
        deadline = time.monotonic() + STOP_SECONDS
        while self._copy is not None and time.monotonic() < deadline:
            try:
                if not os.path.samestat(os.fstat(self._copy), os.fstat(self._listening.fileno())):
                    return
            except OSError:
                return
            await asyncio.sleep(0.001)


def open_port(host: str, port: int) -> socket.socket:
    """Listen on a port exclusively. Raises SetupRefused with the cure."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        msg = f"There is no address {host} on this machine; listen on another with --host, such as 127.0.0.1."
        raise SetupRefused(msg) from None
    family, address = min((it[0], it[4][:2]) for it in found)  # IPv4 first, where a name has both
    both = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
    try:
        listening = socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            msg = f"Another server listens on port {port}; stop it, or choose another port with --port."
        else:
            why = os.strerror(problem.errno or 0)
            msg = f"Port {port} of {host} cannot be used ({why}); choose another with --port or --host."
        raise SetupRefused(msg) from None
    listening.setblocking(False)  # noqa: FBT003 - it has no name
    return listening


async def run_server(
    app: ASGIApp,
    listening: socket.socket,
    jobs: Sequence[Job] = (),
    limits: ServerLimits = USUAL,
    hung_up: Callable[[], None] | None = None,
    leave_seconds: float = 0.0,
) -> bool:
    """Serve `app` until a signal stops it; then finish what is in progress and accept nothing more.

    1. Let each answer end its connection, until none is open, for `leave_seconds` at most.
    2. Refuse new connections: who is refused at once can try again, until the next server is there. Whoever
       only was not accepted would wait for the slowest request, and then be reset.
    3. Answer the requests that came in.
    4. Wait until the background jobs have finished what they had in hand.

    A background job outlives its errors. Where the HTTP server ends by itself, the whole process stops, and
    says so: whoever started it starts it again. Return whether it held out until the signal. `hung_up`: what
    to do at a SIGHUP, which was held back until now.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        _heed(number, stop.set, loop)
    if hung_up is not None:
        _heed(signal.SIGHUP, hung_up, loop)
        release_hangups()
    set_deadlines(listening, limits)
    let_in(listening)  # the server before this one, which had the same socket, may have been killed
    room = room_for(limits)
    if room < limits.connections:
        log.warning(FEW_FILES, room, limits.connections)
    last_answers = LastAnswers(app)
    server = _ListeningServer(
        last_answers,
        listening,
        interface=Interfaces.ASGINL,
        backlog=BACKLOG,
        backpressure=room,  # it counts connections, not requests
        websockets=False,
        http=HTTPModes.http1,  # no proxy needs another; to find out which it is, granian would wait for ever
        http1_settings=HTTP1Settings(header_read_timeout=limits.header_seconds * 1_000),
        log_enabled=False,
    )
    working = [asyncio.ensure_future(job.run(stop)) for job in jobs]
    serving = asyncio.ensure_future(server.serve())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        held_out = stop.is_set()
        if not held_out:
            log.error("the HTTP server ended by itself, so this process stops; start it again")
    finally:
        stop.set()
        if not serving.done():
            # 1. Let each answer end its connection.
            await last_answers.leave(listening, leave_seconds)
            # 2. Refuse new connections.
            await hold_off(listening)
            await server.accept_no_more()
            let_in(listening)
        listening.close()
        # 3. Answer the requests that came in.
        with suppress(asyncio.CancelledError, Exception):
            await serving
        # 4. Let the background jobs finish.
        await asyncio.gather(*working, return_exceptions=True)
    return held_out


def _heed(number: int, act: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
    """Act on a signal, also when there are several workers.

    asyncio learns of a signal by a byte in a pipe. Each request writes there, too; while it is full, a signal
    would be lost. So Python's own handler, which needs no room there, acts as well.
    """
    loop.add_signal_handler(number, act)
    signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)
    signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))
