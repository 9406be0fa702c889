"""The prospect's journey in Chromium: by mouse, by keyboard alone, with scripts off."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from optin.web.security_headers import security_headers
from tests.browser.conftest import House
from tests.serving import BASE_URL, environment
from tests.started import run_optin
from tests.web.static_host import static_host

SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
COLOURS = ["color-contrast", "link-in-text-block"]  # what axe says of colours


def someone() -> str:
    return f"{uuid.uuid4().hex[:10]}@example.com"


def test_by_mouse_with_scripts_off(house: House, window: BrowserContext) -> None:
    """F1, F5, F6, D2: page, mistake, mailbox, button, file; no cookie, nothing from elsewhere."""
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    page, address = window.new_page(), someone()
    page.goto(f"{house.base}/paper")
    expect(page.locator("input[type=checkbox]:checked")).to_have_count(0)
    page.fill("#field-email", "nobody")
    page.fill("#field-first_name", "Alice")
    page.check("input[value=follow-up-phone]")
    page.click("form button")
    expect(page).to_have_title(re.compile("Fout"))
    expect(page.locator("#field-first_name")).to_have_value("Alice")
    expect(page.locator("input[value=follow-up-phone]")).to_be_checked()
    page.fill("#field-email", address)
    page.fill("#field-phone", "020 123 4567")
    page.check("input[value=tips-email]")
    page.click("form button")
    expect(page.locator("h1")).to_have_text("Kijk in uw mailbox")
    _, _, link = house.letter(address, "Bevestig")
    page.goto(link)
    button = page.locator("form.now button")
    box = button.bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    assert box["y"] + box["height"] <= size["height"], "the one button is seen without scrolling"
    assert box["height"] >= 44
    with page.expect_download() as begun:  # the button says so
        button.click()
    assert begun.value.suggested_filename == "witboek.pdf"
    expect(page.locator("h1")).to_contain_text("Bevestigd")
    with page.expect_download() as download:
        page.click("a.button")
    assert download.value.suggested_filename == "witboek.pdf"
    house.letter(address, "Uw whitepaper")
    assert window.cookies() == []
    assert all(url.startswith(house.base) for url in asked)


def test_from_a_static_page_to_the_app(house: House, window: BrowserContext, tmp_path: Path) -> None:
    """M8, F5, S1: a built page on a plain file server with our headers; form and links lead to the app."""
    words = ("build", "--site", str(house.site), "--out", str(tmp_path))
    run_optin(*words, environment=environment(house.store, house.mail, house.keys)).check_returncode()
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    page, address = window.new_page(), someone()
    with static_host(tmp_path, security_headers(BASE_URL)) as host:
        page.goto(host)
        page.click("a[href='/paper']")
        page.click("footer a[href$='/me']")
        expect(page).to_have_url(f"{house.base}/me")
        page.goto(f"{host}/paper")
        page.fill("#field-email", "nobody")
        page.check("input[value=tips-email]")
        page.click("form button")
        expect(page).to_have_url(f"{house.base}/paper")
        expect(page).to_have_title(re.compile("Fout"))
        page.goto(f"{host}/paper")
        page.fill("#field-email", address)
        page.check("input[value=tips-email]")
        page.click("form button")
        expect(page).to_have_url(re.compile(re.escape(f"{house.base}/paper/sent?")))
        expect(page.locator("h1")).to_have_text("Kijk in uw mailbox")
    _, _, link = house.letter(address, "Bevestig")
    page.goto(link)
    page.click("form.now button")
    expect(page.locator("h1")).to_contain_text("Bevestigd")
    assert window.cookies() == []
    assert all(url.startswith((host, house.base)) for url in asked)


def test_by_keyboard_alone(house: House, browser: Browser) -> None:
    """F6: tab, space and enter reach and do everything, in the order of reading."""
    page, address = browser.new_page(), someone()
    page.goto(f"{house.base}/paper")
    focused = tab_to(page, "field-email")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("[role=alert]")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#field-email$"))
    expect(page.locator("#field-email")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type(address)
    while page.evaluate("document.activeElement.type") != "checkbox":
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sent?*")
    text, _, _ = house.letter(address, "Bevestig")
    code = next(line.strip() for line in text.splitlines() if line.strip().replace(" ", "").isdigit())
    tab_to(page, "field-code")
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/confirm/*")
    expect(page.locator("h1")).to_contain_text("Bevestigd")
    assert focused < 10
    page.close()


def tab_to(page: Page, name: str) -> int:
    """Press Tab until a field has the focus; return how often."""
    for times in range(1, 30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == name:
            return times
    raise AssertionError(name)


@pytest.mark.parametrize("proposed", [False, True])
def test_a_misspelt_address_is_answered_by_keyboard(
    house: House, window: BrowserContext, *, proposed: bool
) -> None:
    """F6, F5: the question gets the focus; a return key in the field takes what stands there."""
    page, name = window.new_page(), uuid.uuid4().hex[:10]
    page.goto(f"{house.base}/paper")
    page.fill("#field-email", f"{name}@gmial.com")
    page.fill("#field-first_name", "Alice")
    page.press("#field-email", "Enter")
    page.wait_for_selector("#errors")
    assert page.locator(":focus").get_attribute("id") == "errors"
    expect(page.locator("#errors")).to_contain_text(f"{name}@gmail.com")
    expect(page.locator("#field-first_name")).to_have_value("Alice")
    if proposed:
        page.press("#field-email", "Tab")
        assert page.locator(":focus").get_attribute("name") == "email_meant"
        page.keyboard.press("Enter")
    else:
        page.press("#field-email", "Enter")
    page.wait_for_url("**/paper/sent?**")
    meant = "gmail.com" if proposed else "gmial.com"
    expect(page.locator("main")).to_contain_text(f"{name}@{meant}")
    for shown in (page.url, page.title()):
        assert name not in shown


def test_a_box_that_is_all_there_is_gets_the_focus(house: House, window: BrowserContext) -> None:
    """F6: from the summary to the box, by keyboard, and on."""
    page, address = window.new_page(), someone()
    page.goto(f"{house.base}/tips")
    page.fill("#field-email", address)
    page.press("#field-email", "Enter")
    page.wait_for_selector("#errors")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    if not page.is_checked("#field-consent"):  # a link moves where the next Tab goes, in some versions
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
    expect(page.locator("#field-consent")).to_be_checked()
    page.press("#field-email", "Enter")
    page.wait_for_url("**/tips/sent?**")
    expect(page.locator("main")).to_contain_text(address)


def pages_of(house: House, page: Page) -> Iterator[str]:
    """Go through every page that a prospect meets."""
    address = someone()
    for path in ("/", "/paper", "/tips", "/privacy", "/nothing"):
        page.goto(house.base + path)
        yield path
    page.goto(f"{house.base}/paper")
    page.fill("#field-email", "wrong")
    page.check("input[value=follow-up-phone]")
    page.fill("#field-phone", "1")
    page.click("form button")
    yield "mistakes"
    page.fill("#field-email", address.replace("example.com", "gmial.com"))
    page.fill("#field-phone", "020 123 4567")
    page.click("form button")
    yield "a misspelt address"
    page.goto(f"{house.base}/tips")
    page.fill("#field-email", address)
    page.click("form button")
    yield "no tick"
    page.goto(f"{house.base}/paper")
    page.fill("#field-email", address)
    page.check("input[value=tips-email]")
    page.check("input[value=follow-up-phone]")
    page.fill("#field-phone", "+31201234567")
    page.click("form button")
    yield "sent"
    page.click("button[value=code]")
    yield "code missing"
    _, html, link = house.letter(address, "Bevestig")
    page.goto(link)
    yield "confirm"
    page.click("form.now button")
    yield "confirmed"
    words, delivery, _ = house.letter(address, "Uw whitepaper")
    for mail in (html, delivery):
        page.set_content(mail)
        yield "mail"
    way_out = next(line for line in words.splitlines() if "/unsubscribe/" in line).strip()
    page.goto(house.base + "/unsubscribe/" + way_out.rpartition("/")[2])
    yield "unsubscribe"
    page.locator("button[name=what]").first.click()
    yield "unsubscribed"
    page.goto(f"{house.base}/me")
    yield "personal: ask"
    page.click("form button")
    yield "personal: mistake"
    page.fill("#field-email", address)
    page.click("form button")
    yield "personal: asked"
    _, html, link = house.letter(address, "De link naar uw gegevens")
    page.set_content(html)
    yield "personal: mail"
    page.goto(link)
    yield "personal"
    page.click("button[value=give]")
    yield "personal: given anew"
    _, html, _ = house.letter(address, "Wilt u dit")
    page.set_content(html)
    yield "personal: renewal mail"
    page.goto(link)
    page.fill("#field-phone", "12")
    page.click("button[value=correct]")
    yield "personal: mistake in the number"
    page.goto(link + "?erase=1")
    yield "personal: consequences"
    page.click("button[value=erase]")
    yield "personal: erased"


def test_no_page_has_a_barrier_or_a_sideways_scroll(house: House, browser: Browser) -> None:
    """F6: axe finds nothing, nothing is wider than the window, on any page or mail, by day or night."""
    context = browser.new_context(
        viewport={"width": 360, "height": 640},
        bypass_csp=True,  # the checker is a script; the page's own policy would keep it out
    )
    page = context.new_page()
    for name in pages_of(house, page):
        page.wait_for_load_state()
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 640 if width == 360 else 860})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                # the scheme changes colours and nothing else
                results = Axe().run(page, options=None if scheme == "light" else {"runOnly": COLOURS})
                assert results.violations_count == 0, f"{name}, {scheme}: {results.generate_report()}"
            wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
            assert not wide, (name, width)
    context.close()


def test_a_mail_shows_its_pictures_on_the_site_of_a_mail_provider(
    house: House, browser: Browser, tmp_path: Path
) -> None:
    """W4, S1: a mail is shown within a page of another site, which may load our pictures."""
    page, address = browser.new_page(), someone()
    page.goto(f"{house.base}/paper")
    page.fill("#field-email", address)
    page.click("form button")
    page.wait_for_url("**/sent?**")
    _, html, _ = house.letter(address, "Bevestig")
    (tmp_path / "index.html").write_text(html)
    with static_host(tmp_path, ()) as provider:
        page.goto(provider, wait_until="load")
        drawn = page.eval_on_selector_all("img", "all => all.map(it => it.naturalWidth > 0)")
    assert drawn
    assert all(drawn)
    page.close()


def test_nothing_jumps_and_little_is_asked_for(house: House, browser: Browser) -> None:
    """F5: at most three requests, 14 kB compressed, no layout shift."""
    context = browser.new_context(viewport={"width": 360, "height": 640}, bypass_csp=True)
    context.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => { for (const e of list.getEntries())"
        " window.shift += e.value; }).observe({type: 'layout-shift', buffered: true});"
    )
    page = context.new_page()
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    page.goto(f"{house.base}/paper", wait_until="networkidle")
    page.mouse.wheel(0, 2_000)
    page.wait_for_timeout(300)
    assert page.evaluate("window.shift") == 0
    assert len(sizes) <= 3
    assert sum(sizes) <= 14_000
    context.close()


def test_an_address_is_sent_as_it_was_typed(house: House, browser: Browser) -> None:
    """D1, R1: no browser rewrites a domain into another one (an e-mail input makes ss of ß)."""
    page = browser.new_page()
    for round_, (path, then) in enumerate((("/paper", "**/sent?**"), ("/me", "**/me?sent=1"))):
        page.goto(house.base + path)
        page.fill("#field-email", "jan@straße-example.de")
        page.click("form button")
        page.wait_for_url(then)
        house.letter("jan@xn--strae-example-edb.de", "", after=round_)
    page.close()
