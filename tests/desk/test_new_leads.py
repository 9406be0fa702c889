"""Leads since the last look, and what is wrong with the proof, on the first page of the desk."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from operator import methodcaller
from typing import Any

import pytest

from optin.consent.purpose import PurposeId
from optin.consent.staff_role import Role
from optin.flows.exports import lead_list
from optin.flows.staff.accounts import NewAccount, add_account, list_accounts, remove_account
from optin.flows.staff.lead_looks import note_look
from optin.services.event_log_signer import advance_log
from optin.services.setup_health import TIMESTAMP
from optin.store.event_log import store_attestation
from optin.store.staff_accounts import StaffAccount
from tests.desk.conftest import Browser, Desk
from tests.desk.test_health import ended, give_up
from tests.desk.test_home import words_of
from tests.desk.test_leads import own
from tests.desk.test_requests import in_english

MINUTE = timedelta(minutes=1)
NONE = "Nothing is new since you last looked."


def new_links(browser: Browser) -> list[str]:
    """Return the links to new leads on the first page."""
    return [
        unescape(it) for it in re.findall(r'href="(/desk/leads\?[^"]*from=[^"]*)"', browser.get("/desk").text)
    ]


def account_of(desk: Desk, email: str) -> StaffAccount:
    return next(it for it in desk.installation.view(list_accounts) if it.email == email)


def test_new_leads_are_counted_since_the_last_look_and_shown_exactly(desk: Desk) -> None:
    """O4, K1: the link leads to those that are new, of its purpose; afterwards none is."""
    browser = in_english(desk, "mila@example.com", Role.MARKETER)
    desk.wait(MINUTE)
    desk.join("alice@example.com", consent="tips-email")
    desk.wait(MINUTE)
    assert "1 new since you last looked" in words_of(browser)
    assert "a***@example.com" in browser.get("/desk/leads?purpose=tips-email").text
    desk.wait(MINUTE)
    assert NONE in words_of(browser)
    desk.join("bob@example.com", consent="tips-email")
    desk.join("carol@example.com", consent="follow-up-phone", phone="+31612345678")
    desk.wait(MINUTE)
    assert words_of(browser).count("1 new since you last looked") == 2
    [link] = [it for it in new_links(browser) if "tips-email" in it]
    page = browser.get(link).text
    assert "b***@example.com" in page
    assert "a***@example.com" not in page
    assert "New since" in page
    desk.wait(MINUTE)
    assert ["follow-up-phone" in it for it in new_links(browser)] == [True]


def test_a_part_of_the_leads_is_no_look(desk: Desk) -> None:
    """O4: whoever sees those of one magnet or of one day did not see the new ones."""
    browser = in_english(desk, "mila@example.com", Role.MARKETER)
    desk.wait(MINUTE)
    desk.join("alice@example.com", consent="tips-email")
    desk.wait(MINUTE)
    for more in ("&magnet=paper", "&since=2020-01-01", "&before=1.0"):
        browser.get(f"/desk/leads?purpose=tips-email{more}")
    desk.wait(MINUTE)
    assert "1 new since you last looked" in words_of(browser)


def test_the_last_look_is_of_one_person_and_goes_with_the_account(desk: Desk) -> None:
    """K1: a colleague's look changes nothing; a closed account keeps none."""
    mila = in_english(desk, "mila@example.com", Role.MARKETER)
    tom = in_english(desk, "tom@example.com", Role.MARKETER)
    desk.wait(MINUTE)
    desk.join("alice@example.com", consent="tips-email")
    desk.wait(MINUTE)
    mila.get("/desk/leads?purpose=tips-email")
    desk.wait(MINUTE)
    assert not new_links(mila)
    assert len(new_links(tom)) == 1
    account = account_of(desk, "mila@example.com")
    assert set(account.looks) == {"tips-email"}
    desk.installation.run(remove_account, account.id, now=desk.moment)
    assert not account_of(desk, "mila@example.com").looks
    desk.installation.run(note_look, account.id, PurposeId("tips-email"), now=desk.moment)
    assert not account_of(desk, "mila@example.com").looks
    desk.installation.run(add_account, new=NewAccount(account.email, account.roles), now=desk.moment)
    assert not account_of(desk, "mila@example.com").looks


def test_sales_see_what_is_new_of_their_own_magnets(desk: Desk) -> None:
    """K2, O4: and nothing of others'."""
    browser = in_english(desk, "sanne@example.com", Role.SALES)
    desk.wait(MINUTE)
    desk.join("alice@example.com", consent="tips-email")
    assert NONE in words_of(browser)
    own(desk, "sanne@example.com")
    desk.wait(MINUTE)
    assert "1 new since you last looked" in words_of(browser)
    [link] = new_links(browser)
    assert browser.get(link).status_code == 200
    desk.wait(MINUTE)
    assert not new_links(browser)


def test_more_than_a_page_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """O4: the page counts no further than a list shows, and withdrawn ones are not counted."""
    browser = in_english(desk, "mila@example.com", Role.MARKETER)
    desk.wait(MINUTE)
    for name in ("alice", "bob", "carol"):
        desk.join(f"{name}@example.com", consent="tips-email")
        desk.wait(MINUTE)
    monkeypatch.setattr(lead_list, "PAGE", 2)
    assert "2 or more new since you last looked" in words_of(browser)
    [link] = new_links(browser)
    first = browser.get(link).text
    older = unescape(re.findall(r'href="([^"]+)" rel="next"', first)[0])
    assert "from=" in older
    assert "a***@example.com" in browser.get(older).text
    for bad in ("x", "-1", "9" * 30, "%00", "1.5"):
        assert browser.get(f"/desk/leads?purpose=tips-email&from={bad}").status_code == 200


def waits(browser: Browser) -> dict[str, str]:
    """Return what waits on the first page, with the address of its cure."""
    page: Any = browser.get("/desk").text
    part = page.partition('<ul class="tasks">')[2].partition("</ul>")[0]
    return {unescape(words): link for link, words in re.findall(r'<a href="([^"]+)"[^>]*>([^<]+)</a>', part)}


def test_a_witness_that_took_nothing_waits_with_its_cure(desk: Desk) -> None:
    """O4, P5: for officer and administrator, with the place of the health page that says more."""
    path = desk.root / "optin.toml"
    path.write_text(f'{path.read_text()}\n[log]\nwitnesses.north = "https://north.example.com/w"\n')
    desk.serve_again()
    for role in (Role.OFFICER, Role.ADMIN):
        browser = in_english(desk, f"{role}@example.com", role)
        assert waits(browser)["north has not taken the log lately"] == "/desk/health#log"
    assert "north" not in words_of(in_english(desk, "mila@example.com", Role.MARKETER))


def test_an_audit_that_found_something_waits(desk: Desk) -> None:
    """P4, O4: until an audit finds nothing."""
    browser = in_english(desk, "officer@example.com", Role.OFFICER)
    desk.join()
    desk.installation.write(methodcaller("run", "UPDATE staff_act SET kind = 'slept'"))
    browser.post("/desk/health/audit", page="/desk/health")
    ended(desk)
    found = [it for it in waits(browser) if it.startswith("The last audit found")]
    assert waits(browser)[found[0]] == "/desk/health#log"
    assert "broken" in browser.get("/desk/health").text


def test_rules_that_nobody_checked_for_a_year_wait(desk: Desk) -> None:
    """O4, L8: with the country, and the page that tells their age."""
    desk.wait(timedelta(days=800))
    browser = in_english(desk, "officer@example.com", Role.OFFICER)
    [(words, link), *_] = [it for it in waits(browser).items() if "rules" in it[0].lower()]
    assert "over a year" in words
    assert link == "/desk/record/rules"
    assert "over a year" in browser.get("/desk/health").text


def test_a_stamp_is_late_by_its_own_period(desk: Desk) -> None:
    """P5: a time stamp that is asked for every week is not late after three days, but after ten."""
    path = desk.root / "optin.toml"
    address = "https://tsa.example.com/tsr"
    path.write_text(f'{path.read_text()}\n[log]\ntimestamp = "{address}"\ntimestamp_every = "7 days"\n')
    desk.serve_again()
    size = advance_log(desk.installation).size
    desk.installation.write(
        store_attestation, size=size, kind=TIMESTAMP, source=address, value=b"stamp", now=desk.moment
    )
    late = f"{address} has not taken the log lately"
    for days, is_late in ((0, False), (3, False), (7, True)):
        desk.wait(timedelta(days=days, minutes=1))
        desk.join(f"p{days}@example.com")
        advance_log(desk.installation)
        browser = in_english(desk, f"officer{days}@example.com", Role.OFFICER)
        assert (late in waits(browser)) == is_late


def test_mail_that_was_given_up_waits_with_send_again(desk: Desk) -> None:
    """D1, O4: the officer sends it again from there; an administrator sees the number."""
    give_up(desk, "sanne@example.com")
    browser = in_english(desk, "officer@example.com", Role.OFFICER)
    assert waits(browser)["1 mail was given up."] == "/desk/health#mail"
    assert waits(browser)["Send again"] == "/desk/mails/all/again"
    assert browser.post("/desk/mails/all/again").status_code == 303
    assert "1 mail was given up." not in waits(browser)
    admin = in_english(desk, "admin@example.com", Role.ADMIN)
    assert "Send again" not in waits(admin)
