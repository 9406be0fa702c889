"""The pages of the desk where there is something to see: people, leads, mistakes; in each language."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from optin.consent.staff_role import Role
from optin.theme.languages import languages
from tests.browser.conftest import ALL_WINDOWS
from tests.browser.desk_pages import ALICE, linked_pages, pages_with_mistakes, people_come, person_found
from tests.browser.desk_site import DeskSite, desk_site
from tests.browser.desk_walks import Hand, sign_in
from tests.browser.front_door import FrontDoor
from tests.conftest import THOROUGH

SEEN = {  # what must have been looked at with data in it
    "/desk/people/{number}",
    "/desk/people/{number}/erase",
    "/desk/people/{number}/mails/{place}",
    "/desk/people/{number}/paper",
    "/desk/leads",
    "/desk/exports/{n}",
    "/desk/requests/{number}",
    "/desk/breaches/{number}",
    "/desk/trail",
    "/desk/record",
    "/desk/record/processors",
    "/desk/magnets/{slug}/edit",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, door: FrontDoor, browser: Browser) -> Iterator[DeskSite]:
    """Serve the company's site, where people did things."""
    with desk_site(tmp_path_factory.mktemp("desk"), door) as opened:
        people_come(opened, browser)
        yield opened


@pytest.mark.parametrize("lang", languages())
def test_every_page_with_people_can_be_used_by_everybody(site: DeskSite, browser: Browser, lang: str) -> None:
    """K6: axe finds nothing, nothing scrolls sideways, no page is heavy; forms with mistakes, too."""
    own = ALL_WINDOWS[languages().index(lang) % len(ALL_WINDOWS)]
    context = browser.new_context(locale=lang)
    page, axe, seen = context.new_page(), Axe(), set()
    who = f"all-in-{lang}@example.com"
    site.optin("staff", "add", who, *(word for role in Role for word in ("--role", role.value)))
    sign_in(Hand(page), site, who)
    person = person_found(page, site.base, ALICE.email)
    for at, pages in enumerate(
        (
            iter(["search"]),
            linked_pages(page, site.base, person),
            pages_with_mistakes(page, site.base, person),
        )
    ):
        for name in pages:
            seen.add(name)
            for window in ALL_WINDOWS if THOROUGH or at == 0 else [own]:
                assert barriers(page, axe, window) == [], name
            assert page.get_attribute("html", "lang") == lang, name
    assert seen >= SEEN
    context.close()


def barriers(page: Page, axe: Axe, window: tuple[int, str]) -> list[str]:
    """Return what is in somebody's way on the page in a window: by axe, and by its width."""
    width, scheme = window
    page.set_viewport_size({"width": width, "height": 740})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # light or dark
    found = [f"{it['id']}: {it['nodes'][0]['html'][:200]}" for it in axe.run(page).response["violations"]]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, *([f"{wide} pixels too wide"] if wide > 0 else [])]
