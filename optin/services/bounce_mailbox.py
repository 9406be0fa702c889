"""Read the mailbox to which mails come back, by IMAP (O6).

By imaplib of the standard library, in a thread: a few commands every few minutes need no package, and those
that exist wrap it (imap-tools) or have no releases any more (aioimaplib). Messages are looked at without
marking them as read; those about mails of ours are moved away or deleted, all others stay as they are.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from optin.bounces.returned_mail import Meaning
from optin.flows.returned_mails.report_in_mail import Unreported
from optin.server_addresses import is_on_this_machine
from optin.services.returned_mails import MOST_KEPT, TakenMail
from optin.settings.bounces import IMAPS_PORT, ImapTable

TIMEOUT_SECONDS = 30.0
MOST_MESSAGES = 200  # in one round
_LETTERS = frozenset({Meaning.ORDINARY, Meaning.AUTO_REPLY})  # for people, if anybody reads them


class MailboxTrouble(Exception):
    """A mailbox that cannot be read now. Its text is a word for the log."""


@dataclass
class MailboxRound:
    """What was read. `mark`: how far, to go on from there; `more`: there is more to read now."""

    mark: str
    looked_at: int = 0
    handled: int = 0
    more: bool = False


def read_mailbox(
    mailbox: ImapTable,
    password: str,
    mark: str,
    take: Callable[[bytes], TakenMail],
    trust: ssl.SSLContext | None = None,
) -> Iterator[MailboxRound]:
    """Read what came since `mark`; yield how far after each message, and at the end. Raises MailboxTrouble.

    `take` raises when it cannot store a message now; that one is read again the next time. `trust`: the
    authorities that count, if not the machine's.
    """
    try:
        with _opened(mailbox, password, trust) as server:
            yield from _read(server, mailbox, mark, take)
    except (imaplib.IMAP4.error, OSError, EOFError, ValueError) as problem:
        raise MailboxTrouble(type(problem).__name__) from None


def _read(
    server: imaplib.IMAP4, mailbox: ImapTable, mark: str, take: Callable[[bytes], TakenMail]
) -> Iterator[MailboxRound]:
    _done(server.select(_quoted(mailbox.folder)), "no such folder")
    valid = _first(server.response("UIDVALIDITY")[1]).decode("ascii", "replace")
    before, _, number = mark.partition(":")
    last = int(number) if before == valid and number.isdigit() else 0
    found = _first(_done(server.uid("SEARCH", f"UID {last + 1}:*"), "no search"))
    numbers = sorted(it for it in map(int, found.split()) if it > last)  # n:* names the last one, too
    done = MailboxRound(f"{valid}:{last}", more=len(numbers) > MOST_MESSAGES)
    for each in numbers[:MOST_MESSAGES]:
        message = _message(server, each)
        if message:
            taken = take(message)
            done.looked_at += 1
            if taken.effect is not Unreported.FORGED and taken.meaning not in _LETTERS:
                _put_away(server, each, mailbox.handled)
                done.handled += 1
        done.mark = f"{valid}:{each}"
        yield done
    yield done


def _message(server: imaplib.IMAP4, number: int) -> bytes:
    """Return the beginning of a message, left unread; empty when it is gone."""
    parts = _done(server.uid("FETCH", str(number), f"(BODY.PEEK[]<0.{MOST_KEPT}>)"), "no message")
    return next((bytes(it[1]) for it in parts if isinstance(it, tuple)), b"")


def _put_away(server: imaplib.IMAP4, number: int, folder: str) -> None:
    """Move a message to a folder, which is made when it is missing; delete it when no folder is named."""
    capabilities = set(server.capabilities)
    _done(server.uid("STORE", str(number), "+FLAGS.SILENT", r"(\Seen)"), "no flags")
    if folder:
        command = "MOVE" if "MOVE" in capabilities else "COPY"  # RFC 6851
        status, _ = server.uid(command, str(number), _quoted(folder))
        if status != "OK":
            server.create(_quoted(folder))
            _done(server.uid(command, str(number), _quoted(folder)), "no folder for what is handled")
        if command == "MOVE":
            return
    _done(server.uid("STORE", str(number), "+FLAGS.SILENT", r"(\Deleted)"), "no flags")
    if "UIDPLUS" in capabilities:  # RFC 4315; without it all that anybody marked would go
        server.uid("EXPUNGE", str(number))


@contextmanager
def _opened(mailbox: ImapTable, password: str, trust: ssl.SSLContext | None) -> Iterator[imaplib.IMAP4]:
    """Open a connection and sign in; over TLS, unless the server is on this machine."""
    trust = trust or ssl.create_default_context()
    server: imaplib.IMAP4
    if mailbox.port == IMAPS_PORT:
        server = imaplib.IMAP4_SSL(mailbox.host, mailbox.port, ssl_context=trust, timeout=TIMEOUT_SECONDS)
    else:
        server = imaplib.IMAP4(mailbox.host, mailbox.port, timeout=TIMEOUT_SECONDS)
    try:
        if mailbox.port != IMAPS_PORT and not is_on_this_machine(mailbox.host):
            server.starttls(trust)
        server.login(mailbox.user, password)
        # many servers name what they can do only to who signed in; the library asks before
        can = _first(_done(server.capability(), "no capabilities"))
        server.capabilities = tuple(can.decode("ascii", "replace").upper().split())
        yield server
    finally:
        with suppress(imaplib.IMAP4.error, OSError, EOFError):
            server.logout()


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _done(answer: tuple[str, Sequence[object]], otherwise: str) -> Sequence[object]:
    status, parts = answer
    if status != "OK":
        raise imaplib.IMAP4.error(otherwise)
    return parts


def _first(parts: Sequence[object]) -> bytes:
    return next((bytes(it) for it in parts if isinstance(it, bytes)), b"")
