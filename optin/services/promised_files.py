"""Copies of magnets' files, apart from `magnets/`: a promised download outlives its magnet (S8).

Each file is copied once, under the SHA-256 of its bytes. It is a copy and no link, because a program that
writes into the file in `magnets/` would change a link as well.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from optin.store.magnet_promises import PromisedFile

log = logging.getLogger("optin.files")

CHUNK_BYTES = 1 << 20  # of a file of any size, so much is in memory
UNNEEDED_FOR = timedelta(hours=1)  # another process may be about to need what nobody needs now
SETTLED = timedelta(seconds=2)  # two writes so close together may bear the same time
_KEPT = re.compile(r"[0-9a-f]{64}|\.[0-9a-f]{32}\.part")


class PromisedFiles:
    """The folder of stored files on one machine."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, created with the first file."""
        self.folder = folder

    def path(self, digest: str) -> Path | None:
        """Return the path of the file with this digest; None when it is not stored."""
        path = self.folder / digest
        return path if digest and path.is_file() else None

    def keep(self, source: Path, known: Iterable[PromisedFile], now: datetime) -> PromisedFile | None:
        """Store a copy of `source`, unless one of the `known` files already is one.

        None: it cannot be kept; the log says why, and the magnet is served all the same.
        """
        try:
            found = source.stat()
            for it in known:
                if it.name == source.name and it.size == found.st_size and self._is(it.digest, found):
                    os.utime(self.folder / it.digest, ns=(found.st_mtime_ns, found.st_mtime_ns))
                    return it
            digest = self._copy(source)
            settled = found.st_mtime < (now - SETTLED).timestamp()
            times = (found.st_mtime_ns, found.st_mtime_ns) if settled else (0, 0)
            os.utime(self.folder / digest, ns=times)
            return PromisedFile(digest, source.name, (self.folder / digest).stat().st_size)
        except OSError as problem:
            log.warning(
                "%s cannot be kept in %s (%s): its downloads end when the magnet is removed; set OPTIN_FILES",
                source.name,
                self.folder,
                os.strerror(problem.errno or 0),
            )
            return None

    def unneeded(self, needed: Collection[str], now: datetime) -> list[Path]:
        """Return the stored files that nobody needs any more, and copies left unfinished by a crash."""
        try:
            paths = sorted(self.folder.iterdir())
        except OSError:
            return []
        before = (now - UNNEEDED_FOR).timestamp()
        return [
            path
            for path in paths
            if _KEPT.fullmatch(path.name) and path.name not in needed and path.stat().st_ctime < before
        ]

    def forget(self, needed: Collection[str], now: datetime) -> int:
        """Delete the unneeded files; return their number."""
        paths = self.unneeded(needed, now)
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _is(self, digest: str, found: os.stat_result) -> bool:
        """Return whether the copy of this digest was made from an unchanged file."""
        try:
            kept = (self.folder / digest).stat()
        except OSError:
            return False
        return (kept.st_size, kept.st_mtime_ns) == (found.st_size, found.st_mtime_ns)

    def _copy(self, source: Path) -> str:
        """Copy a file to the name of its digest, atomically."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f".{secrets.token_hex(16)}.part"
        summed = hashlib.sha256()
        try:
            with source.open("rb") as reading, draft.open("xb") as writing:
                while chunk := reading.read(CHUNK_BYTES):
                    summed.update(chunk)
                    writing.write(chunk)
                writing.flush()
                os.fsync(writing.fileno())
            draft.replace(self.folder / summed.hexdigest())
        finally:
            draft.unlink(missing_ok=True)
        return summed.hexdigest()
