"""Mails accepted by the mail server, written to a file before the database records them.

A courier that is killed between the server's 250 and the commit would send the mail once more. So the first
thing after the 250 is one write to a file of this process; the next start on this machine marks as sent what
it lists. The file is not synced: it outlives a killed process; after a power cut a mail may come twice.
What stands in it is sealed, and goes as soon as the database knows it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from optin.errors import KeysUnusable
from optin.flows.delivery.mail_order import Order
from optin.store.encryption import EncryptedCell, Vault

log = logging.getLogger("optin.mail")

ENDING = ".taken"
PAGE_BYTES = 4 * 1024 * 1024  # so much is written before another file is begun
TRIES = 3
_PLACE = "handed_over"
_LENGTH = Struct("!I")
_HEAD = Struct("!q12s")  # number of the mail, claim
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC


class AcceptedMail(NamedTuple):
    """One accepted mail: its number, its claim, and its exact bytes."""

    number: int
    claim: bytes
    message: bytes


@dataclass
class _Page:
    """One file, and which of its mails the database has not recorded yet."""

    path: Path
    descriptor: int
    size: int = 0
    open: set[int] = field(default_factory=set)

    def remove(self) -> None:
        """Delete the file; where its disk cannot be written any more, the next start does."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


class AcceptedMailLog:
    """The accepted mails of this process. When the file cannot be written, mail is sent all the same."""

    def __init__(self, folder: Path, vault: Vault, incarnation: bytes) -> None:
        """Begin a file in `folder`, named after this process's incarnation, and hold its lock."""
        self._folder = folder
        self._vault = vault
        self._name = incarnation.hex()
        self._pages: list[_Page] = []
        self._begun = 0
        self._complained = False
        self._lock = threading.Lock()  # mails are taken on a thread of their own
        self._turn()

    def note(self, order: Order, message: bytes) -> None:
        """Write down an accepted mail, in the thread that learns of it first."""
        with self._lock:
            if self._pages:
                self._write(self._pages[-1], order, message)

    def settled(self, order: Order) -> None:
        """Remove a mail: the database has recorded its result."""
        with self._lock:
            for page in self._pages:
                page.open.discard(order.number)
            for page in [it for it in self._pages[:-1] if not it.open]:
                self._pages.remove(page)
                page.remove()
            if self._pages and self._pages[-1].size:
                self._empty(self._pages[-1])

    def _write(self, page: _Page, order: Order, message: bytes) -> None:
        plain = _HEAD.pack(order.number, order.claim) + message
        sealed = self._vault.seal(EncryptedCell(_PLACE, page.path.name.encode()), plain)
        page.open.add(order.number)
        try:
            page.size += os.write(page.descriptor, _LENGTH.pack(len(sealed)) + sealed)
        except OSError as problem:
            self._complain(problem)

    def close(self) -> None:
        """Delete the files whose mails are all recorded; others remain for the next start."""
        for page in self._pages:
            if page.open:
                os.close(page.descriptor)
            else:
                page.remove()
        self._pages.clear()

    def _empty(self, page: _Page) -> None:
        if not page.open:
            with suppress(OSError):
                os.ftruncate(page.descriptor, 0)
                page.size = 0
        elif page.size > PAGE_BYTES:
            self._turn()

    def _turn(self) -> None:
        """Begin another file; retry when a process that looks for dead ones locked it first."""
        for _ in range(TRIES):
            path = self._folder / f"{self._name}-{self._begun}{ENDING}"
            self._begun += 1
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(path, _FLAGS, 0o600)
            except OSError as problem:
                self._complain(problem)
                return
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
            else:
                self._pages.append(_Page(path, descriptor))
                return

    def _complain(self, problem: OSError) -> None:
        if not self._complained:
            log.warning(
                "accepted mails cannot be recorded in var/handed-over (%s): after a crash some may be sent"
                " twice;"
                " check its disk",
                problem.strerror,
            )
        self._complained = True


def mails_of_dead_processes(folder: Path, vault: Vault) -> Iterator[list[AcceptedMail]]:
    """Yield the accepted mails of dead processes, by file. A file is deleted when the next is requested."""
    for path in sorted(folder.glob(f"*{ENDING}")):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not of one that lives
            yield list(_read(file.read(), EncryptedCell(_PLACE, path.name.encode()), vault))
            path.unlink()


def _read(data: bytes, place: EncryptedCell, vault: Vault) -> Iterator[AcceptedMail]:
    """Yield the mails of a file; its end may be cut off, and other keys decrypt nothing."""
    at = 0
    while at + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        try:
            plain = vault.open(place, data[at : at + length])
        except KeysUnusable:
            return
        number, claim = _HEAD.unpack_from(plain)
        yield AcceptedMail(number, claim, plain[_HEAD.size :])
        at += length
