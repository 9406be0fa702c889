"""A form in a page of a real WordPress, in Chromium: pasted as the guide says, sent, and confirmed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import House
from tests.browser.conftest import browser as browser  # noqa: PLC0414 - a fixture
from tests.browser.conftest import door as door  # noqa: PLC0414 - a fixture
from tests.browser.front_door import FrontDoor
from tests.browser.test_embedding import code_to, grown
from tests.host.wordpress import WordPress, wordpress
from tests.mail.server import mail_server
from tests.ports import reserved_port
from tests.serving import served, settings
from tests.shell import shell
from tests.web.conftest import site_at

WIDTHS = (360, 1280)


@dataclass
class Company:
    """A company with a WordPress and an optin site that it lists."""

    house: House
    website: WordPress

    def snippet(self, *words: str) -> str:
        """Return what optin embed prints to be pasted."""
        house = self.house
        done = shell(house.site, "embed", "paper", *words, **settings(house.store, house.mail, house.keys))
        assert done.exit_code == 0, done.output
        return done.stdout


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, door: FrontDoor) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("wordpress")
    site_at(folder / "site")
    house = House(folder / "site", f"sqlite:///{folder}/optin.db", str(folder / "keys.json"))
    with (
        reserved_port() as web_port,
        reserved_port() as port,
        mail_server(house.script) as mail_port,
        wordpress(web_port) as website,
    ):
        with (folder / "site" / "optin.toml").open("a") as file:
            file.write(f'\n[embed]\nsites = ["{website.address}"]\n')
            file.write(
                '[sources]\nnames = ["website"]\nkeep = {nl = "Dat leert ons.", en = "It teaches us."}\n'
            )
        door.inward = port
        house.mail = f"smtp://127.0.0.1:{mail_port}"
        with served(folder / "site", port, house.store, house.mail, house.keys):
            yield Company(house, website)


def opened(browser: Browser, address: str, width: int, *, scripts: bool = True) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=scripts)
    page = context.new_page()
    page.goto(address)
    return page


def left_of(found: Locator) -> float:
    """Return where something begins, in pixels from the left: in the theme's column or not."""
    box = found.bounding_box()
    assert box is not None
    return box["x"]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_form_in_a_frame_is_sent_and_confirmed(company: Company, browser: Browser, width: int) -> None:
    """W6, W8: pasted into a block "Custom HTML"; the frame grows by its script, and stays on the page."""
    who = f"frame-{width}@example.com"
    lines = company.snippet().replace("/embed", "/embed?via=website", 1)
    low = re.sub(r'height="\d+"', 'height="150"', lines)
    address = company.website.publish("White paper", low)
    page = opened(browser, address, width)
    expect(page.get_by_role("heading", name="White paper")).to_be_visible()
    page.locator("iframe").scroll_into_view_if_needed()  # WordPress lets it load when it is near
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Stuur").wait_for()
    assert grown(page) > 150
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert left_of(page.locator("iframe")) == left_of(page.get_by_role("heading", name="White paper"))
    frame.get_by_role("textbox").first.fill(who)
    frame.get_by_role("checkbox").first.check()
    frame.get_by_role("button", name="Stuur").click()
    frame.locator("#field-code").fill(code_to(company.house, who))
    frame.get_by_role("button", name="Bevestig").click()
    frame.get_by_role("link", name=re.compile("Download")).wait_for()
    expect(page).to_have_url(address)
    shown = shell(
        company.house.site, "subject", "show", who, "--why", "test",
        **settings(company.house.store, company.house.mail, company.house.keys),
    )  # fmt: skip
    assert "website" in shown.stdout
    page.context.close()


def test_a_form_in_a_frame_needs_no_script(company: Company, browser: Browser) -> None:
    """W6: a visitor without scripts fills it in all the same."""
    address = company.website.publish("Without scripts", company.snippet())
    page = opened(browser, address, 360, scripts=False)
    frame = page.frame_locator("iframe")
    frame.get_by_role("textbox").first.fill("no-script@example.com")
    frame.get_by_role("button", name="Stuur").click()
    frame.locator("#field-code").wait_for()
    page.context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_form_that_was_pasted_as_html_is_sent_and_confirmed(
    company: Company, browser: Browser, width: int
) -> None:
    """W7: WordPress gives it to visitors as a version that was issued; it posts from there to optin."""
    who = f"pasted-{width}@example.com"
    page = opened(browser, company.website.publish("Pasted", company.snippet("--html")), width)
    page.locator("form.optin input[type=email]").fill(who)
    page.locator("form.optin input[type=checkbox]").first.check()
    page.locator("form.optin button").first.click()
    page.locator("#field-code").fill(code_to(company.house, who))
    page.get_by_role("button", name="Bevestig").click()
    page.get_by_role("link", name=re.compile("Download")).wait_for()
    page.context.close()
