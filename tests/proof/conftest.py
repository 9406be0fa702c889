"""Evidence is made by the site that visitors see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from optin.web import timing_protection
from tests.installed import INSTALLED
from tests.postgres import database
from tests.web.conftest import Visit, site_at, visit, visited

__all__ = ["shared_visit", "visit"]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_visit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Open a site over each of the two databases, once for all tests of a module: they look at one bundle."""
    root = tmp_path_factory.mktemp("shared") / "site"
    url = f"sqlite:///{root.parent}/optin.db"
    with ExitStack() as opened:
        if request.param == "postgres":
            server, reached = request.getfixturevalue("postgres"), request.getfixturevalue("reached")
            url = reached(opened.enter_context(database(server)))
        opened.enter_context(pytest.MonkeyPatch.context()).setattr(timing_protection, "PACE_SECONDS", 0.001)
        yield opened.enter_context(visited(site_at(root), Visit, url, root, INSTALLED))
