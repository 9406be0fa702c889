"""Blocks in a real Chromium, on the magnets of the repository: no barrier, small pictures, keyboard."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, Response, Route

from optin.services.site_edition import Edition, load_edition
from tests.house.requirements_table import ROOT
from tests.installed import KINDS

HOST = "http://optin.test"
SIZES = ((360, 740), (1280, 900))


@pytest.fixture(scope="module")
def edition() -> Edition:
    found, _ = load_edition(ROOT, KINDS)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def page(edition: Edition, browser: Browser) -> Iterator[Page]:
    """Show the pages of the repository without a server."""
    pages = {
        f"/{slug}": form_pages[0].form.page for slug, form_pages in edition.publication.form_pages.items()
    }

    def answer(route: Route, request: Request) -> None:
        address = request.url.removeprefix(HOST)
        asset = edition.theme.assets.get(address)
        if asset is not None:
            route.fulfill(body=asset.data, content_type=asset.content_type)
        elif address in pages:
            route.fulfill(body=pages[address], content_type="text/html; charset=utf-8")
        else:
            route.abort()

    shown = browser.new_page()
    shown.route("**/*", answer)
    yield shown
    shown.close()


def addresses(edition: Edition) -> list[str]:
    return [f"{HOST}/{slug}" for slug in edition.publication.form_pages]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_block_has_a_barrier(page: Page, edition: Edition, scheme: str) -> None:
    """W2, F6: axe finds none on a phone or a desk, by day or night, and nothing scrolls sideways."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    found = {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for address in addresses(edition):
            page.goto(address)
            page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true })")
            answer = Axe().run(page)
            if answer.violations_count:
                found[address, width] = answer.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (address, width)
    assert found == {}


def test_a_phone_loads_a_small_page(page: Page, edition: Edition) -> None:
    """W3: of any magnet, before anybody scrolls, what is loaded is below 60 kB as servers compress it."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 360, "height": 740})
    weights: dict[str, int] = {}

    def weigh(answer: Response) -> None:
        weights[answer.url] = len(gzip.compress(answer.body())) if answer.ok else 0

    page.on("response", weigh)
    seen: set[str] = set()
    for address in addresses(edition):
        weights.clear()
        page.goto(address, wait_until="networkidle")
        assert sum(weights.values()) < 60_000, (address, weights)
        seen |= weights.keys()
    page.remove_listener("response", weigh)
    assert sum("/static/cover-" in url for url in seen) > len(addresses(edition)) // 2
    page.goto(f"{HOST}/koud-bellen", wait_until="networkidle")
    shown = page.locator(".cover").first
    assert shown.evaluate("it => it.complete && it.naturalWidth > 0")
    assert shown.evaluate("it => it.currentSrc").endswith((".avif", ".webp"))


def test_a_look_inside_is_reached_by_keyboard(page: Page) -> None:
    """W2, F6: what scrolls takes the focus and has a name; its pages show once they come into sight."""
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{HOST}/koud-bellen")
    strip = page.get_by_label("Alvast een kijkje in het bestand")
    strip.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.inside ul').scrollLeft > 0")
    page.wait_for_function("document.querySelector('.inside img').naturalWidth > 0")


def test_the_first_question_is_open_and_another_opens_by_keyboard(page: Page) -> None:
    """W2: without script."""
    page.goto(f"{HOST}/koud-bellen")
    folded = page.locator(".faq details")
    assert [folded.nth(at).evaluate("it => it.open") for at in range(3)] == [True, False, False]
    folded.nth(1).locator("summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.faq details')[1].open")
