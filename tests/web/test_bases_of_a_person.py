"""Somebody whom staff put on file, and who never filled in a form: asks, sees, takes along, erases."""

from __future__ import annotations

import html
import json
from datetime import timedelta
from typing import Any

import html5lib
import pytest
from jsonschema import Draft202012Validator

from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.held_basis import BasisEntry, BasisStatement, BasisTerm
from optin.export.personal_data_json import schema
from optin.flows.bases.record_basis import EvidenceFile, end_basis, record_basis
from optin.flows.delivery.mail_order import BasisOrder, MailKind
from optin.flows.rights.record_and_inform import record_and_inform
from optin.store.held_bases import is_on_register
from optin.store.mail_outbox import count_dead
from optin.store.officer_actions import actions_of
from tests.web.conftest import Visit
from tests.web.test_personal_page import personal_link, press

DORA = "dora@example.com"
LETTER = EvidenceFile("brief & zo.eml", b"<script>alert(1)</script>", "text/html")


def on_file(visit: Visit, basis: str = "enquiry", **more: Any) -> BasisEntry:
    """Put Dora on file, as staff do."""
    plain: dict[str, Any] = {
        "term": BasisTerm(visit.moment.date(), "3 months"),
        "about": "Offerte voor een dak",
        "source": "belde zelf",
        "lang": "en",
        "person": {"name": "Dora"},
        "addresses": {"email": DORA},
        **more,
    }
    statement = BasisStatement(basis=basis, at="", who="Eva", **plain)
    flow = record_and_inform if basis == "enquiry" else record_basis
    entry: BasisEntry = visit.installation.run(flow, statement=statement, files=[LETTER], now=visit.moment)
    return entry


def page_of(visit: Visit) -> str:
    """Return the page of Dora, as text."""
    page = visit.client.get(personal_link(visit, DORA)).text
    html5lib.HTMLParser(strict=True).parse(page)
    return html.unescape(page)


def test_who_was_put_on_file_is_told_and_finds_everything(visit: Visit) -> None:
    """L4, R1: one mail with the way to /me; there the entry with its evidence in words and its end."""
    entry = on_file(visit)
    (told,) = visit.mails()
    assert isinstance(told, BasisOrder)
    page = page_of(visit)
    assert entry.until is not None
    day = f"{entry.until.day} {entry.until:%B} {entry.until.year}"
    for words in (
        "You asked us something", "Offerte voor een dak", "belde zelf", "Dora", DORA, day, "by e-mail",
        "GDPR, Article 6(1)(b)", "brief & zo.eml", "You haven’t consented",
    ):  # fmt: skip
        assert words in page, words
    assert "What you asked for" not in page  # no form was filled in


def test_the_link_comes_in_the_language_and_to_the_address_on_record(visit: Visit) -> None:
    """R1: whatever spelling was typed, and whatever language the browser speaks; again after it expired."""
    on_file(visit)
    visit.mails()
    visit.client.post("/me", data={"email": "DORA@Example.com"}, headers={"accept-language": "nl"})
    order = visit.notice(MailKind.PERSONAL)
    assert (order.recipient, order.lang) == (DORA, "en")
    visit.wait(visit.installation.policy.personal.link.after(visit.moment) - visit.moment)
    link = f"/me/{order.token}"
    assert visit.client.get(link).status_code == 410
    assert visit.press(link, action="anew").status_code == 303
    assert visit.notice(MailKind.PERSONAL).recipient == DORA


def test_the_data_and_the_evidence_are_taken_along(visit: Visit) -> None:
    """R4: JSON by its schema, the page as a file, and the file itself, which no browser runs (GDPR 15(3))."""
    on_file(visit)
    visit.wait(timedelta(seconds=1))
    on_file(visit, "contract", met={"own-sale": "order form 3"}, facts={"number": "2026-114"})
    visit.mails()
    link = personal_link(visit, DORA)
    data = json.loads(visit.client.post(link, data={"action": "json"}).text)
    Draft202012Validator(schema()).validate(data)
    assert [it["basis"] for it in data["bases"]] == ["enquiry", "contract"]
    assert data["bases"][1]["met"] == {"own-sale": "order form 3"}
    alone = visit.client.post(link, data={"action": "page"}).text
    assert "You are a customer" in alone
    assert "2026-114" in alone
    assert 'value="evidence"' not in alone
    got = visit.client.post(link, data={"action": "evidence", "file": "2 1"})
    assert got.content == LETTER.data
    assert got.headers["content-type"] == "application/octet-stream"
    assert "filename*=UTF-8''brief%20%26%20zo.eml" in got.headers["content-disposition"]
    index = visit.installation.vault.index(parse_email(DORA))
    done = visit.installation.store.read(lambda tx: actions_of(tx, visit.installation.vault, index))
    assert [(it.kind, it.who) for it in done] == [("export", "the person")] * 3
    assert "put your data together" in visit.client.get(link).text


@pytest.mark.parametrize(
    ("places", "status"),
    [("", 400), ("1", 400), ("a 1", 400), ("-1 1", 400), ("1 1 1", 400), ("9999999 1", 400), ("٣ 1", 400),
     ("0 1", 410), ("1 0", 410), ("2 1", 410), ("1 2", 410)],
)  # fmt: skip
def test_a_place_where_no_file_is_gives_none(visit: Visit, places: str, status: int) -> None:
    """S5: malformed, or gone; and nobody else's file."""
    on_file(visit)
    visit.join()
    link = personal_link(visit, DORA)
    assert visit.client.post(link, data={"action": "evidence", "file": places}).status_code == status
    other = personal_link(visit)
    assert visit.client.post(other, data={"action": "evidence", "file": "1 1"}).status_code == 410


def test_who_was_put_on_file_erases_it(visit: Visit) -> None:
    """R5, L4, L5: at once, with the last mail in their language; what a law requires stays, and is shown."""
    on_file(visit, addresses={"email": DORA, "phone": "+31201234567"})
    on_file(visit, "obligation", term=BasisTerm(visit.moment.date(), "7 years"))
    link = personal_link(visit, DORA)
    page = press(visit, link, "erase")
    assert "Your data has been erased" in page
    assert page.count("The law requires us to keep this") == 1
    assert "You asked us something" not in page
    order = visit.notice(MailKind.ERASED)
    assert (order.recipient, order.lang) == (DORA, "en")
    vault = visit.installation.vault
    number = vault.address_index(Channel.PHONE.address, "+31201234567")
    assert not visit.installation.store.read(is_on_register, indexes=[number])
    objected = visit.installation.store.read(lambda tx: tx.all("SELECT number FROM number_objection"))
    assert [bytes(row[0]) for row in objected] == [number]


def test_an_entry_that_is_over_is_known_no_more(visit: Visit) -> None:
    """L4, D7: no link is mailed about what was wiped."""
    entry = on_file(visit)
    visit.mails()
    visit.installation.run(end_basis, entry.id, now=visit.moment)
    visit.client.post("/me", data={"email": DORA})
    assert visit.mails() == []
    assert visit.installation.store.read(count_dead) == {}
