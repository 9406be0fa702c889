"""Reuse results of an earlier loading whose inputs are unchanged (O2).

A magnet is read again when a file of its folder, or what it may refer to, is another; a page is rendered
again when its view or the templates are. So one edit in a thousand magnets costs one magnet, and what comes
of it is what a loading from nothing would make, byte for byte.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import Any, TypeVar

T = TypeVar("T")

_READ_WHOLE = frozenset({".md", ".html", ".txt", ".css"})  # what people edit: small, told apart by its bytes
# Two writes so close together may bear the same time: a file is only known by its time once that is past
_SETTLED_NANOSECONDS = 2_000_000_000


@dataclass
class ReadingCache:
    """Results by name, each with its inputs. One loading at a time."""

    clock: Callable[[], int] = time.time_ns
    _held: dict[Hashable, tuple[object, Any]] = field(default_factory=dict)
    _next: dict[Hashable, tuple[object, Any]] = field(default_factory=dict)

    def once(self, name: Hashable, source: object, make: Callable[[], T]) -> T:
        """Return the result stored under this name for an equal `source`, or compute it."""
        held = self._next.get(name) or self._held.get(name)
        if held is None or held[0] != source:
            held = (source, make())
        self._next[name] = held
        value: T = held[1]
        return value

    def settle(self) -> None:
        """Forget the results that the ending loading did not use."""
        self._held, self._next = self._next, {}

    def stamp(self, path: Path) -> object:
        """Return a value for a file, or a folder with all its files, that changes with the bytes."""
        try:
            if path.is_dir():
                return tuple(self._folder(str(path)))
            return self._file(path, path.stat(), path.is_symlink()) if path.exists() else None
        except OSError:
            return object()  # like no other: what cannot be looked at is looked at again

    def _folder(self, path: str) -> Iterator[object]:
        with os.scandir(path) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            yield entry.name
            if entry.is_symlink() and not entry.is_file():
                yield object()  # it may lead anywhere, and in circles
            elif entry.is_dir():
                yield tuple(self._folder(entry.path))
            else:
                yield self._file(Path(entry.path), entry.stat(), entry.is_symlink())

    def _file(self, path: Path, found: os.stat_result, is_link: bool) -> object:  # noqa: FBT001 - one private call
        link = str(path.readlink()) if is_link else ""
        if not S_ISREG(found.st_mode):
            return object()
        if path.suffix in _READ_WHOLE:
            return link, hashlib.sha256(path.read_bytes()).digest()
        changed = max(found.st_mtime_ns, found.st_ctime_ns)
        if changed > self.clock() - _SETTLED_NANOSECONDS:
            return object()
        return link, found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
