"""Brevo: its traps, against a fake that answers by the description of brevo-python 5.1.0."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optin.export.connectors.brevo import BREVO
from optin.export.connectors.tool import ToolAnswer, TroubleKind
from tests.export.connectors.benches import brevo
from tests.export.connectors.driver import ADDRESSES, ANN, Bench
from tests.export.connectors.fake_brevo import error


@pytest.fixture
def bench() -> Bench:
    made = brevo()
    made.run(BREVO.set_up(made.account))
    made.fake.calls.clear()
    return made


def test_a_consent_is_kept_in_attributes(bench: Bench) -> None:
    """W11: words, time, form, proof and link in attributes of text, which a set-up made."""
    lead = bench.confirm(first_name="Ann", phone="+31612345678", job="CEO")
    kept = bench.fake.contacts[ANN].attributes
    assert kept["FIRSTNAME"] == "Ann"
    assert kept["LANDLINE_NUMBER"] == "+31612345678"
    for column in ("consent_text", "confirmed_at", "form_version", "evidence", "unsubscribe_url", "purpose"):
        assert kept[f"OPTIN_{column.upper()}"] == lead.columns[column]
    assert "Consent" in kept["OPTIN_BASIS"]
    assert "CEO" not in kept.values()


def test_nobody_is_asked_again_and_no_contacts_are_merged(bench: Bench) -> None:
    """W11: an upsert, which Brevo does only when it is told to; never the call that mails, nor a merge."""
    bench.confirm()
    bench.confirm()
    for call in bench.fake.calls:
        assert "doubleOptin" not in call.path
        assert "forceMerge" not in str(call.content)
        assert "@" not in call.path
    assert {it.content["updateEnabled"] for it in bench.fake.calls if it.method == "POST"} == {True}


def test_attributes_are_named_in_capitals(bench: Bench) -> None:
    """W11: as Brevo writes them, however they stand in optin.toml."""
    bench.account = replace(bench.account, fields={"consent_text": "words", "job": "Job", "phone": ""})
    assert bench.run(BREVO.set_up(bench.account)) == ("made the attribute WORDS", "made the attribute JOB")
    bench.confirm(job="CEO", phone="+31612345678")
    kept = bench.fake.contacts[ANN].attributes
    assert kept["JOB"] == "CEO"
    assert kept["WORDS"].startswith("Ja, stuur")
    assert "LANDLINE_NUMBER" not in kept


def test_an_attribute_that_would_drop_values_is_refused(bench: Bench) -> None:
    """W11: Brevo ignores a value of a wrong type without a word, so the check must say it."""
    bench.fake.attributes["OPTIN_CONFIRMED_AT"] = "date"
    trouble = bench.trouble(BREVO.set_up(bench.account))
    assert trouble.kind is TroubleKind.SETUP
    assert "OPTIN_CONFIRMED_AT" in trouble.says


def test_an_attribute_that_cannot_be_made_says_which() -> None:
    """W11: the officer makes it, or names another."""
    bench = brevo()
    bench.fake.unmakeable = {"OPTIN_EVIDENCE"}
    assert "OPTIN_EVIDENCE" in bench.trouble(BREVO.set_up(bench.account)).says


def test_an_attribute_made_meanwhile_is_fine() -> None:
    """W11: a duplicate of what is there already."""
    bench = brevo()
    bench.fake.instead = [
        ("POST", "attributes", error(400, "duplicate_parameter", "Attribute name must be unique"))
    ]
    assert bench.run(BREVO.set_up(bench.account))


@pytest.mark.parametrize("phone", ["+31612345678", "0612345678"])
def test_a_number_that_brevo_does_not_take_costs_no_lead(bench: Bench, phone: str) -> None:
    """W11: one number on two contacts conflicts, and so does a number that is none."""
    bench.fake.attributes["SMS"] = "text"
    bench.account = replace(bench.account, fields={"phone": "SMS"})
    bench.confirm(ADDRESSES[1], phone="+31612345678")
    bench.confirm(phone=phone, first_name="Ann")
    assert bench.is_on(ANN, "tips")
    kept = bench.fake.contacts[ANN].attributes
    assert kept["FIRSTNAME"] == "Ann"
    assert "SMS" not in kept


def test_a_conflict_of_the_address_itself_is_refused(bench: Bench) -> None:
    """W11: seen as invalid_parameter too; it is tried once without the number, then told."""
    meta = {"duplicate_identifiers": ["email"]}
    for code in ("duplicate_parameter", "invalid_parameter"):
        conflict = error(400, code, f"{ANN} is already associated with another Contact", metadata=meta)
        bench.fake.instead = [("POST", "contacts", conflict), ("POST", "contacts", conflict)]
        steps = BREVO.confirmed(bench.account, bench.lead(phone="+31612345678"))
        trouble = bench.trouble(steps)
        assert trouble.kind is TroubleKind.REFUSED
        assert code in trouble.says


@pytest.mark.parametrize(
    ("answer", "kind", "seconds"),
    [
        (ToolAnswer(429, {"x-sib-ratelimit-reset": "17"}, None), TroubleKind.LATER, 17),
        (ToolAnswer(429, {"x-sib-ratelimit-reset": "9" * 30}, None), TroubleKind.LATER, 86_400),
        (ToolAnswer(429, {"x-sib-ratelimit-reset": "soon"}, None), TroubleKind.LATER, 0),
        (ToolAnswer(429, {"retry-after": "5", "x-sib-ratelimit-reset": "17"}, None), TroubleKind.LATER, 5),
        (ToolAnswer(425, {}, None), TroubleKind.LATER, 0),
        (error(400, "account_in_process", "wait"), TroubleKind.LATER, 0),
        (error(403, "permission_denied", "no"), TroubleKind.SETUP, 0),
        (error(400, "invalid_parameter", f"{ANN} is not valid"), TroubleKind.REFUSED, 0),
        (error(400, ANN, ANN), TroubleKind.REFUSED, 0),
        (error(405, "method_not_allowed", "no"), TroubleKind.REFUSED, 0),
    ],
)
def test_each_trouble_has_its_kind_and_wait(
    bench: Bench, answer: ToolAnswer, kind: TroubleKind, seconds: float
) -> None:
    """W11: the reset of a limit in seconds; a request that came too early; codes, and never words."""
    bench.fake.instead = [("POST", "contacts", answer)]
    trouble = bench.trouble(BREVO.confirmed(bench.account, bench.lead()))
    assert (trouble.kind, trouble.wait_seconds) == (kind, seconds)


def test_a_list_that_is_gone_waits_for_somebody(bench: Bench) -> None:
    """W11: at the check, and when a lead comes; a list that Brevo fills itself takes nobody."""
    del bench.fake.lists[36]
    for steps in (BREVO.set_up(bench.account), BREVO.confirmed(bench.account, bench.lead())):
        trouble = bench.trouble(steps)
        assert trouble.kind is TroubleKind.SETUP
        assert "36" in trouble.says
    bench.fake.lists[36] = True
    assert "itself" in bench.trouble(BREVO.set_up(bench.account)).says
    bench.account = replace(bench.account, lists={"tips": "Tips"})
    assert "number" in bench.trouble(BREVO.set_up(bench.account)).says


def test_who_comes_back_comes_back_for_one_purpose(bench: Bench) -> None:
    """W11: a stop blocks all e-mail; a new consent must not bring back the company's other lists."""
    bench.confirm()
    bench.fake.contacts[ANN].lists.add(99)  # of the company itself
    bench.stop(ANN)
    bench.confirm(purpose="offers")
    kept = bench.fake.contacts[ANN]
    assert not kept.blacklisted
    assert kept.lists == {37}


def test_who_complained_after_a_consent_stays_blocked(bench: Bench) -> None:
    """W11: a complaint counts as a stop."""
    lead = bench.confirm()
    bench.fake.wait(60)
    complaint = {"statistics": {"complaints": [{"eventTime": bench.fake.stamp()}]}}
    answer = ToolAnswer(200, {}, {"emailBlacklisted": True, **complaint})
    bench.fake.instead = [("GET", "contacts", answer)]
    assert bench.trouble(BREVO.confirmed(bench.account, lead)).kind is TroubleKind.REFUSED


def test_a_list_that_the_person_left_is_a_stop_of_its_purpose(bench: Bench) -> None:
    """W11: the other consent goes on; a new one for this list counts again."""
    old = bench.confirm()
    bench.confirm(purpose="offers")
    bench.fake.wait(60)
    bench.fake.leave(ANN, 36)
    bench.fake.leave(ANN, 99)  # of the company itself: no consent of ours
    assert [(it.email, it.purposes) for it in bench.pull()] == [(ANN, ("tips",))]
    assert bench.trouble(BREVO.confirmed(bench.account, old)).kind is TroubleKind.REFUSED
    assert not bench.is_on(ANN, "tips")
    bench.confirm()
    assert bench.is_on(ANN, "tips")


def test_a_change_of_a_contact_is_no_later_stop(bench: Bench) -> None:
    """W11: somebody edits who stopped, before the new consent is told: the time of the stop counts."""
    bench.confirm()
    bench.stop(ANN)
    bench.fake.wait(60)
    lead = bench.lead()
    bench.fake.wait(60)
    bench.fake.contacts[ANN].modified = bench.fake.now
    bench.run(BREVO.confirmed(bench.account, lead))
    assert bench.is_on(ANN, "tips")


def test_a_stop_is_of_everything(bench: Bench) -> None:
    """W11: who is blocked gets no mail of any list, whichever was left before."""
    bench.confirm()
    bench.fake.leave(ANN, 36)
    bench.stop(ANN)
    assert [(it.email, it.purposes) for it in bench.pull()] == [(ANN, ())]


def test_an_end_takes_one_list(bench: Bench) -> None:
    """W11: the other purpose goes on; who is unknown is no trouble."""
    bench.confirm()
    bench.confirm(purpose="offers")
    bench.run(BREVO.ended(bench.account, ANN, "tips"))
    assert bench.fake.contacts[ANN].lists == {37}
    bench.run(BREVO.ended(bench.account, "nobody@example.org", "tips"))
    bench.run(BREVO.erased(bench.account, "nobody@example.org"))


def test_many_stops_come_page_by_page(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """W11, S5: pages in the order of creation, which overlap and have an end; who is deleted hides nobody."""
    for name, number in (("ROWS", 10), ("STEP", 8), ("PAGES", 3)):
        monkeypatch.setattr(f"optin.export.connectors.brevo.{name}", number)
    emails = [f"p{it}@example.org" for it in range(100)]
    for email in emails:
        bench.fake.route("POST", ["contacts"], {}, ({"api-key": bench.fake.token}, {"email": email}))
        bench.stop(email)
    bench.fake.wait(60)
    for turn in range(8):
        assert len(bench.pull()) <= 26
        del bench.fake.contacts[emails[turn]]
        if bench.mark.count(" ") <= 1:  # whole: there is no place to go on at
            break
    assert {it.email for it in bench.pulled} == set(emails)
    bench.fake.wait(7200)
    for _ in range(5):
        bench.pull()
    assert bench.pull() == []  # all of them are of before the mark by now
