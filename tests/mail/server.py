"""A real mail server for tests, whose answers are scripted (aiosmtpd)."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[str], str]


@dataclass
class Script:
    """How the server behaves, and what it saw."""

    rcpt: Callable[[str, int], str] = lambda _address, _time: "250 2.1.5 fine"
    data: Callable[[bytes, int], str] = lambda _data, _time: "250 2.0.0 taken"
    mail_from: str = "250 2.1.0 fine"
    mail_from_at: Callable[[int], str] | None = None  # by how many were open when the connection was made
    hang_at_data: bool = False
    die_at_data: bool = False
    close_after: int = 0  # mails on one connection
    mails_a_connection: int = 0  # more than these get 452 at RCPT
    most_open: int = 0  # connections at once; those beyond are treated as `beyond` says
    beyond: str = "421"  # greeted with it; or close, without a word; or hang
    data_seconds: float = 0.0  # that a mail takes
    ehlo: Callable[[str], str] = lambda _name: ""  # a refusal, if any
    connections: int = 0
    open: int = 0
    most_seen: int = 0  # open at once
    refused: int = 0  # connections beyond
    reports: bool = False  # it offers to report on what becomes of a mail (DSN, RFC 3461)
    asked: list[str] = field(default_factory=list)  # of it, by clients
    senders: list[str] = field(default_factory=list)  # of the envelopes
    names: list[str] = field(default_factory=list)  # what clients called themselves
    servers: list[Any] = field(default_factory=list)  # one for each connection

    def hang_up(self) -> None:
        """Close every connection from the server's side."""
        for server in self.servers:
            server.loop.call_soon_threadsafe(server.transport.close)

    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)


class _Handler:
    def __init__(self, script: Script) -> None:
        self._script = script

    async def handle_EHLO(  # noqa: N802 - the library's name
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self._script.names.append(hostname)
        refusal = self._script.ehlo(hostname)
        session.host_name = None if refusal else hostname
        if self._script.reports:
            responses.insert(1, "250-DSN")  # after the greeting
        return [refusal] if refusal else responses

    async def handle_HELO(  # noqa: N802 - the library's name
        self, _server: Any, session: Any, _envelope: Any, hostname: str
    ) -> str:
        self._script.names.append(hostname)
        refusal = self._script.ehlo(hostname)
        session.host_name = None if refusal else hostname
        return refusal or "250 hello"

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, server: Any, _session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self._script.mail_from_at is not None:
            answer = self._script.mail_from_at(server.place)
            if answer.startswith("421"):
                asyncio.get_running_loop().call_later(0.02, server.transport.close)
            if not answer.startswith("250"):
                return answer
        envelope.mail_from = address
        self._script.senders.append(address)
        envelope.mail_options.extend(options)
        return self._script.mail_from

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        script = self._script
        if script.mails_a_connection and getattr(session, "carried", 0) >= script.mails_a_connection:
            return "452 4.5.3 too many mails in one session"
        script.seen[address] = script.seen.get(address, 0) + 1
        answer = script.rcpt(address, script.seen[address])
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        script = self._script
        await asyncio.sleep(script.data_seconds)
        if script.hang_at_data:
            await asyncio.sleep(30)
        if script.die_at_data:
            server.transport.abort()
            return "250 never seen"
        answer = script.data(envelope.original_content, len(script.mails))
        if answer.startswith("250"):
            script.mails.append(envelope.original_content)
            script.recipients.extend(envelope.rcpt_tos)
        session.carried = getattr(session, "carried", 0) + 1
        if script.close_after and session.carried >= script.close_after:
            asyncio.get_running_loop().call_later(0.02, server.transport.close)
        return answer


class _Beyond(asyncio.Protocol):
    """What a connection more than the server allows gets."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._script.refused += 1
        if self._script.beyond == "hang":
            return
        if self._script.beyond != "close":
            transport.write(f"{self._script.beyond} 4.7.0 too many connections from you\r\n".encode())
        transport.close()


_ABOUT_REPORTS = re.compile(r" (?:RET|ENVID|NOTIFY)=\S+")


class _Counted(SMTP):
    """Tells when it is closed, and takes the parameters of RFC 3461, which the library does not know."""

    script: Script
    place: int  # how many were open with it

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - the library's name
        await super().smtp_MAIL(self._without_reports(arg))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - the library's name
        await super().smtp_RCPT(self._without_reports(arg))

    def _without_reports(self, arg: str | None) -> str | None:
        if arg is None or not self.script.reports:
            return arg
        self.script.asked.extend(it.strip() for it in _ABOUT_REPORTS.findall(arg))
        return _ABOUT_REPORTS.sub("", arg)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.script.open -= 1


@contextmanager
def mail_server(
    script: Script,
    *,
    tls: ssl.SSLContext | None = None,
    login: bool = False,
    utf8: bool = True,
    listening: socket.socket | None = None,
) -> Iterator[int]:
    """Run a server on a free port of this machine, or on a socket; yield the port; stop it at the end."""
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # it warns of its own deprecations
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    state: dict[str, Any] = {}

    def authenticate(_server: Any, _session: Any, _envelope: Any, _how: str, data: Any) -> AuthResult:
        script.logins.append(data.login if isinstance(data, LoginPassword) else b"")
        return AuthResult(success=data.password == b"p w/d", handled=False)

    def protocol() -> asyncio.Protocol:
        if script.most_open and script.open >= max(script.most_open, 0):
            return _Beyond(script)
        script.connections += 1
        script.open += 1
        script.most_seen = max(script.most_seen, script.open)
        server: _Counted = _Counted(
            _Handler(script),
            loop=loop,
            enable_SMTPUTF8=utf8,
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=authenticate,
            auth_required=login,
            auth_require_tls=tls is not None,
        )
        server.script, server.place = script, script.open
        script.servers.append(server)
        return server

    async def start() -> None:
        on = {"host": "127.0.0.1", "port": 0} if listening is None else {"sock": listening}
        state["server"] = await loop.create_server(protocol, **on)
        state["port"] = state["server"].sockets[0].getsockname()[1]
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(start())
        loop.run_forever()
        state["server"].close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(120)
    try:
        yield state["port"]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def certificate(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1, and for `names`; return its file and the server's side of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    hosts = [x509.IPAddress(ip_address("127.0.0.1")), *map(x509.DNSName, names)]
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "ca.pem", folder / "key.pem"
    file.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return file, context
