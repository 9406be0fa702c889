"""The looks in a real Chromium: no barrier, near forms, small and steady pages, in each of them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, Route

from optin.services.site_edition import Edition, load_edition
from optin.site.render_site import OpeningPage
from optin.theme.looks import LOOKS
from optin.theme.theme import Asset
from optin.web.gallery.exhibits import Gallery
from tests.browser.test_looks import WIDE, fonts_used
from tests.browser.test_phone_first import HEIGHT, MEASURE, MOST_WORDS, SCREENS, WIDTH
from tests.installed import KINDS
from tests.repository_site import copy_repository_site
from tests.theme import gallery

HOST = "http://optin.test"
PAPER = "/koud-bellen"
# a page of each sort: mistakes, list, questions, a next step, result, a table
VIEWS = (
    "landing-unticked", "index", "confirmed-next", "quiz-one-2-0-wrong", "quiz-result", "personal",
    "sent-to", "confirm-number",
)  # fmt: skip
# of the site's own magnets: where somebody comes too early or too late, lost a seat, or made a mistake
STATES = {
    "koud-bellen": ("Form: with errors", "Waiting", "Closed: by its author"),
    "bellen-mag-dat-nog": (
        "Closed: by its kind", "Your seat: has a seat", "Your seat: gave it up",
        "Your seat: over, with a recording", "Your seat: cancelled",
    ),
    "win-boeken": ("Form: with errors",),
    "houden-uw-toestemmingen-stand": ("Form wankel: with errors",),
}  # fmt: skip
ABOUT_A_MAGNET = ("confirmed-next", "sent-to", "confirm-number")
BLOCKS = "[...document.querySelectorAll('.bands > *')].map(it => it.getBoundingClientRect())"
SHIFTS = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const it of list.getEntries()) sum += it.value;
  }).observe({type: "layout-shift", buffered: true});
  document.fonts.ready.then(() => requestAnimationFrame(() => requestAnimationFrame(() => done(sum))));
})"""


@dataclass(frozen=True)
class Shown:
    """A page of Chromium that shows the repository's own site, and samples, in a look."""

    page: Page
    look: str
    edition: Edition
    samples: tuple[str, ...]
    states: tuple[str, ...]


@pytest.fixture(scope="module", params=LOOKS)
def shown(request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: Any) -> Iterator[Shown]:
    """Show the repository's own site in each look, without a server."""
    edition = edition_in(request.param, tmp_path_factory.mktemp("site"))
    theme = edition.theme
    pages = {
        f"/{slug}": form_pages[0].form.page for slug, form_pages in edition.publication.form_pages.items()
    }
    pages |= {f"{path}/questions": it.page for path, it in openings_of(edition).items()}
    views = dict(gallery.pages("nl"))
    samples = {f"/sample/{name}": views[name] for name in VIEWS}
    exhibits = Gallery(edition, theme)
    states = {
        f"/state/{slug}/{quote(name)}": exhibits.pages(exhibits.subject(slug), "nl")[name].view
        for slug, names in STATES.items()
        for name in names
    }

    def answer(route: Route, request: Request) -> None:
        address = request.url.removeprefix(HOST)
        asset = theme.assets.get(address)
        if address in samples or address in states:
            view = samples.get(address) or states[address]
            asset = Asset(theme.page(view).encode(), "text/html; charset=utf-8")
        elif address in pages:
            asset = Asset(pages[address], "text/html; charset=utf-8")
        if asset is None:
            route.abort()
        else:
            route.fulfill(body=asset.data, content_type=asset.content_type)

    page = browser.new_page()
    page.route("**/*", answer)
    yield Shown(page, request.param, edition, tuple(samples), tuple(states))
    page.close()


def openings_of(edition: Edition) -> dict[str, OpeningPage]:
    """Return the first pages of magnets that ask before their form, by path."""
    return {f"/{slug}": it for slug, it in edition.publication.openings.items()}


def edition_in(look: str, folder: Path) -> Edition:
    """Return the repository's site in a look."""
    copy_repository_site(folder, look)
    edition, findings = load_edition(folder, KINDS)
    assert edition is not None, findings
    return edition


def opened(shown: Shown, address: str, width: int, scheme: str) -> Page:
    shown.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    shown.page.set_viewport_size({"width": width, "height": 740 if width < 600 else 900})
    shown.page.goto(f"{HOST}{address}")
    return shown.page


def test_no_page_of_a_look_has_a_barrier_on_a_phone(shown: Shown) -> None:
    """W3, F6: axe finds none on 320 pixels; nothing scrolls sideways, nor with text of twice the size."""
    found: dict[str, object] = {}
    for address in (PAPER, *shown.samples):
        page = opened(shown, address, 320, "light")
        answer = Axe().run(page)
        if answer.violations_count or page.evaluate(WIDE):
            found[address] = answer.generate_report()
        page.set_viewport_size({"width": 360, "height": 740})
        page.add_style_tag(content="html { font-size: 200% }")
        if page.evaluate(WIDE):
            found[f"{address} 200%"] = "sideways"
    assert found == {}


def test_no_page_of_a_look_has_a_barrier_by_night(shown: Shown) -> None:
    """W3, F6: axe finds none on a desk, where more stands side by side; nothing scrolls sideways."""
    found: dict[str, object] = {}
    for address in (PAPER, *shown.samples[:3]):
        page = opened(shown, address, 1280, "dark")
        answer = Axe().run(page)
        if answer.violations_count or page.evaluate(WIDE):
            found[address] = answer.generate_report()
    for address in (PAPER, *shown.samples[:4]):
        if opened(shown, address, 768, "light").evaluate(WIDE):
            found[f"{address} 768"] = "sideways"
    assert found == {}


def test_no_state_of_a_page_has_a_barrier(shown: Shown) -> None:
    """W3, F6: axe finds none, too early, too late or wrong, on a phone and, by night, on a desk."""
    found: dict[str, object] = {}
    for address in shown.states:
        for width, scheme in ((360, "light"), (1280, "dark")):
            page = opened(shown, address, width, scheme)
            answer = Axe().run(page)
            if answer.violations_count or page.evaluate(WIDE):
                found[f"{address} {width}"] = answer.generate_report()
        if opened(shown, address, 768, "light").evaluate(WIDE):
            found[f"{address} 768"] = "sideways"
    assert found == {}


def test_on_a_tablet_a_large_cover_stands_beside_the_form(shown: Shown) -> None:
    """W3: below the lead; what there is to read has the page's width, and the last button is the last."""
    for slug in shown.edition.publication.form_pages:
        if f"/{slug}" in openings_of(shown.edition):
            continue
        page = opened(shown, f"/{slug}", 768, "light")
        cover, lead, form, story, bands, last = (
            page.locator(it).bounding_box()
            for it in (".offer .cover", ".offer > .lead", ".ask", ".near", ".bands", ".bar")
        )
        assert cover is not None, slug
        assert lead is not None
        assert form is not None
        assert story is not None
        assert bands is not None
        assert last is not None
        assert cover["width"] >= 230, slug
        assert cover["y"] > lead["y"] + lead["height"], slug
        assert cover["x"] + cover["width"] < form["x"], slug
        assert story["y"] >= form["y"] + form["height"], slug
        assert story["width"] > 700, slug
        assert bands["y"] < last["y"], slug
    others = opened(shown, shown.states[1], 768, "light").locator(".others .cover").first.bounding_box()
    assert others is not None
    assert others["width"] < 100


def test_a_white_paper_is_asked_for_in_the_first_screen_of_every_look(shown: Shown) -> None:
    """W1, W3: the field begins by pixel 514, the button ends by 1,033, on a phone of 360 by 740."""
    page = opened(shown, PAPER, 360, "light")
    page.evaluate("document.fonts.ready")
    field, submit = page.locator("#field-email").bounding_box(), page.locator(".ask .big").bounding_box()
    assert field is not None
    assert submit is not None
    assert field["y"] <= 514
    assert submit["y"] + submit["height"] <= 1_033


def test_every_form_of_the_site_is_near_and_short(shown: Shown) -> None:
    """W1, W3: its field, or a button that leads to it, in the first screen; sent by two; at most 90 words."""
    for slug in shown.edition.publication.form_pages:
        page = opened(shown, f"/{slug}", WIDTH, "light")
        page.evaluate("document.fonts.ready")
        found = page.evaluate(MEASURE)
        assert found["field"] <= HEIGHT or found["led"] == [found["button"]], (slug, found)
        assert found["submit"] <= SCREENS * HEIGHT, (slug, found)
        assert found["words"] <= MOST_WORDS, (slug, found)


def test_the_first_question_stands_in_the_first_screen_of_every_look(shown: Shown) -> None:
    """W1, W3: and an answer to it, on a phone of 360 by 740; what else there is to read comes after."""
    for path in openings_of(shown.edition):
        page = opened(shown, f"{path}/questions", 360, "light")
        page.evaluate("document.fonts.ready")
        answer = page.locator(".question .box").first.bounding_box()
        assert answer is not None
        assert answer["y"] + answer["height"] <= 740
        read = page.locator(".story").bounding_box()
        assert read is not None
        assert read["y"] > answer["y"]


def test_the_cover_stands_beside_what_a_page_says_of_its_magnet(shown: Shown) -> None:
    """W3, W4: beside the heading on a phone; on a panel to the right of every word on a desk."""
    for name in ABOUT_A_MAGNET:
        page = opened(shown, f"/sample/{name}", 360, "light")
        heading, cover = page.locator("h1").bounding_box(), page.locator(".panel .cover").bounding_box()
        assert heading is not None
        assert cover is not None
        assert cover["x"] > 180, name
        assert abs(cover["y"] - heading["y"]) < 24, name
        page.set_viewport_size({"width": 1280, "height": 860})
        panel = page.locator(".panel").bounding_box()
        words = page.locator(".flow > :not(.panel)").evaluate_all(
            "all => Math.max(...all.map(it => it.getBoundingClientRect().right))"
        )
        assert panel is not None
        assert words <= panel["x"], name
        assert panel["x"] + panel["width"] <= 1260, name
        assert panel["height"] > 500, name


def test_every_section_and_article_of_a_magnets_page_has_a_heading(shown: Shown) -> None:
    """W3, F6: a list of headings leads to each; what has none is a plain part."""
    for slug in shown.edition.publication.form_pages:
        page = opened(shown, f"/{slug}", 360, "light")
        assert page.locator("main :is(section, article):not(:has(h1, h2, h3, h4))").count() == 0, slug


def test_lists_use_the_width_of_a_tablet(shown: Shown) -> None:
    """W1, W3: two cards beside each other, or a line for each; every fact beside its name, a second too."""
    page = opened(shown, "/sample/index", 768, "light")
    cards = page.locator(".cards > li").evaluate_all("all => all.map(it => it.getBoundingClientRect().width)")
    wide = 700 if shown.look == "editorial" else 300
    assert all(wide <= width <= wide * 1.3 for width in cards), cards
    page = opened(shown, "/sample/personal", 768, "light")
    facts = page.locator(".given .facts > dd").evaluate_all("all => all.map(it => it.offsetLeft)")
    assert len(set(facts)) == 1


def test_blocks_stand_in_pairs_and_the_last_alone_is_as_wide_as_the_page(shown: Shown) -> None:
    """W1, W3: on a desk no half of the page is empty, whichever blocks a magnet has."""
    for slug in shown.edition.publication.form_pages:
        page = opened(shown, f"/{slug}", 1280, "light")
        rows: dict[int, float] = {}
        for it in page.evaluate(BLOCKS):
            rows[round(it["top"])] = rows.get(round(it["top"]), 0) + it["width"]
        assert all(width > 1_040 for width in rows.values()), (slug, rows)


def test_no_logo_wraps_alone(shown: Shown) -> None:
    """W2, W3: four stand in one row, or two and two."""
    for width in (360, 768, 1280):
        page = opened(shown, PAPER, width, "light")
        tops = page.locator(".logos li").evaluate_all("all => all.map(it => it.offsetTop)")
        assert len(tops) == 4
        assert all(tops.count(top) in {2, 4} for top in tops), (width, tops)


def test_a_long_form_with_mistakes_leaves_no_empty_column(shown: Shown) -> None:
    """W1, F6: on a desk it stands in the wide column, and its pitch beside it is about as long."""
    page = opened(shown, "/sample/landing-unticked", 1280, "light")
    form, head = page.locator(".ask").bounding_box(), page.locator(".head").bounding_box()
    assert form is not None
    assert head is not None
    assert form["width"] > head["width"] * 1.5
    assert form["x"] + form["width"] <= head["x"]
    assert form["y"] < 200
    assert head["y"] < 200
    form = opened(shown, "/sample/landing-unticked", 768, "light").locator(".ask").bounding_box()
    assert form is not None
    assert form["width"] > 700
    (draw,) = (it for it in shown.states if "win-boeken" in it)
    page = opened(shown, draw, 1280, "light")
    form, pitch, more = (page.locator(it).bounding_box() for it in (".ask", ".near", ".more"))
    assert form is not None
    assert pitch is not None
    assert more is not None
    assert pitch["y"] + pitch["height"] <= form["y"] + form["height"] + 120
    assert more["y"] >= form["y"] + form["height"]
    assert more["width"] > 1_040


def test_plain_text_between_blocks_stands_clear_of_them(shown: Shown) -> None:
    """W2, W3: also below a strip of colour; a page of a file that is shown alone has its words beside it."""
    for width in (360, 768):
        page = opened(shown, "/plain-consent", width, "light")
        strip, prose = page.locator(".numbers").bounding_box(), page.locator(".prose").bounding_box()
        assert strip is not None
        assert prose is not None
        assert prose["y"] >= strip["y"] + strip["height"] + 24
    page = opened(shown, "/form-check", 1280, "light")
    sheet, words = page.locator(".inside img").bounding_box(), page.locator("figcaption").first.bounding_box()
    assert sheet is not None
    assert words is not None
    assert words["x"] >= sheet["x"] + sheet["width"]


def test_a_look_is_loaded_small_and_stays_in_its_place(shown: Shown) -> None:
    """W3: page, style, fonts and cover are below 60 kB on a phone; nothing moves when they arrive."""
    weights: dict[str, int] = {}

    def weigh(answer: Any) -> None:
        body = answer.body() if answer.ok else b""
        packed = answer.url.endswith((".woff2", ".webp", ".avif"))  # compressed already
        weights[answer.url] = len(body) if packed else len(gzip.compress(body))

    shown.page.on("response", weigh)
    page = opened(shown, PAPER, 360, "light")
    assert page.evaluate(SHIFTS) < 0.01
    page.wait_for_load_state("networkidle")
    shown.page.remove_listener("response", weigh)
    fonts = [url for url in weights if url.endswith(".woff2")]
    assert len(fonts) == len(LOOKS[shown.look].fonts)
    assert any("/static/cover-" in url for url in weights)
    assert sum(weights.values()) < 60_000, weights


def test_a_look_is_set_in_its_own_fonts(shown: Shown) -> None:
    """W3: headings and text, as painted; the licence of each font lies beside it."""
    page = opened(shown, PAPER, 1280, "light")
    page.evaluate("document.fonts.ready")
    design = LOOKS[shown.look]
    for selector, typeface in (("h1", design.display), (".near > p", design.text)):
        (painted,) = fonts_used(page, selector)
        assert painted.startswith(typeface.family), (selector, painted)
        fonts = Path(gallery.__file__).parents[2] / "optin" / "theme" / "fonts"
        licence = (fonts / f"LICENSE-{typeface.file.partition('-')[0]}.txt").read_text("utf-8")
        assert "SIL Open Font License, Version 1.1" in licence


def test_states_change_colours_and_never_sizes(shown: Shown) -> None:
    """W3: under the pointer a button changes its fill alone; the ring of the focus is 3 pixels, 3 off."""
    page = opened(shown, PAPER, 1280, "light")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    button = page.locator(".ask button.big")
    look = """(it) => {
      const style = getComputedStyle(it);
      return [style.backgroundColor, style.outlineWidth, style.outlineOffset];
    }"""
    before, size = button.evaluate(look), button.bounding_box()
    button.hover()
    assert button.evaluate(look)[0] != before[0]
    assert button.bounding_box() == size
    page.mouse.move(0, 0)
    page.keyboard.press("Tab")
    button.focus()
    assert button.evaluate(look)[1:] == ["3px", "3px"]


def test_forced_colours_keep_boxes_native(shown: Shown) -> None:
    """W3, F6: who chose own colours sees the boxes of the system, and the edge of every button."""
    page = opened(shown, PAPER, 360, "light")
    page.emulate_media(forced_colors="active")
    box = page.locator("input[type=checkbox]").first
    assert box.evaluate("(it) => getComputedStyle(it).appearance") == "auto"
    border = page.locator(".ask button.big").evaluate("(it) => getComputedStyle(it).borderTopStyle")
    assert border == "solid"
    page.emulate_media(forced_colors="none")
