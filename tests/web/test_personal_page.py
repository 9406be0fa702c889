"""The personal page: what is kept, in words; a switch for each consent; correcting, taking along, erasing."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import html5lib
import pytest
from jsonschema import Draft202012Validator

from optin.consent.email_and_telephone import parse_email
from optin.consent.purpose import PurposeId
from optin.consent.rights_request import ArrivalWay, Right
from optin.consent.signed_links import LinkKind
from optin.export.personal_data_json import schema
from optin.flows.delivery.mail_order import MailKind, NoticeOrder
from optin.flows.rights.officer_requests import OfficerRequest, hold_on_request, record_officer_request
from optin.flows.rights.rights_requests import AskedRight, note_request
from optin.services.site_edition import load_edition
from optin.settings.site import ErasureTable
from optin.store.event_log import integrate
from tests.installed import KINDS
from tests.web.conftest import Visit

BOTH: dict[str, Any] = {
    "consent": ["tips-email", "follow-up-phone"],
    "phone": "020 123 4567",
    "first_name": "Alice",
}
TIPS, CALL = "tips-email email", "follow-up-phone phone"


def personal_link(visit: Visit, email: str = "alice@example.com") -> str:
    """Ask for the link, read the mail; return the page's address."""
    asked = visit.client.post("/me", data={"email": email})
    assert (asked.status_code, asked.headers["location"]) == (303, "/me?sent=1")
    return f"/me/{visit.notice(MailKind.PERSONAL).token}"


def press(visit: Visit, link: str, action: str, **more: str) -> str:
    """Press a button of the page; return the page that follows."""
    answer = visit.client.post(link, data={"action": action, **more})
    assert answer.status_code == 303, answer.text
    page = visit.client.get(answer.headers["location"])
    assert page.status_code == 200
    return str(page.text)


def test_the_page_tells_everything_in_words(visit: Visit) -> None:
    """R1: contact, each consent with wording, moments, version and expiry, requests, mails, log."""
    visit.join(**BOTH)
    page = visit.client.get(personal_link(visit)).text
    html5lib.HTMLParser(strict=True).parse(page)
    told = [
        "alice@example.com", "Alice", "+31201234567", "Bel mij een keer hierover.", "Het witboek",
        "witboek.pdf", "opgegeven en bevestigd via deze mailbox",
    ]  # fmt: skip
    for words in told:
        assert words in page, words
    assert page.count('value="withdraw"') == 2
    assert 'value="give"' not in page
    form = visit.client.get("/paper").text
    assert re.search(r"[0-9a-f]{16}", page) is not None
    assert "alice" not in form


def test_whoever_asks_gets_the_same_answer_and_only_the_known_get_a_mail(visit: Visit) -> None:
    """R1, D7: enumeration learns nothing; the courier looks, not the answer (PEERS 18)."""
    visit.join()
    visit.mails()
    answers = [
        visit.client.post("/me", data={"email": e}) for e in ("alice@example.com", "nobody@example.com")
    ]
    assert answers[0].status_code == answers[1].status_code == 303
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert "alice" not in visit.client.get("/me?sent=1").text
    assert [order.recipient for order in visit.mails()] == ["alice@example.com"]
    assert visit.rows()["outbox"] == 3  # what was asked for nobody leaves nothing behind


def test_an_address_gets_a_few_links_a_day(visit: Visit) -> None:
    """R1, D8: nobody's mailbox is filled with links."""
    visit.join()
    visit.mails()
    for _ in range(9):
        assert visit.client.post("/me", data={"email": "alice@example.com"}).status_code == 303
    assert len(visit.mails()) == visit.installation.policy.limits.per_address_per_day


@pytest.mark.parametrize("typed", ["", "no address", "a@b@c", "x" * 5000 + "@example.com"])
def test_a_mistake_in_the_address_is_said_beside_it(visit: Visit, typed: str) -> None:
    """R1, F6: in words, with what was typed."""
    answer = visit.client.post("/me", data={"email": typed})
    assert answer.status_code == 422
    assert 'id="wrong-email"' in answer.text
    assert visit.mails() == []


def test_the_link_lives_short_and_opens_nothing_else(visit: Visit) -> None:
    """R1, S3: an hour, for this page alone."""
    visit.join()
    link = personal_link(visit)
    token = link.rpartition("/")[2]
    for path in ("confirm", "download", "unsubscribe"):
        assert visit.client.get(f"/{path}/{token}").status_code == 404
    visit.wait(timedelta(minutes=59))
    assert visit.client.get(link).status_code == 200
    visit.wait(timedelta(minutes=2))
    assert visit.client.get(link).status_code == 410
    assert visit.client.post(link, data={"action": "erase"}).status_code == 410
    assert visit.rows()["subject"] == 1


def test_a_forwarded_newsletters_token_can_only_withdraw(visit: Visit) -> None:
    """S3, R3: tried on every other action (PEERS 1)."""
    delivery = visit.join(**BOTH)
    before = visit.rows()
    for token in (delivery.unsubscribe_token, delivery.download_token):
        assert visit.client.get(f"/me/{token}").status_code == 404
        for action in ("withdraw", "give", "correct", "erase", "json", "page"):
            answer = visit.client.post(f"/me/{token}", data={"action": action, "consent": TIPS})
            assert answer.status_code == 404
    assert visit.press(f"/confirm/{delivery.unsubscribe_token}").status_code == 404
    assert visit.rows() == before


def test_looking_changes_nothing(visit: Visit) -> None:
    """R2, D2: GET and HEAD, also with every query there is."""
    visit.join(**BOTH)
    link = personal_link(visit)
    before = visit.rows()
    for query in ("", "?erase=1", "?done=erased", "?done=withdrawn", "?action=erase"):
        for method in ("GET", "HEAD"):
            assert visit.client.request(method, link + query).status_code == 200
    assert visit.rows() == before


def test_one_consent_is_withdrawn_and_given_anew(visit: Visit) -> None:
    """R2: at once; anew only through a mail and its button."""
    visit.join(**BOTH)
    link = personal_link(visit)
    page = press(visit, link, "withdraw", consent=TIPS)
    assert page.count('value="withdraw"') == 1
    assert page.count('value="give"') == 1
    visit.wait(timedelta(minutes=1))
    page = press(visit, link, "give", consent=TIPS)
    assert page.count('value="withdraw"') == 1, "nothing is given by asking"
    order = visit.mail(MailKind.RENEWAL)
    assert [question.purpose for question in order.questions] == ["tips-email"]
    assert order.ends_at is None
    shown = visit.client.get(f"/confirm/{order.confirm_token}")
    assert shown.status_code == 200
    assert visit.client.get(link).text.count('value="withdraw"') == 1
    assert visit.press(f"/confirm/{order.confirm_token}").status_code == 303
    assert visit.client.get(link).text.count('value="withdraw"') == 2
    done = visit.client.get(f"/confirm/{order.confirm_token}")
    assert "/download/" not in done.text
    assert not visit.mail(MailKind.DELIVERY).download_token


def test_withdrawing_takes_no_more_clicks_than_giving(visit: Visit) -> None:
    """R2 (GDPR 7(3)): counted, one press at a time."""
    giving = 0
    page = visit.client.get("/paper").text
    giving += page.count('value="tips-email"')  # tick
    visit.fill(consent="tips-email")
    giving += 1  # send
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    giving += 1  # the link in the mail
    visit.press(f"/confirm/{token}")
    giving += 1  # confirm
    delivery = visit.mail(MailKind.DELIVERY)
    withdrawing = 1  # the link in the mail
    shown = visit.client.get(f"/unsubscribe/{delivery.unsubscribe_token}").text
    assert shown.count('value="tips-email"') == 1
    visit.press(f"/unsubscribe/{delivery.unsubscribe_token}", what="tips-email")
    withdrawing += 1  # its button
    assert 'value="give"' in visit.client.get(personal_link(visit)).text
    by_page = 4  # open the page, send the address, the link in the mail, the button
    assert withdrawing <= giving
    assert by_page <= giving


def test_a_switch_that_is_offered_is_never_refused(visit: Visit) -> None:
    """R2 (PEERS 19): what the site no longer asks cannot be given anew, and is not offered."""
    visit.join(**BOTH)
    link = personal_link(visit)
    press(visit, link, "withdraw", consent=CALL)
    path = visit.root / "magnets" / "paper" / "index.md"
    text = path.read_text().replace("[tips-email, follow-up-phone]", "[tips-email]")
    path.write_text(text.replace("  - name: phone\n    why: Om u te bellen.\n", ""))
    edition, findings = load_edition(visit.root, KINDS)
    assert findings == ()
    assert edition is not None
    visit.app_context.replace(edition)
    assert 'value="give"' not in visit.client.get(link).text
    answer = visit.client.post(link, data={"action": "give", "consent": CALL})
    assert answer.status_code == 303
    assert visit.mails() == []


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("give", {"consent": "nothing email"}),
        ("give", {"consent": "x"}),
        ("give", {}),
        ("withdraw", {"consent": ""}),
        ("become-admin", {}),
        ("", {}),
    ],
)
def test_what_no_button_sends_is_refused(visit: Visit, action: str, more: dict[str, str]) -> None:
    """S5, R2: a 4xx, and nothing changes."""
    visit.join(**BOTH)
    link = personal_link(visit)
    before = visit.rows()
    answer = visit.client.post(link, data={"action": action, **more})
    assert 400 <= answer.status_code < 500
    assert visit.rows() == before


def test_name_and_number_are_put_right(visit: Visit) -> None:
    """R1 (GDPR 16): an event says so; mistakes come back with what was typed."""
    visit.join(**BOTH)
    link = personal_link(visit)
    wrong = visit.client.post(link, data={"action": "correct", "first_name": "Alicia", "phone": "12"})
    assert wrong.status_code == 422
    assert 'value="Alicia"' in wrong.text
    assert 'id="wrong-phone"' in wrong.text
    page = press(visit, link, "correct", first_name="Alicia", phone="020 765 4321")
    assert 'value="Alicia"' in page
    assert 'value="+31207654321"' in page
    kinds = visit.installation.store.read(lambda tx: tx.all("SELECT body FROM event ORDER BY id"))
    assert '"kind":"corrected"' in kinds[-1][0]
    assert "Alicia" not in kinds[-1][0]
    assert "niets" in press(visit, link, "correct", first_name="Alicia", phone="020 765 4321").lower()


def test_the_data_goes_along_as_json_and_as_a_page(visit: Visit) -> None:
    """R4 (GDPR 20): JSON after a schema that is printed by a command; a page that stands alone."""
    visit.join(**BOTH)
    link = personal_link(visit)
    answer = visit.client.post(link, data={"action": "json"})
    assert answer.headers["content-disposition"] == 'attachment; filename="personal-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    data: dict[str, Any] = json.loads(answer.text)
    Draft202012Validator(schema()).validate(data)
    assert data["contact"] == {"first_name": "Alice", "phone": "+31201234567"}
    assert [consent["status"] for consent in data["consents"]] == ["given", "given"]
    page = visit.client.post(link, data={"action": "page"})
    html5lib.HTMLParser(strict=True).parse(page.text)
    assert "Alice" in page.text
    assert "<form" not in page.text
    assert not re.search(r'(src|href)="', page.text)
    kinds = visit.installation.store.read(lambda tx: tx.all("SELECT body FROM event ORDER BY id"))
    assert sum('"kind":"accessed"' in body for (body,) in kinds) == 2  # the downloads


def test_an_erasure_says_first_what_it_costs(visit: Visit) -> None:
    """R5: in the controller's words, of the site and of the magnet; then one button does it at once."""
    edition = visit.app_context.edition
    magnets = {
        slug: replace(magnet, consequences="De garantie vervalt.") if slug == "paper" else magnet
        for slug, magnet in edition.site.magnets.items()
    }
    erasure = ErasureTable(consequences={"nl": "U krijgt geen tips meer."})
    settings = edition.site.settings.model_copy(update={"erasure": erasure})
    site = replace(edition.site, magnets=magnets, settings=settings)
    visit.app_context.replace(replace(edition, site=site))
    visit.join(**BOTH)
    link = personal_link(visit)
    page = visit.client.get(f"{link}?erase=1").text
    html5lib.HTMLParser(strict=True).parse(page)
    assert "De garantie vervalt." in page
    assert "U krijgt geen tips meer." in page
    gone = press(visit, link, "erase")
    html5lib.HTMLParser(strict=True).parse(gone)
    assert "<form" not in gone
    rows = visit.rows()
    assert [rows[table] for table in ("subject", "request", "consent", "mail")] == [0, 0, 0, 0]
    (last,) = visit.mails()
    assert isinstance(last, NoticeOrder)
    assert last.kind is MailKind.ERASED
    assert visit.rows()["outbox"] == 0, "the last mail is forgotten as well"
    assert "alice" not in visit.client.get(link).text


def test_after_an_erasure_every_old_link_is_kind_and_dead(visit: Visit) -> None:
    """R3, R5, D4 (PEERS 2, 19): nothing comes back by an old link, and unsubscribing says so."""
    visit.fill(consent="tips-email")
    pending = visit.mail(MailKind.CONFIRMATION).confirm_token
    delivery = visit.join(**BOTH)
    link = personal_link(visit)
    press(visit, link, "erase")
    visit.mails()
    assert visit.client.get(f"/confirm/{pending}").status_code == 410
    assert visit.press(f"/confirm/{pending}").status_code == 410
    assert visit.client.get(f"/download/{delivery.download_token}").status_code == 410
    for method in ("GET", "POST"):
        answer = visit.client.request(method, f"/unsubscribe/{delivery.unsubscribe_token}")
        assert answer.status_code == 200
        assert "gewist" in answer.text
    for action in ("give", "withdraw", "correct", "erase"):
        answer = visit.client.post(link, data={"action": action, "consent": TIPS})
        assert answer.status_code in {303, 404}
    assert visit.rows()["subject"] == 0
    assert visit.mails() == []


def test_who_was_erased_may_sign_up_again(visit: Visit) -> None:
    """R7: the suppression keeps others from approaching; the person's own new yes works."""
    visit.join(consent="tips-email")
    press(visit, personal_link(visit), "erase")
    assert visit.rows()["suppression"] == 2  # for this purpose, and for everything
    visit.mails()
    visit.wait(timedelta(hours=1))
    visit.join(consent="tips-email")
    page = visit.client.get(personal_link(visit)).text
    assert page.count('value="withdraw"') == 1


def test_a_legal_hold_is_the_one_exception_and_says_so(visit: Visit) -> None:
    """R6: exactly the named data, why, until when; on the page before and after the erasure, in the mail."""
    visit.join(**BOTH)
    installation = visit.installation
    index = installation.vault.index(parse_email("alice@example.com"))
    handling = OfficerRequest(index, "vera", "factuur 2026-114, zeven jaar")
    until = visit.moment + timedelta(days=365)
    installation.run(hold_on_request, handling, ("first_name",), until=until, now=visit.moment)
    link = personal_link(visit)
    assert "factuur 2026-114" in visit.client.get(f"{link}?erase=1").text
    page = press(visit, link, "erase")
    assert "factuur 2026-114, zeven jaar" in page
    assert "Alice" in page
    assert "alice@example.com" not in page
    (last,) = visit.mails()
    assert isinstance(last, NoticeOrder)
    assert [dict(kept.values) for kept in last.holds] == [{"first_name": "Alice"}]
    again = personal_link(visit)  # who is held can still see it
    assert "factuur 2026-114" in visit.client.get(again).text


def test_two_erasures_at_once_have_one_result(visit: Visit) -> None:
    """R5: the second finds nothing, and says the same."""
    visit.join(**BOTH)
    link = personal_link(visit)
    submitted = [visit.client.post(link, data={"action": "erase"}) for _ in range(2)]
    assert [answer.status_code for answer in submitted] == [303, 303]
    assert len(visit.mails()) == 1
    installation = visit.installation
    while installation.store.submit(integrate).result():
        pass
    erased = installation.store.read(lambda tx: tx.all("SELECT body FROM event WHERE body IS NOT NULL"))
    assert sum('"kind":"erased"' in body for (body,) in erased) == 1


def test_the_unsubscribe_page_names_each_purpose_and_everything(visit: Visit) -> None:
    """R3: one button a purpose, and one for all; one-click withdraws what the mail was about."""
    delivery = visit.join(**BOTH)
    path = f"/unsubscribe/{delivery.unsubscribe_token}"
    page = visit.client.get(path).text
    html5lib.HTMLParser(strict=True).parse(page)
    button = re.compile(r'name="what" value="([^"]+)"')
    assert button.findall(page) == ["tips-email", "follow-up-phone", "everything"]
    visit.press(path, what="follow-up-phone")
    assert button.findall(visit.client.get(path).text) == ["tips-email", "everything"]
    visit.press(path, what="everything")
    assert visit.client.get(personal_link(visit)).text.count('value="give"') == 2


def test_one_click_as_a_mail_provider_does_it(visit: Visit) -> None:
    """R3 (RFC 8058, PEERS 8): the body of the standard, without cookie, referrer or redirect; years later."""
    delivery = visit.join(consent="tips-email")
    visit.wait(timedelta(days=3 * 365))
    answer = visit.client.post(
        f"/unsubscribe/{delivery.unsubscribe_token}",
        content=b"List-Unsubscribe=One-Click",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 200
    again = visit.client.post(
        f"/unsubscribe/{delivery.unsubscribe_token}",
        files={"List-Unsubscribe": (None, "One-Click")},
    )
    assert again.status_code == 200
    assert visit.client.get(personal_link(visit)).text.count('value="give"') == 1


def test_a_stranger_learns_nothing_from_a_signature(visit: Visit) -> None:
    """S3, S4: the link holds a keyed digest, no address; another index opens another page or none."""
    visit.join()
    token = personal_link(visit).rpartition("/")[2]
    assert "alice" not in token
    vault = visit.installation.vault
    forged = vault.links.sign(LinkKind.PERSONAL, b"x" * 32, visit.moment)
    assert "alice" not in visit.client.get(f"/me/{forged}").text
    assert visit.client.get(f"/me/{token[:-2]}xx").status_code == 404


def test_the_page_claims_nothing_that_was_not_done(visit: Visit) -> None:
    """R1, R2: not by its address, not for a consent that nobody gave, not where a name did not come along."""
    visit.join(**BOTH)
    link = personal_link(visit)
    assert "Gewist." not in visit.client.get(f"{link}?done=erased").text
    assert "Ingetrokken. Dit geldt meteen." not in press(visit, link, "withdraw", consent="other email")
    press(visit, link, "correct", phone="020 765 4321")
    page = visit.client.get(link).text
    assert 'value="Alice"' in page, "a field that was not sent is not an empty one"
    assert "Dit nummer hebt u zelf op deze pagina aangepast." in page
    assert "+31207654321" in page
    press(visit, link, "correct", first_name="", phone="")
    page = visit.client.get(link).text
    assert 'name="first_name" value=""' in page, "what was taken away can be filled in again"


def test_what_was_done_by_letter_is_shown_after_an_erasure_too(visit: Visit) -> None:
    """R1, R9: that the officer did something is kept, so the page says so; words, not ids."""
    visit.join(**BOTH)
    link = personal_link(visit)
    index = visit.installation.vault.index(parse_email("alice@example.com"))
    letter = OfficerRequest(index, "officer", "brief")
    visit.installation.run(record_officer_request, handling=letter, what="show", now=visit.moment)
    assert "brief" in visit.client.get(link).text
    page = press(visit, link, "erase")
    assert "Uw gegevens zijn gewist" in page
    assert "uw gegevens bekeken" in page
    assert "brief" not in page, "its reason may name people, and is gone"
    assert "tips-email" not in page
    assert visit.app_context.edition.site.settings.purposes[PurposeId("tips-email")].text[
        "nl"
    ] in html.unescape(page)


def test_an_unknown_button_is_no_withdrawal(visit: Visit) -> None:
    """R3: "nothing left to withdraw" is not said while something stands."""
    delivery = visit.join(**BOTH)
    answer = visit.press(f"/unsubscribe/{delivery.unsubscribe_token}", what="somethingelse")
    assert answer.status_code == 400
    assert "niets meer" not in answer.text


def test_whoever_only_wrote_a_letter_sees_it(visit: Visit) -> None:
    """R1, K5: by the link for anybody who is known; the page does not say that data were erased."""
    installation = visit.installation
    person, day = installation.vault.index(parse_email("alice@example.com")), visit.moment.date()
    letter = AskedRight(person, "alice@example.com", Right.ACCESS, day, ArrivalWay.LETTER, "Rita", "<b>box 7")
    installation.run(note_request, asked=letter, now=visit.moment)
    page = visit.client.get(personal_link(visit)).text
    html5lib.HTMLParser(strict=True).parse(page)
    assert "Wat u ons over uw gegevens vroeg" in page
    assert "uw gegevens inzien, per brief. Wij antwoorden uiterlijk op" in page
    assert "&lt;b&gt;box 7" in page
    assert "gewist" not in page
