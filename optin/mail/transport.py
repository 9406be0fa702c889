"""Transports: a mail server, or a folder in `optin dev`; chosen by one address."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Protocol

from optin.errors import SetupRefused
from optin.flows.delivery.mail_order import Verdict
from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_session import name_for_ehlo
from optin.mail.smtp_transport import CONNECTIONS, SmtpAddress, SmtpTransport, ignore_acceptance
from optin.mail.trouble_log import TroubleLog
from optin.server_addresses import AddressRefused, read_mail_server

FILE_PREFIX = "file:"
FILES_AT_ONCE = 8


class Transport(Protocol):
    """Sends mails. Several lanes may use it at once."""

    async def send(
        self,
        sender: str,
        recipient: str,
        message: bytes,
        accepted: Callable[[], None] = ignore_acceptance,
        *,
        asked: bool = True,
    ) -> SendOutcome:
        """Send one mail; call `accepted` once the server has it. Never raises for faults of the server.

        `asked`: somebody waits for it, so it goes before others.
        """

    @property
    def places(self) -> int:
        """How many mails can be sent at once, as far as is known."""

    async def close(self) -> None:
        """Close every connection."""


class FileTransport:
    """Writes each mail to a folder, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Write to `folder`, created when needed."""
        self._folder = folder

    @property
    def places(self) -> int:
        """How many mails are written at once."""
        return FILES_AT_ONCE

    async def send(
        self,
        sender: str,
        recipient: str,
        message: bytes,
        accepted: Callable[[], None] = ignore_acceptance,
        *,
        asked: bool = True,
    ) -> SendOutcome:
        """Write one mail; file names sort by time."""
        del sender, recipient, asked
        await asyncio.to_thread(self._write, message)
        accepted()
        return SendOutcome(Verdict.SENT, "written")

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    def _write(self, message: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = str(message_from_bytes(message)["Message-ID"] or secrets.token_hex(8))
        name = re.sub(r"[^A-Za-z0-9@.-]", "", found)[:120]
        path = self._folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{name}.eml"
        draft = path.with_suffix(".part")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message)
        draft.rename(path)


def open_transport(
    url: str, root: Path, *, own_host: str = "", most: int = CONNECTIONS, troubles: TroubleLog | None = None
) -> Transport:
    """Return the transport for `url`. Raises SetupRefused with the cure.

    `own_host`: what a mail server is told that we are called; `most`: connections to it at once.

    smtp://user:password@host:587 speaks STARTTLS and insists on it, but for a server on this machine;
    smtps://…:465 speaks TLS from the start; `?ca=FILE` trusts a certificate authority of your own.
    """
    if url.startswith(FILE_PREFIX):
        return FileTransport(root / url.removeprefix(FILE_PREFIX))
    return SmtpTransport(smtp_address(url, root, own_host), most, troubles)


def smtp_address(url: str, root: Path, own_host: str) -> SmtpAddress:
    """Return the mail server at `url`, smtp://… or smtps://…. Raises SetupRefused with the cure."""
    try:
        server = read_mail_server(url)
    except AddressRefused as problem:
        msg = f"OPTIN_MAIL (mail in optin.toml) is not correct. {problem}"
        raise SetupRefused(msg) from None
    if server.authority and not (root / server.authority).is_file():
        msg = f"There is no certificate file {server.authority}; correct ?ca= in OPTIN_MAIL."
        raise SetupRefused(msg)
    return SmtpAddress(
        host=server.host,
        port=server.port,
        tls=server.tls,
        user=server.user,
        password=server.password,
        authority=root / server.authority if server.authority else None,
        own_name=name_for_ehlo(own_host),
    )
