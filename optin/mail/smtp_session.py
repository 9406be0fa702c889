"""Open a connection to a mail server: encrypt, greet, log in; or report why that fails."""

from __future__ import annotations

import logging
import re
import ssl
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import aiosmtplib

from optin.consent.return_address import SEPARATOR
from optin.flows.delivery.mail_order import Verdict
from optin.mail.connection_pool import ServerUnusable
from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_refusals import PERMANENT, MailTrouble, SmtpRefusal, SmtpStage
from optin.server_addresses import is_on_this_machine

logging.getLogger("aiosmtplib").setLevel(logging.WARNING)  # its debug lines hold addresses

TIMEOUT_SECONDS = 30.0
GOODBYE_SECONDS = 2.0
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{4,253}}$)({_LABEL}\.)+(?![0-9]+$){_LABEL}")


@dataclass(frozen=True)
class SmtpAddress:
    """A mail server and how to connect. `own_name`: our name for EHLO; empty: our address."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password: str = ""
    authority: Path | None = None
    timeout_seconds: float = TIMEOUT_SECONDS
    own_name: str = ""

    @property
    def on_this_machine(self) -> bool:
        """Whether the server is on this machine, so that traffic stays on it."""
        return is_on_this_machine(self.host)


def name_for_ehlo(host: str) -> str:
    """Return a host in the form that EHLO requires: a full name, or an address in brackets (RFC 5321, 4.1.4).

    Empty for a name that no other machine knows, such as localhost: then our address is said.
    """
    host = host.lower().strip("[]").rstrip(".").partition("%")[0]
    try:
        address = ip_address(host)
    except ValueError:
        try:
            name = host.encode("idna").decode()
        except UnicodeError:
            return ""
        return name if _HOST_NAME.fullmatch(name) else ""
    return f"[IPv6:{address}]" if isinstance(address, IPv6Address) else f"[{address}]"


@lru_cache
def authorities(file: Path | None) -> ssl.SSLContext:
    """Return the trusted certificate authorities: those of this machine, or of `file`; read once."""
    return ssl.create_default_context(cafile=file)


async def open_session(address: SmtpAddress) -> aiosmtplib.SMTP:
    """Return a client that can send mails. Raises ServerUnusable."""
    client = aiosmtplib.SMTP(
        hostname=address.host,
        port=address.port,
        local_hostname=address.own_name or "[127.0.0.1]",
        use_tls=address.tls,
        start_tls=False,
        tls_context=authorities(address.authority),
        timeout=address.timeout_seconds,
    )
    try:
        await _prepare(client, address)
    except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as problem:
        client.close()
        trouble, reply = _trouble_of(problem), _about(problem)
        raise ServerUnusable(SendOutcome(Verdict.LATER, reply, server_down=True, trouble=trouble)) from None
    except BaseException:
        client.close()
        raise
    return client


async def send_over(
    client: aiosmtplib.SMTP, address: SmtpAddress, sender: str, recipient: str, message: bytes
) -> str:
    """Send one mail and return the server's answer. Raises what the library raises; see `refusal_of`."""
    options = [] if recipient.isascii() else ["SMTPUTF8"]  # RFC 6531
    told = client.supports_extension("dsn")
    if told:  # RFC 3461: a report holds no more than the headers, and names the mail by its return address
        token = sender.rpartition("@")[0].rpartition(SEPARATOR)[2]
        options += ["RET=HDRS", *([f"ENVID={token}"] if token.isascii() and token.isalnum() else [])]
    _, answer = await client.sendmail(
        sender,
        [recipient],
        message,
        mail_options=options,
        rcpt_options=["NOTIFY=FAILURE,DELAY"] if told else [],
        timeout=address.timeout_seconds,
    )
    return answer


def refusal_of(problem: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPResponseException) -> SmtpRefusal:
    """Return the server's refusal of a mail to one recipient."""
    if isinstance(problem, aiosmtplib.SMTPRecipientsRefused):
        refused = problem.recipients[0]
        return SmtpRefusal(SmtpStage.RECIPIENT, refused.code, refused.message)
    stage = SmtpStage.DATA if isinstance(problem, aiosmtplib.SMTPDataError) else SmtpStage.SENDER
    return SmtpRefusal(stage, problem.code, problem.message)


async def close_session(client: aiosmtplib.SMTP) -> None:
    """Send QUIT; the server may be gone already."""
    try:
        await client.quit(timeout=GOODBYE_SECONDS)
    except (TimeoutError, aiosmtplib.SMTPException, OSError):
        client.close()


async def _prepare(client: aiosmtplib.SMTP, address: SmtpAddress) -> None:
    await client.connect()
    if not address.own_name:
        client.local_hostname = name_for_ehlo(str(client.get_transport_info("sockname")[0]))
    await _greet(client)
    if not address.tls and not (address.on_this_machine and address.authority is None):
        if not client.supports_extension("starttls"):
            raise _NoEncryption
        await client.starttls()
        await _greet(client)
    if address.user:
        await _login(client, address)


async def _login(client: aiosmtplib.SMTP, address: SmtpAddress) -> None:
    try:
        await client.login(address.user, address.password)
    except aiosmtplib.SMTPException as problem:
        if type(problem) is aiosmtplib.SMTPException:  # it offers no login, or none that we know
            raise _NoLogin from None
        raise


class _NoEncryption(aiosmtplib.SMTPException):
    """The server offers no STARTTLS, and nothing is sent unencrypted."""

    def __init__(self) -> None:
        super().__init__("no STARTTLS")


class _NoLogin(aiosmtplib.SMTPException):
    """The server offers no supported login method."""

    def __init__(self) -> None:
        super().__init__("no AUTH")


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Send EHLO, or HELO to a server that does not know it."""
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as problem:
        if problem.code < PERMANENT or not client.is_connected:
            raise
        await client.helo()


def _trouble_of(problem: Exception) -> MailTrouble:
    """Return why no connection could be opened."""
    certificate = (problem, problem.__cause__, problem.__context__)
    if any(isinstance(it, ssl.SSLCertVerificationError) for it in certificate):
        return MailTrouble.CERTIFICATE
    if isinstance(problem, _NoEncryption):
        return MailTrouble.ENCRYPTION
    if isinstance(problem, _NoLogin):
        return MailTrouble.LOGIN
    code = getattr(problem, "code", 0)
    if code < PERMANENT:
        return MailTrouble.UNREACHABLE
    if isinstance(problem, aiosmtplib.SMTPAuthenticationError):
        return MailTrouble.LOGIN
    if isinstance(problem, aiosmtplib.SMTPHeloError):
        return MailTrouble.NAME
    return SmtpRefusal(SmtpStage.DATA, code, getattr(problem, "message", "")).trouble() or MailTrouble.POLICY


def _about(problem: Exception) -> str:
    code = getattr(problem, "code", "")
    return f"{type(problem).__name__} {code}".strip()
