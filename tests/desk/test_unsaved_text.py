"""What was typed in the editor and could not be saved is kept for a day, for that account alone."""

from __future__ import annotations

import re
from datetime import timedelta
from operator import methodcaller
from typing import Any

import pytest

from optin.consent.staff_role import IDLE, Role
from optin.flows.staff import unsaved_texts
from optin.flows.staff.accounts import list_accounts, remove_account
from optin.jobs.sweep_runner import sweep
from optin.store.row_queries import count_rows
from tests.desk.conftest import Browser, Desk, desk
from tests.desk.test_editor import EDIT, editing, fields_of, file_of, send
from tests.desk.test_requests import in_english

__all__ = ["desk", "editing"]

HOUR = timedelta(hours=1)
OFFER = "You have unsaved words from"


def kept(desk: Desk) -> int:
    return desk.installation.store.submit(lambda tx: count_rows(tx, "unsaved_text")).result()


def refused(desk: Desk) -> Browser:
    """Let somebody type while another saves; return the browser of the former."""
    first = in_english(desk, "a@example.com", Role.MARKETER)
    second = in_english(desk, "b@example.com", Role.MARKETER)
    theirs = fields_of(second.get(EDIT).text)
    assert send(first, **{"key.title": "Van de eerste"}).status_code == 303
    answer = second.client.post(EDIT, data={**theirs, "do": "save", "key.title": "Van de tweede <b>"})
    assert answer.status_code == 409
    assert "kept for a day" in answer.text
    return second


def test_two_people_edit_one_file_and_both_texts_are_there(editing: Desk) -> None:
    """K3: the later one's is offered at the next visit, with what differs; to nobody else."""
    second = refused(editing)
    page = second.get(EDIT).text
    assert OFFER in page
    assert "Van de eerste" in page
    assert OFFER not in in_english(editing, "c@example.com", Role.MARKETER).get(EDIT).text
    shown = second.get(f"{EDIT}?unsaved=1").text
    assert "Van de tweede &lt;b&gt;" in shown
    assert "Van de eerste" in shown, "what differs"
    saved = second.client.post(EDIT, data={**fields_of(shown), "do": "save"})
    assert saved.status_code == 303
    assert "title: Van de tweede" in file_of(editing).read_text()
    assert OFFER not in second.get(EDIT).text
    assert kept(editing) == 0


def test_unsaved_words_are_thrown_away(editing: Desk) -> None:
    """K3: by a button; they are gone."""
    second = refused(editing)
    answer = second.post(EDIT, {"do": "throw-away"})
    assert answer.headers["location"] == f"{EDIT}?done=thrown"
    assert kept(editing) == 0
    assert "title: Van de eerste" in file_of(editing).read_text()


def test_what_is_sent_after_the_session_ended_is_kept(editing: Desk) -> None:
    """K1, K3: sealed, for the account whose page it was; it is offered after the sign-in."""
    browser = in_english(editing, "a@example.com", Role.MARKETER)
    fields = fields_of(browser.get(EDIT).text)
    editing.wait(IDLE + HOUR)
    sweep(editing.installation)
    answer = browser.client.post(EDIT, data={**fields, "do": "save", "body": "Lang getypt.\r\n"})
    assert answer.headers["location"] == "/desk/sign-in"
    assert "Lang getypt." not in file_of(editing).read_text()
    (row,) = editing.installation.store.read(methodcaller("all", "SELECT sealed FROM unsaved_text"))
    assert b"Lang getypt." not in bytes(row[0])
    assert browser.sign_in("a@example.com").headers["location"] == EDIT
    assert OFFER in browser.get(EDIT).text
    assert "Lang getypt." in browser.get(f"{EDIT}?unsaved=1").text


@pytest.mark.parametrize("how", ["live", "signed-out", "foreign", "token", "closed", "unchanged", "page"])
def test_nothing_else_is_kept(editing: Desk, how: str) -> None:
    """K1: of a session that was signed out, of a closed account, from another site, or of no change."""
    browser = in_english(editing, "a@example.com", Role.MARKETER)
    fields: dict[str, Any] = {**fields_of(browser.get(EDIT).text), "do": "save", "body": "Anders.\r\n"}
    headers = {"sec-fetch-site": "cross-site"} if how == "foreign" else {}
    if how == "signed-out":
        browser.post("/desk/sign-out", page="/desk")
    if how == "closed":
        account = next(it for it in editing.installation.view(list_accounts) if it.email == "a@example.com")
        editing.installation.run(remove_account, account.id, now=editing.moment)
    if how == "token":
        fields["token"] = "0" * 64
    if how == "unchanged":
        fields.pop("body")
        fields = {**fields_of(browser.get(EDIT).text), "do": "save"}
    if how != "live":
        editing.wait(IDLE + HOUR)
    path = "/desk/magnets/new" if how == "page" else EDIT
    browser.client.post(path, data=fields, headers=headers)
    assert kept(editing) == 0


def test_it_goes_after_a_day_and_with_the_account(editing: Desk) -> None:
    """D6, K1: by the sweep; and at once when the account is closed."""
    second = refused(editing)
    assert sweep(editing.installation)["sign-ins"] == 0
    editing.wait(timedelta(hours=23))
    sweep(editing.installation)
    assert kept(editing) == 1
    editing.wait(2 * HOUR)
    second.sign_in("b@example.com")
    assert OFFER not in second.get(EDIT).text
    sweep(editing.installation)
    assert kept(editing) == 0
    fields = fields_of(second.get(EDIT).text)
    second.client.post(EDIT, data={**fields, "digest": "0", "do": "save", "key.title": "x"})
    assert kept(editing) == 1
    account = next(it for it in editing.installation.view(list_accounts) if it.email == "b@example.com")
    editing.installation.run(remove_account, account.id, now=editing.moment)
    assert kept(editing) == 0


def test_size_and_number_are_bounded(editing: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3, S5: the oldest one goes; what is larger than a file may be is not kept."""
    browser = in_english(editing, "a@example.com", Role.MARKETER)
    monkeypatch.setattr(unsaved_texts, "MOST_TEXTS", 1)
    for slug in ("one", "two"):
        browser.post(
            "/desk/magnets/new",
            {"kind": "newsletter", "slug": slug, "lang": "nl", "title": slug, "description": "Kort."},
        )
        editing.wait(timedelta(minutes=1))
        page = f"/desk/magnets/{slug}/edit"
        fields = fields_of(browser.get(page).text)
        browser.client.post(page, data={**fields, "digest": "0", "do": "save", "key.title": "x"})
    assert [OFFER in browser.get(f"/desk/magnets/{it}/edit").text for it in ("one", "two")] == [False, True]
    monkeypatch.setattr(unsaved_texts, "MOST_BYTES", 10)
    fields = fields_of(browser.get(EDIT).text)
    browser.client.post(EDIT, data={**fields, "digest": "0", "do": "save", "key.title": "x"})
    assert OFFER not in browser.get(EDIT).text


def test_a_text_that_was_edited_in_the_database_is_none(editing: Desk) -> None:
    """S6: whoever moves it to another account or moment shows nothing."""
    second = refused(editing)
    for change in ("at = at + 1", "magnet = 'other'"):
        editing.installation.write(methodcaller("run", f"UPDATE unsaved_text SET {change}"))
        assert OFFER not in second.get(EDIT).text
    assert re.search("<title>", second.get(EDIT).text)
