"""Backup and restore: a copy that was looked at before it counts; a past in which nobody comes back (S7)."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from optin.bootstrap.edition import Edition
from optin.bootstrap.journal import Journal
from optin.bootstrap.office import Office, advance_log, open_office
from optin.bootstrap.opening import sqlite_path
from optin.errors import RequestRefused, StoreUnusable
from optin.flows.replay import finish_restore, replay_line
from optin.settings import Settings
from optin.store.copying import check_copy, copy_in, copy_out, count_on
from optin.store.installation import check_keys, is_claimed
from optin.store.log import log_frontier
from optin.store.replay import last_line
from optin.store.sqlite import SqliteStore, connect
from optin.store.vault import Vault


def back_up(edition: Edition, office: Office, out: Path) -> int:
    """Write a verified copy of the store beside live traffic; return the size of its log.

    Raises RequestRefused or StoreUnusable; then there is no file.
    """
    _must_be_new(out)
    advance_log(office)
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        path = sqlite_path(edition.site.settings.store, edition.site.root)
        if path is None:
            office.store.read(partial(copy_out, path=draft))
        else:
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            with closing(connect(path)) as connection:
                connection.execute("VACUUM INTO ?", [str(draft)])
        size = _looked_at(draft, office.vault, edition.site.settings)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        os.link(draft, out)
    except (OSError, sqlite3.Error) as problem:
        msg = f"{out} cannot be written ({problem}); there is no backup."
        raise RequestRefused(msg) from None
    finally:
        _remove(draft)
    return size


def restore(edition: Edition, vault: Vault, file: Path, journal: Journal | None) -> Counter[str]:
    """Put a backup in place of nothing; tell it what was withdrawn and erased since. Returns what, how often.

    1. Look at a copy of the backup, with the keys of this site.
    2. Put it where the store is to be; what is there already is never overwritten.
    3. Replay the withdrawals and erasures that the journal knows and the backup does not.
    Raises RequestRefused, StoreUnusable or KeysUnusable.
    """
    settings = edition.site.settings
    target = sqlite_path(settings.store, edition.site.root)
    if target is not None:
        _must_be_new(target)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = file.parent if target is None else target.parent
    draft = folder / f".restore.{secrets.token_hex(4)}.part"
    try:
        # 1. Look at a copy of the backup.
        shutil.copyfile(file, draft)
        draft.chmod(0o600)
        size = _looked_at(draft, vault, settings)

        # 2. and 3. On SQLite the copy takes its place when it has been told everything.
        if target is not None:
            store = SqliteStore(draft)
            try:
                done = _told(Office(store, vault, edition.policy), journal, size)
            finally:
                store.close()
            os.link(draft, target)
            return done
        with open_office(settings, edition.policy) as office:
            office.write(partial(copy_in, path=draft))
            done = _told(office, journal, size)
            office.write(count_on)
            return done
    except (OSError, sqlite3.Error) as problem:
        msg = f"{file} cannot be restored ({problem}); nothing was changed."
        raise RequestRefused(msg) from None
    finally:
        _remove(draft)


def _told(office: Office, journal: Journal | None, size: int) -> Counter[str]:
    """Replay what the journal knows; then say in the log that a backup was put back."""
    done: Counter[str] = Counter()
    known = office.store.read(last_line)
    for line in journal.lines() if journal is not None else ():
        if line.number > known:
            kind = office.write(partial(replay_line, vault=office.vault, line=line))
            done[kind] += 1
    office.write(partial(finish_restore, vault=office.vault, size=size, now=office.clock()))
    advance_log(office)
    office.clear(tries=10)
    return done


def _looked_at(path: Path, vault: Vault, settings: Settings) -> int:
    """See that a copy is sound and of these keys; return the size of its log. Raises StoreUnusable."""
    store = SqliteStore(path)
    try:
        wrong = store.read(check_copy) if store.read(is_claimed) else "it is no database of optin's"
        if wrong:
            msg = f"This is no backup that can be trusted: {wrong}. Nothing was changed."
            raise StoreUnusable(msg)
        store.submit(lambda tx: check_keys(tx, vault, settings.log_origin)).result()
        return store.read(log_frontier).size
    finally:
        store.close()


def _must_be_new(path: Path) -> None:
    if path.exists():
        msg = f"{path} is there already; move it away first, nothing is overwritten."
        raise RequestRefused(msg)


def _remove(draft: Path) -> None:
    for ending in ("", "-wal", "-shm", ".lock"):
        with suppress(FileNotFoundError):
            draft.with_name(draft.name + ending).unlink()
