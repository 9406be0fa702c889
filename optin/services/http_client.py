"""The HTTP client for webhooks, tools, providers of sign-in, time-stamp authorities and witnesses.

It calls public servers only. Nothing may lead such a call into the network of this machine, whoever answers
for a name. A name is resolved once, each of its addresses is looked at, and the connection goes to exactly
such an address: whoever changes the name meanwhile wins nothing. TLS is verified against the name. No
redirect is followed, no proxy of the environment is used. A call has one deadline and one bound in bytes for
all of it, however slowly it drips.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore2

from optin.services.public_ip_address import is_public

DRAIN_SECONDS = 1.0  # for what comes after the status, where that is what counts
MOST_LOOKUPS = 32  # of names at once: a resolver that hangs keeps its thread until it gives up
PORTS = {"https": 443, "http": 80}

_NOT_SECURE = "not https"
_NO_ADDRESS = "no address"
_NOT_PUBLIC = "its name leads to an address that is not public"
_WITHOUT_END = "an answer that is too long"
_TOO_MANY = "too many names are looked up at once"


class CallFailed(Exception):
    """A call that got no answer. Its text is a word for the log, without anything that was sent."""


class AddressRefused(CallFailed):
    """An address that is not called."""


@dataclass(frozen=True)
class HttpAnswer:
    """A server's answer, whatever its status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class VettedClient:
    """Calls public servers.

    `may_reach`: which IP addresses it connects to; only tests give another rule, and another authority.
    `seconds`: the deadline of a whole call. `most_bytes`: of a whole answer, headers and all.
    """

    def __init__(
        self,
        may_reach: Callable[[str], bool] = is_public,
        trust: ssl.SSLContext | None = None,
        schemes: tuple[str, ...] = ("https",),
        seconds: float = 15.0,
        most_bytes: int = 64 * 1024,
    ) -> None:
        """Take the rules; the machine's certificate authorities are read at the first call."""
        self._may_reach = may_reach
        self._trust = trust
        self._schemes = schemes
        self._seconds = seconds
        self._most_bytes = most_bytes

    async def post_for_head(self, url: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Post, and return the answer without its body, which is ignored. Raises CallFailed."""
        async with self._answer("POST", url, body, headers) as response:
            with suppress(TimeoutError, *_TROUBLES):  # let it finish what it says
                async with asyncio.timeout(DRAIN_SECONDS):
                    await response.aread()
            return HttpAnswer(response.status, _named(response.headers), b"")

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Post, and return the whole answer. Raises CallFailed."""
        return await self.request("POST", url, body, headers)

    async def request(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> HttpAnswer:
        """Make a call, and return the whole answer. Raises CallFailed."""
        async with self._answer(method, url, body, headers) as response:
            content = await response.aread()
        return HttpAnswer(response.status, _named(response.headers), content)

    def may_call(self, url: str) -> bool:
        """Return whether the text of an address is acceptable; no name is looked up."""
        try:
            self._parts(url)
        except AddressRefused:
            return False
        return True

    @asynccontextmanager
    async def _answer(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> AsyncIterator[httpcore2.Response]:
        """Yield an answer after its headers; its body can be read inside. Raises CallFailed."""
        parts = self._parts(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        asked = httpcore2.URL(
            scheme=parts.scheme, host=parts.hostname or "", port=_port_of(parts), target=target
        )
        sent = {"host": parts.netloc, "user-agent": "optin", "connection": "close", **headers}
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._connection(asked) as connection,
                connection.stream(method, asked, headers=_raw(sent), content=body) as response,
            ):
                yield response
        except _TROUBLES as problem:
            raise CallFailed(type(_first(problem)).__name__) from None

    def _parts(self, url: str) -> SplitResult:
        """Return the parts of an address whose text is acceptable. Raises AddressRefused."""
        plain = url.isascii() and url.isprintable() and not set(url) & set(' \\"<>^`{|}')
        with suppress(ValueError):
            parts = urlsplit(url)
            if plain and parts.hostname and _port_of(parts) and "@" not in parts.netloc:
                if parts.scheme in self._schemes:
                    return parts
                raise AddressRefused(_NOT_SECURE)
        raise AddressRefused(_NO_ADDRESS)

    @asynccontextmanager
    async def _connection(self, url: httpcore2.URL) -> AsyncIterator[httpcore2.AsyncHTTPConnection]:
        if url.scheme == b"https" and self._trust is None:
            self._trust = ssl.create_default_context()
        backend = _PinnedBackend(self._may_reach, self._most_bytes)
        connection = httpcore2.AsyncHTTPConnection(
            url.origin, ssl_context=self._trust, network_backend=backend
        )
        try:
            yield connection
        finally:
            await connection.aclose()


class _PinnedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the checked address. Raises AddressRefused when one of a name's addresses is not public."""

    def __init__(self, may_reach: Callable[[str], bool], most_bytes: int) -> None:
        self._may_reach = may_reach
        self._most_bytes = most_bytes
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface has it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await _addresses_of(host, port)
        if not all(self._may_reach(address) for address in addresses):
            raise AddressRefused(_NOT_PUBLIC)
        problem: Exception = OSError(_NO_ADDRESS)
        for address in addresses:
            try:
                stream = await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore2.NetworkError as refused:
                problem = refused
            else:
                return _BoundedStream(stream, self._most_bytes)
        raise problem


class _BoundedStream(httpcore2.AsyncNetworkStream):
    """A connection that limits the received bytes. Raises ReadError beyond the limit."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream, most_bytes: int) -> None:
        self._inner = inner
        self._left = most_bytes

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as above
        data = await self._inner.read(max_bytes, timeout)
        self._left -= len(data)
        if self._left < 0:
            raise httpcore2.ReadError(_WITHOUT_END)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> httpcore2.AsyncNetworkStream:
        return _BoundedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


_lookups = threading.BoundedSemaphore(MOST_LOOKUPS)


async def _addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses of a name, from one lookup. Raises OSError.

    In a thread of its own, which ends with the program: a resolver that hangs holds up nothing else.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def look() -> None:
        found, problem = [], None
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as failed:
            problem = OSError(type(failed).__name__)
        finally:
            _lookups.release()
        with suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(settle, list(dict.fromkeys(str(it[4][0]) for it in found)), problem)

    def settle(found: list[str], problem: OSError | None) -> None:
        if answer.done():  # nobody waits any more
            return
        if problem is None:
            answer.set_result(found)
        else:
            answer.set_exception(problem)

    if not _lookups.acquire(blocking=False):
        raise OSError(_TOO_MANY)
    threading.Thread(target=look, name=f"look up {host}", daemon=True).start()
    return await answer


# whatever the network, the other side or our own request can do to a call
_TROUBLES = (OSError, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, ValueError)


def _first(problem: BaseException) -> BaseException:
    """Return the cause of a network error: the system's error, when there is one."""
    while problem.__cause__ is not None and not isinstance(problem, OSError):
        problem = problem.__cause__
    return problem


def _port_of(parts: SplitResult) -> int:
    """Return the port of an address; 0 when there is none. Raises ValueError."""
    return PORTS.get(parts.scheme, 0) if parts.port is None else parts.port


def _named(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
