"""A scanner over the desk, signed in with every role, where people did things."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from optin.consent.staff_role import Role
from tests.browser.conftest import browser as browser  # noqa: PLC0414 - a fixture
from tests.browser.conftest import door as door  # noqa: PLC0414 - a fixture
from tests.browser.desk_pages import ALICE, people_come, person_found
from tests.browser.desk_site import desk_site
from tests.browser.desk_walks import Hand, sign_in
from tests.browser.front_door import FrontDoor
from tests.host.wapiti import scan

WHO = "scanned@example.com"
LEFT_ALONE = ("/desk/sign-out", "/desk/account/sessions", "/desk/staff/*")  # it would sign itself out
FEWEST_PAGES = 60


def test_a_scanner_finds_nothing_at_the_desk(tmp_path: Path, browser: Browser, door: FrontDoor) -> None:
    """K1, K2: no injection, no foreign post, no missing header; and the server raises nothing."""
    notes = tmp_path / "wapiti"
    notes.mkdir()
    (tmp_path / "desk").mkdir()
    with desk_site(tmp_path / "desk", door) as site:
        people_come(site, browser)
        site.optin("staff", "add", WHO, *(word for role in Role for word in ("--role", role.value)))
        context = browser.new_context(locale="en")
        page = context.new_page()
        sign_in(Hand(page), site, WHO)
        person = person_found(page, site.base, ALICE.email).removeprefix(site.base)
        cookies = "; ".join(f"{it['name']}={it['value']}" for it in context.cookies())
        here = f"http://127.0.0.1:{site.port}"
        found = scan(
            notes,
            f"{here}/desk",
            cookies,
            [f"{here}{it}" for it in (person, "/desk/leads", "/desk/magnets?q=paper")],
            [f"{here}{it}" for it in LEFT_ALONE],
        )
        assert found.found == {}
        assert found.pages >= FEWEST_PAGES
        assert site.status("/health") == 200
        assert "Traceback" not in (tmp_path / "desk" / "serve.log").read_text("utf-8")
        page.goto(f"{site.base}/desk")
        assert page.locator("nav.rail").is_visible(), "it was signed in until the end"
        context.close()
