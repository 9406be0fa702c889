"""The tests of the store run on an older PostgreSQL as well."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgres", "older_postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a fresh store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/optin.db"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
