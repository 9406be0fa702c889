"""Forms that come back, and pages that show how what was typed is understood."""

from __future__ import annotations

import re
from operator import methodcaller
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import ID_BYTES
from optin.flows.delivery.mail_order import MailKind, MailOrder
from optin.mail.compose_mails import Composer
from optin.mail.kind_mail_hooks import MailSender
from tests.installed import KINDS
from tests.mail_words import mail_words
from tests.web.conftest import Visit

BELGIAN = "0475 12 34 56"
AS_READ = "+31 475 123 456"  # in Roermond, by the country of the site
HIDDEN = re.compile(r'<input type="hidden" name="form" value="([^"]+)">')
LETTER = """---
kind: newsletter
lang: nl
title: De brief
description: Elke maand.
purposes: PURPOSES
fields: FIELDS
---
Tekst.
"""
PHONE_FIELD = "[{name: phone, why: Om u te bellen.}]"


def post(visit: Visit, path: str = "/paper", **data: Any):  # type: ignore[no-untyped-def]  # noqa: ANN201 - httpx or its successor
    return visit.client.post(path, data={"form": visit.form_key(path.strip("/")), **data})


def again(visit: Visit, page: str, path: str = "/paper", **data: Any):  # type: ignore[no-untyped-def]  # noqa: ANN201 - httpx or its successor
    """Send the form that came back."""
    found = HIDDEN.search(page)
    assert found is not None
    return visit.client.post(path, data={"form": found[1], **data})


def composed(visit: Visit, order: MailOrder) -> str:
    """Return both bodies of a mail."""
    site = visit.app_context.edition.site
    sender = MailSender(site.settings.sender.name, site.settings.sender.address)
    composer = Composer(
        visit.app_context.edition.theme, sender, site.settings.base_url, site.controller, KINDS.mails
    )
    return mail_words(composer.compose(order, visit.moment))


@pytest.mark.parametrize(
    "pasted",
    [
        "\u200bjan@example.nl\u202c",
        "mailto:jan@example.nl?subject=x",
        "Jan Smit <jan@example.nl>",
        "jan@example.nl.,",
    ],
)
def test_a_pasted_address_is_taken_for_what_is_meant(visit: Visit, pasted: str) -> None:
    """D1: the mail goes there, and the page after the form says where."""
    answer = post(visit, email=pasted)
    assert answer.status_code == 303
    assert "jan@example.nl" in visit.client.get(answer.headers["location"]).text
    assert visit.mail(MailKind.CONFIRMATION).recipient == "jan@example.nl"
    assert visit.client.post("/me", data={"email": pasted}).status_code == 303


def test_two_addresses_are_refused_in_a_sentence(visit: Visit) -> None:
    """F6, S5: on the form and where a personal link is asked for; nothing is lost, nothing stored."""
    two = "jan@example.nl, piet@example.nl"
    for answer in (post(visit, email=two), visit.client.post("/me", data={"email": two})):
        assert answer.status_code == 422
        assert answer.text.count("meer dan één e-mailadres") == 2
        assert f'value="{two}"' in answer.text
    assert set(visit.rows().values()) == {0}


def test_a_misspelt_address_is_asked_about_once_and_then_taken(visit: Visit) -> None:
    """F6, D7: nothing stored, nothing typed lost; sent again as it stands, it is taken as it stands."""
    data: dict[str, Any] = {"email": "Jan@gmial.com", "first_name": "Jan", "consent": ["tips-email"]}
    asked = post(visit, **data)
    assert asked.status_code == 422
    assert "Bedoelt u Jan@gmail.com?" in asked.text
    assert 'name="email_meant" value="Jan@gmail.com"' in asked.text
    assert 'value="Jan@gmial.com"' in asked.text
    assert 'value="tips-email" checked' in asked.text
    assert set(visit.rows().values()) == {0}
    answer = again(visit, asked.text, **data)
    assert answer.status_code == 303
    assert visit.mail(MailKind.CONFIRMATION).recipient == "Jan@gmial.com"


def test_the_proposed_address_is_one_button_away(visit: Visit) -> None:
    """F6: pressed, the form is sent with it; a return key in the field presses nothing of the kind."""
    asked = post(visit, email="jan@hotmail.con", phone=BELGIAN, consent=["follow-up-phone"]).text
    first = re.findall(r"<button[^>]*>", asked[asked.index('id="field-email"') :])[0]
    assert "email_meant" not in first
    answer = again(
        visit,
        asked,
        email="jan@hotmail.con",
        email_meant="jan@hotmail.com",
        phone=BELGIAN,
        consent=["follow-up-phone"],
    )
    assert "jan@hotmail.com" in visit.client.get(answer.headers["location"]).text
    order = visit.mail(MailKind.CONFIRMATION)
    assert (order.recipient, order.to_call) == ("jan@hotmail.com", "+31475123456")


def test_an_address_that_was_changed_goes_before_the_button(visit: Visit) -> None:
    """F6: what stands in the field now counts, and is looked at anew."""
    asked = post(visit, email="jan@gmial.com").text
    changed = again(visit, asked, email="jan@outlok.com", email_meant="jan@gmail.com")
    assert changed.status_code == 422
    assert "Bedoelt u jan@outlook.com?" in changed.text
    other = again(visit, changed.text, email="jan@example.nl", email_meant="jan@outlook.com")
    assert other.status_code == 303
    assert visit.mail(MailKind.CONFIRMATION).recipient == "jan@example.nl"


def test_it_is_asked_once_also_where_something_else_is_wrong(visit: Visit) -> None:
    """F6: both at once, the first time; then only what is still wrong."""
    data: dict[str, Any] = {"email": "jan@gmial.com", "consent": ["follow-up-phone"]}
    asked = post(visit, **data).text
    assert "Bedoelt u jan@gmail.com?" in asked
    assert 'id="wrong-phone"' in asked
    still = again(visit, asked, **data)
    assert still.status_code == 422
    assert "Bedoelt u" not in still.text
    assert again(visit, still.text, phone="0201234567", **data).status_code == 303


@pytest.mark.parametrize("forged", ["x", "A" * 80, "é", "%00"])
def test_a_forged_mark_only_asks_again(visit: Visit, forged: str) -> None:
    """S5, S3: what the form carries along is sealed."""
    answer = visit.client.post(
        "/paper", data={"form": f"{visit.form_key()}.{forged}", "email": "j@gmial.com"}
    )
    assert answer.status_code == 422
    assert "Bedoelt u j@gmail.com?" in answer.text
    twice = {"form": visit.form_key(), "email": "j@gmail.com", "email_meant": ["a@b.nl", "c@d.nl"]}
    assert visit.client.post("/paper", data=twice).status_code == 400


def test_a_known_address_is_asked_about_like_an_unknown_one(visit: Visit) -> None:
    """D7: the question follows from the spelling alone."""
    asked = post(visit, email="jan@gmial.com").text
    again(visit, asked, email="jan@gmial.com")
    visit.press(f"/confirm/{visit.mail(MailKind.CONFIRMATION).confirm_token}")
    seal = re.compile(r'(name="form" value="[0-9a-f]+)\.[^"]+')
    assert seal.sub(r"\1", post(visit, email="jan@gmial.com").text) == seal.sub(r"\1", asked)


def test_the_question_is_asked_for_a_personal_link_too(visit: Visit) -> None:
    """R1, D7: once, by the address's spelling; then the same words as for everybody."""
    asked = visit.client.post("/me", data={"email": "jan@gmial.com"})
    assert asked.status_code == 422
    assert "Bedoelt u jan@gmail.com?" in asked.text
    found = re.search(r'action="(/me\?asked=[^"]+)"', asked.text)
    assert found is not None
    assert "gmial" not in found[1]
    for more, queued in (({}, "jan@gmial.com"), ({"email_meant": "jan@gmail.com"}, "jan@gmail.com")):
        answer = visit.client.post(found[1], data={"email": "jan@gmial.com", **more})
        assert answer.headers["location"] == "/me?sent=1"
        index = visit.installation.vault.index(parse_email(queued))
        rows = visit.installation.store.read(
            methodcaller("all", "SELECT id FROM outbox WHERE request_id = :about", about=index[:ID_BYTES])
        )
        assert len(rows) == 1, queued


def test_the_page_after_the_form_shows_what_was_typed_to_its_visitor_alone(visit: Visit) -> None:
    """S4, D3: sealed in the token; not in the address, not in the title; also beside a wrong code."""
    where = post(visit, email="jan@example.nl", phone=BELGIAN, consent=["follow-up-phone"]).headers[
        "location"
    ]
    assert "jan@" not in unquote(where)
    page = visit.client.get(where).text
    assert "jan@example.nl" in page
    assert AS_READ in page
    assert 'href="https://optin.example.com/paper"' in page
    assert "jan@example.nl" not in re.findall(r"<title>(.*?)</title>", page)[0]
    token = where.split("to=")[1]
    assert "jan@example.nl" in visit.press("/paper/sent", token=token, code="0", action="code").text
    resent = visit.press("/paper/sent", token=token, action="resend").headers["location"]
    assert "jan@example.nl" in visit.client.get(resent).text
    row = visit.installation.store.read(lambda tx: tx.one("SELECT id FROM request"))
    assert row is not None
    bare = visit.installation.vault.links.sign(LinkKind.SENT, row[0], visit.moment)  # as before an upgrade
    assert "jan@example.nl" not in visit.client.get(f"/paper/sent?to={bare}").text


def test_the_longest_address_fits(visit: Visit) -> None:
    """S5: with a number, on the page after the form."""
    email = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.nl"
    where = post(visit, email=email, phone=BELGIAN, consent=["follow-up-phone"]).headers["location"]
    assert email in visit.client.get(where).text


def test_a_code_in_full_width_digits_confirms(visit: Visit) -> None:
    """D3: as some keyboards write them, spaced as in the mail."""
    token = visit.fill().split("to=")[1]
    code = visit.mail(MailKind.CONFIRMATION).code
    wide = "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else "\u3000" for sign in code)
    assert visit.press("/paper/sent", token=token, code=wide, action="code").status_code == 303


def test_a_number_is_shown_as_it_is_understood(visit: Visit) -> None:
    """F6, D2, D5: on the form that comes back, in both bodies of the mail, before the yes."""
    back = post(visit, email="jan@", phone=BELGIAN, consent=["follow-up-phone"]).text
    assert f'value="{BELGIAN}"' in back
    assert f"Wij gebruiken {AS_READ}." in back
    assert 'aria-describedby="why-phone read-phone"' in back
    without = post(visit, email="jan@", phone=BELGIAN).text
    assert f'value="{BELGIAN}"' in without
    assert AS_READ not in without  # nobody will use it
    visit.fill("jan@example.nl", phone=BELGIAN, consent=["tips-email", "follow-up-phone"])
    order = visit.mail(MailKind.CONFIRMATION)
    assert composed(visit, order).count(AS_READ) == 2
    assert AS_READ in visit.client.get(f"/confirm/{order.confirm_token}").text


@pytest.mark.parametrize(
    "pasted", ["06\u202a12345678\u202c", "+\u202a31612345678", "\uff10612345678", "06\u2011 1234 5678"]
)
def test_a_pasted_number_is_taken_for_what_is_meant(visit: Visit, pasted: str) -> None:
    """F6: whatever an address book put around it or into it; also where it is put right."""
    where = post(visit, email="jan@example.nl", phone=pasted, consent=["follow-up-phone"]).headers["location"]
    assert "+31 6 12345678" in visit.client.get(where).text
    order = visit.mail(MailKind.CONFIRMATION)
    visit.press(f"/confirm/{order.confirm_token}")
    index = visit.installation.vault.index(order.recipient)
    own = visit.installation.vault.links.sign(LinkKind.PERSONAL, index, visit.moment)
    put_right = visit.press(f"/me/{own}", action="correct", phone=pasted.replace("5678", "5679"))
    assert put_right.headers["location"].endswith("?done=corrected")


def test_a_consent_to_calls_that_is_asked_anew_shows_its_number(visit: Visit) -> None:
    """D5, R2: the mail says which number it is about."""
    delivery = visit.join(phone=BELGIAN, consent="follow-up-phone")
    visit.press(f"/unsubscribe/{delivery.unsubscribe_token}")
    index = visit.installation.vault.index(delivery.recipient)
    own = visit.installation.vault.links.sign(LinkKind.PERSONAL, index, visit.moment)
    visit.press(f"/me/{own}", action="give", consent="follow-up-phone phone")
    assert composed(visit, visit.mail(MailKind.RENEWAL)).count(AS_READ) == 2


def test_a_belgian_number_with_its_country_is_left_alone(visit: Visit) -> None:
    """F6: nothing is said of what is read as it was typed."""
    back = post(visit, email="jan@", phone="+32 475 12 34 56", consent=["follow-up-phone"]).text
    assert "Wij lezen" not in back
    assert visit.fill(phone="+32475123456", consent=["follow-up-phone"])
    assert "+32 475 12 34 56" in composed(visit, visit.mail(MailKind.CONFIRMATION))


def test_a_number_for_which_no_call_was_ticked_is_shown_nowhere(visit: Visit) -> None:
    """D5, GDPR 5(1)(c): it is not kept, so it is not echoed."""
    where = post(visit, email="jan@example.nl", phone=BELGIAN, consent=["tips-email"]).headers["location"]
    page = visit.client.get(where).text
    assert not any(number in page for number in ("475 12", "475/12", "47512"))
    order = visit.mail(MailKind.CONFIRMATION)
    assert "475 12" not in composed(visit, order)
    assert "475 12" not in visit.client.get(f"/confirm/{order.confirm_token}").text


def test_an_address_that_was_cleaned_is_shown_as_it_is_understood(visit: Visit) -> None:
    """F6: where the form comes back for another reason."""
    back = post(visit, email="Jan <jan@example.nl>", consent=["follow-up-phone"]).text
    assert "Wij gebruiken jan@example.nl." in back
    assert 'value="Jan &lt;jan@example.nl&gt;"' in back


def letter(visit: Visit, purposes: str = "[tips-email]", fields: str = "[]") -> None:
    path: Path = visit.root / "magnets" / "brief.md"
    path.write_text(LETTER.replace("PURPOSES", purposes).replace("FIELDS", fields))
    visit.serve_again()


def test_a_newsletter_without_its_box_is_said_at_the_form(visit: Visit) -> None:
    """F6, D1: summary, a word at the box, a way to it; nothing is stored, nobody mailed."""
    letter(visit)
    back = post(visit, "/brief", email="jan@example.nl")
    assert back.status_code == 422
    assert '<a href="#field-consent">' in back.text
    assert 'id="field-consent" aria-invalid="true" aria-describedby="wrong-consent"' in back.text
    assert back.text.count(visit.app_context.edition.theme.text("nl", "problem.consent-missing")) == 2
    assert 'value="jan@example.nl"' in back.text
    assert " checked" not in back.text
    assert " required" not in back.text
    assert set(visit.rows().values()) == {0}
    assert visit.mails() == []
    assert again(visit, back.text, "/brief", email="jan@example.nl", consent="tips-email").status_code == 303


def test_a_newsletter_needs_the_box_by_which_it_comes(visit: Visit) -> None:
    """F1, F6: a call may be offered besides; alone it leads to no newsletter, and that is said at once."""
    letter(visit, "[follow-up-phone, tips-email]", PHONE_FIELD)
    sent = {"email": "jan@example.nl", "phone": "0201234567"}
    for ticked, reason in (([], "consent-missing"), (["follow-up-phone"], "consent-email-missing")):
        back = post(visit, "/brief", **sent, consent=ticked)
        assert back.status_code == 422
        assert back.text.count(visit.app_context.edition.theme.text("nl", f"problem.{reason}")) == 2
        boxes = dict(re.findall(r'name="consent" value="([^"]+)"([^>]*)>', back.text))
        assert ' id="field-consent" aria-invalid="true"' in boxes["tips-email"]
        assert boxes["follow-up-phone"] == (" checked" if ticked else ""), "nothing is wrong with this one"
        assert (set(visit.rows().values()), visit.mails()) == ({0}, [])
    for enough in (["tips-email"], ["follow-up-phone", "tips-email"]):
        assert post(visit, "/brief", **sent, consent=enough).status_code == 303


@pytest.mark.parametrize("lang", ["nl", "en", "de", "fr"])
def test_the_missing_box_for_mail_has_a_sentence_in_every_language(visit: Visit, lang: str) -> None:
    """F6, M7: of its own, and by the word that people know."""
    text = visit.app_context.edition.theme.text
    told = text(lang, "problem.consent-email-missing")
    assert re.search("e-mail", told, re.IGNORECASE)
    assert told != text(lang, "problem.consent-missing")


def test_whatever_else_is_given_away_needs_no_tick(visit: Visit) -> None:
    """F1: only where the consent is all there is; a kind says so of itself."""
    assert post(visit, email="jan@example.nl").status_code == 303
    assert [name for name, kind in KINDS.details.items() if kind.needs_consent] == ["newsletter"]


def test_a_site_with_templates_of_its_own_goes_on(visit: Visit) -> None:
    """M10: a page that knows nothing of the question still says what to look at, and asks once."""
    templates = visit.root / "templates" / "pages"
    templates.mkdir(parents=True)
    ours = (Path("templates") / "pages" / "landing.html").read_text()
    ours = ours.replace("view.meant", "false")
    (templates / "landing.html").write_text(ours)
    visit.serve_again()
    asked = post(visit, email="jan@gmial.com")
    assert "Controleer uw e-mailadres nog even." in asked.text
    assert again(visit, asked.text, email="jan@gmial.com").status_code == 303
