"""Leads at the desk: proven, by page, and as much of each as the role may see."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.purpose import ConsentKey
from optin.consent.staff_role import Role
from optin.desk import held_counts
from optin.desk.leads import lead_pages
from optin.flows.exports import lead_list
from optin.flows.exports.lead_list import LeadCounts
from optin.flows.staff.trail import ActKind
from optin.services.installation import Installation
from optin.services.lead_counts import counted_leads
from optin.store.person_numbers import number_of_person
from tests.desk.conftest import Browser, Desk, list_acts
from tests.gate.asking import NUMBER
from tests.waiting import wait_until

TIPS = "/desk/leads?purpose=tips-email"


@pytest.fixture(autouse=True)
def _waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page wait until the leads are counted, however slow the machine is."""
    monkeypatch.setattr(held_counts, "PATIENCE_SECONDS", 60)


def english(browser: Browser) -> Browser:
    browser.client.headers["accept-language"] = "en"
    return browser


def kinds(desk: Desk) -> list[str]:
    return [it.kind for it in desk.installation.view(list_acts)]


def own(desk: Desk, email: str) -> None:
    """Let somebody own the white paper."""
    path = desk.root / "magnets" / "paper" / "index.md"
    path.write_text(path.read_text().replace("lang: nl\n", f"lang: nl\nowner: {email}\n", 1))
    desk.serve_again()


def test_an_officer_sees_names_and_a_marketer_sees_them_shortened(desk: Desk) -> None:
    """K2, E1: proven leads alone; who downloaded without a box is a count."""
    desk.join("alice@example.com", consent=["tips-email"], first_name="Alice")
    desk.join("carol@example.com")
    desk.fill("bob@example.com", consent=["tips-email"])
    officer = english(desk.signed_in(Role.OFFICER)).get(TIPS).text
    marketer = english(desk.signed_in(Role.MARKETER)).get(TIPS).text
    assert "alice@example.com" in officer
    assert "alice@example.com" not in marketer
    assert "a***@example.com" in marketer
    for page in (officer, marketer):
        assert "1 lead for tips-email" in page
        assert "Held back: 1" in page
        assert "Not confirmed" in page
        assert "1 person downloaded without a box" in page
        assert "bob@" not in page
        assert "carol@" not in page
    assert "Show in full" not in marketer
    assert ActKind.LISTED_LEADS in kinds(desk)


def test_who_withdrew_is_held_back(desk: Desk) -> None:
    """K2, E1: as a count with its reason."""
    delivery = desk.join("alice@example.com", consent=["tips-email"])
    assert desk.press(f"/unsubscribe/{delivery.unsubscribe_token}").status_code < 400
    page = english(desk.signed_in(Role.OFFICER)).get(TIPS).text
    assert "0 leads for tips-email" in page
    assert "Withdrawn" in page
    assert "alice@" not in page


def test_downloaders_are_listed_for_officers_alone(desk: Desk) -> None:
    """K2, E1: as people whom nobody may approach; nothing on the page selects them."""
    desk.join("carol@example.com")
    page = english(desk.signed_in(Role.OFFICER)).get("/desk/leads/downloads").text
    assert "carol@example.com" in page
    assert "No basis to approach anybody" in page
    assert "checkbox" not in page
    assert "/desk/leads/export" not in page
    assert desk.signed_in(Role.MARKETER).get("/desk/leads/downloads").status_code == 403


def test_sales_see_the_leads_of_their_own_magnets(desk: Desk) -> None:
    """K2: hidden until asked, for a reason; another owner's leads are not found by address."""
    daan, eva = (english(desk.signed_in(Role.SALES, email=f"{it}@example.com")) for it in ("daan", "eva"))
    own(desk, "Daan@example.com")
    desk.join("alice@example.com", consent=["follow-up-phone"], phone=NUMBER, first_name="Alice")
    path = "/desk/leads?purpose=follow-up-phone"
    mine, theirs = daan.get(path).text, eva.get(path).text
    assert "Alice" in mine
    assert NUMBER not in mine
    assert "alice@example.com" not in mine
    assert "No leads of yours yet" in theirs
    assert "Held back" not in mine
    found = re.search(r'name="person" value="(\w{6})"', mine)
    assert found is not None
    person = {"person": found[1], "purpose": "follow-up-phone"}
    asked = daan.post("/desk/leads/show", person, "/desk/may")
    assert (asked.status_code, NUMBER in asked.text) == (200, False)
    assert daan.post("/desk/leads/show", {**person, "why": " "}, "/desk/may").status_code == 422
    assert ActKind.LOOKED_AT_PERSON not in kinds(desk)
    shown = daan.post("/desk/leads/show", {**person, "why": "call back"}, "/desk/may")
    assert "+31 20 123 4567" in shown.text
    (line,) = [it for it in desk.installation.view(list_acts) if it.kind == ActKind.LOOKED_AT_PERSON]
    assert (line.person, line.why) == (found[1], "call back")
    stolen = eva.post("/desk/leads/show", {**person, "why": "curious"}, "/desk/may")
    unknown = eva.post("/desk/leads/show", {**person, "person": "ZZZZZZ", "why": "x"}, "/desk/may")
    assert (stolen.status_code, unknown.status_code) == (404, 404)
    assert "Alice" not in eva.get(f"{path}&magnet=paper").text


def test_two_roles_open_no_more_than_each_of_them(desk: Desk) -> None:
    """K2: who markets and sells sees leads in full of magnets of their own alone."""
    both = english(desk.signed_in(Role.SALES, Role.MARKETER, email="daan@example.com"))
    desk.join("alice@example.com", consent=["follow-up-phone"], phone=NUMBER, first_name="Alice")
    path = "/desk/leads?purpose=follow-up-phone"
    assert 'name="person"' not in both.get(path).text
    number = desk.installation.write(
        number_of_person,
        vault=desk.installation.vault,
        address=desk.installation.vault.index(EmailAddress("alice@example.com")),
    )
    person = {"person": number, "purpose": "follow-up-phone", "why": "call back"}
    assert both.post("/desk/leads/show", person, "/desk/may").status_code == 404
    own(desk, "daan@example.com")
    assert both.post("/desk/leads/show", person, "/desk/may").status_code == 200


def test_a_place_that_is_past_the_end_is_the_end(desk: Desk) -> None:
    """K2: as when consents ended while somebody read."""
    browser = desk.signed_in(Role.OFFICER)
    assert browser.get("/desk/leads?before=1.5").status_code == 200


def test_pages_follow_each_other_without_gap_or_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K2, K6: also where several began at one moment; filters stay."""
    monkeypatch.setattr(lead_list, "PAGE", 2)
    for name in ("a", "b", "c", "d", "e"):
        desk.join(f"{name}@example.com", consent=["tips-email"])
    desk.installation.write(
        lambda tx: tx.run("UPDATE consent SET begun_at = (SELECT MAX(begun_at) FROM consent)")
    )
    browser = english(desk.signed_in(Role.OFFICER))
    seen: list[str] = []
    path = f"{TIPS}&magnet=paper"
    for _ in range(4):
        page = browser.get(path).text
        seen += re.findall(r"(\w)@example\.com<br>", page)
        older = re.search(r'href="(/desk/leads\?[^"]+)" rel="next"', page)
        if older is None:
            break
        path = older[1].replace("&amp;", "&")
        assert "magnet=paper" in path
        assert "example" not in path
    assert sorted(seen) == ["a", "b", "c", "d", "e"]


def test_nobody_waits_until_many_leads_are_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """O4: the leads are shown at once, with their number as soon as it is known."""
    ended = threading.Event()

    def count(installation: Installation, key: ConsentKey) -> LeadCounts:
        ended.wait(60)
        return counted_leads(installation, key)

    monkeypatch.setattr("optin.desk.held_counts.counted_leads", count)
    monkeypatch.setattr(held_counts, "PATIENCE_SECONDS", 0)
    browser = english(desk.signed_in(Role.MARKETER))
    assert "The leads are being counted." in browser.get("/desk/leads").text
    monkeypatch.setattr(held_counts, "PATIENCE_SECONDS", 60)
    page = browser.get("/desk/leads").text  # a count that goes on is not waited for again
    assert "The leads are being counted." in page
    ended.set()
    wait_until(lambda: "The leads are being counted." not in browser.get("/desk/leads").text)


def test_an_old_count_is_not_shown_as_the_present_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """O4: the number of leads stands without its moment, so one of days ago is not shown."""
    browser = english(desk.signed_in(Role.OFFICER))
    assert "0 leads for tips-email" in browser.get(TIPS).text
    desk.join("alice@example.com", consent=["tips-email"])
    desk.moment += timedelta(minutes=5)
    ended = threading.Event()

    def count(installation: Installation, key: ConsentKey) -> LeadCounts:
        ended.wait(60)
        return counted_leads(installation, key)

    monkeypatch.setattr("optin.desk.held_counts.counted_leads", count)
    monkeypatch.setattr(held_counts, "PATIENCE_SECONDS", 0)
    assert "0 leads for tips-email" in browser.get(TIPS).text
    desk.moment += timedelta(minutes=15)
    assert "The leads are being counted." in browser.get(TIPS).text
    ended.set()
    monkeypatch.setattr(held_counts, "PATIENCE_SECONDS", 60)
    # the count that was begun long ago ends
    wait_until(lambda: "1 lead for tips-email" in browser.get(TIPS).text)


def test_of_many_magnets_one_is_typed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """O4, K6: a list of a thousand would be most of the page; the address of one finds its leads."""
    monkeypatch.setattr(lead_pages, "MOST_CHOICES", 1)
    desk.join("sanne@example.com", consent=["tips-email"])
    browser = english(desk.signed_in(Role.OFFICER))
    page = browser.get("/desk/leads?magnet=paper").text
    assert '<input type="text" id="field-magnet" name="magnet" value="paper"' in page
    assert "sanne@example.com" in page
    assert "sanne@example.com" not in browser.get("/desk/leads?magnet=tips").text


def test_filters_by_magnet_and_day(desk: Desk) -> None:
    """K2: what fits nobody says so; what is no day is asked again."""
    desk.join("alice@example.com", consent=["tips-email"])
    browser = english(desk.signed_in(Role.OFFICER))
    tomorrow = f"{desk.moment + timedelta(days=2):%Y-%m-%d}"
    assert "alice@" in browser.get(f"{TIPS}&since=2026-01-01").text
    assert "Nobody fits" in browser.get(f"{TIPS}&since={tomorrow}").text
    assert "Nobody fits" in browser.get(f"{TIPS}&magnet=tips").text
    assert browser.get(f"{TIPS}&since=soon").status_code == 422
    assert browser.get(f"{TIPS}&before=x.y").status_code == 200


def test_a_name_that_is_markup_stays_text(desk: Desk) -> None:
    """K6: in every field."""
    desk.join("alice@example.com", consent=["tips-email"], first_name="<b>Eve</b>")
    page = english(desk.signed_in(Role.OFFICER)).get(TIPS).text
    assert "&lt;b&gt;Eve" in page
    assert "<b>Eve" not in page


def test_an_owner_that_is_no_address_is_a_finding(desk: Desk) -> None:
    """M4: at its key."""
    path = desk.root / "magnets" / "paper" / "index.md"
    path.write_text(path.read_text().replace("lang: nl\n", "lang: nl\nowner: Daan\n", 1))
    with pytest.raises(AssertionError):
        desk.serve_again()
