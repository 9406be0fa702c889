"""A marketer and a privacy officer at work at the desk, by mouse without script and by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.desk_site import DeskSite, desk_site
from tests.browser.desk_walks import Hand, marketer, officer
from tests.browser.front_door import FrontDoor

HANDS = pytest.mark.parametrize("keys", [False, True], ids=["mouse without script", "keyboard alone"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, door: FrontDoor) -> Iterator[DeskSite]:
    """Serve the company's site for the walks."""
    with desk_site(tmp_path_factory.mktemp("desk"), door) as opened:
        yield opened


@pytest.fixture
def hand(browser: Browser, keys: bool) -> Iterator[Hand]:  # noqa: FBT001 - which hand it is
    """Sit down at a computer."""
    window = {"width": 1280, "height": 800}
    context = browser.new_context(locale="en", viewport=window, java_script_enabled=keys)  # type: ignore[arg-type]  # a size
    yield Hand(context.new_page(), keys)
    context.close()


@HANDS
def test_a_marketer_who_never_saw_a_terminal(site: DeskSite, browser: Browser, hand: Hand) -> None:
    """O4, K3, K6: invited, copies, edits, is told a mistake, publishes, sees a lead arrive, exports it."""
    way = "keys" if hand.keys else "mouse"
    marketer(hand, site, browser, f"tom-by-{way}@example.com", f"calling-by-{way}")


@HANDS
def test_an_officer_answers_proves_and_erases(site: DeskSite, browser: Browser, hand: Hand) -> None:
    """K4, K5, K6: a letter in time, a consent before an authority, an erasure that is told to processors."""
    way = "keys" if hand.keys else "mouse"
    officer(hand, site, browser, f"eva-by-{way}@example.com", f"carol-by-{way}@example.com")
