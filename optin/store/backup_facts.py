"""What a database remembers about its backups: the last one that was made, and the last that was proved.

A fact about files is kept unsealed: it holds a moment, a path and sums, and no personal data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.installation_facts import (
    claim_fact,
    last_backup,
    moment_of,
    note_last_backup,
    put_fact,
)

LAST_BACKUP_FILE = "last-backup-file"
LAST_REHEARSAL = "last-rehearsal"
SCHEDULED = "scheduled-backup"
CLAIM = "backup-claim"
FAILED = "failed-backup"
HANDED_OVER = "handed-over-backup"


@dataclass(frozen=True)
class BackupMade:
    """A verified copy. `at`: when it was begun (UTC); `size`: bytes; `events`: the size of its log."""

    at: datetime
    file: str  # as the server that made it saw it
    size: int
    events: int


@dataclass(frozen=True)
class BackupMoments:
    """When a copy was last made, and when a restore was last rehearsed with success (UTC); None: never."""

    made: datetime | None
    rehearsed: datetime | None
    failed: datetime | None = None  # one that was due, and nothing was made since
    last: BackupMade | None = None  # None too when an earlier version made it, which kept only the moment
    failure: str = ""  # why it failed, without personal data


def note_backup_made(tx: Tx, made: BackupMade) -> None:
    """Record that a verified copy was made."""
    note_last_backup(tx, made.at)
    content = {"at": to_ms(made.at), "file": made.file, "size": made.size, "events": made.events}
    put_fact(tx, LAST_BACKUP_FILE, json.dumps(content).encode())


def note_rehearsal(tx: Tx, at: datetime) -> None:
    """Record that a backup was proved by a rehearsed restore."""
    put_fact(tx, LAST_REHEARSAL, str(to_ms(at)).encode())


def claim_backup(tx: Tx, now: datetime, lease: timedelta) -> bool:
    """Return whether nobody claimed the backup within `lease`; then it is claimed."""
    return claim_fact(tx, CLAIM, now, lease)


def renew_backup_claim(tx: Tx, now: datetime) -> None:
    """Keep others from the backup for another lease: it is still being made."""
    put_fact(tx, CLAIM, str(to_ms(now)).encode())


def end_backup_claim(tx: Tx) -> None:
    """Let anybody make the backup."""
    tx.run("DELETE FROM installation WHERE name = :claim", claim=CLAIM)


def note_scheduled_backup(tx: Tx, at: datetime) -> None:
    """Record that a server made a backup that was due; it may still have to be handed over."""
    put_fact(tx, SCHEDULED, str(to_ms(at)).encode())


def note_backup_done(tx: Tx, at: datetime) -> None:
    """Record that the backup begun at this moment is where it belongs."""
    put_fact(tx, HANDED_OVER, str(to_ms(at)).encode())
    tx.run("DELETE FROM installation WHERE name IN (:claim, :failed)", claim=CLAIM, failed=FAILED)


def scheduled_backup(tx: Tx) -> datetime | None:
    """Return when a server last made a backup that was due; None: never."""
    return moment_of(tx, SCHEDULED)


def handed_over_backup(tx: Tx) -> datetime | None:
    """Return the beginning of the last backup that was put where it belongs; None: of none."""
    return moment_of(tx, HANDED_OVER)


def note_failed_backup(tx: Tx, at: datetime, why: str) -> None:
    """Record that a backup that was due could not be made or handed over, and why: no personal data."""
    put_fact(tx, FAILED, json.dumps({"at": to_ms(at), "why": why}).encode())


def backup_moments(tx: Tx) -> BackupMoments:
    """Return when a copy was last made and last proved."""
    made = last_backup(tx)
    failed, failure = _failure(tx)
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=LAST_BACKUP_FILE)
    last = None if row is None else _read(bytes(row[0]))
    return BackupMoments(
        made,
        moment_of(tx, LAST_REHEARSAL),
        failed if failed is not None and (made is None or made < failed) else None,
        last if last is not None and last.at == made else None,
        failure,
    )


def _failure(tx: Tx) -> tuple[datetime | None, str]:
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=FAILED)
    if row is None:
        return None, ""
    content = json.loads(bytes(row[0]))
    if isinstance(content, int):  # of an earlier version, which kept only the moment
        return from_ms(content), ""
    return from_ms(content["at"]), content["why"]


def _read(value: bytes) -> BackupMade:
    content = json.loads(value)
    return BackupMade(from_ms(content["at"]), content["file"], content["size"], content["events"])
