"""Who signs in to the desk, and who does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from optin.consent.staff_role import IDLE, LINK_LASTS, LONGEST, Role
from optin.flows.staff.accounts import change_roles, remove_account
from tests.desk.conftest import Desk, list_acts

EVA = "eva@example.com"


def trail(desk: Desk) -> list[tuple[str, str]]:
    lines = desk.installation.view(list_acts)
    return [(it.kind, it.name) for it in reversed(lines)]


def test_a_mailed_link_signs_in_once_in_the_browser_that_asked(desk: Desk) -> None:
    """K1: the link opens a session with a cookie that no script reads and no other site sends."""
    desk.add(EVA, Role.OFFICER, name="Eva")
    browser = desk.browser()
    assert browser.get("/desk").headers["location"] == "/desk/sign-in"
    link = browser.ask(EVA)
    assert "Eva" in browser.get(link).text
    answer = browser.post(link)
    assert answer.headers["location"] == "/desk"
    cookie = next(it for it in answer.headers.get_list("set-cookie") if it.startswith("__Host-optin-desk="))
    for word in ("HttpOnly", "SameSite=strict", "Secure", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie
    assert "Eva" in browser.get("/desk").text
    assert trail(desk) == [("account-added", ""), ("signed-in", "Eva")]


def test_a_link_is_used_up(desk: Desk) -> None:
    """K1: a second use of the same link opens nothing, and is on record."""
    desk.add(EVA, Role.OFFICER, name="Eva")
    browser = desk.browser()
    link = browser.ask(EVA)
    token = browser.token(link)
    secret = browser.cookie("optin-sign-in")
    assert browser.client.post(link, data={"token": token}).status_code == 303
    thief = desk.browser()
    thief.take("optin-sign-in", secret)
    again = thief.client.post(link, data={"token": token})
    assert again.status_code == 410
    assert "set-cookie" not in again.headers
    assert trail(desk)[-1] == ("link-refused", "Eva")


def test_a_scanner_uses_nothing_up(desk: Desk) -> None:
    """K1: whoever only looks at a mailed link, with or without posting it, leaves it to its owner."""
    desk.add(EVA, Role.OFFICER)
    browser, scanner = desk.browser(), desk.browser()
    link = browser.ask(EVA)
    for _ in range(3):
        assert scanner.get(link).status_code == 410
    assert scanner.client.post(link, data={"token": "0" * 64}).status_code == 400
    assert browser.post(link).status_code == 303


def test_another_browser_gets_nothing_by_a_link(desk: Desk) -> None:
    """K1: a forwarded link is told apart, although the other browser asked for a link of its own."""
    desk.add(EVA, Role.OFFICER)
    desk.add("mallory@example.com", Role.SALES)
    browser, other = desk.browser(), desk.browser()
    link = browser.ask(EVA)
    other.ask("mallory@example.com")
    assert other.follow(link).status_code == 410
    assert other.get("/desk").headers["location"] == "/desk/sign-in"


def test_a_link_lasts_ten_minutes(desk: Desk) -> None:
    """K1: an older link says so."""
    desk.add(EVA, Role.OFFICER)
    browser = desk.browser()
    link = browser.ask(EVA)
    desk.wait(LINK_LASTS + timedelta(seconds=1))
    assert browser.follow(link).status_code == 410


def test_an_unknown_address_gets_the_same_answer_and_no_mail(desk: Desk) -> None:
    """K1: nobody learns who has an account."""
    desk.add(EVA, Role.OFFICER)
    known, unknown = desk.browser(), desk.browser()
    assert unknown.ask("nobody@example.com") == ""
    assert known.ask(EVA)
    assert [it.get("/desk/sign-in?sent=1").status_code for it in (known, unknown)] == [200, 200]


def test_links_are_limited(desk: Desk) -> None:
    """K1: a mailbox is not flooded by whoever types its address."""
    desk.add(EVA, Role.OFFICER)
    browser = desk.browser()
    assert sum(bool(browser.ask(EVA)) for _ in range(10)) == 6


def test_a_stranger_shuts_nobody_out_who_is_signed_in(desk: Desk) -> None:
    """K1: links that others ask for do not use up those of whoever proves again who they are."""
    desk.add(EVA, Role.OFFICER)
    browser, stranger = desk.browser(), desk.browser()
    browser.sign_in(EVA)
    while stranger.ask(EVA):
        pass
    browser.post("/desk/again")
    assert [it.kind for it in desk.mails()].count("sign-in") == 1


def test_a_closed_account_signs_nobody_in_and_its_session_ends(desk: Desk) -> None:
    """K1: at once, with an open session and with a link that waits in the mailbox."""
    account = desk.add(EVA, Role.OFFICER)
    browser, waiting = desk.browser(), desk.browser()
    browser.sign_in(EVA)
    link = waiting.ask(EVA)
    desk.installation.run(remove_account, staff_id=account.id, now=desk.moment)
    assert browser.get("/desk").status_code == 303
    assert waiting.follow(link).status_code == 410


def test_other_roles_end_the_sessions(desk: Desk) -> None:
    """K1: who has fewer roles does not keep a session of the time before."""
    account = desk.add(EVA, Role.OFFICER)
    browser = desk.browser()
    browser.sign_in(EVA)
    desk.installation.run(change_roles, staff_id=account.id, roles={Role.SALES}, now=desk.moment)
    assert browser.get("/desk").status_code == 303


def test_a_session_ends_when_it_is_not_used_and_in_any_case(desk: Desk) -> None:
    """K1: after an hour without a request; after half a day also with."""
    desk.add(EVA, Role.OFFICER)
    browser = desk.browser()
    browser.sign_in(EVA)
    begun = desk.moment
    while desk.moment + IDLE / 2 < begun + LONGEST:
        desk.wait(IDLE / 2)
        assert browser.get("/desk").status_code == 200
    desk.wait(IDLE / 2)
    assert browser.get("/desk").status_code == 303
    browser.sign_in(EVA)
    desk.wait(IDLE + timedelta(seconds=1))
    assert browser.get("/desk").status_code == 303


def test_a_stolen_cookie_is_worth_nothing_after_the_sign_out(desk: Desk) -> None:
    """K1: the session ends on the server, not in the browser alone."""
    desk.add(EVA, Role.OFFICER)
    browser, thief = desk.browser(), desk.browser()
    browser.sign_in(EVA)
    thief.take("optin-desk", browser.cookie("optin-desk"))
    assert thief.get("/desk").status_code == 200
    assert browser.post("/desk/sign-out", page="/desk").status_code == 303
    assert thief.get("/desk").status_code == 303


def test_signing_out_everywhere_ends_every_session(desk: Desk) -> None:
    """K1: of this account, and of no other."""
    desk.add(EVA, Role.OFFICER)
    browsers = [desk.browser() for _ in range(3)]
    for browser in browsers:
        browser.sign_in(EVA)
    colleague = desk.signed_in(Role.SALES)
    browsers[0].post("/desk/sign-out", {"everywhere": "1"}, page="/desk")
    assert [it.get("/desk").status_code for it in (*browsers, colleague)] == [303, 303, 303, 200]


def test_a_session_has_a_secret_of_its_own(desk: Desk) -> None:
    """K1: a cookie that somebody planted before the sign-in is not the session's (fixation)."""
    desk.add(EVA, Role.OFFICER)
    browser = desk.browser()
    browser.take("optin-desk", "planted")
    browser.sign_in(EVA)
    first = browser.cookie("optin-desk")
    assert first != "planted"
    browser.post("/desk/sign-out", page="/desk")
    browser.sign_in(EVA)
    assert browser.cookie("optin-desk") not in {first, "planted"}


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_a_form_of_another_site_posts_nothing(desk: Desk, token: str) -> None:
    """K1: without the token of this session (CSRF)."""
    browser = desk.signed_in(Role.OFFICER)
    answer = browser.client.post("/desk/sign-out", data={"token": token})
    assert answer.status_code == 400
    assert browser.get("/desk").status_code == 200


def test_a_browser_says_that_a_post_comes_from_elsewhere(desk: Desk) -> None:
    """K1: then it is refused, also with a token that was read somehow."""
    browser = desk.signed_in(Role.OFFICER)
    token = browser.token("/desk")
    for site in ("cross-site", "same-site"):
        answer = browser.client.post(
            "/desk/sign-out", data={"token": token}, headers={"sec-fetch-site": site}
        )
        assert answer.status_code == 400
    assert browser.get("/desk").status_code == 200


def test_the_token_of_one_session_is_not_that_of_another(desk: Desk) -> None:
    """K1: what a colleague's page holds posts nothing in this session."""
    browser, colleague = desk.signed_in(Role.OFFICER), desk.signed_in(Role.SALES)
    answer = browser.client.post("/desk/sign-out", data={"token": colleague.token("/desk")})
    assert answer.status_code == 400


def test_a_link_from_another_site_asks_the_browser_once_more(desk: Desk) -> None:
    """K1: a strict cookie does not come along at first; the page then asks for itself again."""
    stranger = desk.browser()
    answer = stranger.get("/desk", **{"sec-fetch-site": "cross-site"})
    assert (answer.status_code, "http-equiv" in answer.text) == (200, True)


def test_the_page_that_was_asked_for_comes_after_the_sign_in(desk: Desk) -> None:
    """K1: and no page elsewhere ever does."""
    desk.add(EVA, Role.OFFICER)
    browser = desk.browser()
    browser.get("/desk/again")
    assert browser.sign_in(EVA).headers["location"] == "/desk/again"
    for place in ("https://evil.example.com", "//evil.example.com", "/desk//evil.example.com", "/desk/../me"):
        other = desk.browser()
        other.take("optin-desk-page", place)
        answer = other.sign_in(EVA)
        assert answer.headers["location"] in {"/desk", "/desk/../me"}
        desk.wait(timedelta(hours=1))


def test_no_page_of_the_desk_is_framed_kept_or_runs_a_foreign_script(desk: Desk) -> None:
    """K1, S1: clickjacking, caches, injected scripts."""
    browser = desk.signed_in(Role.OFFICER)
    for path in ("/desk", "/desk/again"):
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"


def test_names_that_are_markup_are_words(desk: Desk) -> None:
    """K1, S1: in the menu as in the link."""
    desk.add(EVA, Role.OFFICER, name="<script>alert(1)</script>")
    browser = desk.browser()
    link = browser.ask(EVA)
    assert "<script>alert" not in browser.get(link).text
    browser.post(link)
    assert "<script>alert" not in browser.get("/desk").text


def test_to_prove_again_takes_a_link_of_the_same_account(desk: Desk) -> None:
    """K1: a new session takes the place of the one before; the old cookie is worth nothing."""
    desk.add(EVA, Role.OFFICER)
    browser = desk.browser()
    browser.sign_in(EVA)
    before = browser.cookie("optin-desk")
    assert browser.post("/desk/again").headers["location"] == "/desk/again?sent=1"
    order = next(it for it in reversed(desk.mails()) if it.kind == "sign-in")
    answer = browser.post(f"/desk/sign-in/{order.token}")  # type: ignore[attr-defined]  # an order of a notice
    assert answer.status_code == 303
    assert browser.cookie("optin-desk") != before
    thief = desk.browser()
    thief.take("optin-desk", before)
    assert thief.get("/desk").status_code == 303
    assert [kind for kind, _ in trail(desk)][-2:] == ["signed-in", "proved-again"]
