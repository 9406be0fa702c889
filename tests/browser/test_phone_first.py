"""A landing page on a telephone: where its form begins and ends, and how much there is to read in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from optin.theme.languages import languages
from optin.theme.views import LandingView
from tests.browser.conftest import House
from tests.browser.test_languages import LINK, STYLE, THEME
from tests.theme import gallery

WIDTH, HEIGHT = 360, 740  # CSS pixels of a common telephone
SCREENS = 2
MOST_WORDS = 90  # of the form, beside the consents
PAGES = {
    "paper": "white-paper", "tips": "newsletter", "bellen": "webinar", "win": "prize-draw",
    "stap-voor-stap/result/zwak": "quiz",
}  # fmt: skip
MEASURE = """() => {
  const words = (text) => (text.match(/\\S+/g) || []).length;
  const end = (it) => it.getBoundingClientRect().bottom + scrollY;
  const ask = document.querySelector(".ask");
  const consents = [...ask.querySelectorAll("label:has([name=consent])")];
  const seen = (it) => it.checkVisibility() && it.getBoundingClientRect().bottom <= innerHeight;
  return {
    field: end(document.querySelector("#field-email")),
    submit: end(ask.querySelector("button.big")),
    led: [...document.querySelectorAll("a[href='#form'].button")].filter(seen).map((it) => it.innerText),
    button: ask.querySelector("button.big").innerText,
    words: words(ask.innerText) - consents.reduce((sum, it) => sum + words(it.innerText), 0),
    sideways: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  };
}"""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """Open a page on a telephone."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    yield page
    page.close()


def measured(page: Page, address: str) -> dict[str, Any]:
    page.goto(address)
    found: dict[str, Any] = page.evaluate(MEASURE)
    return found


@pytest.mark.parametrize("path", PAGES, ids=PAGES.values())
def test_the_form_of_every_kind_is_near_and_short(house: House, phone: Page, path: str) -> None:
    """W1: the field, or a button in the form's own words, on the first screen; the submit button by two."""
    seen = measured(phone, f"{house.base}/{path}")
    assert seen["field"] <= HEIGHT or seen["led"] == [seen["button"]]
    assert seen["submit"] <= SCREENS * HEIGHT
    assert seen["words"] <= MOST_WORDS
    assert not seen["sideways"]


def test_a_white_paper_is_asked_for_in_the_first_screen(house: House, phone: Page) -> None:
    """W1: its field without scrolling, its button before pixel 1,033, while no number is asked."""
    seen = measured(phone, f"{house.base}/paper")
    assert seen["field"] <= HEIGHT
    assert seen["submit"] <= 1_033
    expect(phone.locator("#field-phone")).to_be_hidden()


def test_a_number_is_asked_under_its_tick_alone(house: House, phone: Page) -> None:
    """W1, F4: shown when the box is ticked, gone when it is not; without :has() it is always there."""
    phone.goto(f"{house.base}/paper")
    field, box = phone.locator("#field-phone"), phone.locator("input[value=follow-up-phone]")
    expect(field).to_be_hidden()
    phone.check("input[value=tips-email]")
    expect(field).to_be_hidden()
    box.check()
    expect(field).to_be_visible()
    below = field.bounding_box()
    over = box.bounding_box()
    assert below is not None
    assert over is not None
    assert below["y"] > over["y"]
    box.uncheck()
    expect(field).to_be_hidden()
    rules: list[str] = phone.evaluate("[...document.styleSheets[0].cssRules].map((it) => it.cssText)")
    hiding = [rule for rule in rules if ".needed[data-for" in rule]
    assert hiding
    assert all(rule.startswith("@supports selector(:has(") for rule in hiding)


def test_the_whole_row_is_the_label_of_its_box(house: House, phone: Page) -> None:
    """W1, F1: a touch anywhere in it ticks, and every word of it is there at 15 pixels or more."""
    phone.goto(f"{house.base}/paper")
    for box in phone.locator(".consents .box").all():
        area = box.bounding_box()
        assert area is not None
        assert area["height"] >= 44
        box.click(position={"x": area["width"] - 4, "y": area["height"] - 4})
        expect(box.locator("input")).to_be_checked()
        words = box.locator("span > span").last
        size, hidden = words.evaluate(
            "(it) => [parseFloat(getComputedStyle(it).fontSize), it.scrollHeight > it.clientHeight + 1"
            " || getComputedStyle(it).textOverflow !== 'clip']"
        )
        assert size >= 15
        assert not hidden


def test_a_mistake_brings_the_form_before_the_pitch(house: House, phone: Page) -> None:
    """W1, F6: the summary is what a returned page shows first."""
    phone.goto(f"{house.base}/paper")
    phone.fill("#field-email", "nobody")
    phone.click(".ask button.big")
    expect(phone.locator("#errors")).to_be_focused()
    order = phone.evaluate(
        "['.ask', '.head'].map((it) => document.querySelector(it).getBoundingClientRect().top + scrollY)"
    )
    assert order[0] < order[1]


def test_the_story_leads_to_the_form(house: House, phone: Page) -> None:
    """W1: below the form a bar in its words stays in sight, and never lies over the form."""
    phone.goto(f"{house.base}/win")
    bar = phone.locator(".story .bar a")
    button, area = phone.locator(".ask button.big").inner_text(), phone.locator(".ask").bounding_box()
    assert area is not None
    expect(bar).not_to_be_in_viewport()
    phone.evaluate(f"scrollTo(0, {area['y'] + area['height']})")
    expect(bar).to_be_in_viewport()
    expect(bar).to_have_text(button)
    bar.click()
    expect(phone.locator("#field-email")).to_be_in_viewport()


@pytest.mark.parametrize("name", ["closed", "closed-webinar", "closed-draw"])
@pytest.mark.parametrize("width", [WIDTH, 768, 1280])
def test_a_page_without_a_form_begins_with_its_name_as_well(browser: Browser, name: str, width: int) -> None:
    """W1: what is offered, then that it is closed, then its story: folded, below both, or beside it."""
    page = browser.new_page(viewport={"width": width, "height": HEIGHT})
    page.set_content(THEME.page(dict(gallery.pages("nl"))[name]).replace(LINK, STYLE))
    if width == WIDTH:
        expect(page.locator(".near")).to_be_hidden()
        page.click(".about > summary")
    else:
        expect(page.locator(".about > summary")).to_be_hidden()
    head, ask, story = (page.locator(it).bounding_box() for it in (".head", ".ask", ".near"))
    assert head is not None
    assert ask is not None
    assert story is not None
    if width == WIDTH:
        assert head["y"] < ask["y"] < story["y"]
    else:
        assert ask["x"] >= head["x"] + head["width"]
        if width == 768:
            assert story["y"] >= max(head["y"] + head["height"], ask["y"] + ask["height"])
        else:
            assert ask["x"] >= story["x"] + story["width"]
    page.close()


@pytest.mark.parametrize("lang", languages())
def test_a_form_with_two_boxes_is_short_in_every_language(browser: Browser, lang: str) -> None:
    """W1: of every kind, with a name and a number to ask for; German says it in few words, too."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    seen = 0
    for name, view in gallery.pages(lang):
        if isinstance(view, LandingView) and not view.problems and not view.wait_seconds and not view.changed:
            page.set_content(THEME.page(view).replace(LINK, STYLE))
            found = page.evaluate(MEASURE)
            assert found["field"] <= HEIGHT or found["led"] == [found["button"]], name
            assert found["submit"] <= SCREENS * HEIGHT, name
            assert found["words"] <= MOST_WORDS, name
            assert not found["sideways"], name
            seen += 1
    assert seen >= len(PAGES)
    page.close()
