"""Rehearse a restore: prove a backup in a folder of its own, without a change to the live store (S7).

A backup is a SQLite file on either database, so the rehearsal needs no database server.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from optin.errors import OptinError, RequestRefused, StoreUnusable
from optin.flows.evidence.audit import Audit
from optin.flows.rights.replay_journal import replay
from optin.keys import KeyRing
from optin.services.backup import lost_since, must_fit, verify_copy
from optin.services.installation import Installation
from optin.services.open_store import SQLITE_PREFIX, due_in, has_data, open_store
from optin.services.site_edition import Edition
from optin.services.steady_clock import utc_now
from optin.services.withdrawal_journal import Journal
from optin.store.backup_facts import note_rehearsal
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.installation_facts import backup_moment
from optin.store.sealed_samples import unreadable_tables
from optin.store.sqlite import SqliteStore

HEADER_BYTES = 100
WORKING = "optin-rehearsal-"  # begins the name of its folder
LEFT = timedelta(days=1)
COPY_FITS = 3  # times the size of the backup: the copy, its own journal while it is changed, and an index
COUNTED = ("event", "subject", "consent", "suppression")

Progress = Callable[[Iterator[int], int], None]


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal proved. `made`: when the backup was made (UTC)."""

    made: datetime
    events: int
    counts: Mapping[str, int]
    older_by: int  # migrations that it lacked
    opened: int  # sealed values that the keys opened
    told: Counter[str]  # replayed from the journal, by kind
    lost: Counter[str]  # since the backup, and what the journal cannot replay
    with_journal: bool
    findings: tuple[str, ...]


def rehearse(
    edition: Edition, keys: KeyRing, file: Path, told_by: Journal | None, progress: Progress
) -> Rehearsal:
    """Restore a copy of `file` into a temporary folder and audit it there; delete it.

    `told_by`: the journal to replay, which is only read. What the audit finds is in the result.
    Raises RequestRefused, StoreUnusable, KeysUnusable or JournalUnusable when it could not be restored.
    """
    vault = Vault(keys)
    try:
        _remove_left()
        with TemporaryDirectory(prefix=WORKING) as folder:
            _must_be_whole(file)
            _must_have_room(file, Path(folder))
            draft = Path(folder) / file.name  # refusals name it
            shutil.copyfile(file, draft)
            draft.chmod(0o600)
            return _rehearsed(edition, vault, draft, told_by, progress)
    except (OSError, sqlite3.Error) as problem:
        msg = f"{file} could not be restored ({problem}). The live store was not touched."
        raise RequestRefused(msg) from None


def _remove_left() -> None:
    """Delete what a rehearsal that was killed a day ago left: the copy of a backup."""
    before = (utc_now() - LEFT).timestamp()
    for left in Path(tempfile.gettempdir()).glob(f"{WORKING}*"):
        with suppress(OSError):
            found = left.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and found.st_mtime < before:
                shutil.rmtree(left)


def keep_rehearsal(edition: Edition, keys: KeyRing) -> bool:
    """Record in the live store that a backup was proved now; return whether there is one to record it in."""
    settings, schema = edition.site.settings, edition.kinds.schema
    try:
        if not has_data(settings, schema):
            return False
        store = open_store(settings.store, settings.root, Vault(keys), schema, origin=settings.log_origin)
    except OptinError:
        return False
    try:
        store.submit(note_rehearsal, at=utc_now()).result()
    finally:
        store.close()
    return True


def _rehearsed(
    edition: Edition, vault: Vault, draft: Path, told_by: Journal | None, progress: Progress
) -> Rehearsal:
    older_by = len(due_in(f"{SQLITE_PREFIX}{draft}", draft.parent, edition.kinds.schema))
    events = verify_copy(draft, vault, edition)
    store = SqliteStore(draft, edition.kinds.schema)
    try:
        made, counts = store.read(backup_moment), store.read(_counts)
        broken, tried = store.read(unreadable_tables, vault=vault)
        if broken:
            names = ", ".join(broken)
            msg = f"The keys do not open sealed values in: {names}. A restore would not bring them back."
            raise StoreUnusable(msg)
        kept = None if told_by is None else told_by.read()
        told: Counter[str] = Counter()
        lost: Counter[str] = Counter()
        installation = Installation(store, vault, edition.policy, edition.kinds)
        if kept is not None:
            store.read(must_fit, kept=kept)
            lost = store.read(lost_since, kept=kept)
            told = installation.run(replay, lines=kept.replay_lines, size=events, now=installation.clock())
        installation.integrate()
        audit = Audit(store.read, vault, edition.kinds.flows, schema=edition.kinds.schema)
        progress(audit.run(), audit.size())
        return Rehearsal(
            made, events, counts, older_by, tried, told, lost, kept is not None, tuple(audit.findings)
        )
    finally:
        store.close()


def _must_be_whole(file: Path) -> None:
    """Compare the file with the size that its own header states (sqlite.org/fileformat.html, 1.3)."""
    with file.open("rb") as opened:
        header = opened.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or not header.startswith(b"SQLite format 3\0"):
        msg = f"{file} is not a backup of optin: it is not a SQLite database."
        raise RequestRefused(msg)
    page = int.from_bytes(header[16:18], "big")
    stated = (65_536 if page == 1 else page) * int.from_bytes(header[28:32], "big")
    size = file.stat().st_size
    # the stated size holds only where the last writer kept it (1.3.7)
    if header[24:28] == header[92:96] and size < stated:
        cure = "Fetch it again, or take another."
        msg = f"{file} is cut off: it has {size} bytes, and {stated} were written. {cure}"
        raise RequestRefused(msg)


def _must_have_room(file: Path, folder: Path) -> None:
    needed, free = COPY_FITS * file.stat().st_size, shutil.disk_usage(folder).free
    if free < needed:
        msg = (
            f"{folder.parent} has {free // 1_000_000} MB free, and the rehearsal needs"
            f" {needed // 1_000_000 + 1} MB. Name a folder with more room in the environment variable TMPDIR."
        )
        raise RequestRefused(msg)


def _counts(tx: Tx) -> dict[str, int]:
    return {table: tx.all(f"SELECT COUNT(*) FROM {table}")[0][0] for table in COUNTED}
