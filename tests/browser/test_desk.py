"""The desk in Chromium: every page in every language, without script, by keyboard alone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, CDPSession, Page, expect

from optin.consent.staff_role import Role
from optin.desk.all_routes import DESK_ROUTES
from optin.theme.languages import languages
from tests.browser.conftest import House
from tests.browser.desk_pages import linked_pages
from tests.browser.test_prospect import someone
from tests.serving import environment
from tests.started import run_optin


def staff(house: House, *words: str) -> None:
    """Run a command about staff, beside the running server."""
    done = run_optin(
        "staff",
        words[0],
        "--site",
        str(house.site),
        *words[1:],
        environment=environment(house.store, house.mail, house.keys),
    )
    done.check_returncode()


def link_of(house: House, address: str) -> str:
    """Wait for the mail with a link to sign in; return the link."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for data in reversed(house.script.mails):
            mail = message_from_bytes(data, policy=default)
            text = mail.get_body(("plain",))
            assert text is not None
            found = re.search(r"https://\S+/desk/sign-in/\S+", text.get_content())
            if mail["To"] == address and found is not None:
                return found[0]
        time.sleep(0.05)
    raise AssertionError(address)


@contextmanager
def signed_in(
    house: House, browser: Browser, *roles: Role, lang: str = "en", **more: object
) -> Iterator[Page]:
    """Open the desk as somebody of the staff."""
    address = someone()
    staff(house, "add", address, *(word for role in roles for word in ("--role", role.value)))
    context = browser.new_context(locale=lang, **more)  # type: ignore[arg-type]  # options of a window
    page = context.new_page()
    page.goto(f"{house.base}/desk")
    page.fill("#field-email", address)
    page.click("form.card button")
    page.goto(link_of(house, address))
    page.click("form.card button")
    expect(page).to_have_url(f"{house.base}/desk")
    yield page
    context.close()


@pytest.mark.parametrize("lang", languages())
def test_every_page_of_the_desk_can_be_used_by_everybody(house: House, browser: Browser, lang: str) -> None:
    """K6: axe finds nothing, nothing scrolls sideways, no text is missing, no page is heavy."""
    width, scheme = {"en": (360, "light"), "nl": (1280, "dark"), "de": (360, "dark"), "fr": (1280, "light")}[
        lang
    ]
    window = {"viewport": {"width": width, "height": 740}, "color_scheme": scheme}
    axe = Axe()
    with signed_in(house, browser, *Role, lang=lang, **window) as page:
        for pattern in linked_pages(page, house.base):
            assert page.get_attribute("html", "lang") == lang
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), pattern
            result = axe.run(page)
            assert result.violations_count == 0, f"{pattern}\n{result.generate_report()}"


def test_the_desk_is_complete_without_script(house: House, browser: Browser) -> None:
    """K6: every line of the menu opens its page, and one can sign out."""
    with signed_in(house, browser, *Role, java_script_enabled=False) as page:
        lines = page.locator("nav.rail a").evaluate_all("all => all.map(it => it.href)")
        assert len(lines) == len({it.path for it in DESK_ROUTES if it.menu})
        for line in lines:
            page.goto(line)
            expect(page.locator("nav.rail [aria-current=page]")).to_have_count(1)
        page.click("details.account summary")
        page.click("details.account button >> nth=0")
        expect(page).to_have_url(f"{house.base}/desk/sign-in")
        expect(page.locator("form[data-passkey]")).to_be_hidden()


def test_the_desk_is_used_by_keyboard_alone(house: House, browser: Browser) -> None:
    """K6: the skip link comes first, then what is shown; the focus can be seen everywhere."""
    with signed_in(house, browser, *Role) as page:
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_class("skip")
        page.keyboard.press("Enter")
        expect(page.locator(":focus")).to_have_id("main")
        page.goto(f"{house.base}/desk")
        wanted = page.locator("nav.rail a").first.get_attribute("href")
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.getAttribute('href')") == wanted:
                break
        else:
            raise AssertionError(wanted)
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"


def sign_out(page: Page) -> None:
    """Sign out by the menu of one's account."""
    page.click("details.account summary")
    page.click("details.account button >> nth=0")
    expect(page.locator("form[data-passkey]")).to_be_visible()


def with_device(page: Page) -> tuple[CDPSession, str]:
    """Give a browser a device that keeps passkeys and knows its owner; return it and its id."""
    chromium = page.context.new_cdp_session(page)
    chromium.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    added = chromium.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    return chromium, added["authenticatorId"]


def add_passkey(page: Page, house: House, name: str) -> None:
    """Add a passkey on the page of one's account."""
    page.goto(f"{house.base}/desk/account")
    page.click("a[href='/desk/account/passkeys/new']")
    page.fill("form[data-passkey] [name=name]", name)
    page.click("form[data-passkey] button")


def test_a_passkey_is_added_signs_in_and_is_removed(house: House, browser: Browser) -> None:
    """K1: a passkey of the browser's device opens the desk until it is removed; then it opens nothing."""
    with signed_in(house, browser, *Role) as page:
        chromium, device = with_device(page)
        add_passkey(page, house, "Travel laptop")
        expect(page).to_have_url(f"{house.base}/desk/account?done=passkey")
        expect(page.locator("main")).to_contain_text("Travel laptop")
        held = chromium.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
        assert [it["rpId"] for it in held] == [urlsplit(house.base).hostname]

        sign_out(page)
        page.click("form[data-passkey] button")
        expect(page).to_have_url(f"{house.base}/desk")
        expect(page.locator("nav.rail")).to_be_visible()

        page.goto(f"{house.base}/desk/account")
        page.click("form[action='/desk/account/passkeys/remove'] button")
        expect(page).to_have_url(f"{house.base}/desk/account?done=removed")
        expect(page.locator("main")).not_to_contain_text("Travel laptop")
        sign_out(page)
        page.click("form[data-passkey] button")
        expect(page.locator(".notice.wrong")).to_contain_text("not known here any more")
        page.goto(f"{house.base}/desk")
        expect(page).to_have_url(f"{house.base}/desk/sign-in")


def test_a_passkey_that_is_not_shown_is_told_and_an_ended_session_asks(
    house: House, browser: Browser
) -> None:
    """K1: a device that does not know its owner adds nothing; a session that ended leads to the sign-in."""
    with signed_in(house, browser, *Role) as page:
        chromium, device = with_device(page)
        chromium.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
        add_passkey(page, house, "Not mine")
        expect(page.locator("[data-problem]")).to_be_visible()
        expect(page.locator("form[data-passkey] button")).to_be_enabled()
        held = chromium.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
        assert held == []

        page.context.clear_cookies()
        page.click("form[data-passkey] button")
        expect(page).to_have_url(f"{house.base}/desk/sign-in")
