"""The people that a journal names, in memory: most questions about a person then need no look into the file.

Of each digest eight bytes are kept, about 60 bytes of memory a person. Two people may share them: then the
file is looked into, in vain.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

KEPT_BYTES = 8
_PERSON = re.compile(rb'"person":"([0-9a-f]{%d})' % (2 * KEPT_BYTES))
_STEP_BYTES = 1 << 20


class JournalPeople:
    """Follows a journal file as it grows, or is replaced."""

    def __init__(self, path: Path) -> None:
        """Follow the file at `path`; nothing is read yet."""
        self._path = path
        self._lock = threading.Lock()
        self._file: tuple[int, int] | None = None
        self._read = 0  # bytes, up to the end of a line
        self._known: set[int] = set()

    def may_name(self, person: bytes) -> bool:
        """Return False when no whole line of the file names a person (digest). Raises OSError."""
        with self._lock, self._path.open("rb") as file:
            self._follow(file.fileno())
            return int.from_bytes(person[:KEPT_BYTES], "big") in self._known

    def _follow(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        if (found.st_dev, found.st_ino) != self._file or found.st_size < self._read:
            self._file, self._read, self._known = (found.st_dev, found.st_ino), 0, set()
        while self._read < found.st_size:
            data = os.pread(descriptor, _STEP_BYTES, self._read)
            end = data.rfind(b"\n") + 1
            if not end:  # a line that is being written
                return
            self._known.update(int(it, 16) for it in _PERSON.findall(data, 0, end))
            self._read += end
