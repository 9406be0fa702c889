"""Sending by SMTP (RFC 5321): connections reused, every answer a verdict.

A refusal of the mail itself (5xx to RCPT or DATA) is final. Everything that is about the server or our
own account (no connection, bad certificate, refused login, refused sender) is a reason to try later: the
mail is not at fault, and the operator is told.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import aiosmtplib

from optin.flows.orders import Verdict
from optin.mail.outcome import Outcome

log = logging.getLogger("optin.mail")
logging.getLogger("aiosmtplib").setLevel(logging.WARNING)  # its debug lines hold addresses

TIMEOUT_SECONDS = 30.0
PERMANENT = 500
CONNECTIONS = 8  # what one client may well have open; other mails wait for a free one
MAILS_PER_CONNECTION = 500  # servers like to see a fresh one now and then


@dataclass(frozen=True)
class SmtpAddress:
    """A mail server, and how to speak with it."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password: str = ""
    authority: Path | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    @property
    def on_this_machine(self) -> bool:
        """Whether what is said never leaves the machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class _Lane:
    """One connection and how many mails it has carried."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self.client = client
        self.carried = 0


class SmtpTransport:
    """Sends mails over a few connections that stay open."""

    def __init__(self, address: SmtpAddress) -> None:
        """Connect only when there is a mail."""
        self._address = address
        self._free: list[_Lane] = []
        self._places = asyncio.Semaphore(CONNECTIONS)

    async def send(self, sender: str, recipient: str, message: bytes) -> Outcome:
        """Send one mail over the next free connection."""
        async with self._places:
            return await self._send(sender, recipient, message)

    async def _send(self, sender: str, recipient: str, message: bytes) -> Outcome:
        """Send one mail; a connection that the server closed meanwhile is replaced once."""
        lane = self._free.pop() if self._free else None
        if lane is not None:
            outcome = await self._try(lane, sender, recipient, message)
            if outcome is not None:
                return outcome
        try:
            lane = _Lane(await self._connect())
        except aiosmtplib.SMTPException as problem:
            log.warning("mail server unusable: %s", _about(problem))
            return Outcome(Verdict.LATER, _about(problem), server_down=True)
        except (OSError, ssl.SSLError, TimeoutError) as problem:
            log.warning("mail server unreachable: %s", type(problem).__name__)
            return Outcome(Verdict.LATER, type(problem).__name__, server_down=True)
        outcome = await self._try(lane, sender, recipient, message)
        return outcome or Outcome(Verdict.LATER, "disconnected")

    async def close(self) -> None:
        """Say goodbye on every connection."""
        lanes, self._free = self._free, []
        for lane in lanes:
            await self._leave(lane)

    async def _try(self, lane: _Lane, sender: str, recipient: str, message: bytes) -> Outcome | None:
        """Send on one connection. None: it was dead before the mail began."""
        try:
            await lane.client.sendmail(
                sender,
                [recipient],
                message,
                mail_options=[] if recipient.isascii() else ["SMTPUTF8"],  # RFC 6531
                timeout=self._address.timeout_seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as problem:
            refusal = problem.recipients[0]
            await self._park(lane)
            return _refusal(refusal.code, refusal.message)
        except aiosmtplib.SMTPDataError as problem:
            await self._park(lane)
            return _refusal(problem.code, problem.message)
        except aiosmtplib.SMTPNotSupported:
            await self._park(lane)
            return Outcome(Verdict.REFUSED, "not supported")
        except aiosmtplib.SMTPServerDisconnected:
            lane.client.close()
            fresh = lane.carried == 0
            return Outcome(Verdict.LATER, "disconnected") if fresh else None
        except aiosmtplib.SMTPResponseException as problem:
            lane.client.close()
            if problem.code == aiosmtplib.SMTPStatus.domain_unavailable and lane.carried:
                return None
            log.warning("mail server refuses this sender: %s", _about(problem))
            return Outcome(Verdict.LATER, _about(problem))
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as problem:
            lane.client.close()
            return Outcome(Verdict.LATER, type(problem).__name__)
        except (UnicodeError, ValueError):
            await self._park(lane)
            return Outcome(Verdict.REFUSED, "address")
        await self._park(lane)
        return Outcome(Verdict.SENT, "250")

    async def _connect(self) -> aiosmtplib.SMTP:
        address = self._address
        context = ssl.create_default_context(cafile=address.authority)
        optional = address.on_this_machine and address.authority is None
        client = aiosmtplib.SMTP(
            hostname=address.host,
            port=address.port,
            use_tls=address.tls,
            start_tls=not (address.tls or optional),
            tls_context=context,
            timeout=address.timeout_seconds,
        )
        try:
            await client.connect()
            if address.user:
                await client.login(address.user, address.password)
        except BaseException:
            client.close()
            raise
        return client

    async def _park(self, lane: _Lane) -> None:
        lane.carried += 1
        if lane.carried >= MAILS_PER_CONNECTION or not lane.client.is_connected:
            await self._leave(lane)
        else:
            self._free.append(lane)

    async def _leave(self, lane: _Lane) -> None:
        try:
            await lane.client.quit(timeout=2)
        except (TimeoutError, aiosmtplib.SMTPException, OSError):
            lane.client.close()


def _refusal(code: int, words: str) -> Outcome:
    verdict = Verdict.REFUSED if code >= PERMANENT else Verdict.LATER
    return Outcome(verdict, f"{code} {_enhanced(words)}".strip())


def _enhanced(words: str) -> str:
    """Return the enhanced status (RFC 3463) that a reply begins with, and nothing else of it."""
    first = words.split(" ", 1)[0]
    parts = first.split(".")
    return first if len(parts) == 3 and all(part.isdigit() for part in parts) else ""  # noqa: PLR2004


def _about(problem: aiosmtplib.SMTPException) -> str:
    code = getattr(problem, "code", "")
    return f"{type(problem).__name__} {code}".strip()
