"""Databases of an earlier version: packed by `tests.golden.make`, opened with the present code.

Each archive holds what an installation has: the store (an SQLite file, or the statements of a dump of
PostgreSQL), the keys, the journal and the kept files. The people in them are named for what they did.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import psycopg
from starlette.testclient import TestClient

from optin.keys import KeyRing, load_keys
from optin.services.installation import Installation
from optin.services.open_journal import open_journal
from optin.services.promised_files import PromisedFiles
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.store.encryption import Vault
from optin.web.app import build_app
from optin.web.app_context import AppContext
from tests.installed import INSTALLED, KINDS
from tests.stores import open_store
from tests.web.conftest import Visit

HERE = Path(__file__).parent
SITE = HERE / "site"
DUMP = "dump.sql"
DATABASE = "optin.db"
KEYS = "keys.json"
BEGUN = datetime(2026, 11, 10, 9, tzinfo=UTC)
ENDED = datetime(2026, 11, 22, 14, tzinfo=UTC)  # the last thing that was done
ERASED = ("erica", "hanna")
PEOPLE = (
    "alice", "bob", "carol", "dora", "erica", "frans", "hanna", "lena", "mario", "nora",
    "wanda", "walter", "willy", "xaver", "quinn", "anna", "bert", "cees", "vera", "zoe",
)  # fmt: skip


def email_of(name: str) -> str:
    """Return the address of somebody in the databases."""
    return f"{name}@example.com"


def golden_keys() -> KeyRing:
    """Return the keys of the golden databases: they guard nothing, and are the same each time."""

    def key(name: str) -> bytes:
        return hashlib.sha256(f"golden {name}".encode()).digest()

    return KeyRing(
        seal=(key("seal"),),
        index=key("index"),
        link=(key("link"),),
        log=(key("log"),),
        webhook=(key("webhook"),),
        journal=key("journal"),
    )


def archive_of(dialect: str) -> Path:
    """Return the archive of a kind of store: "sqlite" or "postgres"."""
    return HERE / f"{dialect}.tar.xz"


def unpacked(dialect: str, root: Path) -> Path:
    """Put what an installation held below `root`; return its folder."""
    with tarfile.open(archive_of(dialect)) as archive:
        archive.extractall(root / "var", filter="data")
    return root / "var"


def load_dump(url: str, script: str) -> None:
    """Run the statements of a dump in an empty database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(script.encode())


@lru_cache
def golden_edition() -> Edition:
    """Load the site that the databases belong to."""
    edition, findings = load_edition(SITE, KINDS)
    assert [it for it in findings if it.severity == "error"] == []
    assert edition is not None
    return edition


@contextmanager
def golden_visit(url: str, root: Path, moment: datetime) -> Iterator[Visit]:
    """Serve the site from the store at `url`, with the keys, journal and files below `root`."""
    site = golden_edition().site
    edition = replace(golden_edition(), site=replace(site, settings=site.settings.read_at(root)))
    keys = load_keys(f"var/{KEYS}", root)
    assert keys is not None
    settings, vault = edition.site.settings, Vault(keys)
    store = open_store(url, root, vault, origin=settings.log_origin)
    try:
        journal = open_journal(settings, keys, store, moment)
        installation = Installation(
            store, vault, edition.policy, KINDS, clock=lambda: moment, journal=journal
        )
        installation.files = PromisedFiles(settings.path(settings.files))
        journal.catch_up(store)
        keep_edition(store, edition, moment)
        app_context = AppContext.of(edition, installation)
        app_context.replace(edition)
        with TestClient(
            build_app(app_context, INSTALLED.routes), follow_redirects=False, raise_server_exceptions=False
        ) as client:
            visit = Visit(client, app_context, root, moment)
            installation.clock = lambda: visit.moment
            yield visit
    finally:
        store.close()


def compact(database: Path) -> None:
    """Put everything of an SQLite store into its one file."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
