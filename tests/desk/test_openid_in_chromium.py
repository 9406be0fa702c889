"""From the button to the desk and back in Chromium, between two sites: the session's cookie stays strict."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from optin.consent.staff_role import FRESH, Role
from tests.chromium import ARGUMENTS, installed
from tests.desk.conftest import Desk
from tests.desk.test_openid import let_in
from tests.desk.test_openid_walk import BACK_PATH, RealProvider, real_provider
from tests.desk.test_sign_in import EVA, trail
from tests.ports import reserved_port

START_SECONDS = 60


@contextmanager
def served(desk: Desk) -> Iterator[str]:
    """Serve the desk on the loopback, under an address that is another site to the browser."""
    with reserved_port() as port:
        base = f"http://127.0.0.1:{port}"
        edition = desk.app_context.edition
        settings = edition.site.settings.model_copy(update={"base_url": base})
        desk.app_context.replace(replace(edition, site=replace(edition.site, settings=settings)))
        config = uvicorn.Config(
            desk.client.app, host="127.0.0.1", port=port, lifespan="off", log_level="error", ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield base
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


@contextmanager
def window(**options: Any) -> Iterator[Page]:
    path = installed()
    assert path is not None, "this test needs Chromium; make test installs it"
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=[*ARGUMENTS])
        yield chromium.new_context(locale="en", **options).new_page()
        chromium.close()


def sign_in_there(page: Page, provider: RealProvider) -> None:
    """Fill in the provider's form, as the page of another site."""
    page.wait_for_url(f"{provider.base}/oauth2/authorize**")
    page.fill("input[name=sub]", "eva")
    page.click("form button >> nth=0")


def is_sound(page: Page, *, scripts: bool) -> None:
    """Look at a page as axe does, and for what scrolls sideways on a phone."""
    if scripts:
        result = Axe().run(page)
        assert result.violations_count == 0, result.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_somebody_signs_in_and_proves_again_in_chromium(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, scripts: bool
) -> None:
    """K1: the way there and back needs no script and no looser cookie; both pages are those asked for."""
    desk.add(EVA, Role.OFFICER, name="Eva")
    with served(desk) as base, real_provider("auth-time") as provider:
        client, secret = provider.register("client_secret_basic", base + BACK_PATH)
        monkeypatch.setenv("OPTIN_OPENID_SECRET", secret)
        let_in(desk, provider.base, client)
        provider.know("eva", email=EVA, email_verified=True)
        with window(java_script_enabled=scripts, viewport={"width": 360, "height": 740}) as page:
            page.goto(f"{base}/desk/may")
            expect(page).to_have_url(f"{base}/desk/sign-in")
            is_sound(page, scripts=scripts)
            page.click("form[action$='/openid'] button")
            sign_in_there(page, provider)
            expect(page).to_have_url(f"{base}/desk/may")
            expect(page.locator("nav.rail")).to_be_attached()
            cookies = {it["name"]: it for it in page.context.cookies()}
            assert cookies["optin-desk"]["sameSite"] == "Strict"

            desk.moment += FRESH
            page.goto(f"{base}/desk/account/passkeys/new")
            expect(page).to_have_url(f"{base}/desk/again")
            is_sound(page, scripts=scripts)
            desk.moment -= FRESH
            page.click("form[action$='/openid'] button")
            sign_in_there(page, provider)
            expect(page).to_have_url(f"{base}/desk/account/passkeys/new")
            assert [kind for kind, _ in trail(desk)][-2:] == ["signed-in", "proved-again"]
            page.goto(f"{base}/desk/account")
            expect(page.locator("main")).to_contain_text(provider.base)
            is_sound(page, scripts=scripts)
            page.goto(f"{base}{BACK_PATH}?state=x&code=y")
            expect(page.locator("main")).to_contain_text("used already")
            is_sound(page, scripts=scripts)
