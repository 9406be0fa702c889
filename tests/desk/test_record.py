"""The record of processing on the desk: differences, processors, rules, deletion, papers."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from optin.consent.staff_role import Role
from optin.flows.staff.trail import ActKind
from tests.desk.conftest import Desk, list_acts
from tests.desk.test_requests import MARKUP, in_english

EVA = "eva@example.com"


def set_agreement_end(desk: Desk, day: date) -> None:
    path = desk.root / "optin.toml"
    text = path.read_text().replace(
        'name = "CRM B.V."', f"name = '''CRM {MARKUP}'''\nends = {day.isoformat()}"
    )
    path.write_text(text)
    desk.serve_again()


def test_the_record_is_that_of_the_papers(desk: Desk) -> None:
    """L9, O4: readable, and as the files that the command writes; that one was taken is on record."""
    browser = in_english(desk, EVA, Role.OFFICER)
    page = browser.get("/desk/record").text
    settings = desk.app_context.edition.site.settings
    assert settings.controller.name in page.partition("<main")[2]
    assert len(page) < 60_000
    answer = browser.get("/desk/record/papers/record.jsonld")
    assert "attachment" in answer.headers["content-disposition"]
    assert json.loads(answer.text)
    assert browser.get("/desk/record/papers/record.csv").text.startswith('"activity",')
    assert browser.get("/desk/record/papers/index.html").status_code == 200
    for name in ("optin.toml", "..%2Foptin.toml", "record.exe", "%00"):
        assert browser.get(f"/desk/record/papers/{name}").status_code == 404
    kinds = [it.kind for it in desk.installation.view(list_acts)]
    assert kinds.count(ActKind.PAPERS_TAKEN) == 3


@pytest.mark.parametrize(("days", "words"), [(-1, "Ended"), (20, "Ends soon"), (400, "In force")])
def test_an_agreement_says_how_long_it_lasts(desk: Desk, days: int, words: str) -> None:
    """L9, O4: its last day and its state; an ended one stands first on the record as well."""
    set_agreement_end(desk, desk.moment.date() + timedelta(days=days))
    browser = in_english(desk, EVA, Role.OFFICER)
    page = browser.get("/desk/record/processors").text
    assert words in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    record = browser.get("/desk/record").text
    assert ("ended on" in record) == (days < 0)
    assert "<script>alert" not in record


def test_a_marketer_sees_the_processors_alone(desk: Desk) -> None:
    """K2: the rest of the record is refused; sales sees none of it."""
    browser = in_english(desk, "mila@example.com", Role.MARKETER)
    assert browser.get("/desk/record").headers["location"] == "/desk/record/processors"
    page = browser.get("/desk/record/processors").text
    assert "CRM B.V." in page
    assert "/desk/record/rules" not in page
    for part in ("rules", "deletion", "papers/record.csv"):
        assert browser.get(f"/desk/record/{part}").status_code == 403
    assert desk.signed_in(Role.SALES).get("/desk/record/processors").status_code == 403


def test_rules_stand_with_their_age_and_source(desk: Desk) -> None:
    """O4: those of the controller's country that hold today; another on demand; stale ones say so."""
    browser = in_english(desk, EVA, Role.OFFICER)
    page = browser.get("/desk/record/rules").text
    assert "Checked against their sources on" in page
    assert "<code>" in page
    assert browser.get("/desk/record/rules?country=BE").text != page
    assert browser.get("/desk/record/rules?country=%3Cx").status_code == 200
    desk.wait(timedelta(days=800))
    browser = in_english(desk, "later@example.com", Role.OFFICER)
    assert "That is over a year: update optin." in browser.get("/desk/record/rules").text


def test_what_goes_tonight_is_told(desk: Desk) -> None:
    """D6, O4: as the sweep counts it: a sign-up that nobody confirmed."""
    desk.fill("sanne@example.com")
    desk.wait(timedelta(days=60))
    browser = in_english(desk, EVA, Role.OFFICER)
    page = browser.get("/desk/record/deletion").text
    assert "at the next sweep" in page
    assert "unconfirmed" in page
