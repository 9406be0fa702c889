"""Takes mails that came back by LMTP (RFC 2033), as mail servers deliver them to a mailbox (O6).

By aiosmtpd, with bounds: so many connections, so large a message, so long a wait. Each recipient is answered
by itself: 250 once what was told is stored, 451 when it cannot be stored now, so that the mail server gives
it again; 550 for an address that is not the one of [bounces].
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiosmtpd.lmtp import LMTP

from optin.errors import OptinError, log_line_of
from optin.server_addresses import parse_listening
from optin.services.returned_mails import TakenMail

log = logging.getLogger("optin.bounces")

MOST_MESSAGE_BYTES = 4 << 20  # held in memory; what is larger is read to its end, and refused
MOST_CONNECTIONS = 8
MOST_RECIPIENTS = 50
TIMEOUT_SECONDS = 60.0  # for a command, and for a message
SOCKET_MODE = 0o666  # whoever reaches its folder: mail servers are users of their own
TRY_SECONDS = 1.0

NOT_NOW = "451 4.3.0 not now, give it again"
UNKNOWN = "550 5.1.1 no such address here"
TOO_MANY = "452 4.5.3 too many recipients"
TOO_BUSY = b"421 4.3.2 too many connections\r\n"

Take = Callable[[bytes], TakenMail]


def is_ours(recipient: str, address: str) -> bool:
    """Return whether a recipient is the address to which mails come back, with a token or without."""
    name, _, domain = recipient.rpartition("@")
    our_name, _, our_domain = address.rpartition("@")
    plain = name.partition("+")[0]
    return (plain.lower(), domain.lower()) == (our_name.lower(), our_domain.lower())


class _Handler:
    """What the library asks at each command. The names are its own."""

    def __init__(self, take: Take, address: str) -> None:
        self._take, self._address = take, address

    async def handle_EHLO(  # noqa: N802 - the library's name
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:1], "250-PIPELINING", *responses[1:]]  # RFC 2033, section 5

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any, recipient: str, _options: Any
    ) -> str:
        if not is_ours(recipient, self._address):
            return UNKNOWN
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return TOO_MANY
        envelope.rcpt_tos.append(recipient)
        return "250 2.1.5 known"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        answers = [await self._answer(it, envelope.content) for it in envelope.rcpt_tos]
        return "\r\n".join(answers)

    async def _answer(self, recipient: str, content: bytes) -> str:
        arrived = b"Delivered-To: " + recipient.encode("utf-8", "replace") + b"\r\n"
        try:
            taken = await asyncio.to_thread(self._take, arrived + content)
        except OptinError as problem:
            log.warning("a mail that came back by LMTP waits: %s", problem.log_line)
            return NOT_NOW
        except Exception as problem:  # noqa: BLE001 - whatever it is, the mail server keeps the message
            log.warning("a mail that came back by LMTP waits: %s", log_line_of(problem))
            return NOT_NOW
        return f"250 2.0.0 {taken}"

    async def handle_exception(self, _error: Exception) -> str:
        return NOT_NOW


class _Conversation(LMTP):
    """One connection. Whatever answers a message is said for each of its recipients."""

    line_length_limit = 1 << 16  # some mail servers break no lines
    owed = 0  # answers to a message
    gone: Callable[[], object]

    async def push(self, status: Any) -> None:
        """Answer. The library says once for all what keeps it from taking a message."""
        if str(status).startswith("354") and self.envelope is not None:
            self.owed = len(self.envelope.rcpt_tos)
        elif self.owed:
            if "\r\n" not in str(status):
                status = "\r\n".join([str(status)] * self.owed)
            self.owed = 0
        await super().push(status)

    def connection_lost(self, error: Exception | None) -> None:
        """Count the connection no more."""
        super().connection_lost(error)
        self.gone()


class _Busy(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so, and end it."""
        if isinstance(transport, asyncio.Transport):
            transport.write(TOO_BUSY)
            transport.close()


class PlaceTaken(Exception):
    """Another process listens there."""


class LmtpServer:
    """Listens at one place, until it is closed."""

    def __init__(self, take: Take, address: str) -> None:
        """Take with `take`, in a thread, what comes for `address`."""
        self._handler = _Handler(take, address)
        self._server: asyncio.Server | None = None
        self._open: dict[_Conversation, None] = {}  # the oldest first

    async def listen(self, place: str, root: Path) -> None:
        """Listen at ADDRESS:PORT, or at a socket in the file system.

        `root`: of the site, from where a path is seen. Raises PlaceTaken, OSError, ValueError.
        """
        # The library writes what was said into its log, addresses too.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
        loop = asyncio.get_running_loop()
        if not is_path(place):
            host, port = parse_listening(place)
            try:
                self._server = await loop.create_server(self._converse, host, port)
            except OSError:
                if await _answers(asyncio.open_connection(host, port)):
                    raise PlaceTaken from None
                raise
            return
        path = root / place
        if path.is_socket() and await _answers(asyncio.open_unix_connection(path)):
            raise PlaceTaken
        self._server = await loop.create_unix_server(self._converse, path)  # takes the place of a dead one
        path.chmod(SOCKET_MODE)

    def close(self) -> None:
        """Listen no more, and end every connection: what was not answered is given again."""
        if self._server is not None:
            self._server.close()
        for conversation in tuple(self._open):
            if conversation.transport is not None:
                conversation.transport.close()

    def _converse(self) -> asyncio.Protocol:
        if len(self._open) >= MOST_CONNECTIONS and not self._make_room():
            return _Busy()
        conversation = _Conversation(
            self._handler,
            data_size_limit=MOST_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            hostname=socket.gethostname(),
            ident="optin LMTP",
            timeout=TIMEOUT_SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self._open[conversation] = None
        conversation.gone = lambda: self._open.pop(conversation, None)
        return conversation

    def _make_room(self) -> bool:
        """End the oldest connection that has no message under way: whoever only talks keeps nobody out."""
        idle = next((it for it in self._open if not it.owed), None)
        if idle is None:
            return False
        del self._open[idle]
        if isinstance(idle.transport, asyncio.Transport):
            idle.transport.abort()
        return True


def is_path(place: str) -> bool:
    """Return whether a place is a socket in the file system."""
    return "/" in place


async def _answers(connecting: Any) -> bool:
    """Return whether somebody listens where a connection is made."""
    with suppress(OSError, TimeoutError):
        _, writer = await asyncio.wait_for(connecting, TRY_SECONDS)
        writer.close()
        return True
    return False
