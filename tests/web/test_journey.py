"""The way of one consent over HTTP, and everything that must not happen on it."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from functools import partial

import html5lib
import pytest

from optin.consent.confirmation_code import MAX_TRIES
from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import Slug
from optin.consent.posted_form import ValidEntry
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import RequestId
from optin.flows.consents.sign_up import sign_up
from optin.flows.delivery.mail_order import MailKind, MailOrder
from optin.flows.records.decrypted_request import open_request
from optin.store.contacts import load_contact
from optin.store.requests import peek_request
from optin.store.weekly_event_sums import DOWNLOADED, all_weekly_sums
from tests.mail.orders import composer
from tests.web.conftest import Visit


def test_from_the_page_to_the_file_without_any_consent(visit: Visit) -> None:
    """F1, S8, D2: nothing ticked, the file all the same."""
    where = visit.fill()
    sent = visit.client.get(where)
    assert sent.status_code == 200
    assert (
        sent.text.count("alice") == 1
    )  # where the mail goes: sealed in the token, told to its visitor alone
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    page = visit.client.get(f"/confirm/{token}")
    assert "Verder" in page.text or "verder" in page.text
    done = visit.press(f"/confirm/{token}")
    assert (done.status_code, done.headers["location"]) == (303, f"/confirm/{token}?now=1")
    success = visit.client.get(done.headers["location"])
    link = re.search(r'href="(/download/[^"]+)"', success.text)
    assert link is not None
    file = visit.client.get(link[1])
    assert file.content == b"%PDF-1.4 the very file"
    assert file.headers["content-disposition"] == 'attachment; filename="witboek.pdf"'
    mailed = visit.mail(MailKind.DELIVERY)
    assert visit.client.get(f"/download/{mailed.download_token}").content == file.content


def test_scanners_change_nothing_before_or_after(visit: Visit) -> None:
    """D2: every link of every mail, GET and HEAD, three times (PEERS 3, 4, 8)."""
    visit.fill(consent=["tips-email", "follow-up-phone"], phone="020 123 4567")
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    before = visit.rows()
    for _ in range(3):
        for method in ("GET", "HEAD", "OPTIONS"):
            visit.client.request(method, f"/confirm/{token}")
    assert visit.rows() == before
    assert visit.press(f"/confirm/{token}").status_code == 303
    delivery = visit.mail(MailKind.DELIVERY)
    before = visit.rows()
    for _ in range(3):
        for path in ("confirm", "unsubscribe", "download"):
            for method in ("GET", "HEAD"):
                own = {"confirm": token, "unsubscribe": delivery.unsubscribe_token}
                link = own.get(path, delivery.download_token)
                assert visit.client.request(method, f"/{path}/{link}").status_code == 200
    assert visit.rows() == before


def test_the_person_confirms_although_a_scanner_was_there_first(visit: Visit) -> None:
    """D2, D4: a scanner burns nothing."""
    visit.fill(consent="tips-email")
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    for _ in range(3):
        visit.client.get(f"/confirm/{token}")
    visit.press(f"/confirm/{token}")
    assert visit.rows()["consent"] == 1
    again = visit.press(f"/confirm/{token}")
    assert again.status_code == 303
    rows = visit.rows()
    assert rows["consent"] == 1
    first = visit.client.get(f"/confirm/{token}").text
    assert "Bevestigd" in first


def test_the_code_is_the_way_out_when_links_are_broken(visit: Visit) -> None:
    """D3: typed on the page after the form; few tries; then the link."""
    where = visit.fill(consent="tips-email")
    code = visit.mail(MailKind.CONFIRMATION).code
    token = where.split("to=")[1]
    wrong = visit.press("/paper/sent", token=token, code="00000000", action="code")
    assert wrong.status_code == 422
    assert "klopt niet" in wrong.text
    empty = visit.press("/paper/sent", token=token, code="", action="code")
    assert empty.status_code == 422
    right = visit.press("/paper/sent", token=token, code=code, action="code")
    assert right.status_code == 303
    assert "Bevestigd" in visit.client.get(right.headers["location"]).text
    assert visit.rows()["consent"] == 1


def test_a_code_cannot_be_guessed(visit: Visit) -> None:
    """D3, D8: after a few tries no code works any more."""
    where = visit.fill(consent="tips-email")
    code = visit.mail(MailKind.CONFIRMATION).code
    token = where.split("to=")[1]
    for _ in range(MAX_TRIES):
        visit.press("/paper/sent", token=token, code="0", action="code")
    answer = visit.press("/paper/sent", token=token, code=code, action="code")
    assert answer.status_code == 422
    assert visit.rows()["consent"] == 0


def test_an_expired_link_offers_a_new_one(visit: Visit) -> None:
    """D4, D6: 72 hours, then one button mails another, which works."""
    visit.fill(consent="tips-email")
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    visit.wait(timedelta(hours=73))
    assert visit.client.get(f"/confirm/{token}").status_code == 410
    assert visit.press(f"/confirm/{token}").status_code == 303
    assert visit.rows()["consent"] == 0
    again = visit.press(f"/confirm/{token}", action="resend")
    assert again.status_code == 303
    assert "onderweg" in visit.client.get(again.headers["location"]).text
    fresh = visit.mail(MailKind.CONFIRMATION).confirm_token
    visit.press(f"/confirm/{fresh}")
    assert visit.rows()["consent"] == 1


def test_a_mail_can_be_sent_again_from_the_page_a_few_times(visit: Visit) -> None:
    """D6: capped, and the page says the same each time."""
    where = visit.fill(consent="tips-email")
    token = where.split("to=")[1]
    sent = len(visit.mails())
    pages = set()
    for _ in range(6):
        visit.wait(timedelta(minutes=1))
        answer = visit.press("/paper/sent", token=token, action="resend")
        pages.add(visit.client.get(answer.headers["location"]).text)
        sent += len(visit.mails())
    assert sent == 1 + visit.installation.policy.unconfirmed.resend
    assert len(pages) == 1


def test_unsubscribing_takes_one_button_and_holds(visit: Visit) -> None:
    """R3, D4: the link of the mail; GET shows, POST withdraws; an old confirmation revives nothing."""
    delivery = visit.join(consent=["tips-email", "follow-up-phone"], phone="0201234567")
    path = f"/unsubscribe/{delivery.unsubscribe_token}"
    page = visit.client.get(path)
    assert page.text.count("<button") == 3  # one a purpose, and everything
    flood = visit.client.post(path, content=b"x" * 20_000)
    assert flood.status_code == 413
    # a mail provider may send it as multipart as well (RFC 8058, section 3.2)
    done = visit.client.post(path, files={"List-Unsubscribe": (None, "One-Click")})
    assert done.status_code == 200
    assert "Ingetrokken" in done.text
    assert visit.rows()["suppression"] == 2  # the address by e-mail and by telephone
    again = visit.press(path)
    assert again.status_code == 200
    assert "niets meer" in again.text
    assert visit.rows()["suppression"] == 2  # the address by e-mail and by telephone


def test_one_purposes_link_withdraws_one_purpose(visit: Visit) -> None:
    """R3, S3: the link of an export's row."""
    visit.join(consent=["tips-email", "follow-up-phone"], phone="0201234567")
    row = visit.installation.store.read(lambda tx: tx.one("SELECT id FROM request"))
    assert row is not None
    links, now = visit.installation.vault.links, visit.moment
    token = links.sign(LinkKind.UNSUBSCRIBE, row[0] + b"tips-email", now)
    assert "Bel mij" not in visit.client.get(f"/unsubscribe/{token}").text
    visit.press(f"/unsubscribe/{token}")
    given = visit.installation.store.read(
        lambda tx: tx.all("SELECT purpose FROM consent WHERE status = 'given'")
    )
    assert given == [("follow-up-phone",)]


def mail_text(visit: Visit, order: MailOrder) -> str:
    """Return the plain words of a mail, on one line."""
    data = composer().compose(order, visit.moment)
    part = message_from_bytes(data, policy=default).get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


def test_a_newsletter_without_a_tick_is_no_subscription(visit: Visit) -> None:
    """F1, D5: of a form that an earlier version took without a tick, page and mail say what became of it."""
    installation, form = visit.installation, visit.app_context.edition.publication.forms[Slug("tips")]
    entry = ValidEntry(parse_email("alice@example.com"))
    flow = partial(
        sign_up,
        context=installation.context,
        form=form,
        entry=entry,
        now=visit.moment,
    )
    installation.write(flow)
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    visit.press(f"/confirm/{token}")
    page = visit.client.get(f"/confirm/{token}").text
    text = mail_text(visit, visit.mail(MailKind.DELIVERY))
    for words in (page, text):
        assert "niet op de lijst" in words
        assert "is bevestigd" not in words
    assert "gaf bij deze aanvraag geen toestemming" in page
    visit.wait(timedelta(minutes=1))
    visit.fill(slug="tips", consent="tips-email")
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    visit.press(f"/confirm/{token}")
    page = visit.client.get(f"/confirm/{token}").text
    text = mail_text(visit, visit.mail(MailKind.DELIVERY))
    for words in (page, text):
        assert "is bevestigd" in words
        assert "niet op de lijst" not in words


@pytest.mark.parametrize("slug", ["paper", "tips"])
def test_what_was_given_and_withdrawn_is_not_called_never_given(visit: Visit, slug: str) -> None:
    """D4, R3: the old link says that it was withdrawn, and nothing else."""
    visit.fill(slug=slug, consent="tips-email")
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    visit.wait(timedelta(seconds=1))
    visit.press(f"/confirm/{token}")
    delivery = visit.mail(MailKind.DELIVERY)
    visit.press(f"/unsubscribe/{delivery.unsubscribe_token}")
    page = visit.client.get(f"/confirm/{token}").text
    assert "weer ingetrokken" in page
    assert "geen toestemming" not in page
    assert ("niet op de lijst" in page) == (slug == "tips")


def test_a_consent_withdrawn_before_the_receipt_is_not_called_never_given(visit: Visit) -> None:
    """R3: the receipt says what holds when it leaves."""
    visit.fill(consent="tips-email")
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    row = visit.installation.store.read(lambda tx: tx.one("SELECT id FROM request"))
    assert row is not None
    visit.wait(timedelta(seconds=1))
    visit.press(f"/confirm/{token}")
    unsubscribe = visit.installation.vault.links.sign(LinkKind.UNSUBSCRIBE, row[0], visit.moment)
    visit.press(f"/unsubscribe/{unsubscribe}")
    text = mail_text(visit, visit.mail(MailKind.DELIVERY))
    assert "Bij deze aanvraag hoort geen toestemming" in text


@pytest.mark.parametrize("number", ["020 1234567 ext 12", "0900 1234", "112"])
def test_a_number_that_nobody_should_call_is_refused_kindly(visit: Visit, number: str) -> None:
    """F4, F6: nothing is dropped in silence; what was typed is still there."""
    data = {"form": visit.form_key(), "email": "a@example.com", "phone": number, "consent": "follow-up-phone"}
    answer = visit.client.post("/paper", data=data)
    assert answer.status_code == 422
    assert "zonder toestelnummer" in answer.text
    assert f'value="{number}"' in answer.text
    assert visit.rows()["request"] == 0


@pytest.mark.parametrize(
    ("ticks", "kept"), [("tips-email", {}), ("follow-up-phone", {"phone": "+31201234567"})]
)
def test_a_number_without_its_tick_is_stored_nowhere(visit: Visit, ticks: str, kept: dict[str, str]) -> None:
    """W1, F4: whatever a page without :has() sends; neither the declaration nor the token holds it."""
    where = visit.fill(phone="020 123 4567", consent=ticks)
    assert ("20 123 4567" in visit.client.get(where).text) == bool(kept)
    installation = visit.installation
    ((stored,),) = installation.store.read(lambda tx: tx.all("SELECT id FROM request"))
    opened = installation.store.read(
        lambda tx: open_request(tx, installation.vault, peek_request(tx, RequestId(bytes(stored))))
    )
    assert opened.declared.fields == kept
    assert ("1234567" in opened.sealed.declaration.decode()) == bool(kept)
    visit.press(f"/confirm/{visit.mail(MailKind.CONFIRMATION).confirm_token}")
    subject = installation.store.read(lambda tx: tx.one("SELECT id FROM subject"))
    assert subject is not None
    contact = installation.store.read(lambda tx: load_contact(tx, installation.vault, subject[0]))
    assert contact.values.get("phone", "") == kept.get("phone", "")


def test_everybody_gets_the_same_answer(visit: Visit) -> None:
    """D7: unknown, pending, confirmed, withdrawn, suppressed: same status, words and address form."""
    visit.fill("pending@example.com", consent="tips-email")
    visit.join("given@example.com", consent="tips-email")
    gone = visit.join("gone@example.com", consent="tips-email")
    visit.press(f"/unsubscribe/{gone.unsubscribe_token}")
    answers = set()
    for who in ("unknown", "pending", "given", "gone"):
        data = {"form": visit.form_key(), "email": f"{who}@example.com", "consent": "tips-email"}
        answer = visit.client.post("/paper", data=data)
        where = answer.headers["location"]
        page = visit.client.get(where)
        token = where.split("to=")[1]
        words = page.text.replace(token, "TOKEN").replace(f"{who}@example.com", "ADDRESS")
        shape = re.sub(r"to=.*", "to=", where)
        answers.add((answer.status_code, shape, len(token), page.status_code, words))
    assert len(answers) == 1


def test_a_form_of_yesterday_is_stored_as_what_it_was(visit: Visit) -> None:
    """F7: shown as version 1, posted after version 2: stored as version 1."""
    old = visit.form_key()
    shown = visit.app_context.edition.publication.forms[Slug("paper")]
    republish(visit, "Het witboek", "Het nieuwe witboek")
    assert visit.form_key() != old
    answer = visit.client.post("/paper", data={"form": old, "email": "a@example.com"})
    assert answer.status_code == 303
    order = visit.mail(MailKind.CONFIRMATION)
    assert order.form.title == "Het witboek"
    assert order.form_version == shown.digest


def test_a_tick_does_not_move_to_other_words(visit: Visit) -> None:
    """F7, F6: sent with a mistake after the words changed: shown anew, with a notice, unticked."""
    old = visit.form_key()
    path = visit.root / "optin.toml"
    path.write_text(path.read_text().replace("Stuur mij elke maand", "Stuur mij elke week"))
    reload(visit)
    data = {
        "form": old,
        "email": "wrong",
        "consent": ["tips-email", "follow-up-phone"],
        "phone": "020 1234567",
    }
    answer = visit.client.post("/paper", data=data)
    assert answer.status_code == 422
    assert "veranderd" in answer.text
    assert 'value="wrong"' in answer.text
    assert 'value="tips-email">' in answer.text
    assert 'value="follow-up-phone" checked>' in answer.text
    assert f'value="{visit.form_key()}"' in answer.text


def republish(visit: Visit, old: str, new: str) -> None:
    page = visit.root / "magnets" / "paper" / "index.md"
    page.write_text(page.read_text().replace(old, new))
    reload(visit)


def reload(visit: Visit) -> None:
    visit.serve_again()


def test_a_download_is_counted_and_nobody_with_it(visit: Visit) -> None:
    """O4: a fetch is one more in a sum by week; looking whether it is there, or fetching on, is none."""
    delivery = visit.join()
    url = f"/download/{delivery.download_token}"
    for headers in ({}, {"range": "bytes=0-9"}, {"range": "bytes=10-"}):
        assert visit.client.get(url, headers=headers).status_code in {200, 206}
    assert visit.client.head(url).status_code == 200
    visit.installation.keep_counts()
    visit.installation.keep_counts()
    kept = visit.installation.store.read(all_weekly_sums)
    assert list(kept.values()) == [2]
    assert [(kind, form) for _, form, kind in kept] == [(DOWNLOADED, delivery.form_version)]


def test_a_file_that_is_nowhere_any_more_is_a_page_in_words(visit: Visit) -> None:
    """S8: when its magnet and the kept copy are gone, that is no crash."""
    delivery = visit.join()
    (visit.root / "magnets" / "paper" / "index.md").unlink()
    reload(visit)
    assert visit.client.get(f"/download/{delivery.download_token}").status_code == 200
    shutil.rmtree(visit.root / "var" / "files")
    answer = visit.client.get(f"/download/{delivery.download_token}")
    assert answer.status_code == 410
    assert "Dit bestand is er niet meer" in answer.text
    assert visit.client.get("/paper").status_code == 410


def test_a_download_link_expires_and_reaches_nothing_else(visit: Visit) -> None:
    """S8: signed, for one file, for a while; not through a link put there later (PEERS 20)."""
    delivery = visit.join()
    file = visit.root / "magnets" / "paper" / "witboek.pdf"
    file.unlink()
    file.symlink_to(visit.root / "optin.toml")
    assert visit.client.get(f"/download/{delivery.download_token}").content == b"%PDF-1.4 the very file"
    shutil.rmtree(visit.root / "var" / "files")
    assert visit.client.get(f"/download/{delivery.download_token}").status_code == 410
    visit.wait(timedelta(days=8))
    assert visit.client.get(f"/download/{delivery.download_token}").status_code == 410
    for path in ("/magnets/paper/witboek.pdf", "/paper/witboek.pdf", "/static/../optin.toml"):
        assert visit.client.get(path).status_code == 404


def test_every_page_of_the_journey_is_strict_html(visit: Visit) -> None:
    """F6, S1: parsed strictly, wherever one gets."""
    where = visit.fill(consent="tips-email")
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    paths = ["/", "/paper", "/tips", where, f"/confirm/{token}", "/nothing", "/privacy"]
    for path in paths:
        answer = visit.client.get(path, follow_redirects=True)
        html5lib.HTMLParser(strict=True).parse(answer.text)


@pytest.mark.parametrize("accepted", ["", "en", "nl,en;q=0.5", "fr, en;q=0.9", "en;q=x", "*" * 900])
def test_the_privacy_statement_comes_in_the_visitors_language(visit: Visit, accepted: str) -> None:
    """F2, M9: and every version stays where it was, byte for byte."""
    answer = visit.client.get("/privacy", headers={"accept-language": accepted})
    page = visit.client.get(answer.headers["location"])
    wanted = "Privacy statement" if accepted in {"en", "fr, en;q=0.9"} else "Privacyverklaring"
    assert f"<h1>{wanted}</h1>" in page.text
    statement = visit.root / "privacy" / "nl.md"
    statement.write_text(statement.read_text() + "\nNog een zin.\n")
    reload(visit)
    old = visit.client.get(answer.headers["location"])
    assert old.content == page.content
