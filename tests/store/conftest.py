"""The tests of the store run on an older PostgreSQL as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.postgres import new_database


@pytest.fixture(params=["sqlite", "postgres", "older_postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a fresh store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/optin.db"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgres", "older_postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a store without a schema: whoever is first makes it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/optin.db"
    return new_database(request.getfixturevalue(request.param))
