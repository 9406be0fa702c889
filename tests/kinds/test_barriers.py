"""What people with disabilities meet at a magnet of any kind, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from optin.services.site_edition import Edition
from optin.web import timing_protection
from tests.chromium import ARGUMENTS, installed
from tests.kinds.installed import INSTALLED, NAMES
from tests.kinds.journey import KindVisit
from tests.kinds.test_pages import walk
from tests.web.conftest import visited


def test_no_page_has_a_barrier(
    tmp_path: Path, edition_of: Callable[..., Edition], monkeypatch: pytest.MonkeyPatch
) -> None:
    """F6: axe finds none on any page of the way, with the words that each kind begins with."""
    monkeypatch.setattr(timing_protection, "PACE_SECONDS", 0.001)
    pages: dict[str, str] = {}
    for kind in NAMES:
        edition = edition_of(kind)
        theme = edition.theme
        style = f"<style>{theme.assets[theme.asset_url('style.css')].data.decode()}</style></head>"
        url = f"sqlite:///{tmp_path}/{kind}.db"
        with visited(edition, KindVisit, url, edition.site.root, INSTALLED) as visit:
            walk(visit)
            pages |= {f"{kind} {name}": it.replace("</head>", style) for name, it in visit.seen.items()}
    path = installed()
    assert path is not None, "this test needs Chromium; make test installs it"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*ARGUMENTS])
        page, found = browser.new_page(), {}
        for name, html in pages.items():
            page.set_content(html)
            answer = Axe().run(page)
            if answer.violations_count:
                found[name] = answer.generate_report()
        browser.close()
    assert found == {}
