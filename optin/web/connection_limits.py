"""The connections of this process: kernel deadlines, and which connections are closed for room (O8).

The HTTP server closes a connection whose header does not come in time. It does not see who is at the other
end, and has no way to let some go when there are too many. So they are found here, among the open files of
this process. A file's number may be another connection's a moment later: so each is looked at, and closed, by
a copy of its own, after a look at who is at its other end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TypeAlias

from optin.jobs.background_job import RoundDone, pause
from optin.settings.site import ServerLimits
from optin.web.app_context import AppContext
from optin.web.post_limits import network_of

log = logging.getLogger("optin.serve")

OTHER_FILES = 256  # of a process: its database, files that are handed out, mail connections
UNSENT_BYTES = 131_072  # of one answer in the kernel: downloads that nobody takes stay out of memory
CALM_SECONDS, CROWDED_SECONDS = 0.5, 0.1  # between two looks
THIS_MACHINE = {"127.0.0.1", "::/64"}  # all visitors, behind a proxy that is not named
_OPEN_FILES = Path("/dev/fd")
_INTERNET = {socket.AF_INET, socket.AF_INET6}
_TCP_INFO_BYTES, _LAST_RECEIVED = 64, struct.Struct("=II")  # linux/tcp.h: struct tcp_info
_LAST_RECEIVED_AT = 52  # tcpi_last_data_recv and tcpi_last_ack_recv, in milliseconds


def set_deadlines(listening: socket.socket, limits: ServerLimits) -> None:
    """Let the kernel cut off clients that stop reading an answer. Connections inherit it."""
    options = {"TCP_USER_TIMEOUT": limits.stalled_seconds * 1_000, "TCP_NOTSENT_LOWAT": UNSENT_BYTES}
    for name, value in options.items():
        if hasattr(socket, name):  # not every system has them
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def room_for(limits: ServerLimits) -> int:
    """Return how many connections may be open at once, by the process's limit of open files.

    Raise that limit as far as the system allows: with no file left, a server can accept nobody.
    """
    wanted = limits.connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return limits.connections
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(ValueError, OSError):  # a system that allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return min(limits.connections, max(soft - OTHER_FILES, soft // 2))


Address: TypeAlias = tuple[str, int]


@dataclass(frozen=True)
class Connection:
    """An open connection, by its file descriptor. `silent_ms`: since the last sign of its peer.

    `network`: what it counts for; None: for nobody.
    """

    number: int
    peer: Address
    network: str | None
    silent_ms: int


def surplus_connections(
    found: Sequence[Connection], per_network: int, room: int
) -> Mapping[str, Sequence[Connection]]:
    """Return the connections to close, by the setting that requires it; the most silent first.

    Of each network those above `per_network`; and half of all when more than nine tenths of `room` is taken.
    """
    idlest = sorted(found, key=lambda it: it.silent_ms, reverse=True)
    left = Counter(it.network for it in idlest)
    above, rest = [], []
    for it in idlest:
        if it.network is not None and left[it.network] > per_network:
            left[it.network] -= 1
            above.append(it)
        else:
            rest.append(it)
    crowded = len(rest) * 10 > room * 9
    return {"connections_per_network": above, "connections": rest[: len(rest) - room // 2] if crowded else []}


class ConnectionRoom:
    """Keeps room for new connections. `note` receives the setting for each closed one."""

    def __init__(
        self, port: int, limits: ServerLimits, trusted_proxies: Sequence[str], note: Callable[[str], None]
    ) -> None:
        """Watch the connections to `port` of this process."""
        self._port = port
        self._per_network = limits.connections_per_network
        self._room = room_for(limits)
        self._trusted = [ip_network(network, strict=False) for network in trusted_proxies]
        self._note = note

    def make(self) -> int:
        """Close surplus connections; return their number."""
        files = _open_files()
        if len(files) <= min(self._per_network, self._room // 2):
            return 0
        surplus = surplus_connections(list(self._connections(files)), self._per_network, self._room)
        for setting, several in surplus.items():
            for it in several:
                self._note(setting)
                _close(it)
        return sum(map(len, surplus.values()))

    def _connections(self, files: Iterable[int]) -> Iterator[Connection]:
        for number in files:
            with suppress(OSError), _copy(number) as copy:  # it is no socket, listens, or is gone
                if _is_to(copy, self._port):
                    peer = _peer(copy)
                    yield Connection(number, peer, self.network(peer[0]), _silent_ms(copy))

    def network(self, host: str) -> str | None:
        """Return the network that a connection counts for; None for a trusted proxy and this machine."""
        address = ip_address(host.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        network = network_of(address)
        proxy = any(address in trusted for trusted in self._trusted)
        return None if proxy or network in THIS_MACHINE else network


async def keep_room(
    app_context: AppContext, listening: socket.socket, stop: asyncio.Event, round_done: RoundDone
) -> None:
    """Keep room for new connections until `stop` is set."""
    site = app_context.edition.site
    room = ConnectionRoom(
        listening.getsockname()[1],
        site.settings.server,
        site.settings.proxy.trusted,
        app_context.limits.log.note,
    )
    while not stop.is_set():
        closed = await asyncio.to_thread(room.make)
        round_done()
        await pause(stop, CROWDED_SECONDS if closed else CALM_SECONDS)


def any_connection(port: int) -> bool:
    """Return whether this process has an open connection to that port of its own."""
    for number in _open_files():
        with suppress(OSError), _copy(number) as copy:  # it is no socket, listens, or is gone
            if _is_to(copy, port) and _peer(copy):
                return True
    return False


def _open_files() -> list[int]:
    try:
        return [int(path.name) for path in _OPEN_FILES.iterdir()]
    except OSError:  # a system without it, or no file left: the deadlines hold all the same
        return []


def _is_to(connection: socket.socket, port: int) -> bool:
    return connection.family in _INTERNET and connection.getsockname()[1] == port


def _copy(number: int) -> socket.socket:
    """Return the socket of an open file, with a descriptor of its own. Raises OSError for other files."""
    copy = os.dup(number)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


def _peer(connection: socket.socket) -> Address:
    host, port = connection.getpeername()[:2]
    return host, port


def _close(connection: Connection) -> None:
    """Shut a connection down, unless it is gone: the server then sees that the peer left."""
    with suppress(OSError), _copy(connection.number) as copy:
        if copy.family in _INTERNET and _peer(copy) == connection.peer:
            copy.shutdown(socket.SHUT_RDWR)


def _silent_ms(connection: socket.socket) -> int:
    """Return the milliseconds since the last data or acknowledgement of the peer."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None:
        return 0
    info = connection.getsockopt(socket.IPPROTO_TCP, option, _TCP_INFO_BYTES)
    return min(_LAST_RECEIVED.unpack_from(info, _LAST_RECEIVED_AT)) if len(info) == _TCP_INFO_BYTES else 0
