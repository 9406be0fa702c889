"""A quiz over HTTP: questions, a result without signing up, the report by mail."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from optin.consent.form_version import Slug
from optin.consent.posted_form import MAX_FIELD_CHARACTERS
from optin.consent.purpose import ConsentKey
from optin.consent.served_forms import ServedForms
from optin.consent.status_transitions import RequestId, SubjectId
from optin.flows.delivery.mail_order import MailKind
from optin.flows.records.decrypted_request import open_request
from optin.mail.compose_mails import Composer
from optin.mail.kind_mail_hooks import MailSender
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.store.contacts import load_contact
from optin.store.requests import peek_request
from tests.installed import KINDS
from tests.kinds.quiz.quizzes import KEEP, REPORT, write_quiz
from tests.mail_words import mail_words
from tests.web.conftest import Visit

FULL: dict[str, str | list[str]] = {"q1": "1", "q2": ["1", "2"], "q3": "1"}


def put(visit: Visit, pages: str = "one", keep: str = "", change: tuple[str, str] = ("", "")) -> Edition:
    """Put a quiz into the site that is served, or another version of it."""
    write_quiz(visit.root, pages=pages, keep=keep, change=change)
    edition, findings = load_edition(visit.root, KINDS)
    assert edition is not None
    assert findings == ()
    keep_edition(visit.installation.store, edition, visit.installation.clock())
    visit.app_context.replace(edition)
    return edition


def hidden(page: str) -> dict[str, str]:
    """Return what travels in the hidden fields of a page."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


def answer(visit: Visit, page: str, **chosen: str | list[str]):  # type: ignore[no-untyped-def]  # noqa: ANN201 - httpx or its successor
    """Post a page's answers."""
    return visit.client.post("/sterk-of-zwak/answers", data={**hidden(page), **chosen})


def declared(visit: Visit) -> dict[str, str]:
    """Return the fields of the one request there is."""
    installation = visit.installation
    (row,) = installation.store.read(lambda tx: list(tx.each("SELECT id FROM request")))
    stored = installation.store.read(lambda tx: peek_request(tx, RequestId(bytes(row[0]))))
    return installation.store.read(open_request, vault=installation.vault, stored=stored).declared.fields


def contact(visit: Visit) -> dict[str, str]:
    """Return how the one person there is can be reached."""
    installation = visit.installation
    (row,) = installation.store.read(lambda tx: list(tx.each("SELECT id FROM subject")))
    subject = SubjectId(bytes(row[0]))
    return dict(installation.store.read(lambda tx: load_contact(tx, installation.vault, subject)).values)


def sign_up(visit: Visit, path: str, **more: str) -> str:
    """Fill in the form of a result's page; return the token of its confirmation mail."""
    page = visit.client.get(path).text
    action = re.search(r'<form method="post" action="https://optin.example.com([^"]+)"', page)
    posted = visit.client.post(
        path if action is None else action[1],
        data={"form": hidden(page)["form"], "email": "alice@example.com", **more},
    )
    assert posted.status_code == 303, posted.text
    return visit.mail(MailKind.CONFIRMATION).confirm_token


def test_all_questions_on_one_page_lead_to_a_result_without_signing_up(visit: Visit) -> None:
    """M2, F5: no script, no cookie, nothing stored; the result reads well by itself, its boxes unticked."""
    put(visit)
    before = visit.rows()
    page = visit.client.get("/sterk-of-zwak")
    assert page.text.count("<fieldset") == 3
    assert 'name="email"' not in page.text
    assert "checked" not in page.text
    sent = answer(visit, page.text, **FULL)
    assert (sent.status_code, sent.headers["location"]) == (303, "/sterk-of-zwak/result/sterk")
    result = visit.client.get(sent.headers["location"])
    assert "<h1>Uw toestemmingen zijn sterk</h1>" in result.text
    assert "checked" not in result.text
    assert "set-cookie" not in {*page.headers, *sent.headers, *result.headers}
    weak = answer(visit, page.text, q1="2", q3="1")
    assert weak.headers["location"].endswith("/result/zwak")
    assert "Dit <em>moet</em> beter." in visit.client.get(weak.headers["location"]).text
    assert visit.rows() == before


def test_what_is_missing_is_said_beside_its_question_and_no_tick_is_lost(visit: Visit) -> None:
    """M2, F6: an error summary that leads to the question; what may be skipped is not asked for."""
    put(visit)
    page = visit.client.get("/sterk-of-zwak").text
    again = answer(visit, page, q2=["2"], q3="2")
    assert again.status_code == 422
    assert '<a href="#q1-1">Vraag 1: kies een antwoord.</a>' in again.text
    assert '<p class="wrong" id="q1-wrong">' in again.text
    assert 'id="q3-wrong"' not in again.text
    assert 'name="q2" value="2" checked' in again.text
    assert 'name="q3" value="2" checked' in again.text
    assert answer(visit, again.text, **FULL).status_code == 303


def test_a_quiz_that_is_over_takes_no_answers(visit: Visit) -> None:
    """W10, M2: neither its first page, nor a question, nor a result with a form."""
    visit.moment = datetime(2027, 3, 2, 22, 30, tzinfo=UTC)
    put(visit, "each", change=("kind: quiz\n", "kind: quiz\nuntil: 2027-03-02\n"))
    page = visit.client.get("/sterk-of-zwak").text
    sent = answer(visit, page, q1="1")
    assert 'name="email"' in visit.client.get("/sterk-of-zwak/result/zwak").text
    visit.wait(timedelta(minutes=30))
    for path in ("", "/result/zwak"):
        closed = visit.client.get(f"/sterk-of-zwak{path}").text
        assert "Dit formulier is gesloten" in closed
        assert "<form" not in closed
    assert visit.client.get(sent.headers["location"]).status_code == 410
    assert answer(visit, page, q1="1").status_code == 410
    assert visit.client.post("/sterk-of-zwak/result/zwak", data={"email": "a@example.com"}).status_code == 410


def test_one_question_a_page_carries_the_answers_sealed(visit: Visit) -> None:
    """M2, S4: they travel encrypted, back and reload work, GET changes nothing, the end is the result."""
    put(visit, "each")
    before = visit.rows()
    page = visit.client.get("/sterk-of-zwak").text
    assert page.count("<fieldset") == 1
    addresses = []
    ways: tuple[dict[str, str | list[str]], ...] = ({"q1": "1"}, {"q2": ["1", "2"]}, {"q3": "1"})
    for chosen in ways:
        sent = answer(visit, page, **chosen)
        assert sent.status_code == 303
        addresses.append(sent.headers["location"])
        page = visit.client.get(addresses[-1]).text
    assert addresses[-1] == "/sterk-of-zwak/result/sterk"
    second = visit.client.get(addresses[0]).text
    assert "Vraag 2 van 3" in second
    back = re.search(r'<a href="(/sterk-of-zwak/answers[^"]*)">Vorige vraag', second)
    assert back is not None
    first = visit.client.get(back[1].replace("&amp;", "&")).text
    assert 'name="q1" value="1" checked' in first
    changed = answer(visit, first, q1="2")
    third = answer(visit, visit.client.get(changed.headers["location"]).text)
    last = answer(visit, visit.client.get(third.headers["location"]).text, q3="2")
    assert last.headers["location"] == "/sterk-of-zwak/result/zwak"
    assert visit.rows() == before
    assert answer(visit, second, q2=["1"]).status_code == 303, "a tab that stayed open goes on"


def test_a_question_left_out_is_asked_again_on_its_page(visit: Visit) -> None:
    """M2, F6: also when somebody goes past it by an address of their own making."""
    put(visit, "each")
    page = visit.client.get("/sterk-of-zwak").text
    again = answer(visit, page)
    assert again.status_code == 422
    assert "Vraag 1: kies een antwoord." in again.text
    jumped = visit.client.post("/sterk-of-zwak/answers", data={**hidden(page), "question": "3", "q3": "1"})
    assert "question=1" in jumped.headers["location"]


def test_after_the_sign_up_only_the_outcome_is_kept(visit: Visit) -> None:
    """M2, D5, P2, R1, E2: declared by the very page that showed it; seen on /me and in the export."""
    put(visit)
    path = "/sterk-of-zwak/result/zwak"
    token = sign_up(visit, path, consent="tips-email")
    assert declared(visit) == {"outcome": "Uw toestemmingen zijn zwak"}
    confirm = visit.client.get(f"/confirm/{token}")
    assert "zwak</" not in confirm.text
    visit.wait(timedelta(seconds=1))
    assert visit.press(f"/confirm/{token}").status_code == 303
    assert "per mail naar u onderweg" in visit.client.get(f"/confirm/{token}").text
    visit.wait(timedelta(seconds=1))
    order = visit.mail(MailKind.DELIVERY)
    assert order.download_token == ""
    assert contact(visit) == {"email": "alice@example.com"}, "an outcome is no way to be reached"
    edition = visit.app_context.edition
    composer = Composer(
        edition.theme, MailSender("A", "a@example.com"), "https://optin.example.com", edition.site.controller,
        edition.kinds.mails,
    )  # fmt: skip
    mail = mail_words(composer.compose(order, visit.moment))
    assert "Het lange zwakke verslag." in mail
    assert "<strong>zwakke</strong>" in mail
    assert "/sterk-of-zwak/result/zwak" in mail
    again = mail_words(composer.compose(replace(order, own=None), visit.moment))
    assert "verslag" not in again, "who gives a consent anew has the report already"


def downloaded(visit: Visit, token: str) -> bytes:
    """Confirm; return the file behind the link of the delivery."""
    visit.wait(timedelta(seconds=1))
    visit.press(f"/confirm/{token}")
    visit.wait(timedelta(seconds=1))
    download = visit.mail(MailKind.DELIVERY).download_token
    return visit.client.get(f"/download/{download}").content


def test_the_file_of_an_outcome_is_handed_out_to_who_reached_it(visit: Visit) -> None:
    """M2, S8: by the link in the mail, as other magnets' files."""
    put(visit)
    token = sign_up(visit, "/sterk-of-zwak/result/sterk")
    assert downloaded(visit, token) == REPORT


def test_answers_are_kept_where_the_magnet_says_why(visit: Visit) -> None:
    """M2, F2: they come along sealed, the page stays that of its version, and its form says why."""
    put(visit, keep=KEEP)
    sent = answer(visit, visit.client.get("/sterk-of-zwak").text, **FULL)
    where = sent.headers["location"]
    assert where.startswith("/sterk-of-zwak/result/sterk?answers=")
    page = visit.client.get(where)
    assert page.content == visit.client.get("/sterk-of-zwak/result/sterk").content
    assert "Om u te adviseren." in page.text
    wrong = visit.client.post(where, data={"form": hidden(page.text)["form"], "email": "no"})
    assert wrong.status_code == 422
    sign_up(visit, where)
    kept = declared(visit)
    assert kept["outcome"] == "Uw toestemmingen zijn sterk"
    assert kept["answers"].startswith(
        "Vraagt u toestemming? — Altijd · Wat bewaart u? — De woorden, De pagina"
    )
    assert len(kept["answers"]) < MAX_FIELD_CHARACTERS


@pytest.mark.parametrize("pages", ["one", "each"])
def test_what_no_page_offers_is_refused_in_words(visit: Visit, pages: str) -> None:
    """M2, S5: an answer that is no option, two where one is asked, tokens that are not of this quiz."""
    put(visit, pages)
    before = visit.rows()
    page = visit.client.get("/sterk-of-zwak").text
    bad: tuple[dict[str, str | list[str]], ...] = (
        {"q1": "9"}, {"q1": "0"}, {"q1": "x"}, {"q1": ["1", "2"]}, {"q1": "1", "q9": "1"},
    )  # fmt: skip
    for chosen in bad:
        refused = answer(visit, page, **chosen)
        assert (refused.status_code, "Dit antwoord kennen wij niet" in refused.text) == (400, True), chosen
    assert answer(visit, page, q1="1", other="1").status_code == 400
    for token in ("x", "AAAA", "é", "A" * 5_000):
        stale = visit.client.get("/sterk-of-zwak/answers", params={"so_far": token, "question": "1"})
        assert (stale.status_code, "niet meer te lezen" in stale.text) == (410, True)
    assert visit.client.get("/sterk-of-zwak/answers").headers["location"] == "/sterk-of-zwak"
    assert visit.client.get("/paper/answers").status_code == 404
    assert visit.rows() == before


def test_answers_of_another_day_or_version_are_refused(visit: Visit) -> None:
    """M2, F7: a token lives for a day; a page of an earlier quiz comes back with what still fits."""
    put(visit, "each")
    old = visit.client.get("/sterk-of-zwak").text
    on = answer(visit, old, q1="1").headers["location"]
    visit.wait(timedelta(hours=25))
    assert visit.client.get(on).status_code == 410
    on = answer(visit, old, q1="1").headers["location"]
    put(visit, "one", change=("text: Nooit", "text: Zelden"))
    assert visit.client.get(on).status_code == 410
    again = answer(visit, old, q1="1")
    assert again.status_code == 409
    assert "Deze quiz is veranderd" in again.text
    assert 'name="q1" value="1" checked' in again.text


def test_a_form_of_another_outcome_cannot_be_sent_with_these_answers(visit: Visit) -> None:
    """M2: whoever alters the address signs up for nothing; an outcome of one's own is no field either."""
    put(visit, keep=KEEP)
    sent = answer(visit, visit.client.get("/sterk-of-zwak").text, **FULL).headers["location"]
    weak = visit.client.get("/sterk-of-zwak/result/zwak").text
    data = {"form": hidden(weak)["form"], "email": "alice@example.com"}
    before = visit.rows()
    assert visit.client.post(sent.replace("/sterk?", "/zwak?"), data=data).status_code == 410
    assert visit.rows() == before
    visit.client.post("/sterk-of-zwak/result/zwak", data={**data, "outcome": "Held", "answers": "x"})
    assert declared(visit) == {"outcome": "Uw toestemmingen zijn zwak"}


def test_an_earlier_result_is_still_what_was_shown(visit: Visit) -> None:
    """F7, P2: a page opened before the outcome was renamed signs up under its own words."""
    put(visit)
    page = visit.client.get("/sterk-of-zwak/result/sterk").text
    put(visit, change=("title: Uw toestemmingen zijn sterk", "title: Heel goed"))
    data = {"form": hidden(page)["form"], "email": "no"}
    again = visit.client.post("/sterk-of-zwak", data=data)
    assert again.status_code == 422
    assert "<h1>Heel goed</h1>" in again.text
    assert visit.client.post("/sterk-of-zwak", data={**data, "email": "a@example.com"}).status_code == 303
    assert declared(visit) == {"outcome": "Uw toestemmingen zijn sterk"}


def test_a_consent_given_anew_is_by_the_form_of_the_same_outcome(visit: Visit) -> None:
    """R2, P2: of several pages of a quiz, the one that the person saw."""
    publication = put(visit).publication
    for form_page in publication.form_pages[Slug("sterk-of-zwak")]:
        found = ServedForms(publication.every_form).form_for(
            ConsentKey.parse("tips-email", "email"), form_page.form.declaration
        )
        assert found is form_page.form
