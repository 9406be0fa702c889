"""Stores with the tables of the kinds that are installed where the tests run."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache, partial
from pathlib import Path
from unittest.mock import patch

import pytest

from optin.services import open_store as opening
from optin.services.open_store import StoreUse, sqlite_path
from optin.store import postgres_schema
from optin.store.database_interface import Store
from optin.store.encryption import Vault
from optin.store.migration_sets import Schema, names_of
from tests.installed import KINDS

SCHEMA = KINDS.schema
JUST_MADE: set[str] = set()
"""Addresses of PostgreSQL databases that hold what the migrations made, and nobody has opened since."""
MIGRATION_NAMES = names_of(SCHEMA.steps)
connect = partial(opening.connect, schema=SCHEMA)
# For a test of something that is the same whatever the database is.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def open_store(
    url: str,
    root: Path,
    vault: Vault,
    schema: Schema = SCHEMA,
    *,
    origin: str = "localhost/log",
    use: StoreUse = StoreUse.COMMAND,
) -> Store:
    """Open the store at `url`; a new SQLite file begins as a copy, which takes a tenth of the migrations.

    A PostgreSQL database that was just made is not compared with them: each opening after it is.
    """
    path = sqlite_path(url, root)
    if path is not None and schema is SCHEMA and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(_new_file(), path)
    if schema is SCHEMA and url in JUST_MADE:
        JUST_MADE.remove(url)
        with patch.object(postgres_schema, "_compare", lambda *_: []):
            return opening.open_store(url, root, vault, schema, origin=origin, use=use)
    return opening.open_store(url, root, vault, schema, origin=origin, use=use)


@cache
def _new_file() -> Path:
    """Return a file with the schema of a store in which nobody has written."""
    folder = Path(tempfile.mkdtemp(prefix="optin-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    connect(f"sqlite:///{folder}/optin.db", folder).close()
    return folder / "optin.db"
