"""A source travels in the address of the page alone: a real Chromium, without scripts."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import House
from tests.browser.front_door import FrontDoor
from tests.mail.server import mail_server
from tests.ports import reserved_port
from tests.serving import BASE_URL, served, settings
from tests.shell import shell
from tests.web.conftest import site_at
from tests.web.static_host import static_host

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"  # no crawler is headless


@pytest.fixture
def campaign(tmp_path: Path, door: FrontDoor, browser: Browser) -> Iterator[House]:
    """Serve a site that declares sources, in place of the house."""
    assert browser.is_connected()
    site_at(tmp_path / "site")
    store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
    (tmp_path / "company").mkdir()
    opened, before = House(tmp_path / "site", store, keys, company_folder=tmp_path / "company"), door.inward
    with (
        reserved_port() as port,
        mail_server(opened.script) as mail_port,
        static_host(tmp_path / "company") as opened.company,
    ):
        with (tmp_path / "site" / "optin.toml").open("a") as file:
            file.write('\n[sources]\nnames = ["linkedin", "beurs-2027"]\n')
            file.write(f'\n[embed]\nsites = ["{opened.company}"]\n')
        opened.mail, door.inward = f"smtp://127.0.0.1:{mail_port}", port
        try:
            with served(tmp_path / "site", port, store, opened.mail, keys):
                yield opened
        finally:
            door.inward = before


@pytest.fixture
def window(browser: Browser) -> Iterator[BrowserContext]:
    """Open a window of a phone, with scripts off."""
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, java_script_enabled=False, user_agent=FIREFOX
    )
    yield context
    context.close()


def counted(house: House, requests: int) -> dict[str, tuple[int, int]]:
    """Wait until so many sign-ups are in the sums; return views and sign-ups by source."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = shell(house.site, "stats", "--format", "json", **settings(house.store, house.mail, house.keys))
        assert done.exit_code == 0, done.output
        found = {it["source"]: (it["views"], it["requests"]) for it in json.loads(done.stdout)["sources"]}
        if sum(sent for _, sent in found.values()) >= requests:
            return found
        time.sleep(0.2)
    raise AssertionError(found)


def send(page: Page, email: str) -> None:
    page.fill("#field-email", email)
    page.click("form button")
    expect(page.locator("h1")).to_have_text("Kijk in uw mailbox")


def test_a_browser_says_from_which_link_it_came(campaign: House, window: BrowserContext) -> None:
    """W8, W9: from a link of another site, past a mistake; no cookie, and nothing in later addresses."""
    (campaign.company_folder / "feed.html").write_text(
        f'<!doctype html><a href="{BASE_URL}/paper?utm_source=LinkedIn&amp;utm_medium=social">Lees</a>'
    )
    posted: list[str] = []
    window.on("request", lambda request: posted.append(request.headers.get("referer", "")))
    page = window.new_page()
    page.goto(f"{campaign.company}/feed.html")
    page.click("a")
    expect(page).to_have_url(f"{BASE_URL}/paper?utm_source=LinkedIn&utm_medium=social")
    page.fill("#field-email", "nobody@")
    page.click("form button")
    expect(page).to_have_title(re.compile("Fout"))
    send(page, "alice@example.com")
    expect(page).not_to_have_url(re.compile("utm"))
    assert not any("utm" in referer for referer in posted)
    page.goto(f"{BASE_URL}/paper")
    send(page, "bob@example.com")
    assert window.cookies() == []
    assert counted(campaign, 2) == {"linkedin": (1, 1), "": (1, 1)}


def test_a_frame_names_its_source(campaign: House, window: BrowserContext) -> None:
    """W8: in its address, as the snippet on the company's page has it."""
    (campaign.company_folder / "blog.html").write_text(
        f'<!doctype html><iframe src="{BASE_URL}/paper/embed?via=beurs-2027" height="900"></iframe>'
    )
    page = window.new_page()
    page.goto(f"{campaign.company}/blog.html")
    frame = page.frame_locator("iframe")
    frame.get_by_role("textbox").first.fill("alice@example.com")
    frame.get_by_role("button", name="Stuur").click()
    expect(frame.locator("h1")).to_have_text("Kijk in uw mailbox")
    assert window.cookies() == []
    assert counted(campaign, 1) == {"beurs-2027": (1, 1)}


@pytest.mark.parametrize(
    "query",
    ["?utm_source=facebook", "?utm_source=" + "x" * 10_000, "?source=linkedin", "?via=alice@example.com"],
)
def test_what_no_site_declared_is_counted_as_none(
    campaign: House, window: BrowserContext, query: str
) -> None:
    """W8: and stands nowhere in the store nor in the server's log."""
    page = window.new_page()
    page.goto(f"{BASE_URL}/paper?via=linkedin", referer="https://www.linkedin.com/?utm_source=linkedin")
    page.goto(f"{BASE_URL}/paper{query}", referer=f"{BASE_URL}/other?via=beurs-2027")
    send(page, "bob@example.com")
    assert counted(campaign, 1) == {"linkedin": (1, 0), "": (1, 1)}
    store = campaign.site.parent
    kept = b"".join(it.read_bytes() for end in ("db", "db-wal", "log") for it in store.glob(f"*.{end}"))
    for word in (b"facebook", b"xxxx", b"utm_", b"source=", b"via="):
        assert word not in kept
