"""Backups that a server makes by itself: one server of a site at a time, whole or not at all (S7).

Files have the names of this module, and no other file in the folder is ever deleted, nor one of another site.
"""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from optin.consent.retention_period import RetentionPeriod
from optin.consent.wrong_clock import FOLLOWED
from optin.errors import OptinError, RequestRefused
from optin.services.backup import back_up
from optin.services.backup_command import run_backup_command
from optin.services.installation import Installation
from optin.services.open_store import sqlite_path
from optin.services.site_edition import Edition
from optin.settings.backup import BackupTable, Kept
from optin.settings.site import SiteSettings
from optin.store.backup_facts import (
    backup_moments,
    claim_backup,
    end_backup_claim,
    handed_over_backup,
    note_backup_done,
    note_failed_backup,
    note_scheduled_backup,
    renew_backup_claim,
    scheduled_backup,
)
from optin.store.installation_facts import ORIGIN, log_origin

log = logging.getLogger("optin.backup")
LEASE = timedelta(hours=1)  # a server that dies meanwhile, or fails, keeps others from it for so long
RENEW_SECONDS = 600.0  # a server that still works on it renews its claim so often
LEFT = timedelta(days=1)
SPARE_BYTES = 64_000_000  # left free beside the copy
ON_THE_WAY = "var/outgoing-backups"  # below the site: for a command, where no folder keeps them
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"optin-(\d{8}T\d{6}Z)\.backup")
_DRAFT = re.compile(r"\.optin-\d{8}T\d{6}Z\.backup\.[0-9a-f]{8}\.part(-wal|-shm|-journal|\.lock)?")


@dataclass(frozen=True)
class ScheduledBackup:
    """A backup that a server made. `size`: in bytes; not handed over: the server stopped meanwhile."""

    name: str
    size: int
    is_handed_over: bool


def is_due(installation: Installation, edition: Edition) -> bool:
    """Return whether it is time for a backup, or one waits for its command.

    A last one ahead of the clock is of a wrong clock.
    """
    table = edition.site.settings.backup
    if not table.is_asked:
        return False
    if table.command and _waiting_since(installation) is not None:
        return True
    return _is_time(installation, edition)


def claim(installation: Installation) -> bool:
    """Return whether this server is the one that makes it now: several find it due at once."""
    return installation.write(claim_backup, now=installation.clock(), lease=LEASE)


def next_time(table: BackupTable, last: datetime, zone: ZoneInfo) -> datetime:
    """Return when the backup after `last` is due (UTC); by the clocks of `zone` where `at` is set."""
    at = table.time_of_day
    if at is None:
        return table.every.after(last)
    day = table.every.after(datetime.combine(last.astimezone(zone).date(), at))
    return day.replace(tzinfo=zone).astimezone(UTC)


def newest_backup(settings: SiteSettings, now: datetime) -> Path:
    """Return the newest backup in the folder; one far ahead of `now` is of a wrong clock.

    Raises RequestRefused where there is none.
    """
    if not settings.backup.folder:
        msg = "No folder keeps backups ([backup] folder); name the FILE to prove."
        raise RequestRefused(msg)
    folder = settings.path(settings.backup.folder)
    try:
        found = [it for it in _named(folder) if _moment_of(it) <= now + FOLLOWED]
    except OSError as problem:
        msg = f"{folder} cannot be read ({problem.strerror}); name the FILE to prove."
        raise RequestRefused(msg) from None
    if not found:
        msg = f"{folder} holds no backup that a server made; name the FILE to prove."
        raise RequestRefused(msg)
    return max(found, key=_moment_of)


def make_backup(installation: Installation, edition: Edition, stopped: Callable[[], bool]) -> ScheduledBackup:
    """Write a backup into the folder, give it to the command, and delete those beyond `keep`.

    One that only the command failed to take is given to it again. `stopped`: whether the server stops, which
    cuts the command short. Raises RequestRefused or StoreUnusable, and notes that it failed.
    """
    settings = edition.site.settings
    try:
        with _renewed_claim(installation):
            return _make(installation, edition, stopped)
    except OSError as problem:
        folder = settings.backup.folder or ON_THE_WAY
        msg = f"{folder} cannot be written ({problem.strerror}); there is no backup."
        _note_failure(installation, msg)
        raise RequestRefused(msg) from None
    except OptinError as problem:
        _note_failure(installation, str(problem))
        raise


def _make(installation: Installation, edition: Edition, stopped: Callable[[], bool]) -> ScheduledBackup:
    settings, begun = edition.site.settings, installation.clock()
    table = settings.backup
    folder = settings.path(table.folder or ON_THE_WAY)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    waiting = None if _is_time(installation, edition) else _waiting_file(installation, folder)
    if waiting is None:
        if not installation.read_clock().doubted:
            _remove_drafts(folder, begun)
        _must_have_room(installation, edition, folder)
        file = folder / f"optin-{begun:{_STAMP}}.backup"
        back_up(edition, installation, file)
        installation.write(note_scheduled_backup, at=begun)
        _remove_old(installation, folder, file, table.keep if table.folder else 1)
    else:
        file, begun = waiting
    size = file.stat().st_size
    if table.command:
        seconds = timedelta(hours=table.command_limit.hours).total_seconds()
        if not run_backup_command(table.command, file, settings.root, seconds, stopped):
            installation.write(end_backup_claim)  # whoever starts next begins with it
            return ScheduledBackup(file.name, size, is_handed_over=False)
        if not table.folder:
            file.unlink(missing_ok=True)
    installation.write(note_backup_done, at=begun)
    return ScheduledBackup(file.name, size, is_handed_over=True)


def _is_time(installation: Installation, edition: Edition) -> bool:
    last, now = installation.store.read(scheduled_backup), installation.clock()
    table = edition.site.settings.backup
    return last is None or not last <= now < next_time(table, last, edition.policy.zone)


def _waiting_since(installation: Installation) -> datetime | None:
    """Return when the last backup was begun, if the command did not take it yet."""
    last = installation.store.read(scheduled_backup)
    return None if last == installation.store.read(handed_over_backup) else last


def _waiting_file(installation: Installation, folder: Path) -> tuple[Path, datetime] | None:
    """Return the last backup and when it was begun, where it waits for the command in this folder."""
    last, begun = installation.store.read(backup_moments).last, _waiting_since(installation)
    if last is None or begun != last.at:
        return None
    file = folder / Path(last.file).name
    return (file, begun) if _is_file(file) and file.stat().st_size == last.size else None


@contextmanager
def _renewed_claim(installation: Installation) -> Iterator[None]:
    """Renew the claim at intervals, so that no other server begins while this one works."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(RENEW_SECONDS):
            with suppress(OptinError):  # a database that is away comes back
                installation.write(renew_backup_claim, now=installation.clock())

    thread = threading.Thread(target=renew, name="backup claim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _note_failure(installation: Installation, why: str) -> None:
    installation.write(note_failed_backup, at=installation.clock(), why=why)


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


def _remove_old(installation: Installation, folder: Path, new: Path, keep: Kept) -> None:
    """Delete the oldest of ours, never the one just made; none while the clock is doubted.

    A file that is ahead of the clock was made by a wrong one, so nobody knows how old it is: it goes first.
    By age it goes only beyond [sweep] clock_jump: perhaps this clock is behind, and not doubted yet.
    """
    if installation.read_clock().doubted:
        return
    now, origin = installation.clock(), installation.store.read(log_origin)
    others = [it for it in _named(folder) if it != new and _is_of(it, origin)]
    others.sort(key=lambda it: (_moment_of(it) <= now, _moment_of(it)))
    if isinstance(keep, RetentionPeriod):
        ahead = installation.policy.sweep.clock_jump.after(now)
        old = [it for it in others if not now < keep.after(_moment_of(it)) or _moment_of(it) > ahead]
    else:
        old = others[: max(0, len(others) - (keep - 1))]
    for it in old:
        it.unlink(missing_ok=True)


def _named(folder: Path) -> list[Path]:
    return [it for it in folder.iterdir() if _NAME.fullmatch(it.name) and _is_dated(it) and _is_file(it)]


def _is_dated(path: Path) -> bool:
    try:
        _moment_of(path)
    except ValueError:
        return False
    return True


def _moment_of(path: Path) -> datetime:
    return datetime.strptime(path.name, f"optin-{_STAMP}.backup").replace(tzinfo=UTC)


def _is_of(path: Path, origin: str) -> bool:
    """Return whether a file is a backup of this site: another one may use the same folder."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as database:
            row = database.execute("SELECT value FROM installation WHERE name = ?", [ORIGIN]).fetchone()
    except sqlite3.Error as problem:
        log.warning("%s is no whole backup (%s), and is left for you to delete", path.name, problem)
        return False
    return row is not None and bytes(row[0]).decode("utf-8", "replace") == origin


def _remove_drafts(folder: Path, now: datetime) -> None:
    """Delete what a killed server left half written a day ago; a slow one may still write a newer one."""
    before = (now - LEFT).timestamp()
    for left in folder.iterdir():
        if _DRAFT.fullmatch(left.name) and _is_file(left) and left.stat().st_mtime < before:
            left.unlink(missing_ok=True)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
