"""Backups that a server makes by itself: one server of a site at a time, whole or not at all (S7).

Files have the names of this module, and no other file in the folder is ever deleted.
"""

from __future__ import annotations

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from optin.errors import OptinError, RequestRefused
from optin.services.backup import back_up
from optin.services.installation import Installation
from optin.services.open_store import sqlite_path
from optin.services.site_edition import Edition
from optin.store.backup_facts import (
    backup_moments,
    claim_backup,
    note_failed_backup,
    note_scheduled_backup,
    scheduled_backup,
)

LEASE = timedelta(hours=1)  # a server that dies meanwhile, or fails, keeps others from it for so long
LEFT = timedelta(days=1)
SPARE_BYTES = 64_000_000  # left free beside the copy
_NAME = re.compile(r"optin-\d{8}T\d{6}Z\.backup")
_DRAFT = re.compile(r"\.optin-\d{8}T\d{6}Z\.backup\.[0-9a-f]{8}\.part(-wal|-shm|-journal|\.lock)?")


def is_due(installation: Installation, edition: Edition) -> bool:
    """Return whether it is time for a backup. A last one ahead of the clock is of a wrong clock."""
    table = edition.site.settings.backup
    if not table.folder:
        return False
    last, now = installation.store.read(scheduled_backup), installation.clock()
    return last is None or not last <= now < table.every.after(last)


def claim(installation: Installation) -> bool:
    """Return whether this server is the one that makes it now: several find it due at once."""
    return installation.write(claim_backup, now=installation.clock(), lease=LEASE)


def make_backup(installation: Installation, edition: Edition) -> Path:
    """Write a backup into the folder, and delete those beyond `keep`. Return its file.

    Raises RequestRefused or StoreUnusable, and notes that it failed; then no file is new.
    """
    settings, begun = edition.site.settings, installation.clock()
    try:
        folder = settings.path(settings.backup.folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_drafts(folder, begun)
        _must_have_room(installation, edition, folder)
        file = folder / f"optin-{begun:%Y%m%dT%H%M%SZ}.backup"
        back_up(edition, installation, file)
        installation.write(note_scheduled_backup, at=begun)
        _remove_old(installation, folder, file, settings.backup.keep)
    except OSError as problem:
        installation.write(note_failed_backup, at=begun)
        msg = f"{settings.backup.folder} cannot be written ({problem.strerror}); there is no backup."
        raise RequestRefused(msg) from None
    except OptinError:
        installation.write(note_failed_backup, at=begun)
        raise
    return file


def _must_have_room(installation: Installation, edition: Edition, folder: Path) -> None:
    store = sqlite_path(edition.site.settings.store, edition.site.root)
    last = installation.store.read(backup_moments).last
    size = store.stat().st_size if store is not None else 0 if last is None else last.size
    free = shutil.disk_usage(folder).free
    needed = size + SPARE_BYTES
    if free < needed:
        msg = (
            f"{folder} has {free // 1_000_000} MB free, and a backup needs {needed // 1_000_000} MB."
            " Make room there, or keep fewer ([backup] keep). There is no backup."
        )
        raise RequestRefused(msg)


def _remove_old(installation: Installation, folder: Path, new: Path, keep: int) -> None:
    """Delete the oldest of ours, never the one just made; none while the clock is doubted."""
    if installation.read_clock().doubted:
        return
    others = sorted(it for it in folder.iterdir() if _NAME.fullmatch(it.name) and it != new and _is_file(it))
    for old in others[: max(0, len(others) - (keep - 1))]:
        old.unlink(missing_ok=True)


def _remove_drafts(folder: Path, now: datetime) -> None:
    """Delete what a killed server left half written a day ago; a slow one may still write a newer one."""
    before = (now - LEFT).timestamp()
    for left in folder.iterdir():
        if _DRAFT.fullmatch(left.name) and _is_file(left) and left.stat().st_mtime < before:
            left.unlink(missing_ok=True)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
