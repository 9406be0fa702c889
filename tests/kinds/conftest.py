"""A site with one magnet of each installed kind, as `optin new` makes it, and its visitor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optin.services.site_edition import Edition, load_edition
from optin.web import timing_protection
from tests.kinds.installed import INSTALLED, KINDS, NAMES
from tests.kinds.journey import SLUG, KindVisit, new_site
from tests.web.conftest import visited

HARMLESS = {"placeholder"}  # the controller and the file that `optin init` and `optin new` make up


@pytest.fixture(params=NAMES)
def kind(request: pytest.FixtureRequest) -> str:
    """Name an installed kind."""
    name: str = request.param
    return name


@pytest.fixture
def edition_of(tmp_path: Path) -> Callable[..., Edition]:
    """Load a new site with a magnet."""

    def load(kind: str, lang: str = "en") -> Edition:
        root = tmp_path / f"{kind}-{lang}"
        new_site(root, kind, lang)
        edition, findings = load_edition(root, KINDS)
        assert {it.code for it in findings} <= HARMLESS, findings
        assert edition is not None
        assert SLUG in edition.site.magnets
        return edition

    return load


@pytest.fixture
def magnet(
    kind: str,
    store_url: str,
    edition_of: Callable[..., Edition],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[KindVisit]:
    """Serve a magnet of a kind over each of the two databases."""
    monkeypatch.setattr(timing_protection, "PACE_SECONDS", 0.001)
    edition = edition_of(kind)
    with visited(edition, KindVisit, store_url, edition.site.root, INSTALLED) as opened:
        opened.store_url = store_url
        yield opened
        opened.check_evidence()
