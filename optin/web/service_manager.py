"""A service manager such as systemd: it hands over the listening socket, and is told how the server fares.

It holds the socket while one server takes the place of another: connections wait meanwhile, and none is
refused. Sources: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3). Outside of one, nothing happens.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress

from optin.errors import SetupRefused
from optin.jobs.background_job import Job, RoundDone, pause

FIRST_HANDED = 3  # its descriptor, after input, output and errors
LONGEST_PAUSE_SECONDS = 10.0
NOT_ONE_TCP_SOCKET = (
    "The service manager must hand over exactly one listening TCP socket: one ListenStream=ADDRESS:PORT and"
    " no Accept=yes in the socket unit. Correct the unit, or start the server without it."
)


def handed_socket(environment: MutableMapping[str, str] = os.environ) -> socket.socket | None:
    """Return the listening socket that was handed to this process; None without one.

    What tells of it leaves the environment, so that no other process takes it for its own. Raises
    SetupRefused for several sockets, and for one that does not listen on TCP.
    """
    process, count, _ = (environment.pop(it, "") for it in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if process != str(os.getpid()) or count == "0":
        return None
    if count != "1":
        raise SetupRefused(NOT_ONE_TCP_SOCKET)
    try:
        handed = socket.socket(fileno=FIRST_HANDED)
        listens = handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        raise SetupRefused(NOT_ONE_TCP_SOCKET) from None
    internet = handed.family in {socket.AF_INET, socket.AF_INET6} and handed.type == socket.SOCK_STREAM
    if not (internet and listens):
        handed.detach()
        raise SetupRefused(NOT_ONE_TCP_SOCKET)
    handed.set_inheritable(False)
    handed.setblocking(False)  # noqa: FBT003 - it has no name
    return handed


class ServiceManager:
    """Who is told that the server is ready, alive and stopping. `address`: of its socket; empty: nobody."""

    def __init__(self, address: str = "", watchdog_seconds: float = 0.0) -> None:
        """Tell it at least twice in `watchdog_seconds` that the server is alive; 0: it does not ask."""
        self._address = "\0" + address[1:] if address.startswith("@") else address  # abstract: unix(7)
        self._pause = min(watchdog_seconds / 3, LONGEST_PAUSE_SECONDS) if watchdog_seconds else None
        self._told_at = 0.0

    @classmethod
    def of_this_process(cls, environment: MutableMapping[str, str] = os.environ) -> ServiceManager:
        """Return the one that started this process. What tells of it leaves the environment."""
        names = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
        address, microseconds, process = (environment.pop(it, "") for it in names)
        asks = microseconds.isdigit() and process in {"", str(os.getpid())}
        return cls(address, int(microseconds) / 1e6 if asks else 0.0)

    def tell(self, state: str) -> None:
        """Send a state, such as READY=1. A service manager that is away is no reason to stop."""
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
                sending.settimeout(1.0)
                sending.sendto(state.encode(), self._address)

    def tell_alive(self) -> None:
        """Tell that the server is alive, when it is time to."""
        if self._pause is not None and time.monotonic() - self._told_at >= self._pause:
            self._told_at = time.monotonic()
            self.tell("WATCHDOG=1")

    def jobs(self) -> list[Job]:
        """Return the job that tells it from the loop that answers requests: none where nobody listens."""
        return [Job("service manager", self._inform)] if self._address else []

    async def _inform(self, stop: asyncio.Event, round_done: RoundDone) -> None:
        self.tell("READY=1")
        while not stop.is_set():
            self.tell_alive()
            round_done()
            await pause(stop, self._pause or LONGEST_PAUSE_SECONDS)
        self.tell("STOPPING=1")
