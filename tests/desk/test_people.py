"""The pages about people: search, the reason, one person with the proofs, the acts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from optin.consent.channel import MAILBOX
from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import Slug
from optin.consent.rights_request import ArrivalWay, Right
from optin.consent.signed_links import LinkKind
from optin.consent.staff_role import REASON_LASTS, SEARCH_LASTS, Role
from optin.flows.context import Context
from optin.flows.delivery.deliver_mails import Attempt
from optin.flows.delivery.mail_order import MailKind, Verdict
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.object_to_contact import ObjectionRecord, object_on_request
from optin.flows.rights.officer_requests import OfficerRequest, withdraw_on_request
from optin.flows.rights.personal_data import view_personal
from optin.flows.rights.rights_requests import AskedRight, note_request
from optin.flows.staff import find_people
from optin.flows.staff.find_people import SearchPage, SearchStep, begin_search, view_search
from optin.flows.staff.trail import ActKind
from optin.jobs.sweep_runner import sweep
from optin.proof.bundle_zip_file import unpack
from optin.proof.verify_bundle import verify_bundle
from optin.services import search_people, verify_person
from optin.store.database_interface import Tx
from optin.store.person_numbers import known_number
from optin.store.staff_sessions import sealed_sessions
from tests.desk.conftest import Browser, Desk, list_acts
from tests.web import conftest as web_conftest

ALICE = "alice@example.com"
WHY = "letter of 9 November"


def officer(desk: Desk) -> Browser:
    return in_english(desk.signed_in(Role.OFFICER))


def in_english(browser: Browser) -> Browser:
    browser.client.headers["accept-language"] = "en"
    return browser


def search(browser: Browser, text: str, why: str = WHY) -> str:
    """Search, wait until it ends; return the page with what was found."""
    answer = browser.post("/desk/people", {"text": text, "why": why})
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    for _ in range(200):
        page = str(browser.get(path).text)
        if 'http-equiv="refresh"' not in page:
            return page
    raise AssertionError


def person_of(browser: Browser, text: str = ALICE) -> str:
    """Search for somebody; return the address of their page."""
    found = re.search(r'href="(/desk/people/[0-9A-Z]{6})"', search(browser, text))
    assert found is not None
    return found[1]


def index_of(desk: Desk, email: str = ALICE) -> bytes:
    return desk.installation.vault.index(parse_email(email))


def kinds(desk: Desk) -> list[str]:
    return [it.kind for it in desk.installation.view(list_acts)]


def test_an_officer_finds_somebody_by_address_number_and_part_of_a_name(desk: Desk) -> None:
    """K4: a whole address or number at once, a part by comparing; with the basis beside each."""
    desk.join(first_name="Sanne", phone="06 12345678", consent=["tips-email", "follow-up-phone"])
    browser = officer(desk)
    for text in (ALICE, "ALICE@example.com", "0612345678", "+31 6 1234 5678", "sanne", "lice@ex", "1234567"):
        page = search(browser, text)
        assert ALICE in page, text
        assert "Sanne" in page
    assert "Nobody was found" in search(browser, "bob@example.com")
    assert "Nobody was found" in search(browser, "zzz")
    assert kinds(desk).count(ActKind.SEARCHED) == 9


def test_no_page_lists_everybody(desk: Desk) -> None:
    """K4: without a search there is what waits, and nobody's name."""
    desk.join()
    assert ALICE not in officer(desk).get("/desk/people").text


@pytest.mark.parametrize("text", ["%%", "**", "a*e", "a%e", "_l", "' OR 1=1 --"])
def test_wildcards_are_letters(desk: Desk, text: str) -> None:
    """K4: a star finds a star."""
    desk.join()
    assert ALICE not in search(officer(desk), text)


def test_a_search_needs_letters_and_a_reason(desk: Desk) -> None:
    """K4: mistakes come back with what was typed."""
    browser = officer(desk)
    short = browser.post("/desk/people", {"text": " a ", "why": WHY})
    assert short.status_code == 422
    assert WHY in short.text
    without = browser.post("/desk/people", {"text": "alice", "why": "  "})
    assert without.status_code == 422
    assert 'value="alice"' in without.text
    assert not kinds(desk).count(ActKind.SEARCHED)


def test_people_without_a_consent_are_found(desk: Desk) -> None:
    """K4: by a sign-up never confirmed, by one without a box."""
    desk.fill("pending@example.com", consent="tips-email")
    desk.join("plain@example.com")
    browser = officer(desk)
    assert "Not confirmed" in search(browser, "pending@")
    assert "No basis to approach" in search(browser, "plain@example.com")
    page = browser.get(person_of(browser, "plain@example.com")).text
    assert "Downloaded without a box" in page
    assert "No basis to approach" in page


def test_a_search_belongs_to_its_session_for_a_quarter_of_an_hour(desk: Desk) -> None:
    """K4: its address opens nothing for another session, nor later."""
    desk.join()
    browser, other = officer(desk), in_english(desk.signed_in(Role.OFFICER, email="other@example.com"))
    path = browser.post("/desk/people", {"text": ALICE, "why": WHY}).headers["location"]
    assert ALICE in browser.get(path).text
    assert "alice" not in path
    assert other.get(path).headers["location"] == "/desk/people?done=forgotten"
    desk.wait(SEARCH_LASTS + timedelta(seconds=1))
    assert browser.get(path).headers["location"] == "/desk/people?done=forgotten"
    assert sweep(desk.installation)["searches"] == 1
    assert sweep(desk.installation)["searches"] == 0


def test_a_search_that_is_stopped_compares_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K4: what was found stays; nothing is read after the stop."""
    for name in ("a1", "a2", "a3", "b1"):
        desk.join(f"{name}@example.com")
    monkeypatch.setattr(find_people, "PAGE", 1)
    monkeypatch.setattr(search_people, "TOLD_EVERY", timedelta(0))
    installation = desk.installation
    begun = installation.run(begin_search, session=b"s" * 32, text="@example", now=desk.moment)
    read = find_people.read_page
    seen = []

    def stopping(tx: Tx, context: Context, search_id: bytes, step: SearchStep) -> SearchPage:
        seen.append(step)
        if len(seen) == 3:
            installation.run(find_people.end_search, search_id=search_id, session=b"s" * 32)
        return read(tx, context, search_id, step)

    monkeypatch.setattr(search_people, "read_page", stopping)
    ended = search_people.compare(installation, begun)
    assert ended.state == "stopped"
    found = installation.view(view_search, search_id=begun.id, now=desk.moment)
    assert found is not None
    assert len(found.people) == 2
    assert not found.runs


def test_a_search_gives_no_number_to_somebody_erased_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R7, K4: whether they were found a while ago or just now; the others have theirs."""
    names = ("a1", "a2", "a3")
    for name in names:
        desk.join(f"{name}@example.com")
    monkeypatch.setattr(find_people, "PAGE", 1)
    monkeypatch.setattr(search_people, "TOLD_EVERY", timedelta(0))
    installation = desk.installation
    begun = installation.run(begin_search, session=b"s" * 32, text="@example", now=desk.moment)
    vault = installation.vault
    found = [vault.index(parse_email(f"{name}@example.com")) for name in names]
    compared = find_people.matches
    erased: list[bytes] = []

    def erasing(*args: Any) -> Iterator[bytes]:
        for index in compared(*args):
            yield index
            if len(erased) < 2:  # the first one, just found, and before the second is written the second
                erased.append(index)
                installation.run(erase_person, index, BY_PERSON, desk.moment)

    monkeypatch.setattr(search_people, "matches", erasing)
    assert search_people.compare(installation, begun).state == "done"
    numbers = {
        it: installation.store.read(known_number, vault=installation.vault, address=it) for it in found
    }
    assert [it for it in numbers if numbers[it]] == [it for it in found if it not in erased]


def test_the_stop_button_stops_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K4: a page of a search that runs refreshes itself, and has the button."""
    monkeypatch.setattr("optin.desk.people.search.start_comparing", lambda *_: None)
    desk.join()
    browser = officer(desk)
    path = browser.post("/desk/people", {"text": "alic", "why": WHY}).headers["location"]
    page = browser.get(path).text
    assert '<meta http-equiv="refresh" content="2">' in page
    assert browser.post(f"{path}/stop", page=path).headers["location"] == path
    assert 'http-equiv="refresh"' not in browser.get(path).text
    again = browser.post("/desk/people", {"text": "alic", "why": WHY}).headers["location"]
    browser.post("/desk/people", {"text": "bobb", "why": WHY})
    assert "Stopped" in browser.get(again).text  # one search at a time


def test_a_search_whose_server_died_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K4: no page waits for ever."""
    monkeypatch.setattr("optin.desk.people.search.start_comparing", lambda *_: None)
    browser = officer(desk)
    path = browser.post("/desk/people", {"text": "alic", "why": WHY}).headers["location"]
    desk.wait(find_people.DEAD_AFTER + timedelta(seconds=1))
    page = browser.get(path).text
    assert "has stopped" in page
    assert 'http-equiv="refresh"' not in page


def test_a_visit_has_a_reason_for_half_an_hour(desk: Desk) -> None:
    """K1: asked once, shown, recorded once for each person; and this person sees it."""
    desk.join(consent="tips-email")
    browser = officer(desk)
    path = person_of(browser)
    for _ in range(3):
        page = browser.get(path)
        assert page.status_code == 200
        assert WHY in page.text
    assert kinds(desk).count(ActKind.LOOKED_AT_PERSON) == 1
    data = desk.installation.view(view_personal, email_index=index_of(desk), now=desk.moment)
    assert [(it.what, it.why) for it in data.handled] == [("show", WHY)]
    assert [it.kind for it in data.events].count("accessed") == 1
    desk.wait(REASON_LASTS)
    asked = browser.get(path)
    assert "Why do you look" in asked.text
    assert ALICE not in asked.text
    assert browser.post(f"{path}/reason", {"why": ""}, page=path).status_code == 422
    assert browser.post(f"{path}/reason", {"why": "a call"}, page=path).headers["location"] == path
    assert "a call" in browser.get(path).text
    assert kinds(desk).count(ActKind.LOOKED_AT_PERSON) == 2


def test_a_person_page_names_nobody_in_title_or_address(desk: Desk) -> None:
    """S4: the title is the number."""
    desk.join(first_name="Sanne", consent="tips-email")
    browser = officer(desk)
    path = person_of(browser)
    page = browser.get(path).text
    title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    assert title is not None
    assert path[-6:] in title[1]
    assert "alice" not in title[1]
    assert "Sanne" not in title[1]
    assert len(page.encode()) < 60_000


def test_a_proven_consent_shows_its_words_its_page_and_why_it_holds(desk: Desk) -> None:
    """K4: the card of a consent, the answer for its purpose, and the exact page in a frame."""
    desk.join(consent="tips-email")
    browser = officer(desk)
    path = person_of(browser)
    page = browser.get(path).text
    assert "Proven" in page
    assert "byte for byte" in page
    assert "nobody outside holds its total yet" in page
    assert "Yes for 1 of" in page
    shown = re.search(rf'href="({path}/pages/[0-9a-f]{{64}})"', page)
    assert shown is not None
    frame = browser.get(shown[1])
    assert 'sandbox="allow-same-origin"' in frame.text
    served = browser.get(f"{shown[1]}/as-shown")
    form = desk.app_context.edition.publication.forms[Slug("paper")]
    assert served.content == form.page
    policy = served.headers["content-security-policy"]
    assert "sandbox allow-same-origin;" in policy
    assert "form-action 'none'" in policy
    assert "script-src" not in policy
    assert browser.get(f"{path}/pages/{'0' * 64}/as-shown").status_code == 404
    mails = browser.get(f"{path}/mails").text
    assert f"{path}/mails/1" in mails
    assert browser.get(f"{path}/mails/1").status_code == 200
    assert browser.get(f"{path}/mails/99").status_code == 404
    assert browser.get(f"{path}/mails/x").status_code == 404


def test_staff_cannot_confirm_in_place_of_a_person(desk: Desk) -> None:
    """K4: a mail whose link still confirms something is not shown to anybody else."""
    desk.fill(consent="tips-email")
    token = desk.mail(MailKind.CONFIRMATION).confirm_token
    browser = officer(desk)
    path = person_of(browser)
    page = browser.get(f"{path}/mails/1")
    assert "still confirms something" in page.text
    assert "as-sent" not in page.text
    assert token not in page.text
    assert browser.get(f"{path}/mails/1/as-sent").status_code == 404


def test_markup_in_every_field_stays_text(desk: Desk) -> None:
    """S3: a name, a reason, a search that are markup."""
    markup = '<img src=x onerror="alert(1)">'
    desk.join(first_name=markup, consent="tips-email")
    browser = officer(desk)
    pages = [search(browser, "<img src", why=markup)]
    path = person_of(browser)
    for part in ("", "/withdraw", "/object", "/correct", "/hold", "/erase", "/evidence", "/mails", "/reason"):
        answer = browser.get(f"{path}{part}")
        assert answer.status_code == 200, part
        pages.append(answer.text)
    for page in pages:
        assert "<img src=x" not in page
    assert any("&lt;img src=x" in page for page in pages)


def test_an_officer_withdraws_corrects_holds_and_records_an_objection(desk: Desk) -> None:
    """K2: by the flows of the commands, each in the trail with its reason."""
    desk.join(first_name="Sane", consent=["tips-email", "follow-up-phone"], phone="0612345678")
    browser = officer(desk)
    path = person_of(browser)
    for act in ("withdraw", "hold", "object"):
        wrong = browser.post(f"{path}/{act}", {"channel": "pigeon", "until": "2001-01-01"})
        assert wrong.status_code == 422, act
    wrong = browser.post(f"{path}/correct", {"first_name": "Sanne", "phone": "12"})
    assert wrong.status_code == 422
    assert 'value="Sanne"' in wrong.text
    done = browser.post(f"{path}/correct", {"first_name": "Sanne", "phone": "0612345678"})
    assert done.headers["location"] == f"{path}?done=corrected"
    assert "Sanne" in browser.get(path).text
    done = browser.post(f"{path}/withdraw", {"consent": "follow-up-phone phone"})
    assert done.headers["location"] == f"{path}?done=withdrawn"
    held = {"until": f"{desk.moment.year + 2}-01-31", "data": "email", "why": "a claim"}
    assert browser.post(f"{path}/hold", held).headers["location"] == f"{path}?done=held"
    assert browser.post(f"{path}/object", {"channel": ""}).headers["location"] == f"{path}?done=objected"
    data = desk.installation.view(view_personal, email_index=index_of(desk), now=desk.moment)
    assert {it.status for it in data.consents} == {"withdrawn"}
    assert [it.why for it in data.holds] == ["a claim"]
    assert data.objected_at is not None
    assert {it.what for it in data.handled} == {"show", "correct", "withdraw", "hold", "object"}
    done_kinds = {ActKind.WITHDREW, ActKind.HELD_DATA, ActKind.CORRECTED_PERSON, ActKind.OBJECTED_FOR}
    assert done_kinds <= set(kinds(desk))
    page = browser.get(path).text
    assert "a claim" in page
    assert "Yes for 0 of" in page


def test_an_erasure_takes_the_reasons_of_open_sessions_along(desk: Desk) -> None:
    """R5, K4: the typed reason may name the person; a session that looked at others keeps its own."""
    desk.join(first_name="Sanne", consent="tips-email")
    desk.join("bob@example.com", consent="tips-email")
    eva, other = officer(desk), in_english(desk.signed_in(Role.OFFICER, email="other@example.com"))
    path = person_of(eva)
    search(other, "bob@example.com", why="a letter of Bob")
    assert reasons(desk) == {WHY, "a letter of Bob"}
    desk.installation.run(erase_person, index_of(desk), BY_PERSON, desk.moment)
    assert reasons(desk) == {"a letter of Bob"}
    assert eva.get(path).status_code == 404
    assert eva.get("/desk").status_code == 200


def reasons(desk: Desk) -> set[str]:
    """Return the reasons that sessions hold."""
    found = desk.installation.store.read(sealed_sessions, vault=desk.installation.vault)
    return {it.notes["why"] for it in found}


def test_an_erasure_is_told_first_and_takes_the_number_along(desk: Desk) -> None:
    """K4: what is lost, what stays, who is told; then the number is gone."""
    desk.join(first_name="Sanne", consent="tips-email")
    browser, other = officer(desk), in_english(desk.signed_in(Role.OFFICER, email="other@example.com"))
    path = person_of(browser)
    assert person_of(other) == path
    first = browser.get(f"{path}/erase").text
    for words in ("what is lost", "What stays", "Who else is told", "cannot be undone"):
        assert words in first
    token = other.token(f"{path}/erase")
    gone = browser.post(f"{path}/erase")
    assert gone.headers["location"] == "/desk/people?done=erased"
    assert "Erased" in browser.get(gone.headers["location"]).text
    assert browser.get(path).status_code == 404
    assert other.client.post(f"{path}/erase", data={"token": token}).status_code == 404  # another was first
    assert "was erased on" in search(browser, ALICE)
    assert "Nobody was found" in search(browser, "alice")
    assert "Nobody was found" in search(browser, "sanne")
    assert ActKind.ERASED_PERSON in kinds(desk)


@pytest.mark.parametrize("act", ["erase", "hold", "evidence"])
def test_what_cannot_be_undone_asks_who_one_is(desk: Desk, act: str) -> None:
    """K1: a sign-in of a while ago opens no erasure, hold or evidence."""
    desk.join()
    browser = officer(desk)
    path = person_of(browser)
    token = browser.token(path)
    desk.wait(timedelta(minutes=11))
    assert browser.get(f"{path}/{act}").headers["location"] == "/desk/again"
    posted = browser.client.post(f"{path}/{act}", data={"token": token})
    assert posted.headers["location"] == "/desk/again"


def test_the_reason_of_a_visit_survives_a_fresh_sign_in(desk: Desk) -> None:
    """K1: whoever proves again who they are, in the midst of a visit, is not asked the reason again."""
    desk.join()
    browser = officer(desk)
    path = person_of(browser)
    desk.wait(timedelta(minutes=11))
    assert browser.post("/desk/again").status_code == 303
    order = next(it for it in reversed(desk.mails()) if it.kind == MailKind.SIGN_IN)
    browser.post(f"/desk/sign-in/{order.token}")  # type: ignore[attr-defined]  # an order of a notice
    assert WHY in browser.get(f"{path}/evidence").text


def test_an_act_offers_the_request_for_which_the_person_was_opened(desk: Desk) -> None:
    """K5: it stands chosen, and what was done for the request has words of its own on the person's page."""
    desk.join()
    browser = officer(desk)
    asked = {"address": ALICE, "right": Right.ERASURE.value, "via": "letter", "note": ""}
    asked["arrived"] = f"{desk.moment - timedelta(days=2):%Y-%m-%d}"
    request = browser.post("/desk/requests/new", asked).headers["location"].partition("?")[0]
    path = browser.post(f"{request}/person", page=request).headers["location"]
    assert f'<option value="{request.rpartition("/")[2]}" selected>' in browser.get(f"{path}/erase").text
    page = browser.get(path).text
    assert "Opened from the request" in page
    assert "Something was recorded" not in page


def test_the_evidence_is_verified_on_the_spot_and_taken_along(desk: Desk) -> None:
    """K4: the button verifies the real bundle; the download is that bundle; the statement says what fits."""
    desk.join(consent="tips-email")
    browser = officer(desk)
    path = person_of(browser)
    assert browser.post(f"{path}/verify", page=path).headers["location"] == f"{path}?done=verified"
    page = browser.get(path).text
    told = re.search(r"(\d+) of (\d+) checks hold, checkpoint (\d+)", page)
    assert told is not None
    assert told[1] == told[2] != "0"
    assert int(told[3]) > 0
    taken = browser.post(f"{path}/evidence")
    assert taken.headers["content-type"] == "application/zip"
    assert "alice" not in taken.headers["content-disposition"]
    report = verify_bundle(unpack(taken.content), desk.moment)
    assert report.holds, report.lines
    paper = browser.get(f"{path}/paper").text
    assert "fits" in paper
    assert "does not fit" not in paper
    assert re.search(r"sha256 ([0-9a-f]{4} ){15}[0-9a-f]{4}", paper)
    assert {ActKind.VERIFIED, ActKind.TOOK_EVIDENCE, ActKind.PRINTED} <= set(kinds(desk))


def test_no_mail_shows_a_link_that_acts_for_the_person(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K4, P8: what is shown of a delivery cannot withdraw or download in the person's place."""
    token = desk.installation.vault.links.sign(LinkKind.UNSUBSCRIBE, b"p" * 16, desk.moment)
    link = f"https://optin.example.com/unsubscribe/{token}"
    mail = EmailMessage()
    mail.set_content(f"Stop: {link}")
    mail.add_alternative(f'<a href="{link}">Stop</a>', subtype="html")
    sent = Attempt(Verdict.SENT, "250", bytes(mail))
    monkeypatch.setattr(web_conftest, "Attempt", lambda *_: sent)
    desk.join(consent="tips-email")
    browser = officer(desk)
    path = person_of(browser)
    assert "/unsubscribe/…" in browser.get(f"{path}/mails/2").text
    for shown in (f"{path}/mails/2", f"{path}/mails/2/as-sent"):
        answer = browser.get(shown)
        assert answer.status_code == 200
        assert token not in answer.text


def test_whom_a_search_lists_is_on_record(desk: Desk) -> None:
    """K1: by their numbers, each list once."""
    desk.join(consent="tips-email")
    browser = officer(desk)
    number = person_of(browser, "alice").rpartition("/")[2]
    lines = [it for it in desk.installation.view(list_acts) if it.kind == ActKind.LISTED_PEOPLE]
    assert [it.facts["numbers"] for it in lines] == [number]


def test_no_bundle_hands_out_a_link_that_still_confirms(desk: Desk) -> None:
    """K4, P8: a sign-up that waits for its person is confirmed by nobody of the staff."""
    desk.join(consent="tips-email")
    desk.fill(consent="follow-up-phone", phone="020 123 4567")
    browser = officer(desk)
    taken = browser.post(f"{person_of(browser)}/evidence")
    assert taken.status_code == 409
    assert "waits for its confirmation" in taken.text
    assert ActKind.TOOK_EVIDENCE not in kinds(desk)


def test_a_check_that_fails_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K4: a bundle with a byte changed is not called proven."""
    desk.join(consent="tips-email")
    browser = officer(desk)
    path = person_of(browser)

    def damaged(data: bytes) -> dict[str, bytes]:
        files = unpack(data)
        name = next(it for it in files if it.endswith("declaration.json"))
        return {**files, name: files[name].replace(b"alice", b"malice")}

    monkeypatch.setattr(verify_person, "unpack", damaged)
    browser.post(f"{path}/verify", page=path)
    page = browser.get(path).text
    assert "Does not hold" in page
    assert "does not fit" in browser.get(f"{path}/paper").text


def test_the_terminal_and_the_desk_at_once(desk: Desk) -> None:
    """K2: what a command withdrew meanwhile stays withdrawn, and the page says it."""
    desk.join(consent="tips-email")
    browser = officer(desk)
    path = person_of(browser)
    token = browser.token(f"{path}/withdraw")
    handling = OfficerRequest(index_of(desk), "eva", "a letter")
    desk.installation.run(withdraw_on_request, handling=handling, which=None, now=desk.moment)
    data = {"token": token, "consent": "tips-email email"}
    assert browser.client.post(f"{path}/withdraw", data=data).status_code == 303
    stored = desk.installation.view(view_personal, email_index=index_of(desk), now=desk.moment)
    assert [it.status for it in stored.consents] == ["withdrawn"]
    assert [it.kind for it in stored.events].count("withdrawn") == 1
    assert "Withdrawn" in browser.get(path).text


def test_somebody_known_by_an_objection_or_a_request_is_found(desk: Desk) -> None:
    """K4: whoever only objected or wrote a letter is on file as well."""
    record = ObjectionRecord("eva", "a call", "")
    desk.installation.run(
        object_on_request, address=MAILBOX, value="carol@example.com", record=record, now=desk.moment
    )
    day = desk.moment.date()
    asked = AskedRight(
        index_of(desk, "dave@example.com"), "dave@example.com", Right.ACCESS, day, ArrivalWay.LETTER, "eva"
    )
    desk.installation.run(note_request, asked=asked, now=desk.moment)
    browser = officer(desk)
    assert "Objected" in search(browser, "carol@example.com")
    assert browser.get(person_of(browser, "dave@example.com")).status_code == 200
    assert re.search(r"/desk/people/[0-9A-Z]{6}", search(browser, "dave@ex"))
