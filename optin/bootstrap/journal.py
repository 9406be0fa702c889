"""The journal of withdrawals and erasures, kept apart from the database (S7).

A backup that is put back knows nothing of what people withdrew since; this file does. Its lines hold digests
and names of purposes only. Each is in the file before its person is told that it is done. Each ends with a
sum over itself and the line before: what was changed, or is missing, shows.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from optin.consent.event import rfc3339
from optin.errors import StoreBusy, StoreUnusable
from optin.flows.replay import read_line
from optin.proof.canonical import Json, canonical, parse
from optin.store.replay import ReplayLine, lines_waiting, mark_kept, mark_waiting
from optin.store.transaction import Store

_HEADING = "withdrawals and erasures"
_SUM_LENGTH = 32
_OTHER = "name another with --journal, or say --without-journal; nothing was changed"
_NEW = "move it away, and a new one is written from the database"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


@dataclass(frozen=True)
class Kept:
    """What a journal holds: every withdrawal and erasure `since`; None: since there is a journal."""

    since: datetime | None
    lines: tuple[ReplayLine, ...]


class _Damaged(ValueError):
    """A line that was changed, or that does not follow the one before it."""


class Journal:
    """A file to which lines are added, by any number of processes that share it."""

    def __init__(self, path: Path) -> None:
        """Keep it at `path`; best on another disk than the database."""
        self._path = path

    def catch_up(self, store: Store) -> None:
        """Add every line of `store` that is not in the file yet, and see it on the disk.

        A file that is new, or whose end a crash cut off, gets all that it lacks. Raises StoreUnusable when it
        is damaged or cannot be written.
        """
        with self._locked() as descriptor:
            known: set[bytes] = set()
            if not _is_whole(descriptor):
                store.submit(mark_waiting).result()
                if _cut_to_whole(descriptor):
                    known = {line.name for line in self._held(descriptor).lines}
            there = _last_sum(descriptor) or _append(descriptor, "", [_heading(None)])
            number = 0
            while waiting := store.read(partial(lines_waiting, number=number)):
                numbers = [number for number, _ in waiting]
                number = numbers[-1]
                lines = [_plain(line) for _, line in waiting if line.name not in known]
                there = _append(descriptor, there, lines)
                with suppress(StoreBusy):  # it is in the file; next time it is written once more
                    store.submit(partial(mark_kept, numbers=numbers)).result()

    def read(self) -> Kept:
        """Return what the file holds; a last line that a crash cut short is passed over.

        Raises StoreUnusable, with the number of the line, when it is damaged.
        """
        try:
            with self._path.open("rb") as file:
                return _kept(file)
        except (OSError, _Damaged) as problem:
            raise self._unusable(problem, _OTHER) from None

    def forget(self, before: datetime) -> None:
        """Write the file anew without the lines that are older than `before`, when there are any.

        Raises StoreUnusable.
        """
        with self._locked() as descriptor:
            if not _is_whole(descriptor):  # to be brought up to date first
                return
            draft = self._path.with_name(f".{self._path.name}.part")
            draft.unlink(missing_ok=True)  # of one that was killed
            kept = self._held(descriptor)
            if all(line.at >= before for line in kept.lines):
                return
            lines = {line.name: _plain(line) for line in kept.lines if line.at >= before}
            written = os.open(draft, _FLAGS | os.O_EXCL, 0o600)
            try:
                _append(written, "", [_heading(before), *lines.values()])
            finally:
                os.close(written)
            draft.rename(self._path)
            sync_folder(self._path.parent)

    def _held(self, descriptor: int) -> Kept:
        os.lseek(descriptor, 0, os.SEEK_SET)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return _kept(file)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the file that is at the path now: while one waits, another may write it anew."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            while True:
                descriptor = os.open(self._path, _FLAGS, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                    if _is_at(descriptor, self._path):
                        yield descriptor
                        return
                finally:
                    os.close(descriptor)
        except (OSError, _Damaged) as problem:
            raise self._unusable(problem, _NEW) from None

    def _unusable(self, problem: Exception, cure: str) -> StoreUnusable:
        if isinstance(problem, OSError):
            problem, cure = ValueError(f"cannot be used ({problem.strerror})"), "see to its disk"
        return StoreUnusable(f"The journal {self._path.name} {problem}; {cure}.")


def sync_folder(folder: Path) -> None:
    """See on the disk what a folder's files are called."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(line: ReplayLine) -> dict[str, Json]:
    return {**line.told, "at": rfc3339(line.at)}


def _heading(since: datetime | None) -> dict[str, Json]:
    return {"journal": _HEADING, "since": None if since is None else rfc3339(since)}


def _sum(before: str, plain: dict[str, Json]) -> str:
    return hashlib.sha256(before.encode() + canonical(plain)).hexdigest()[:_SUM_LENGTH]


def _append(descriptor: int, there: str, lines: Iterable[dict[str, Json]]) -> str:
    """Add lines after the one whose sum is `there`, and see them on the disk; return the last sum."""
    data = bytearray()
    for plain in lines:
        there = _sum(there, plain)
        data += canonical({**plain, "sum": there}) + b"\n"
    while data:
        del data[: os.write(descriptor, data)]
    os.fsync(descriptor)
    return there


def _kept(file: Iterable[bytes]) -> Kept:
    """Read a whole file. Raises _Damaged with the number of the first line that is wrong."""
    since: datetime | None = None
    lines: list[ReplayLine] = []
    number, there = 0, ""
    for number, text in enumerate(file, 1):
        try:
            plain = parse(text)
            there = _checked(there, plain)
            if number == 1:
                since = _since(plain)
            else:
                lines.append(read_line(_moment(plain.pop("at")), plain))
        except (ValueError, KeyError, TypeError):
            if number > 1 and not text.endswith(b"\n"):  # a crash cut it short
                continue
            msg = f"is damaged: line {number} is not as it was written, or one before it is missing"
            raise _Damaged(msg) from None
    if number == 0:
        msg = "is damaged: it is empty, and even its first line is missing"
        raise _Damaged(msg)
    return Kept(since, tuple(lines))


def _checked(before: str, plain: dict[str, Json]) -> str:
    """Take the sum off a line and return it; raises ValueError when it is not that of the line."""
    stated = plain.pop("sum")
    if stated != _sum(before, plain):
        msg = "another sum"
        raise ValueError(msg)
    return str(stated)


def _since(heading: dict[str, Json]) -> datetime | None:
    if heading["journal"] != _HEADING:
        msg = "no journal"
        raise ValueError(msg)
    return None if heading["since"] is None else _moment(heading["since"])


def _moment(text: Json) -> datetime:
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        msg = "a moment somewhere on earth"
        raise ValueError(msg)
    return moment


def _is_whole(descriptor: int) -> bool:
    """Tell whether there is a first line, and the last one was written to its end."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) == b"\n"


def _cut_to_whole(descriptor: int) -> int:
    """Cut off a last line that was not written to its end; return how many bytes are left."""
    size = os.fstat(descriptor).st_size
    if not size:
        return 0
    with mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) as data:
        left = data.rfind(b"\n") + 1
    os.ftruncate(descriptor, left)
    return left


def _last_sum(descriptor: int) -> str:
    """Return the sum of the last line, however long that is; empty when there is none."""
    size = os.fstat(descriptor).st_size
    if not size:
        return ""
    with mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) as data:
        text = data[data.rfind(b"\n", 0, size - 1) + 1 :]
    try:
        return str(parse(text)["sum"])
    except (ValueError, KeyError):
        msg = "is damaged: its last line is not as it was written"
        raise _Damaged(msg) from None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
