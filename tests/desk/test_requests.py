"""The inbox of requests and the breaches of the desk, over both databases."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.rights_request import ArrivalWay, Outcome, Right
from optin.consent.staff_role import Role
from optin.desk.requests import inbox
from optin.desk.requests.answer_letters import LetterKind, answer_letter
from optin.flows.rights.breaches import list_breaches
from optin.flows.rights.rights_requests import (
    AskedRight,
    Reply,
    answer_request,
    list_requests,
    note_request,
    today,
)
from optin.flows.staff.accounts import list_accounts
from optin.flows.staff.own_account import set_preferences
from optin.flows.staff.trail import ActKind
from optin.theme.languages import languages
from tests.desk.conftest import Browser, Desk, list_acts

MARKUP = "<script>alert(1)</script>\"'&"
ADDRESS = "sanne@example.com"


def officer(desk: Desk, email: str = "officer@example.com") -> Browser:
    return in_english(desk, email, Role.OFFICER)


def in_english(desk: Desk, email: str, *roles: Role) -> Browser:
    """Sign somebody in who reads the desk in English."""
    browser = desk.signed_in(*roles, email=email)
    account = next(it for it in desk.installation.view(list_accounts) if it.email == email)
    desk.installation.run(set_preferences, account.id, "en", shortcuts=True)
    return browser


def today_of(desk: Desk) -> date:
    return today(desk.installation.context, desk.moment)


def record(
    desk: Desk, browser: Browser, days_ago: int = 0, right: Right = Right.ERASURE, note: str = ""
) -> str:
    """Record a letter as the form does; return the path of the request."""
    day = today_of(desk) - timedelta(days=days_ago)
    data = {
        "address": ADDRESS,
        "right": right.value,
        "via": "letter",
        "arrived": day.isoformat(),
        "note": note,
    }
    answer = browser.post("/desk/requests/new", data)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"].partition("?")[0])


def acts(desk: Desk) -> list[str]:
    return [it.kind for it in reversed(desk.installation.view(list_acts, most=200))]


def test_a_letter_is_recorded_with_its_last_day(desk: Desk) -> None:
    """K5: the page says by which day it must be answered and how many days are left; the inbox too."""
    browser = officer(desk)
    path = record(desk, browser)
    page = browser.get(path).text
    request = desk.installation.view(list_requests, is_open=True, answered=False)[0].request
    assert request is not None
    left = request.days_left(today_of(desk))
    day = desk.app_context.edition.theme.wording("en").date(request.due)
    assert f"Answer by {day}: {left} days left" in page
    inbox = browser.get("/desk/requests").text
    assert f"{left} days left" in inbox
    assert day in inbox
    assert ADDRESS not in inbox  # a list is no look at a person
    assert ADDRESS not in re.findall("<title>(.*?)</title>", page)[0]
    assert acts(desk)[-2:] == [ActKind.REQUEST_RECORDED, ActKind.REQUEST_READ]


@pytest.mark.parametrize(
    ("days_ago", "words"),
    [(45, "overdue by"), (28, "day"), (0, "1 request is open; it has more than a week.")],
)
def test_the_inbox_says_what_is_urgent(desk: Desk, days_ago: int, words: str) -> None:
    """K5: what is over time says by how much, what is due within a week is counted first."""
    browser = officer(desk)
    record(desk, browser, days_ago)
    page = browser.get("/desk/requests").text
    assert words in page
    assert ("past its last day" in page) == (days_ago > 31)
    assert ("within a week" in page) == (days_ago == 28)


def test_what_came_by_the_terminal_is_in_the_inbox(desk: Desk) -> None:
    """K5: a request recorded by the command, whose person has no number yet; its page gives one."""
    index = desk.installation.vault.index(EmailAddress(ADDRESS))
    asked = AskedRight(index, ADDRESS, Right.ACCESS, today_of(desk), ArrivalWay.PHONE, "shell")
    found = desk.installation.run(note_request, asked=asked, now=desk.moment)
    browser = officer(desk)
    assert "not looked up yet" in browser.get("/desk/requests").text
    answer = browser.post(f"/desk/requests/{found.number}/person", page=f"/desk/requests/{found.number}")
    assert answer.status_code == 303
    assert re.fullmatch(r"/desk/people/[0-9A-Z]{6}", answer.headers["location"])
    assert acts(desk)[-1] == ActKind.REQUEST_LOOKED_UP


def test_a_request_is_answered_with_a_letter(desk: Desk) -> None:
    """K5: the draft becomes the answer on record; it is not mailed, and the inbox moves it."""
    browser = officer(desk)
    path = record(desk, browser, 3)
    mails = len(desk.mails())
    data = {"how": "answered from the mailbox"}
    assert browser.post(f"{path}/identity", data, page=path).status_code == 303
    page = browser.get(path).text
    assert "answered from the mailbox" in page
    assert "We have erased your data." in page
    data = {"what": "We erased it.", "outcome": "done", "why": "", "on": today_of(desk).isoformat()}
    assert browser.post(f"{path}/answer", data, page=path).status_code == 303
    page = browser.get(path).text
    assert "We erased it." in page
    assert f'action="{path}/answer"' not in page
    assert len(desk.mails()) == mails
    assert "No request waits for an answer." in browser.get("/desk/requests").text
    answered = browser.get("/desk/requests/answered").text
    assert "in 3 days at the median" in answered
    request = desk.installation.view(list_requests, is_open=False, answered=True)[0].request
    assert request is not None
    assert request.answer is not None
    assert (request.answer.outcome, request.answer.who) == (Outcome.DONE, "officer")
    assert {ActKind.REQUEST_IDENTITY, ActKind.REQUEST_ANSWERED} <= set(acts(desk))


def test_two_officers_who_answer_at_once(desk: Desk) -> None:
    """K5: the first answer is on record; the second officer reads it, and gets their own text back."""
    browser = officer(desk)
    other = officer(desk, "other@example.com")
    path = record(desk, browser)
    token, mine = other.token(path), browser.token(path)
    data = {"outcome": "done", "why": "", "on": today_of(desk).isoformat()}
    first = browser.client.post(f"{path}/answer", data={"token": mine, "what": "The first text", **data})
    second = other.client.post(f"{path}/answer", data={"token": token, "what": "My own text", **data})
    assert first.status_code == 303
    assert second.status_code == 409
    assert "while you were writing" in second.text
    assert "My own text" in second.text
    assert "The first text" in second.text
    assert acts(desk).count(ActKind.REQUEST_ANSWERED) == 1


def test_a_refusal_needs_its_reason(desk: Desk) -> None:
    """K5: also a letter with a gap, an empty one, and a day to come are not stored; what was typed stays."""
    browser = officer(desk)
    path = record(desk, browser)
    day = today_of(desk)
    good = {"what": "No, as told.", "outcome": "refused", "why": "unfounded", "on": day.isoformat()}
    for change, problem in (
        ({"why": ""}, "cannot be empty"),
        ({"what": "We erased [what]"}, "square brackets"),
        ({"what": ""}, "cannot be empty"),
        ({"on": (day + timedelta(days=1)).isoformat()}, "not in the future"),
        ({"on": "soon"}, "not in the future"),
        ({"what": "x" * 6_001}, "too long"),
    ):
        answer = browser.post(f"{path}/answer", {**good, **change}, page=path)
        assert answer.status_code == 422
        assert problem in answer.text
        assert "Nothing was stored." in answer.text
    assert ActKind.REQUEST_ANSWERED not in acts(desk)
    assert browser.post(f"{path}/answer", good, page=path).status_code == 303


def test_a_term_grows_once(desk: Desk) -> None:
    """K5: two months at most, with the reason that the person was told; the last day moves (GDPR 12(3))."""
    browser = officer(desk)
    path = record(desk, browser, 10)
    told = {"months": "2", "why": "a hundred mailboxes", "on": today_of(desk).isoformat()}
    assert browser.post(f"{path}/extend", {**told, "why": ""}, page=path).status_code == 422
    assert browser.post(f"{path}/extend", {**told, "months": "3"}, page=path).status_code == 422
    assert browser.post(f"{path}/extend", told, page=path).status_code == 303
    page = browser.get(path).text
    assert "a hundred mailboxes" in page
    assert "It takes longer …" not in page
    again = browser.post(f"{path}/extend", told, page=path)
    assert again.status_code == 422
    assert "the law knows one extension" in again.text


def test_markup_in_every_field_of_a_request(desk: Desk) -> None:
    """K5: what is typed is shown as typed, and never as markup."""
    browser = officer(desk)
    path = record(desk, browser, note=MARKUP)
    assert browser.post(f"{path}/identity", {"how": MARKUP}, page=path).status_code == 303
    told = {"months": "1", "why": MARKUP, "on": today_of(desk).isoformat()}
    assert browser.post(f"{path}/extend", told, page=path).status_code == 303
    data = {"what": MARKUP, "outcome": "refused", "why": MARKUP, "on": today_of(desk).isoformat()}
    before = browser.get(path).text
    assert browser.post(f"{path}/answer", data, page=path).status_code == 303
    for page in (before, browser.get(path).text):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
    bad = {"address": MARKUP, "right": MARKUP, "via": MARKUP, "arrived": MARKUP, "note": MARKUP}
    answer = browser.post("/desk/requests/new", bad)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert "4 fields need your attention" in answer.text


def test_the_same_request_is_recorded_once(desk: Desk) -> None:
    """K5: a second entry of the same letter names the first."""
    browser = officer(desk)
    record(desk, browser)
    data = {
        "address": ADDRESS,
        "right": "erasure",
        "via": "mail",
        "arrived": today_of(desk).isoformat(),
        "note": "",
    }
    answer = browser.post("/desk/requests/new", data)
    assert answer.status_code == 422
    assert "number 1 already" in answer.text


def test_answered_requests_are_shown_a_page_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K5: the newest first, each once."""
    monkeypatch.setattr(inbox, "MOST_SHOWN", 2)
    browser = officer(desk)
    for place in range(5):
        asked = AskedRight(
            desk.installation.vault.index(EmailAddress(f"p{place}@example.com")),
            f"p{place}@example.com",
            Right.ACCESS,
            today_of(desk) - timedelta(days=place),
            ArrivalWay.MAIL,
            "Eva",
        )
        found = desk.installation.run(note_request, asked=asked, now=desk.moment)
        reply = Reply(Outcome.DONE, "Eva", what="sent")
        desk.installation.run(answer_request, number=found.number, reply=reply, now=desk.moment)
    seen, path = [], "/desk/requests/answered"
    for _ in range(3):
        page = browser.get(path).text
        assert "Answered (5)" in page
        seen.append(re.findall(r'href="/desk/requests/(\d+)"', page))
        path = next(iter(re.findall(r'rel="next" href="([^"]+)"', page)), "")
    assert seen == [["5", "4"], ["3", "2"], ["1"]]
    assert path == ""
    assert 'href="/desk/requests/answered">' in page
    assert "Answered (5)" in browser.get("/desk/requests").text
    assert browser.get("/desk/requests/answered?before=x").status_code == 200


def test_every_letter_is_whole_in_each_language(desk: Desk) -> None:
    """K5: letters for each right and outcome in four languages name the day and the company."""
    browser = officer(desk)
    for right in Right:
        path = record(desk, browser, right=right)
    found = desk.installation.view(list_requests, is_open=True, answered=False)
    assert len(found) == len(Right)
    for it in found:
        assert it.request is not None
        for lang in languages():
            for kind in LetterKind:
                letter = answer_letter(desk.app_context.edition, it.request, kind, lang)
                assert "{" not in letter
                assert desk.app_context.edition.theme.wording(lang).date(it.request.arrived) in letter
                assert desk.app_context.edition.site.settings.controller.name in letter
    assert "Op " in browser.get(f"{path}?lang=nl&letter=nothing").text
    assert "Geachte heer, mevrouw," in browser.get(f"{path}?lang=nl&letter=nothing").text


def test_what_is_no_request_is_not_found(desk: Desk) -> None:
    """K5: whatever stands in its place."""
    browser = officer(desk)
    for number in ("0", "99", "-1", "x", "9" * 30, "1e3"):
        assert browser.get(f"/desk/requests/{number}").status_code == 404
        assert browser.get(f"/desk/breaches/{number}").status_code == 404


def test_a_breach_from_discovery_to_its_end(desk: Desk) -> None:
    """K5, L9: hours left in words and as a moment; told, corrected, closed; each step is on record."""
    browser = officer(desk)
    assert "No breach is on record." in browser.get("/desk/breaches").text
    zone = desk.app_context.edition.policy.zone

    def clock(hours_ago: float) -> str:
        return f"{(desk.moment - timedelta(hours=hours_ago)).astimezone(zone):%Y-%m-%dT%H:%M}"

    new = {"what": MARKUP, "discovered": clock(2), "people": "12", "effects": "", "measures": MARKUP}
    assert browser.post("/desk/breaches/new", {**new, "discovered": clock(-2)}).status_code == 422
    assert browser.post("/desk/breaches/new", {**new, "people": "many"}).status_code == 422
    path = browser.post("/desk/breaches/new", new).headers["location"].partition("?")[0]
    assert path == "/desk/breaches/1"
    page = browser.get(path).text
    assert re.search(r"Tell the authority by .*: (69|70) hours left", page)
    assert re.search(r"(69|70) hours left", browser.get("/desk/breaches").text)
    change = {**new, "people": "14", "why": "counted again"}
    assert browser.post(f"{path}/correct", {**change, "why": ""}, page=path).status_code == 422
    assert browser.post(f"{path}/correct", change, page=path).status_code == 303
    end = {"not-notified": "", "people-told": "", "people-not-told": "no risk"}
    assert browser.post(f"{path}/close", end, page=path).status_code == 422
    told = {"authority": "AP", "at": clock(0), "reference": "Z-1", "why-late": ""}
    assert browser.post(f"{path}/notified", {**told, "at": clock(5)}, page=path).status_code == 422
    assert browser.post(f"{path}/notified", told, page=path).status_code == 303
    assert browser.post(f"{path}/close", end, page=path).status_code == 303
    page = browser.get(path).text
    assert "<script>alert" not in page
    assert "counted again" in page
    breach = desk.installation.view(list_breaches)[0].breach
    assert breach is not None
    assert (breach.people, breach.notified_late, breach.closing is not None) == (14, False, True)
    assert breach.what == MARKUP
    kinds = [
        ActKind.BREACH_RECORDED,
        ActKind.BREACH_CORRECTED,
        ActKind.BREACH_NOTIFIED,
        ActKind.BREACH_CLOSED,
    ]
    assert [it for it in acts(desk) if it.startswith("breach")] == kinds


def test_a_breach_past_its_hours(desk: Desk) -> None:
    """K5, L9: overdue says by how much; told late needs the reason."""
    browser = officer(desk)
    zone = desk.app_context.edition.policy.zone
    found = (desk.moment - timedelta(hours=80)).astimezone(zone)
    new = {
        "what": "lost",
        "discovered": f"{found:%Y-%m-%dT%H:%M}",
        "people": "",
        "effects": "",
        "measures": "",
    }
    path = browser.post("/desk/breaches/new", new).headers["location"].partition("?")[0]
    assert re.search(r"overdue by [89] hours", browser.get(path).text)
    now = f"{desk.moment.astimezone(zone):%Y-%m-%dT%H:%M}"
    told = {"authority": "AP", "at": now, "reference": "", "why-late": ""}
    assert browser.post(f"{path}/notified", told, page=path).status_code == 422
    assert browser.post(f"{path}/notified", {**told, "why-late": "ill"}, page=path).status_code == 303
    assert "The authority was told late" in browser.get("/desk/breaches").text
