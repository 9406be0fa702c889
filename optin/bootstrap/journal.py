"""The journal of withdrawals and erasures, kept apart from the database (S7).

A backup that is put back knows nothing of what people withdrew since; this file does. Its lines hold digests
and ids only. Each is in the file before its person is told that it is done.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from optin.consent.event import rfc3339
from optin.errors import StoreUnusable
from optin.store.replay import ReplayLine, last_line, lines_after
from optin.store.transaction import Store

_TAIL_BYTES = 65_536


class Journal:
    """A file to which lines are added, by any number of processes."""

    def __init__(self, path: Path) -> None:
        """Keep it at `path`; best on another disk than the database."""
        self._path = path

    def catch_up(self, store: Store) -> None:
        """Add every line of `store` that is not in the file yet, and see it on the disk.

        Raises StoreUnusable when the file cannot be written.
        """
        try:
            with self._locked() as descriptor:
                number = _last_number(descriptor)
                while lines := store.read(partial(lines_after, number=number)):
                    data = "".join(f"{_text(line)}\n" for line in lines).encode()
                    os.write(descriptor, data)
                    number = lines[-1].number
                    os.fsync(descriptor)
        except OSError as problem:
            msg = f"The journal {self._path.name} cannot be written ({problem.strerror}); see to its disk."
            raise StoreUnusable(msg) from None

    def lines(self) -> Iterator[ReplayLine]:
        """Yield every line, oldest first; one that a crash cut short is passed over."""
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                with suppress(ValueError, KeyError, TypeError):
                    plain = json.loads(text)
                    at = datetime.fromisoformat(plain.pop("at"))
                    yield ReplayLine(int(plain.pop("number")), at, plain)

    def is_behind(self, store: Store) -> bool:
        """Tell whether the file lacks lines of the database."""
        return store.read(last_line) > max((line.number for line in self.lines()), default=0)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _text(line: ReplayLine) -> str:
    return json.dumps({"number": line.number, "at": rfc3339(line.at), **line.told}, separators=(",", ":"))


def _last_number(descriptor: int) -> int:
    """Return the number of the last whole line; a line that was cut short is ended first."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    if tail and not tail.endswith(b"\n"):
        os.write(descriptor, b"\n")
    for text in reversed(tail.split(b"\n")):
        with suppress(ValueError, KeyError, TypeError):
            return int(json.loads(text)["number"])
    return 0
