"""Back up the store, and restore it: verify each copy, then replay later withdrawals and erasures (S7)."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from optin.consent.event_content import rfc3339
from optin.consent.status_transitions import EventKind
from optin.errors import RequestRefused, StoreUnusable
from optin.flows.context import Context
from optin.flows.evidence.check_log_growth import lines_missing_from_log, log_begins_with
from optin.flows.rights.replay_journal import replay
from optin.keys import KeyRing
from optin.proof.journal_chain import TreeHead, lines_since_restart, possible_bases
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation
from optin.services.journal_file import JournalContent, sync_folder
from optin.services.open_store import claim_store, open_store, sqlite_path
from optin.services.site_edition import Edition
from optin.services.withdrawal_journal import Journal
from optin.store.backup_facts import BackupMade, BackupMoments, backup_moments, note_backup_made
from optin.store.database_copy import check_copy, copy_in, copy_out
from optin.store.database_interface import Store, Tx
from optin.store.encryption import Vault
from optin.store.event_log import log_frontier
from optin.store.installation_facts import backup_moment, is_claimed, note_backup_moment
from optin.store.journal_lines import ReplayLine, kept_lines
from optin.store.sqlite import SqliteStore
from optin.store.sqlite_connection import connect
from optin.store.sqlite_lock import CHANGE, lock_file

_JOURNALS = ("-wal", "-shm", "-journal")


def back_up(edition: Edition, installation: Installation, out: Path) -> int:
    """Write a verified copy of the store while the server runs; return the size of its log.

    Raises RequestRefused or StoreUnusable; then there is no file.
    """
    _must_be_new(out)
    advance_log(installation)
    begun = installation.clock()
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        path = sqlite_path(edition.site.settings.store, edition.site.root)
        if path is None:
            installation.store.read(copy_out, path=draft, schema=edition.kinds.schema)
        else:
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            with closing(connect(path)) as connection:
                connection.execute("VACUUM INTO ?", [str(draft)])
        size = verify_copy(draft, installation.vault, edition, begun)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        os.link(draft, out)
        sync_folder(out.parent)
    except (OSError, sqlite3.Error) as problem:
        msg = f"{out} cannot be written ({problem}); there is no backup."
        raise RequestRefused(msg) from None
    finally:
        _remove(draft)
    made = BackupMade(begun, str(out.absolute()), out.stat().st_size, size)
    installation.write(note_backup_made, made=made)
    return size


def moments_of(installation: Installation) -> BackupMoments:
    """Return when a copy was last made, and when a restore was last rehearsed with success."""
    return installation.store.read(backup_moments)


@dataclass(frozen=True)
class Journals:
    """The journal to replay (None: replay nothing), and the journal that the server will use."""

    told_by: Journal | None
    goes_on: Journal


@dataclass(frozen=True)
class RestoreResult:
    """Result of a restore, by kind of event: what was replayed, and what the journal cannot replay."""

    told: Counter[str]
    lost: Counter[str]


def restore(edition: Edition, keys: KeyRing, file: Path, journals: Journals) -> RestoreResult:
    """Restore a backup where there is no store; replay the withdrawals and erasures made since.

    1. Read the whole journal; verify a copy of the backup with the keys of this site; see that the two fit.
    2. On SQLite: replay into the copy, then move it to the place of the store; no file is overwritten.
    3. On PostgreSQL: copy the backup in and replay, in one transaction.
    4. Sign the log from here on. The journal records that an officer put back a log of this size, smaller
       than the last one, before anybody can read the store.
    No server runs meanwhile: neither one from before, nor one that is started now.
    Raises RequestRefused, StoreUnusable, JournalUnusable or KeysUnusable.
    """
    settings, vault = edition.site.settings, Vault(keys)
    target = sqlite_path(settings.store, edition.site.root)
    if target is not None:
        _must_be_new(target)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = None if target is None else lock_file(target, CHANGE)  # a server would write to what was there
    folder = file.parent if target is None else target.parent
    draft = folder / f".restore.{secrets.token_hex(4)}.part"
    try:
        # 1. Verify journal and backup.
        kept = None if journals.told_by is None else journals.told_by.read()
        shutil.copyfile(file, draft)
        draft.chmod(0o600)
        verify_copy(draft, vault, edition)
        store: Store = SqliteStore(draft, edition.kinds.schema)
        lost: Counter[str] = Counter()
        try:
            if kept is not None:
                store.read(must_fit, kept=kept)
                lost = store.read(lost_since, kept=kept)
            told = () if kept is None else kept.replay_lines
            tell = partial(_tell, lines=told, journal=journals.goes_on)

            # 2. On SQLite the copy takes its place after the replay.
            if target is not None:
                done = _told(Installation(store, vault, edition.policy, edition.kinds), tell)
        finally:
            store.close()
        if target is not None:
            _put_in_place(draft, target)

        # 3. On PostgreSQL nobody sees it before the replay.
        store = open_store(
            settings.store, settings.root, vault, edition.kinds.schema, origin=settings.log_origin
        )
        try:
            installation = Installation(store, vault, edition.policy, edition.kinds, journal=journals.goes_on)
            if target is None:
                with store.alone():
                    done = _told(installation, partial(tell, draft=draft))

            # 4. Sign the log from here on.
            installation.note_ending()
            advance_log(installation)
            return RestoreResult(done, lost)
        finally:
            store.close()
    except (OSError, sqlite3.Error) as problem:
        msg = f"{file} cannot be restored ({problem}); nothing was changed."
        raise RequestRefused(msg) from None
    finally:
        _remove(draft)
        if lock is not None:
            os.close(lock)


def must_fit(tx: Tx, kept: JournalContent) -> None:
    """Check that the journal has every line that a backup lacks. Raises RequestRefused."""
    cure = "Name the right one with --journal, or use --without-journal. Nothing was changed."
    if kept.since is not None and backup_moment(tx) < kept.since:
        msg = f"The journal goes back to {rfc3339(kept.since)}, and the backup is older. {cure}"
        raise RequestRefused(msg)
    size = log_frontier(tx).size
    if not any(log_begins_with(tx, tip) for tip in possible_bases(kept.lines, size)):
        msg = (
            "The backup's log is not an earlier state of the log in this journal: one of them was rewritten."
            f" {cure}"
        )
        raise RequestRefused(msg)
    names = {line.name for line in kept.replay_lines}
    for line in kept_lines(tx):
        if line.name not in names and (kept.since is None or line.at >= kept.since):
            msg = (
                "The journal is older than the backup, or not of this site: it lacks what the backup knows"
                f" of {rfc3339(line.at)}. {cure}"
            )
            raise RequestRefused(msg)


def _tell(
    tx: Tx,
    context: Context,
    lines: Sequence[ReplayLine],
    journal: Journal,
    now: datetime,
    draft: Path | None = None,
) -> Counter[str]:
    if draft is not None:
        copy_in(tx, draft)
    frontier = log_frontier(tx)
    journal.put_back(TreeHead(frontier.size, frontier.root), now)
    journal.note_head(tx)
    return replay(tx, context, lines, frontier.size, now)


def lost_since(tx: Tx, kept: JournalContent) -> Counter[str]:
    """Count the corrections and holds that a backup lacks: the journal has no data to replay them."""
    since = [
        line for line in lines_since_restart(kept.lines) if line.kind in {EventKind.CORRECTED, EventKind.HELD}
    ]
    return Counter(line.kind for line in lines_missing_from_log(tx, since))


def _told(installation: Installation, tell: Callable[..., Counter[str]]) -> Counter[str]:
    done = installation.run(tell, now=installation.clock())
    installation.integrate()
    installation.truncate_wal(tries=10)
    return done


def _put_in_place(draft: Path, target: Path) -> None:
    """Rename a closed database to its final name; never overwrite a file that appeared there."""
    if any(_beside(draft, ending).exists() for ending in _JOURNALS):
        msg = "its own journal could not be emptied"
        raise OSError(msg)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    _must_be_new(target)
    os.link(draft, target)
    sync_folder(target.parent)


def verify_copy(path: Path, vault: Vault, edition: Edition, begun: datetime | None = None) -> int:
    """Verify a copy with the keys of this site; return the size of its log. Raises StoreUnusable.

    `begun`: the moment of a new copy, which is recorded in it.
    """
    store = SqliteStore(path, edition.kinds.schema)
    try:
        wrong = store.read(check_copy) if store.read(is_claimed) else "it is not an optin database"
        if wrong:
            msg = f"This backup cannot be trusted: {wrong}. Nothing was changed."
            raise StoreUnusable(msg)
        store.submit(claim_store, vault=vault, origin=edition.site.settings.log_origin).result()
        if begun is not None:
            store.submit(note_backup_moment, at=begun).result()
        return store.read(log_frontier).size
    finally:
        store.close()


def _must_be_new(path: Path) -> None:
    """Refuse an existing database, or the remains of one, which SQLite would merge into the new one."""
    for ending in ("", *_JOURNALS):
        if _beside(path, ending).exists():
            msg = f"{_beside(path, ending)} already exists; move it away first. Nothing is overwritten."
            raise RequestRefused(msg)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _remove(draft: Path) -> None:
    for ending in ("", *_JOURNALS, ".lock"):
        _beside(draft, ending).unlink(missing_ok=True)
