"""A magnet in two languages and two wordings, under a new name, in Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.front_door import FrontDoor
from tests.ports import NO_MAIL, reserved_port
from tests.serving import BASE_URL, served
from tests.web.conftest import PAPER, site_at


@pytest.fixture(scope="module")
def inward() -> Iterator[int]:
    """Reserve the port on which the site of this module is served."""
    with reserved_port() as port:
        yield port


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, door: FrontDoor, inward: int) -> Iterator[str]:
    """Serve a site of its own behind the door; the one that stood there comes back."""
    folder = tmp_path_factory.mktemp("addresses")
    site_at(folder / "site")
    magnets = folder / "site" / "magnets"
    dutch = PAPER.replace("lang: nl", "lang: nl\ngroup: paper\nwas: [oud]\nvariants: {b: {title: Kort boek}}")
    (magnets / "paper" / "index.md").write_text(dutch)
    (magnets / "english").mkdir()
    english = PAPER.replace("lang: nl", "lang: en\ngroup: paper").replace("Het witboek", "The paper")
    (magnets / "english" / "index.md").write_text(english)
    (magnets / "english" / "witboek.pdf").write_bytes(b"%PDF")
    before, door.inward = door.inward, inward
    store, keys = f"sqlite:///{folder}/optin.db", str(folder / "keys.json")
    try:
        with served(folder / "site", inward, store, NO_MAIL, keys):
            yield BASE_URL
    finally:
        door.inward = before


def test_from_an_old_address_to_the_other_language(base: str, window: BrowserContext) -> None:
    """M8, M9, F5: sent on to the page, from there by its link; the link can be hit with a thumb."""
    page = window.new_page()
    page.goto(f"{base}/oud")
    expect(page).to_have_url(f"{base}/paper")
    expect(page.locator("h1")).to_have_text(re.compile("^(Het witboek|Kort boek)$"))
    link = page.locator("nav.languages a")
    expect(link).to_have_text("English")
    expect(link).to_have_attribute("lang", "en")
    box = link.bounding_box()
    assert box is not None
    assert box["height"] >= 24  # WCAG 2.2, 2.5.8
    link.click()
    expect(page).to_have_url(f"{base}/english")
    expect(page.locator("h1")).to_have_text("The paper")
    expect(page.locator("nav.languages a")).to_have_text("Nederlands")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert window.cookies() == []


def test_a_browser_keeps_the_wording_that_it_has(base: str, inward: int, window: BrowserContext) -> None:
    """M8, S1: reloaded it is the same one, by the browser's own cache; nobody else's is kept.

    Past the door: behind a certificate that it does not trust Chromium caches nothing.
    """
    assert base == BASE_URL
    base = f"http://127.0.0.1:{inward}"
    page = window.new_page()
    page.goto(f"{base}/paper")
    first = page.locator("h1").inner_text()
    for _ in range(8):
        page.goto(f"{base}/")
        page.goto(f"{base}/paper")
        expect(page.locator("h1")).to_have_text(first)
    assert window.cookies() == []
