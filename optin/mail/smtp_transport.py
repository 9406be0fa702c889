"""Send by SMTP (RFC 5321): connections are reused, and every answer is a verdict.

A refusal about the recipient is final. Everything that is about the server or about us is a reason to try
later (`smtp_refusals`): the mail is not at fault, and the operator is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiosmtplib

from optin.flows.delivery.mail_order import Verdict
from optin.mail.connection_pool import ConnectionPool, ServerUnusable
from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_refusals import MailTrouble, SmtpRefusal, SmtpStage
from optin.mail.smtp_session import SmtpAddress, close_session, open_session, refusal_of, send_over
from optin.mail.trouble_log import TroubleLog

__all__ = ["CONNECTIONS", "SmtpAddress", "SmtpTransport"]

LONGEST_WAIT_SECONDS = 90.0  # for a free connection: a mail's lease must outlast this and its sending
CONNECTIONS = 8  # what one client may well have open; other mails wait for a free one
MAILS_PER_CONNECTION = 500  # servers like to see a fresh one now and then
IDLE_SECONDS = 5.0
MOST_TRIES = 3  # of one mail on several connections, at once
CLOSING = 421  # the server is about to hang up


def ignore_acceptance() -> None:
    """Do nothing when a mail is accepted."""


@dataclass
class _Connection:
    """One connection, with the number of mails sent over it."""

    client: aiosmtplib.SMTP
    opened_at: float
    carried: int = 0
    tried: int = 0

    @property
    def is_used(self) -> bool:
        """Whether the server may refuse it for its age: it has sent mail, or was idle."""
        return self.carried > 0 or time.monotonic() - self.opened_at > IDLE_SECONDS

    @property
    def is_worn(self) -> bool:
        """Whether to replace it by a new one."""
        return self.tried >= MAILS_PER_CONNECTION or not self.client.is_connected


@dataclass(frozen=True)
class _Mail:
    sender: str
    recipient: str
    message: bytes
    accepted: Callable[[], None]
    asked: bool


@dataclass(frozen=True)
class _Tried:
    """One attempt on one connection. `fresh_may_do`: a new connection may succeed."""

    outcome: SendOutcome
    keep: bool = True
    fresh_may_do: bool = False
    closing: bool = False


class SmtpTransport:
    """Sends mails over a few connections that stay open."""

    def __init__(
        self, address: SmtpAddress, most: int = CONNECTIONS, troubles: TroubleLog | None = None
    ) -> None:
        """Connect when there is a mail; keep at most `most` connections open."""
        self._address = address
        self._troubles = troubles or TroubleLog()
        self._pool: ConnectionPool[_Connection] = ConnectionPool(self._connect, self._leave, most)

    @property
    def places(self) -> int:
        """How many mails can be sent at once, as far as is known."""
        return self._pool.limit

    async def send(
        self,
        sender: str,
        recipient: str,
        message: bytes,
        accepted: Callable[[], None] = ignore_acceptance,
        *,
        asked: bool = True,
    ) -> SendOutcome:
        """Send one mail over the next free connection; call `accepted` the moment the server accepts it.

        `asked`: somebody waits for it, so it goes before others.
        """
        outcome = await self._send(_Mail(sender, recipient, message, accepted, asked))
        if outcome.verdict is Verdict.SENT:
            self._troubles.mail_left()
        elif outcome.trouble is MailTrouble.UNREACHABLE:
            self._troubles.warn("unreachable", f"the mail server accepts no mail now: {outcome.reply}")
        elif outcome.trouble is not None:
            self._troubles.shout(outcome.trouble, outcome.reply)
        elif outcome.verdict is Verdict.LATER:
            self._troubles.warn(f"later {outcome.reply}", f"the mail server postpones mail: {outcome.reply}")
        return outcome

    async def close(self) -> None:
        """Close every connection politely."""
        await self._pool.close()

    async def _send(self, mail: _Mail) -> SendOutcome:
        """Send a mail; when its connection may be at fault, at once again over a new one."""
        try:
            connection = await self._take(mail)
            if not connection.client.is_connected:  # the server hung up meanwhile
                connection = await self._another(connection, mail, one_too_many=False)
            for _ in range(MOST_TRIES - 1):
                tried = await self._try(connection, mail)
                if not tried.fresh_may_do:
                    break
                connection = await self._another(connection, mail, one_too_many=tried.closing)
            else:
                tried = await self._try(connection, mail)
        except ServerUnusable as problem:
            return problem.outcome
        except TimeoutError:
            return SendOutcome(Verdict.LATER, "no free connection")
        await self._put(connection, tried)
        return tried.outcome

    async def _take(self, mail: _Mail) -> _Connection:
        return await asyncio.wait_for(self._pool.take(asked=mail.asked), LONGEST_WAIT_SECONDS)

    async def _another(self, connection: _Connection, mail: _Mail, *, one_too_many: bool) -> _Connection:
        """Close a connection that may be at fault, and return a new one, or any other."""
        if one_too_many and not connection.is_used:  # it was greeted, and then it was one too many
            self._pool.note_refusal()
            await self._pool.drop(connection)
            return await self._take(mail)
        try:
            return await self._pool.replace(connection)
        except ServerUnusable:
            if not self._pool.opened:
                raise
            return await self._take(mail)

    async def _put(self, connection: _Connection, tried: _Tried) -> None:
        if tried.keep and not connection.is_worn:
            self._pool.give_back(connection)
        else:
            await self._pool.drop(connection)

    async def _try(self, connection: _Connection, mail: _Mail) -> _Tried:
        """Send over one connection; every result is an outcome."""
        connection.tried += 1
        used = connection.is_used
        try:
            await send_over(connection.client, self._address, mail.sender, mail.recipient, mail.message)
            mail.accepted()
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as problem:
            return self._refused(refusal_of(problem), mail, used=used)
        except aiosmtplib.SMTPNotSupported:
            return _Tried(SendOutcome(Verdict.REFUSED, "not supported"))
        except aiosmtplib.SMTPServerDisconnected:
            return _Tried(SendOutcome(Verdict.LATER, "disconnected"), keep=False, fresh_may_do=used)
        except (UnicodeError, ValueError):
            return _Tried(SendOutcome(Verdict.REFUSED, "address"))
        except Exception as problem:  # noqa: BLE001 - whatever it is, the connection's place must not be lost
            return _Tried(SendOutcome(Verdict.LATER, type(problem).__name__), keep=False)
        connection.carried += 1
        return _Tried(SendOutcome(Verdict.SENT, "250"))

    def _refused(self, refusal: SmtpRefusal, mail: _Mail, *, used: bool) -> _Tried:
        """Return the outcome of a refusal. A 4xx closes the connection, which may be the only fault."""
        if not refusal.is_final:
            closing = refusal.code == CLOSING
            outcome = SendOutcome(Verdict.LATER, refusal.reply)
            again = used or (closing and self._pool.opened > 1)
            return _Tried(outcome, keep=False, fresh_may_do=again, closing=closing)
        trouble = refusal.trouble()
        if trouble is None:
            likeness = refusal.likeness(mail.recipient)
            return _Tried(SendOutcome(Verdict.REFUSED, refusal.reply, likeness=likeness))
        outcome = SendOutcome(Verdict.LATER, refusal.reply, trouble=trouble)
        return _Tried(outcome, keep=refusal.stage is not SmtpStage.SENDER, fresh_may_do=used)

    async def _connect(self) -> _Connection:
        return _Connection(await open_session(self._address), time.monotonic())

    async def _leave(self, connection: _Connection) -> None:
        await close_session(connection.client)
