"""May I: the gate's answer for staff, the same for an unknown person as for one without a basis."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.staff_role import Role
from optin.flows.staff.trail import ActKind, TrailLine
from optin.store.contact_questions import question_sums, questions_about
from optin.store.data_subjects import find_subject
from tests.desk.conftest import Browser, Desk, list_acts
from tests.gate.asking import NUMBER

CALL = "follow-up-phone phone"
MAIL = "tips-email email"


def ask(browser: Browser, who: str, purpose: str = CALL, country: str = "") -> Any:
    browser.client.headers["accept-language"] = "en"
    return browser.post("/desk/may", {"who": who, "for": purpose, "country": country})


def said(page: Any) -> str:
    """Return what an answer says, without what each has of its own: the address, moment and number."""
    found = re.search(r'<section class="card answer.*?</section>', page.text, re.DOTALL)
    assert found is not None, page.text
    return re.sub(r"<dt>Asked</dt>.*?</dd>", "", found[0], flags=re.DOTALL)


def at_noon(desk: Desk) -> None:
    """Let it be a workday at noon."""
    noon = (desk.moment + timedelta(days=1)).replace(hour=11, minute=0)
    while noon.weekday() > 2 or f"{noon:%m-%d}" in {"12-24", "12-25", "12-26", "12-31", "01-01"}:
        noon += timedelta(days=1)
    desk.moment = noon


def asked_lines(desk: Desk) -> list[TrailLine]:
    return [it for it in desk.installation.view(list_acts) if it.kind == ActKind.ASKED_MAY]


def test_a_proven_consent_is_a_yes_with_its_duties(desk: Desk) -> None:
    """K2, G1: with rule, end, what to do in the call, and the hours."""
    at_noon(desk)
    desk.join("alice@example.com", consent=["follow-up-phone"], phone=NUMBER)
    browser = desk.signed_in(Role.SALES)
    page = ask(browser, "020 123 45 67")
    assert page.status_code == 200
    assert "Yes, you may." in page.text
    for words in (
        "NL-phone-natural",
        "Tw 11.7(2)",
        "Say who you are",
        "Show your number",
        "Calling hours (NL)",
    ):
        assert words in page.text, words
    (line,) = asked_lines(desk)
    assert (line.facts["may"], line.facts["purpose"]) == (True, "follow-up-phone")
    assert NUMBER not in f"{line.facts}{line.texts}"


def test_an_unknown_person_and_one_without_a_basis_get_the_same_no(desk: Desk) -> None:
    """K2, G2: byte for byte but for the question itself; and the same lines in the trail."""
    at_noon(desk)
    desk.join("alice@example.com")
    browser = desk.signed_in(Role.SALES)
    known, unknown = (ask(browser, f"{name}@example.com", MAIL) for name in ("alice", "nobody"))
    assert known.status_code == unknown.status_code == 200
    assert said(known) == said(unknown)
    assert "We have no basis" in known.text
    first, second = asked_lines(desk)
    assert first.facts.keys() == second.facts.keys()
    assert (first.person, first.texts) == (second.person, second.texts) == ("", {})


def test_the_answers_leave_at_even_times(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K2, G2: as those of the sign-in do."""
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    browser = desk.signed_in(Role.SALES)
    token = browser.token("/desk/may")
    monkeypatch.setattr("optin.web.timing_protection.asyncio.sleep", wait)
    browser.client.post("/desk/may", data={"token": token, "who": "nobody@example.com", "for": MAIL})
    assert waited


def test_who_asked_is_noted_for_the_person(desk: Desk) -> None:
    """K2, G4: by name, and counted."""
    at_noon(desk)
    desk.join("alice@example.com", consent=["tips-email"])
    desk.add("daan@example.com", Role.SALES, name="Daan Visser")
    browser = desk.browser()
    browser.sign_in("daan@example.com")
    assert "Yes, you may." in ask(browser, "alice@example.com", MAIL).text
    desk.installation.store_questions()
    assert sum(desk.installation.store.read(question_sums).values()) == 1
    index = desk.installation.vault.index(parse_email("alice@example.com"))
    read = desk.installation.store.read
    subject = read(find_subject, email_index=index)
    assert subject is not None
    assert [it.asker for it in read(questions_about, owners=[subject])] == ["staff: Daan Visser"]


def test_no_call_on_a_sunday(desk: Desk) -> None:
    """K2, G1: a no for the hour says when it is allowed."""
    desk.join("alice@example.com", consent=["follow-up-phone"], phone=NUMBER)
    sunday = desk.moment.astimezone(UTC).replace(hour=11)
    while sunday.weekday() != 6 or sunday <= desk.moment:
        sunday += timedelta(days=1)
    desk.moment = datetime.fromtimestamp(sunday.timestamp(), UTC)
    page = ask(desk.signed_in(Role.SALES), NUMBER)
    assert "Not at this hour." in page.text
    assert "Monday to Friday 09:00-22:00" in page.text
    assert "Yes, you may." not in page.text


@pytest.mark.parametrize(
    ("who", "purpose", "country", "words"),
    [
        ("Alice", MAIL, "", "This is no address"),
        ("alice@example.com", "gone email", "", "Choose one of these."),
        ("alice@example.com", MAIL, "NLD", "A country is two letters"),
        ("<script>alert(1)</script>", CALL, "", "This is no address"),
        ("", MAIL, "", "This is no address"),
    ],
)
def test_what_cannot_be_asked_is_asked_again(
    desk: Desk, who: str, purpose: str, country: str, words: str
) -> None:
    """K2, K6: with the mistake at its field, what was typed, and no line in the trail."""
    page = ask(desk.signed_in(Role.SALES), who, purpose, country)
    assert page.status_code == 422
    assert words in page.text
    assert "<script>alert" not in page.text
    assert asked_lines(desk) == []
