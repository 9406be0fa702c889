"""Every page and mail in every language, on the narrowest telephone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from optin.theme.languages import languages
from optin.theme.look import Look
from optin.theme.theme import Theme
from tests.theme import gallery

THEME = Theme(Look())
LINK = f'<link rel="stylesheet" href="{THEME.asset_url("style.css")}">'
STYLE = f"<style>{THEME.assets[THEME.asset_url('style.css')].data.decode()}</style>"
STICKS_OUT = """() => {
  const width = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *")]
    .filter((it) => it.getBoundingClientRect().right > width + 1
      || (it.matches("button, .button") && it.scrollWidth > it.clientWidth))
    .map((it) => it.tagName + ": " + it.textContent.trim());
}"""


@pytest.mark.parametrize("lang", languages())
def test_no_word_is_too_long_for_a_telephone(browser: Browser, lang: str) -> None:
    """F5, M9: nothing sticks out of a page, a mail or a button of 360 pixels; German words are long."""
    page = browser.new_page(viewport={"width": 360, "height": 640})
    shown = [(name, THEME.page(view).replace(LINK, STYLE)) for name, view in gallery.pages(lang)]
    assert all(STYLE in html for _, html in shown)
    shown += [(type(mail).__name__, THEME.mail(mail).html) for mail in gallery.mails(lang)]
    for name, html in shown:
        page.set_content(html)
        assert page.evaluate(STICKS_OUT) == [], name
    page.close()


def check_accessible(
    browser: Browser,
    views: Iterable[tuple[str, Any]],
    width: int = 360,
    scheme: Literal["dark", "light"] = "light",
) -> None:
    """Require that axe finds nothing in these pages (WCAG 2.2 AA)."""
    page = browser.new_page(viewport={"width": width, "height": 700}, color_scheme=scheme)
    for name, view in views:
        page.set_content(THEME.page(view).replace(LINK, STYLE))
        found = Axe().run(page)
        assert found.violations_count == 0, (name, found.generate_report())
    page.close()
