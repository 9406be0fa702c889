"""A prize draw at the desk: how it stands on each day, what waits, and drawing from the browser."""

from __future__ import annotations

import json
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from optin.consent.staff_role import Role
from optin.flows.staff.trail import ActKind
from optin.kinds.prize_draw.draw_winners import draw_winners, fix_entries, publication_of
from optin.kinds.prize_draw.participation import draws_of
from optin.kinds.prize_draw.stored_entries import load_result
from optin.services.event_log_signer import advance_log
from tests.desk.conftest import Browser, Desk, desk, list_acts
from tests.desk.test_home import words_of
from tests.desk.test_new_leads import waits
from tests.desk.test_requests import in_english
from tests.kinds.prize_draw.test_draw_pages import CLOSES, draw_at

__all__ = ["desk"]

PAGE = "/desk/magnets/win/kind"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SEED_AT = CLOSES + timedelta(days=1, hours=18, minutes=1)


@pytest.fixture
def win(desk: Desk) -> Desk:
    """Open the desk of a site with a draw, a day before it closes; two entered, one of them twice."""
    draw_at(desk.root)
    desk.serve_again()
    desk.moment = CLOSES - DAY
    for email in ("alice@example.com", "bob@example.com", "Alice@example.com"):
        desk.join(email, slug="win", age="yes")
    return desk


def marketer(win: Desk) -> Browser:
    return in_english(win, f"mila{win.moment:%d%H%M}@example.com", Role.MARKETER)


def said(browser: Browser, path: str = PAGE) -> str:
    return words_of(browser, path)


def fix(win: Desk) -> None:
    promise = draws_of(win.installation.policy)["win"]
    win.installation.run(fix_entries, magnet="win", promise=promise, now=win.moment)
    advance_log(win.installation)


def test_an_open_draw_says_who_is_in(win: Desk) -> None:
    """M2, O4: entries that count, those that do not, and until when it is open; nothing waits."""
    browser = marketer(win)
    page = said(browser)
    assert "Open until" in page
    assert "Entries that count 2 A second time from one mailbox 1 Prize" in page
    assert "alice" not in page
    assert "Draw the winners" not in page
    assert "win" not in " ".join(waits(browser))


def test_a_draw_that_is_not_fixed_waits(win: Desk) -> None:
    """M2, O4: an hour after it closed, with an act that fixes it, as the command does."""
    win.moment = CLOSES + HOUR / 2
    assert not [it for it in waits(marketer(win)) if "draw" in it]
    win.moment = CLOSES + 2 * HOUR
    browser = marketer(win)
    assert waits(browser)["A draw to fix: win"] == PAGE
    assert "it cannot be changed" in said(browser, f"{PAGE}/fix")
    assert browser.post(f"{PAGE}/fix").headers["location"] == f"{PAGE}?done=1"
    assert not [it for it in waits(browser) if "draw" in it]
    page = said(browser)
    assert "The list of entries is fixed." in page
    assert "Digest of the list" in page
    assert browser.get(f"{PAGE}/fix").status_code == 404


def test_a_draw_whose_number_is_out_waits_and_is_done_at_the_desk(win: Desk) -> None:
    """M2, K2: by the flow of `optin draw`, once, on record; the lots are published."""
    win.moment = CLOSES + HOUR
    fix(win)
    win.moment = SEED_AT + DAY
    browser = marketer(win)
    assert waits(browser)["A draw to do: the number of win is out"] == PAGE
    asked = said(browser, f"{PAGE}/draw")
    assert "de slotkoers van de AEX" in asked
    assert "cannot be undone" in asked
    for bad in ("", "é", "12"):
        refused: Any = browser.post(f"{PAGE}/draw", {"typed": bad})
        assert refused.status_code == 409, bad
    assert browser.post(f"{PAGE}/draw", {"typed": "911.23 points"}).status_code == 303
    result = win.installation.store.read(load_result, magnet="win")
    assert result is not None
    again = win.installation.run(draw_winners, magnet="win", typed="911.23 points", now=win.moment)
    assert again == result
    page = said(browser)
    assert "1 winner." in page
    assert result.seed in page
    assert result.winners[0][:10] in page
    told = win.client.get("/win/draw.json")
    assert told.content == win.installation.store.read(publication_of, magnet="win")
    assert json.loads(told.content)["winners"] == [*result.winners]
    link = browser.get(PAGE).text
    assert 'href="https://optin.example.com/win/draw.json"' in unescape(link)
    assert not [it for it in waits(browser) if "draw" in it]
    line = next(it for it in win.installation.view(list_acts) if it.kind == ActKind.KIND_ACT)
    assert line.facts == {"magnet": "win", "act": "draw"}
    assert browser.get(f"{PAGE}/draw").status_code == 404


def test_a_draw_that_was_missed_is_wrong(win: Desk) -> None:
    """M2, O4: it waits with what to do, in place of the operator's sentence, also for an officer."""
    win.moment = SEED_AT + DAY
    browser = marketer(win)
    assert waits(browser)["The draw of win cannot be done as announced"] == PAGE
    assert "name a later seed" not in words_of(browser)
    assert "nobody could trust this draw" in said(browser)
    officer = in_english(win, "officer@example.com", Role.OFFICER)
    assert waits(officer)["The draw of win cannot be done as announced"] == PAGE
    admin = in_english(win, "admin@example.com", Role.ADMIN)
    assert "The draw of win cannot be done as announced" in words_of(admin)
    assert PAGE not in admin.get("/desk").text
