"""Tables of every kind: made step by step or at once, and held against their own register."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from optin.keys import KeyRing
from optin.services.open_store import open_store
from optin.store.encryption import Vault
from optin.store.kind_tables import TablesPart, faults
from optin.store.migration_sets import Schema
from optin.store.removed_kinds import rows_by_table
from tests.kinds.installed import KINDS, NAMES

STEPS = [(kind, seen) for kind in NAMES for seen in range(len(KINDS.tables[kind].migrations))]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a store without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/optin.db"
    url: str = request.getfixturevalue("another_postgres_url")
    return url


def schema_with(kind: str, seen: int) -> Schema:
    """Return all tables as they were when a kind had so many migrations."""
    part = KINDS.tables[kind]
    before = replace(part, migrations=part.migrations[:seen])
    kinds = ((name, before if name == kind else it) for name, it in KINDS.schema.kinds)
    return Schema(tuple((name, it) for name, it in kinds if it.migrations))


@pytest.mark.parametrize(("kind", "seen"), STEPS)
def test_a_database_of_an_earlier_version_is_brought_up_to_date(
    empty_url: str, tmp_path: Path, kind: str, seen: int
) -> None:
    """O1: from every version of the kind, none included, to the very schema that a new database gets."""
    vault = Vault(KeyRing.fresh("dev"))
    open_store(empty_url, tmp_path, vault, schema_with(kind, seen)).close()
    store = open_store(empty_url, tmp_path, vault, KINDS.schema)
    assert store.schema_findings() == []
    assert not any(store.read(rows_by_table, part=KINDS.tables[kind]).values())
    store.close()
    again = open_store(empty_url, tmp_path, vault, KINDS.schema)
    assert again.schema_findings() == []
    again.close()


def test_what_is_registered_reads_back(kind: str) -> None:
    """O1, P3: so that erasure, backup and audit know the tables when the kind is gone."""
    part = KINDS.tables[kind]
    assert TablesPart.parse(part.as_json()) == part
    assert list(faults(kind, part)) == []
