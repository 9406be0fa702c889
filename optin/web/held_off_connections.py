"""Keep new connections from coming in while a server stops accepting (Linux).

The HTTP server stops accepting and drops the connections on which no request has been read, at one moment. A
request that had just come on one of them would be lost. So for a moment no new one begins: the kernel leaves
each first segment (SYN, RFC 9293) unanswered, and the other end repeats it a second later, by itself.
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import sys
from contextlib import suppress

CALM_SECONDS = 0.15  # in which a request on the newest connection has been read
LOOKS, LOOK_SECONDS = 500, 0.002  # until the connections that wait have been accepted
_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # asm-generic/socket.h
_LENGTH, _FLAGS, _SYN = 4, 13, 0x02  # of the program below; offset and bit in a TCP header
_PROGRAM = b"".join(
    struct.pack("=HBBI", *step)  # linux/filter.h: operation, steps to leap if true, if false, operand
    for step in (
        (0x30, 0, 0, _FLAGS),  # load the byte with the flags
        (0x45, 0, 1, _SYN),  # is the bit set?
        (0x06, 0, 0, 0),  # yes: drop the segment
        (0x06, 0, 0, 0xFFFFFFFF),  # no: take it whole
    )
)
_QUEUED, _QUEUED_AT = struct.Struct("=I"), 24  # linux/tcp.h: tcpi_unacked, of a socket that listens


async def hold_off(listening: socket.socket) -> None:
    """Begin to hold new connections off; return when a request on each earlier one has been read.

    Without that ability of the system, return at once.
    """
    if not sys.platform.startswith("linux"):
        return
    program = ctypes.create_string_buffer(_PROGRAM)
    with suppress(OSError):
        listening.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", _LENGTH, ctypes.addressof(program))
        )
    for _ in range(LOOKS):
        if not _waiting(listening):
            break
        await asyncio.sleep(LOOK_SECONDS)
    await asyncio.sleep(CALM_SECONDS)


def let_in(listening: socket.socket) -> None:
    """Let new connections come in again, for whoever else has this socket."""
    if sys.platform.startswith("linux"):
        with suppress(OSError):
            listening.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)


def _waiting(listening: socket.socket) -> int:
    """Return how many connections wait to be accepted."""
    told = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _QUEUED_AT + _QUEUED.size)
    number: int = _QUEUED.unpack_from(told, _QUEUED_AT)[0]
    return number
