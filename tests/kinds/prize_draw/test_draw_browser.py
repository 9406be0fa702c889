"""A prize draw in Chromium: both choices measured, the way through it, every page in every language."""

from __future__ import annotations

import re
import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from optin.theme.languages import languages
from tests.browser.conftest import House
from tests.browser.test_languages import LINK, STYLE, THEME
from tests.theme import gallery

LOOK = """(it) => {
  const style = getComputedStyle(it), box = it.getBoundingClientRect();
  return [box.width, box.height, style.color, style.backgroundColor, style.borderColor, style.borderWidth,
    style.fontFamily, style.fontSize, style.fontWeight, style.opacity, style.textTransform];
}"""
MOST_WORDS_APART = 1.6  # neither button says much more than the other


def looks_of(page: Page) -> list[list[object]]:
    """Measure both buttons as they are, and as they are under the pointer."""
    buttons = page.locator(".choices button")
    expect(buttons).to_have_count(2)
    found: list[list[object]] = buttons.evaluate_all(f"(all) => all.map({LOOK})")
    return found


@pytest.mark.parametrize("lang", languages())
@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "light"), (1280, "light"), (360, "dark"), (1280, "dark")]
)
def test_both_choices_are_alike(browser: Browser, lang: str, width: int, scheme: str) -> None:
    """M2, F2: size, colour and type are the same to the pixel, in each language (CNIL SAN-2023-025)."""
    page = browser.new_page(viewport={"width": width, "height": 860}, color_scheme=scheme)  # type: ignore[arg-type]
    page.set_content(THEME.page(gallery.landing(lang, "prize-draw")).replace(LINK, STYLE))
    ticked, none = looks_of(page)
    assert ticked == none
    lengths = sorted(len(words) for words in page.locator(".choices button").all_inner_texts())
    assert lengths[1] / lengths[0] < MOST_WORDS_APART
    page.close()


@pytest.mark.parametrize("lang", languages())
def test_every_page_of_a_draw_bars_nobody(browser: Browser, lang: str) -> None:
    """M2, F5: WCAG 2.2 AA by axe: the form, its mistake, the closed page, the draw in each state."""
    page = browser.new_page(viewport={"width": 360, "height": 640})
    views = [(name, view) for name, view in gallery.pages(lang) if "draw" in name]
    assert len(views) >= 11
    for name, view in views:
        page.set_content(THEME.page(view).replace(LINK, STYLE))
        found = Axe().run(page)
        assert found.violations_count == 0, (name, found.generate_report())
    page.close()


def test_through_a_draw_without_any_consent(house: House, window: BrowserContext) -> None:
    """M2, F6, D2: the age forgotten, then ticked; entered without consent; the ticket on page and in mail."""
    page, address = window.new_page(), f"{uuid.uuid4().hex[:10]}@example.com"
    page.goto(f"{house.base}/win")
    expect(page.locator("input[type=checkbox]:checked")).to_have_count(0)
    page.fill("#field-email", address)
    page.check("input[value=tips-email]")
    page.click("button[value=none]")
    expect(page).to_have_title(re.compile("Fout"))
    expect(page.locator("#field-email")).to_have_value(address)
    page.check("#field-age")
    page.check("input[value=tips-email]")
    page.click("button[value=none]")
    expect(page.locator("h1")).to_have_text("Kijk in uw mailbox")
    _, _, link = house.letter(address, "Bevestig")
    page.goto(link)
    page.locator("form.now button").click()
    ticket = page.locator("code").inner_text()
    assert len(ticket) == 10
    expect(page.locator(".asked")).to_have_count(0)  # what was ticked beside the other button was not meant
    assert ticket in house.last_words(address, "Bevestigd")
    page.goto(f"{house.base}/win/draw")
    expect(page.locator("h1")).to_contain_text("De trekking van")
    assert window.cookies() == []
