"""A prize draw in Chromium: the way through it, every page in every language."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from optin.theme.languages import languages
from tests.browser.conftest import House
from tests.browser.test_languages import check_accessible
from tests.theme import gallery


@pytest.mark.parametrize("lang", languages())
def test_every_page_of_a_draw_bars_nobody(browser: Browser, lang: str) -> None:
    """M2, F5: WCAG 2.2 AA by axe: the form, its mistake, the closed page, the draw in each state."""
    views = [(name, view) for name, view in gallery.pages(lang) if "draw" in name]
    assert len(views) >= 11
    check_accessible(browser, views)


def test_through_a_draw_without_any_consent(house: House, window: BrowserContext) -> None:
    """M2, F6, D2: the age forgotten, then ticked; entered without consent; the ticket on page and in mail."""
    page, address = window.new_page(), f"{uuid.uuid4().hex[:10]}@example.com"
    page.goto(f"{house.base}/win")
    expect(page.locator("input[type=checkbox]:checked")).to_have_count(0)
    page.fill("#field-email", address)
    page.check("input[value=tips-email]")
    page.click("form button")
    expect(page).to_have_title(re.compile("Fout"))
    expect(page.locator("#field-email")).to_have_value(address)
    page.check("#field-age")
    expect(page.locator("input[value=tips-email]")).to_be_checked()
    page.uncheck("input[value=tips-email]")
    page.click("form button")
    expect(page.locator("h1")).to_have_text("Kijk in uw mailbox")
    _, _, link = house.letter(address, "Bevestig")
    page.goto(link)
    page.locator("form.now button").click()
    ticket = page.locator("code").inner_text()
    assert len(ticket) == 10
    expect(page.locator(".asked")).to_have_count(0)
    assert ticket in house.last_words(address, "Bevestigd")
    page.goto(f"{house.base}/win/draw")
    expect(page.locator("h1")).to_contain_text("De trekking van")
    assert window.cookies() == []
