"""The journal's file: locked while written, append-only, synced to the disk (S6).

What a line means is not known here, only that each follows on the one before it (`proof.journal_chain`).
"""

from __future__ import annotations

import fcntl
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path

from optin.errors import JournalUnusable
from optin.flows.evidence.check_journal_lines import concerns_person
from optin.proof.canonical_json import Json
from optin.proof.journal_chain import JournalBroken, JournalEnd, JournalLine, read_unchecked
from optin.store.journal_lines import ReplayLine

ANEW = (
    "put the right file back, or begin a new one on purpose with: optin serve --new-journal. Then only a"
    " receipt, a time-stamp or a witness shows what the log was before"
)
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
EMPTY = "is damaged: it is empty, and even its first line is missing"
UNKEYED = "has no keyed seals, like a journal of an earlier version; a keyed one has replaced that already"
_CUT = "has lost lines while it was in use"


@dataclass
class _ReadPosition:
    """How far a file was read: its descriptor, its size, and the end of its chain."""

    descriptor: int | None
    chain: JournalEnd
    offset: int = 0


class JournalFile:
    """One file, shared by any number of processes of one host."""

    def __init__(self, path: Path, fresh: Callable[[], JournalEnd]) -> None:
        """Use the file at `path`; `fresh` makes the chain of an unread file."""
        self.path = path
        self._fresh = fresh
        self._known: _ReadPosition | None = None
        self._lock = threading.RLock()
        self._descriptor: int | None = None
        self._closing: Callable[[], object] = list  # nothing is open yet

    @property
    def chain(self) -> JournalEnd:
        """The end of the file, as far as this process has read it."""
        return self._fresh() if self._known is None else self._known.chain

    @contextmanager
    def locked(self, *, create: bool = False) -> Iterator[int]:
        """Lock the file that is at the path now: it may be replaced while waiting for the lock.

        Raises JournalUnusable, also for what the caller finds wrong with the file.
        """
        try:
            if create:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._lock:
                descriptor = self._hold(create=create)
                try:
                    yield descriptor
                finally:
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
        except (OSError, JournalBroken) as problem:
            raise self.unusable(problem, ANEW) from None

    def _hold(self, *, create: bool) -> int:
        """Return the locked file at the path. It stays open: a withdrawal must never lack a descriptor."""
        while True:
            if self._descriptor is None:
                flags = _FLAGS | (os.O_CREAT if create else 0)
                self._descriptor = os.open(self.path, flags, 0o600)
                self._closing = weakref.finalize(self, os.close, self._descriptor)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if _is_at(self._descriptor, self.path):
                return self._descriptor
            if self._known is not None:  # a new file may have the inode of one that was replaced before it
                self._known = replace(self._known, descriptor=None)
            self._descriptor = None
            self._closing()

    def read_on(self, descriptor: int, lines: list[JournalLine] | None = None) -> bool:
        """Read what others wrote since, or a replaced file as a whole, onto `lines` if given.

        Returns whether a crash cut the last line short. Raises JournalBroken.
        """
        status, known = os.fstat(descriptor), self._known
        other = known is None or known.descriptor != descriptor or status.st_size < known.offset
        if known is None or other or lines is not None:
            known = _ReadPosition(descriptor, self._fresh())
        before, self._known = self._known, None  # nothing is known where the file is broken
        os.lseek(descriptor, known.offset, os.SEEK_SET)
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            known.offset += read_lines(known.chain, opened, lines)
        chain = known.chain
        if before is not None and before.chain.name == chain.name and before.chain.number > chain.number:
            raise JournalBroken(_CUT)
        self._known = known
        return status.st_size > known.offset

    def lines_with(self, text: bytes) -> list[JournalLine]:
        """Return the lines that contain a text; seals are not checked again.

        Raises OSError, ValueError or LookupError.
        """
        found: list[JournalLine] = []
        with self.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            place = data.find(text)
            while place >= 0 and (end := data.find(b"\n", place)) >= 0:  # not one that is being written
                found.append(read_unchecked(data[data.rfind(b"\n", 0, place) + 1 : end]))
                place = data.find(text, end)
        return found

    def append(self, descriptor: int, told: Sequence[tuple[datetime, dict[str, Json]]]) -> None:
        """Append lines after what was read, and sync them: all of them, or none when the disk is full.

        Raises OSError, and JournalBroken for a file without seals.
        """
        known = self._known
        if known is None or known.chain.place == 0:
            raise JournalBroken(EMPTY)
        if not known.chain.keyed:
            raise JournalBroken(UNKEYED)
        chain = replace(known.chain)
        data = b"".join(chain.add(at, line) for at, line in told)
        if os.fstat(descriptor).st_size > known.offset:  # what a crash cut short
            os.ftruncate(descriptor, known.offset)
        try:
            write_whole(descriptor, data)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, known.offset)
            raise
        known.chain, known.offset = chain, known.offset + len(data)

    def begin(self, descriptor: int, name: str) -> None:
        """Write the first line of a file that has none. Raises OSError."""
        os.ftruncate(descriptor, 0)
        write_whole(descriptor, self._fresh().begin(name, None))
        sync_folder(self.path.parent)
        self.read_on(descriptor)

    def replace(self, write: Callable[[JournalEnd], Iterator[bytes]]) -> None:
        """Replace the file with what `write` yields, atomically. Raises OSError.

        Whoever waits for the old file takes the new one; so does the caller, by locking anew.
        """
        draft = self.path.with_name(f".{self.path.name}.part")
        draft.unlink(missing_ok=True)  # of one that was killed
        written = os.open(draft, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            write_whole(written, b"".join(write(self._fresh())))
        finally:
            os.close(written)
        draft.rename(self.path)
        sync_folder(self.path.parent)

    def set_aside(self, now: datetime) -> Path:
        """Keep the file under another name as well; return that name. Raises OSError."""
        aside = self.path.with_name(f"{self.path.name}.until-{now:%Y%m%dT%H%M%S%f}")
        os.link(self.path, aside)
        return aside

    def unusable(self, problem: Exception, cure: str) -> JournalUnusable:
        """Return the error that names the file, its fault and the cure."""
        if isinstance(problem, FileNotFoundError):
            problem = ValueError("is not there")
        elif isinstance(problem, OSError):
            problem, cure = ValueError(f"cannot be used ({problem.strerror})"), "check its disk"
        return JournalUnusable(f"The journal {self.path} {problem}; {cure}.")


def read_lines(chain: JournalEnd, file: Iterator[bytes], lines: list[JournalLine] | None = None) -> int:
    """Read lines onto a chain; return their size in bytes. A last line cut short by a crash is not read.

    Raises JournalBroken.
    """
    length = 0
    for text in file:
        if not text.endswith(b"\n"):
            break
        line = chain.read(text)
        length += len(text)
        if line is not None and lines is not None:
            lines.append(line)
    return length


def write_whole(descriptor: int, data: bytes) -> None:
    """Write data and sync it to the disk. Raises OSError."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that the names of its files are on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@dataclass(frozen=True)
class JournalContent:
    """Content of a journal: every withdrawal and erasure from `since` on; None: from its beginning."""

    since: datetime | None
    lines: tuple[JournalLine, ...]

    @property
    def replay_lines(self) -> tuple[ReplayLine, ...]:
        """The lines that a restored backup replays: those about people."""
        return tuple(
            ReplayLine(line.at, line.content) for line in self.lines if concerns_person(line.content)
        )
