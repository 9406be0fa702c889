"""A form in a page of another site, in a real Chromium: two origins, no cookie, a strict policy."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from optin.services.site_edition import load_edition
from optin.settings.site import EmbedTable
from optin.site.embedding_sites import frame_height
from optin.site.page_inputs import KindPages
from optin.site.render_site import publish
from tests.browser.conftest import House
from tests.browser.front_door import FrontDoor
from tests.chromium import ARGUMENTS, installed
from tests.house.requirements_table import ROOT
from tests.installed import KINDS
from tests.serving import settings
from tests.shell import shell
from tests.web.static_host import static_host


@contextmanager
def company_page(browser: Browser, address: str, *, scripts: bool = True) -> Iterator[Page]:
    """Open a page of a company's website on a phone."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=scripts)
    page = context.new_page()
    page.goto(address)
    yield page
    assert context.cookies() == []
    context.close()


@pytest.fixture(scope="module")
def blog(house: House) -> str:
    """Put the form on a page of the company's website; return the address of the page."""
    done = shell(house.site, "embed", "paper", **settings(house.store, house.mail, house.keys))
    assert done.exit_code == 0, done.output
    for name, lines in (("blog", done.stdout), ("low", re.sub(r'height="\d+"', 'height="150"', done.stdout))):
        html = f'<!doctype html><html lang="nl"><title>Blog</title><h1>Een blog</h1>{lines}<p>Meer.</p>'
        (house.company_folder / f"{name}.html").write_text(html)
        late = re.sub(r'<script src="([^"]+)".*</script>', r"<p>\1</p>", html)
        (house.company_folder / f"{name}-late.html").write_text(late)
    return f"{house.company}/blog.html"


def code_to(house: House, recipient: str) -> str:
    """Wait for the mail to somebody; return its code."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for data in house.script.mails:
            mail = message_from_bytes(data, policy=default)
            body = mail.get_body(("plain",)) if mail["To"] == recipient else None
            found = (
                None if body is None else re.search(r"^ +(\d{4} \d{4})\s*$", body.get_content(), re.MULTILINE)
            )
            if found is not None:
                return found[0]
        time.sleep(0.05)
    raise AssertionError(recipient)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_form_is_filled_in_and_confirmed_in_its_frame(
    house: House, browser: Browser, blog: str, *, scripts: bool
) -> None:
    """W6: mistakes, code and download stay there; the page around it stays where it is."""
    who = f"framed-{scripts}@example.com".lower()
    with company_page(browser, blog, scripts=scripts) as page:
        frame = page.frame_locator("iframe")
        frame.get_by_role("textbox").first.fill("nobody@")
        frame.get_by_role("button", name="Stuur").click()
        frame.locator("#errors").wait_for()
        frame.get_by_role("textbox").first.fill(who)
        frame.get_by_role("checkbox").first.check()
        frame.get_by_role("button", name="Stuur").click()
        frame.locator("#field-code").fill(code_to(house, who))
        frame.get_by_role("button", name="Bevestig").click()
        frame.get_by_role("link", name=re.compile("Download")).wait_for()
        expect(page).to_have_url(blog)


STORED = "() => { try { localStorage.a = 'b'; return 'stored'; } catch (problem) { return problem.name; } }"


def test_a_browser_that_stores_nothing_for_others_signs_up(
    house: House, browser: Browser, door: FrontDoor, blog: str, tmp_path: Path
) -> None:
    """W6: third-party cookies and storage blocked, as a careful browser has it; the form needs neither."""
    (tmp_path / "Default").mkdir()
    careful = {"profile": {"block_third_party_cookies": True, "cookie_controls_mode": 1}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(careful))
    context = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=installed(), args=[*ARGUMENTS, *door.arguments]
    )
    page = context.new_page()
    page.goto(blog)
    frame = page.frame_locator("iframe")
    frame.get_by_role("textbox").first.fill("careful@example.com")
    (inner,) = page.main_frame.child_frames
    assert inner.evaluate(STORED) == "SecurityError"
    frame.get_by_role("checkbox").first.check()
    frame.get_by_role("button", name="Stuur").click()
    frame.locator("#field-code").fill(code_to(house, "careful@example.com"))
    frame.get_by_role("button", name="Bevestig").click()
    frame.get_by_role("link", name=re.compile("Download")).wait_for()
    assert context.cookies() == []
    context.close()


def test_another_site_shows_nothing(browser: Browser, blog: str, house: House) -> None:
    """W6: the browser refuses a frame on a site that is not listed."""
    with static_host(house.company_folder) as other:
        assert other != house.company
        with company_page(browser, f"{other}/{blog.rpartition('/')[2]}") as page:
            (inner,) = page.main_frame.child_frames
            inner.wait_for_url(re.compile("^chrome-error:"))


def test_the_frame_grows_with_what_is_in_it(browser: Browser, blog: str) -> None:
    """W6: no scroll bar inside; what was answered comes into view; a page around it without barriers."""
    with company_page(browser, blog.replace("blog.html", "low.html")) as page:
        page.frame_locator("iframe").get_by_role("button", name="Stuur").wait_for()
        before = grown(page)
        page.frame_locator("iframe").get_by_role("button", name="Stuur").click()
        page.frame_locator("iframe").locator("#errors").wait_for()
        assert grown(page) > before
        top = page.locator("iframe").evaluate("it => it.getBoundingClientRect().top")
        assert -1 <= top <= 740
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        (inner,) = page.main_frame.child_frames
        found = Axe().run(inner)
        assert found.violations_count == 0, found.generate_snapshot() + found.generate_report()


def test_a_mistake_is_read_to_who_sees_nothing(browser: Browser, blog: str) -> None:
    """W6, F4: browsers do not focus what a page in a frame of another site asks to be focused."""
    with company_page(browser, blog) as page:
        page.frame_locator("iframe").get_by_role("button", name="Stuur").click()
        expect(page.frame_locator("iframe").locator("#errors")).to_be_focused()


def test_a_script_that_comes_late_finds_the_height(browser: Browser, blog: str) -> None:
    """W6: many websites load scripts at the first touch; a second copy of the lines does no harm."""
    with company_page(browser, blog.replace("blog.html", "low-late.html")) as page:
        frame = page.locator("iframe").first
        frame.content_frame.get_by_role("button", name="Stuur").wait_for()
        page.wait_for_load_state("networkidle")
        assert frame.evaluate("it => it.clientHeight") == 150
        address = frame.evaluate("it => it.parentElement.nextElementSibling.textContent")
        page.add_script_tag(url=address)
        page.add_script_tag(url=address)
        grown(page)
        assert page.evaluate("typeof forms") == "undefined"


@pytest.mark.parametrize("width", [360, 820, 1280])
def test_a_form_stands_in_the_middle_on_a_ground_of_its_own(browser: Browser, blog: str, width: int) -> None:
    """W6: a wide frame has no empty half; a dark website around it leaves the words readable."""
    with company_page(browser, blog) as page:
        page.set_viewport_size({"width": width, "height": 800})
        (inner,) = page.main_frame.child_frames
        inner.get_by_role("button", name="Stuur").wait_for()
        left, right = inner.evaluate(
            "(it => [it.left, innerWidth - it.right])(document.querySelector('.ask').getBoundingClientRect())"
        )
        assert abs(left - right) <= 1
        ground = inner.evaluate("getComputedStyle(document.body).backgroundColor")
        assert re.fullmatch(r"rgb\(.*\)", ground), ground
        assert inner.evaluate("getComputedStyle(document.body).backgroundImage") == "none"


def grown(page: Page) -> float:
    """Wait until the frame is as high as the page in it; return that."""
    inner = page.main_frame.child_frames[0]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        wanted = inner.evaluate("document.body.offsetHeight")
        height = page.locator("iframe").evaluate("it => it.clientHeight")
        if abs(wanted - height) <= 1:
            return float(height)
        time.sleep(0.05)
    raise AssertionError((wanted, height))


def test_the_printed_height_fits_a_phone(browser: Browser) -> None:
    """W6: for every magnet of the repository, without the script."""
    edition, _ = load_edition(ROOT, KINDS)
    assert edition is not None
    table = EmbedTable(sites=("https://www.example.com",))
    site = replace(edition.site, settings=edition.site.settings.model_copy(update={"embed": table}))
    shown = publish(site, edition.theme, KindPages(KINDS.pages, KINDS.details))
    context = browser.new_context(viewport={"width": 330, "height": 200}, java_script_enabled=True)
    page = context.new_page()
    sheets = (edition.theme.asset_url(name) for name in ("style.css", "frame.css"))
    style = "".join(edition.theme.assets[url].data.decode() for url in sheets)
    odd = {}
    for slug, form_pages in shown.form_pages.items():
        for form_page in form_pages:
            if form_page.form.declaration.shown_in == "frame":
                page.set_content(form_page.form.page.decode())
                page.add_style_tag(content=style)
                needed, printed = (
                    page.evaluate("document.body.offsetHeight"),
                    frame_height(form_page.form.declaration),
                )
                if not needed <= printed <= needed * 1.35:
                    odd[slug] = needed, printed
    context.close()
    assert odd == {}
