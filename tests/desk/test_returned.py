"""Mails that came back, on the first page and on a page of their own."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.return_address import return_address
from optin.consent.returned_mail import ReportEffect
from optin.consent.staff_role import Role
from optin.services.returned_mails import take_returned_mail
from optin.store.installation_facts import note_examination
from tests.bounces.notices import READER, VERP, Answer, feedback, report
from tests.desk.conftest import Desk
from tests.desk.test_home import ENGLISH, counted, words_of

HARD = report(Answer("550 5.1.1 user unknown", "5.1.1"))
LETTER = b"To: " + VERP.encode() + b"\r\nSubject: Hello\r\n\r\nHello\r\n"


def come_back(desk: Desk, email: str, raw: bytes, source: str) -> object:
    """Let a mail of now come back by a way."""
    token = desk.installation.vault.return_tokens.sign(
        desk.installation.vault.index(parse_email(email)), desk.moment
    )
    address = return_address("bounces@example.com", token)
    own = raw.replace(VERP.encode(), address.encode()).replace(READER.encode(), email.encode())
    return take_returned_mail(desk.installation, own, source).effect


def joined(desk: Desk) -> None:
    for name in ("alice", "bob", "carol"):
        desk.join(f"{name}@example.com", consent="tips-email")
    desk.wait(timedelta(minutes=2))


def test_mails_that_came_back_stand_on_the_first_page(desk: Desk) -> None:
    """O4, O6: addresses that became unreachable and complaints since last week, with a page that has more."""
    joined(desk)
    assert come_back(desk, "alice@example.com", HARD, "lmtp") is ReportEffect.UNREACHABLE
    assert come_back(desk, "bob@example.com", feedback("abuse"), "imap") is ReportEffect.WITHDRAWN
    come_back(desk, "carol@example.com", LETTER, "pipe")
    for role in (Role.MARKETER, Role.OFFICER, Role.ADMIN):
        browser = desk.signed_in(role)
        said = words_of(browser)
        assert re.search(r"became unreachable since [^0-9]*\d+ \w+ \d{4} 1 ", said), said
        assert re.search(r"get no more since [^0-9]*\d+ \w+ \d{4} 1 ", said), said
        assert 'href="/desk/returned"' in counted(browser, "/desk").text
        page = words_of(browser, "/desk/returned")
        assert "Addresses that are unreachable now 1" in page
        assert re.search(r"20\d\d 1 0 1 ", page), page
        assert re.search(r"from the mail server, by LMTP 1 \w+", page)
        assert re.search(r"from the mail server, by a pipe 0 \w+", page)
        assert "@" not in page
    assert "came back" not in words_of(desk.signed_in(Role.SALES))


def test_what_came_back_long_ago_is_no_news(desk: Desk) -> None:
    """O4: in the third week it stands in the weeks alone; nothing is a number too."""
    browser = desk.signed_in(Role.OFFICER)
    assert "No mail has come back yet." in words_of(browser, "/desk/returned")
    joined(desk)
    come_back(desk, "alice@example.com", HARD, "provider")
    desk.wait(timedelta(days=15))
    page = words_of(desk.signed_in(Role.OFFICER, email="later@example.com"), "/desk/returned")
    assert re.search(r"became unreachable since [^0-9]*\d+ \w+ \d{4} 0 ", page), page
    assert "Addresses that are unreachable now 1" in page
    assert "from the provider of mail (provider) 1" in page


def test_that_nobody_reads_them_waits_for_staff(desk: Desk) -> None:
    """O4, O6: as the server's doctor found, with the page that has the cure; what passed says nothing."""
    browser = desk.signed_in(Role.ADMIN)
    finding = {
        "name": "returned-mail",
        "verdict": "warning",
        "seen": "Nobody reads them.",
        "cure": "Read them.",
        "mark": "",
    }
    for verdict, there in (("warning", True), ("not checked", False), ("passed", False)):
        kept = {"at": desk.moment.isoformat(), "findings": [{**finding, "verdict": verdict}], "gone": []}
        desk.installation.write(note_examination, vault=desk.installation.vault, found=json.dumps(kept))
        page = browser.get("/desk", **ENGLISH).text
        said = '<a href="/desk/health">Nobody reads the mails that come back'
        assert (said in page) is there, verdict


@pytest.mark.parametrize("lang", ["nl", "de", "fr"])
def test_the_page_speaks_each_language(desk: Desk, lang: str) -> None:
    """O4: with every word."""
    joined(desk)
    come_back(desk, "alice@example.com", HARD, "pipe")
    page = desk.signed_in(Role.OFFICER).get("/desk/returned", **{"accept-language": lang}).text
    assert f'<html lang="{lang}">' in page
    assert "home.returned" not in page
