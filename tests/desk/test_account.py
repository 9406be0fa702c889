"""The page of one's own account: sessions, language, keyboard shortcuts."""

from __future__ import annotations

from optin.consent.staff_role import Role
from tests.desk.conftest import Desk
from tests.desk.test_sign_in import EVA, trail

ENGLISH = {"accept-language": "en"}


def test_the_account_says_who_one_is(desk: Desk) -> None:
    """K1: name, address and roles."""
    desk.add(EVA, Role.OFFICER, Role.ADMIN, name="Eva")
    browser = desk.browser()
    browser.sign_in(EVA)
    page = browser.get("/desk/account", **ENGLISH).text
    for word in ("Eva", EVA, "privacy officer", "administrator"):
        assert word in page


def test_the_other_sessions_end_and_this_one_stays(desk: Desk) -> None:
    """K1: whoever forgot a browser somewhere ends its session from here; it is on record."""
    desk.add(EVA, Role.SALES, name="Eva")
    browsers = [desk.browser() for _ in range(3)]
    for browser in browsers:
        browser.sign_in(EVA)
    page = browsers[0].get("/desk/account", **ENGLISH).text
    assert "End the 2 other sessions" in page
    answer = browsers[0].post("/desk/account/sessions", page="/desk/account")
    assert answer.headers["location"] == "/desk/account?done=ended"
    assert [it.get("/desk").status_code for it in browsers] == [200, 303, 303]
    assert "other session" not in browsers[0].get("/desk/account", **ENGLISH).text
    assert trail(desk)[-1] == ("sessions-ended", "Eva")


def test_the_desk_speaks_the_language_of_the_account(desk: Desk) -> None:
    """K1: whatever the browser asks for; a language that there is not is left to the browser."""
    desk.add(EVA, Role.SALES)
    browser = desk.browser()
    browser.sign_in(EVA)
    browser.post("/desk/account", {"lang": "nl", "shortcuts": "1"})
    assert '<html lang="nl">' in browser.get("/desk", **{"accept-language": "fr"}).text
    browser.post("/desk/account", {"lang": "../xx", "shortcuts": "1"})
    assert '<html lang="fr">' in browser.get("/desk", **{"accept-language": "fr"}).text


def test_shortcuts_are_switched_off_for_the_account(desk: Desk) -> None:
    """K6: on every page and in every browser of it (WCAG 2.1.4)."""
    desk.add(EVA, Role.SALES)
    browser, other = desk.browser(), desk.browser()
    browser.sign_in(EVA)
    assert 'data-shortcuts="off"' not in browser.get("/desk").text
    browser.post("/desk/account", {"lang": ""})
    other.sign_in(EVA)
    assert 'data-shortcuts="off"' in other.get("/desk").text
    browser.post("/desk/account", {"lang": "", "shortcuts": "1"})
    assert 'data-shortcuts="off"' not in other.get("/desk").text
