"""Lock of a SQLite database: one server at a time, and no server beside a command that replaces the file."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from optin.errors import StoreUnusable

BUSY_TIMEOUT_MS = 5_000


def lock_file(path: Path, what: str) -> int:
    """Lock a database and write the reason into the lock; wait a moment for a change in progress.

    Raises StoreUnusable when another process has it, or the disk takes no lock. The lock goes with the
    descriptor that is returned.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _write_lock(lock, path.name, what)
    except OSError as problem:
        msg = (
            f"The lock of the database {path.name} cannot be written ({problem.strerror}); check its disk"
            " and folder. Nothing was changed."
        )
        raise StoreUnusable(msg) from None
    return lock


def _write_lock(lock: int, name: str, what: str) -> None:
    try:
        _wait_for_lock(lock, name)
        os.ftruncate(lock, 0)
        os.pwrite(lock, what.encode(), 0)
    except BaseException:
        os.close(lock)
        raise


def _wait_for_lock(lock: int, name: str) -> None:
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while not _locked(lock):
        other = os.pread(lock, 100, 0).decode("ascii", "replace")
        if other != CHANGE or time.monotonic() > deadline:
            raise StoreUnusable(_IN_THE_WAY.get(other, _IN_THE_WAY[SERVER]).format(name))
        time.sleep(0.01)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


SERVER, CHANGE = "server", "change"


_IN_THE_WAY = {
    SERVER: "Another optin server uses {}; stop it first (several servers need PostgreSQL)."
    " Nothing was changed.",
    CHANGE: "Another command replaces or changes {} just now; try again when it is done."
    " Nothing was changed.",
}
