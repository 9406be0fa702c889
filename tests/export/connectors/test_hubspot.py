"""HubSpot: its traps, against a fake that answers by HubSpot's description of version 2026-09."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optin.export.connectors.hubspot import HUBSPOT
from optin.export.connectors.tool import ToolAnswer, TroubleKind
from tests.export.connectors.benches import hubspot
from tests.export.connectors.driver import ADDRESSES, ANN, Bench


@pytest.fixture
def bench() -> Bench:
    made = hubspot()
    made.run(HUBSPOT.set_up(made.account))
    made.fake.calls.clear()
    return made


def test_set_up_makes_the_properties_of_a_consent() -> None:
    """W11: each thing that was made is one sentence."""
    bench = hubspot()
    done = bench.run(HUBSPOT.set_up(bench.account))
    assert "made the contact property optin_consent_text" in done
    assert bench.fake.properties["optin_confirmed_at"] == "datetime"
    assert bench.fake.properties["optin_evidence"] == "string"


def test_a_consent_is_kept_in_hubspots_own_fields(bench: Bench) -> None:
    """W11: words, time, form, proof and link in properties; the legal basis in the subscription."""
    lead = bench.confirm(first_name="Ann", last_name="Müller", phone="+31612345678", job="CEO")
    kept = bench.fake.of(ANN)
    assert kept["firstname"] == "Ann"
    assert kept["phone"] == "+31612345678"
    assert "CEO" not in kept.values()  # a field that nobody named stays here
    for column in ("consent_text", "confirmed_at", "form_version", "evidence", "unsubscribe_url", "purpose"):
        assert kept[f"optin_{column}"] == lead.columns[column]
    assert "Consent" in kept["optin_basis"]
    status = bench.fake.statuses[ANN, 71]
    assert status["legalBasis"] == "CONSENT_WITH_NOTICE"
    for column in ("confirmed_at", "form_version", "evidence", "consent_text"):
        assert lead.columns[column] in status["legalBasisExplanation"]


def test_fields_go_where_the_account_says(bench: Bench) -> None:
    """W11: a named field replaces the usual one, an empty name leaves a column out."""
    fields = {"job": "jobtitle", "consent_text": "words", "phone": ""}
    bench.account = replace(bench.account, fields=fields)
    assert "made the contact property jobtitle" in bench.run(HUBSPOT.set_up(bench.account))
    bench.confirm(job="CEO", phone="+31612345678")
    kept = bench.fake.of(ANN)
    assert kept["jobtitle"] == "CEO"
    assert kept["words"].startswith("Ja, stuur mij")
    assert "phone" not in kept
    assert "optin_consent_text" not in kept


def test_an_empty_value_leaves_what_hubspot_has(bench: Bench) -> None:
    """W11: who fills in less the second time loses nothing in the CRM."""
    bench.confirm(first_name="Ann")
    bench.confirm(first_name="")
    assert bench.fake.of(ANN)["firstname"] == "Ann"


def test_texts_are_cut_and_links_are_not(bench: Bench) -> None:
    """W11: a text as long as HubSpot holds, in whole characters; a part of a link would lead nowhere."""
    bench.confirm(consent_text="é" * 70_000, unsubscribe_url="https://x/" + "y" * 70_000)
    kept = bench.fake.of(ANN)
    assert kept["optin_consent_text"] == "é" * (65_536 // 2)
    assert "optin_unsubscribe_url" not in kept


def test_every_path_is_of_one_version(bench: Bench) -> None:
    """W11: pinned to 2026-09, and never an upsert in part, which HubSpot does not support by e-mail."""
    bench.confirm()
    bench.run(HUBSPOT.ended(bench.account, ANN, "tips"))
    bench.pull()
    bench.run(HUBSPOT.erased(bench.account, ANN))
    for call in bench.fake.calls:
        assert "/2026-09/" in call.path
        assert "batch" not in call.path
        assert "@" not in call.path


def test_an_erasure_is_by_id_and_blocks_no_address(bench: Bench) -> None:
    """W11: an erasure by an unknown e-mail would block it; a repeated one must not either."""
    for email in ADDRESSES:
        bench.confirm(email)
        for _ in range(2):
            bench.run(HUBSPOT.erased(bench.account, email))
        assert not bench.fake.knows(email)
        bench.confirm(email)
        assert bench.is_on(email, "tips")
    assert not bench.fake.blocked
    deleted = [it.content for it in bench.fake.calls if it.path.endswith("gdpr-delete")]
    assert len(deleted) == len(ADDRESSES)
    assert all(set(it) == {"objectId"} and it["objectId"].isdigit() for it in deleted)


def test_a_contact_made_meanwhile_is_updated(bench: Bench) -> None:
    """W11: HubSpot answers 409 and names the id in the words of its message alone."""
    bench.confirm(first_name="Ann")
    bench.fake.instead = [("PATCH", "contacts", ToolAnswer(404, {}, None))]
    bench.confirm(first_name="Anna")
    assert bench.fake.of(ANN)["firstname"] == "Anna"
    assert len(bench.fake.contacts) == 1


def test_a_conflict_without_an_id_is_tried_again(bench: Bench) -> None:
    """W11: other words than today's lose no lead."""
    none = ToolAnswer(404, {}, None)
    bench.fake.troubles = [none, none, none, ToolAnswer(409, {}, {"message": "Contact ann exists"})]
    assert bench.trouble(HUBSPOT.confirmed(bench.account, bench.lead())).kind is TroubleKind.LATER


@pytest.mark.parametrize(
    ("answer", "kind", "seconds"),
    [
        (ToolAnswer(429, {}, {"policyName": "TEN_SECONDLY_ROLLING"}), TroubleKind.LATER, 10),
        (ToolAnswer(429, {}, {"policyName": "DAILY"}), TroubleKind.LATER, 3600),
        (ToolAnswer(429, {"retry-after": "7"}, {"policyName": "DAILY"}), TroubleKind.LATER, 7),
        (ToolAnswer(429, {}, None), TroubleKind.LATER, 10),
        (ToolAnswer(423, {}, {"category": "LOCKED"}), TroubleKind.LATER, 2),
        (ToolAnswer(477, {"retry-after": "300"}, None), TroubleKind.LATER, 300),
        (ToolAnswer(502, {}, None), TroubleKind.LATER, 0),
        (
            ToolAnswer(400, {}, {"errors": [{"code": "INVALID_EMAIL"}], "message": ANN}),
            TroubleKind.REFUSED,
            0,
        ),
        (ToolAnswer(400, {}, {"errors": [{"code": ANN}], "category": ANN}), TroubleKind.REFUSED, 0),
        (ToolAnswer(400, {}, {"errors": [{"code": "PROPERTY_DOESNT_EXIST"}]}), TroubleKind.SETUP, 0),
    ],
)
def test_each_trouble_has_its_kind_and_wait(
    bench: Bench, answer: ToolAnswer, kind: TroubleKind, seconds: float
) -> None:
    """W11: limits by their policy, locks, migrations; final refusals by their code alone."""
    bench.fake.troubles = [answer]
    trouble = bench.trouble(HUBSPOT.confirmed(bench.account, bench.lead(last_name="Müller")))
    assert (trouble.kind, trouble.wait_seconds) == (kind, seconds)


def test_scopes_that_are_missing_are_said(bench: Bench) -> None:
    """W11: a token without a right is mended by somebody, and the sentence says how."""
    bench.fake.scopes = False
    trouble = bench.trouble(HUBSPOT.set_up(bench.account))
    assert trouble.kind is TroubleKind.SETUP
    assert "scopes" in trouble.says


def test_a_type_that_is_gone_waits_for_somebody(bench: Bench) -> None:
    """W11: at the check, and later when a lead comes: it is not lost."""
    bench.fake.definitions.pop(71)
    for steps in (HUBSPOT.set_up(bench.account), HUBSPOT.confirmed(bench.account, bench.lead())):
        trouble = bench.trouble(steps)
        assert trouble.kind is TroubleKind.SETUP
        assert "71" in trouble.says
    bench.fake.definitions[71] = False  # archived
    assert bench.trouble(HUBSPOT.set_up(bench.account)).kind is TroubleKind.SETUP
    bench.account = replace(bench.account, lists={"tips": "newsletter"})
    assert "number" in bench.trouble(HUBSPOT.confirmed(bench.account, bench.lead())).says


def test_a_property_that_cannot_be_made_says_which(bench: Bench) -> None:
    """W11: the officer makes it by hand, or names another."""
    del bench.fake.properties["optin_evidence"]
    bench.fake.unmakeable = {"optin_evidence"}
    trouble = bench.trouble(HUBSPOT.set_up(bench.account))
    assert trouble.kind is TroubleKind.SETUP
    assert "optin_evidence" in trouble.says


def test_a_property_that_cannot_be_made_now_waits() -> None:
    """W11: a server that is busy is no fault of the field."""
    bench = hubspot()
    bench.fake.instead = [("POST", "properties", ToolAnswer(503, {}, None))]
    assert bench.trouble(HUBSPOT.set_up(bench.account)).kind is TroubleKind.LATER


def test_a_property_of_another_type_is_refused(bench: Bench) -> None:
    """W11: a text would not fit in a number."""
    bench.fake.properties["optin_evidence"] = "number"
    assert "optin_evidence" in bench.trouble(HUBSPOT.set_up(bench.account)).says


def test_a_property_made_meanwhile_is_fine() -> None:
    """W11: 409 for what is there already."""
    bench = hubspot()
    bench.fake.instead = [("POST", "properties", ToolAnswer(409, {}, None))]
    assert bench.run(HUBSPOT.set_up(bench.account))


def test_a_subscription_that_stays_off_is_refused(bench: Bench) -> None:
    """W11: what the answer says counts, not its status."""
    answer = {"results": [{"subscriptionId": 71, "status": "UNSUBSCRIBED"}]}
    bench.fake.instead = [("POST", "statuses", ToolAnswer(200, {}, answer))]
    assert bench.trouble(HUBSPOT.confirmed(bench.account, bench.lead())).kind is TroubleKind.REFUSED


def test_an_end_takes_one_type_only(bench: Bench) -> None:
    """W11: the other purpose goes on; who is unknown is left unknown."""
    bench.confirm()
    bench.confirm(purpose="offers")
    bench.run(HUBSPOT.ended(bench.account, ANN, "tips"))
    assert not bench.is_on(ANN, "tips")
    assert bench.is_on(ANN, "offers")
    bench.run(HUBSPOT.ended(bench.account, "nobody@example.org", "tips"))
    assert not any(email == "nobody@example.org" for email, _ in bench.fake.statuses)


def test_an_end_reaches_an_address_whose_contact_was_deleted_by_hand(bench: Bench) -> None:
    """W11: HubSpot keeps subscriptions by address, so a contact that is made anew would be mailed."""
    bench.confirm()
    bench.fake.contacts.clear()
    bench.run(HUBSPOT.ended(bench.account, ANN, "tips"))
    bench.fake.create({"properties": {"email": ANN}, "associations": []})
    assert not bench.is_on(ANN, "tips")


def test_a_stop_of_one_type_is_of_that_purpose(bench: Bench) -> None:
    """W11: HubSpot tells types apart, so the other consent stays."""
    bench.confirm()
    bench.confirm(purpose="offers")
    bench.fake.stop(ANN, 72)
    bench.fake.wait(60)
    assert [(it.email, it.purposes) for it in bench.pull()] == [(ANN, ("offers",))]
    bench.fake.stop(ANN)
    bench.fake.wait(60)
    assert [(it.email, it.purposes) for it in bench.pull()] == [(ANN, ())]


def test_a_stop_that_the_search_did_not_know_comes_with_the_next_pull(bench: Bench) -> None:
    """W11: the search lags half a minute; the mark goes back further than that."""
    bench.confirm()
    bench.fake.wait(60)
    assert bench.pull() == []
    bench.fake.stop(ANN)
    assert bench.pull() == []
    bench.fake.wait(60)
    assert [it.email for it in bench.pull()] == [ANN]
    bench.fake.wait(3600)
    assert bench.pull()  # once more: the overlap
    assert bench.pull() == []


def many_stop(bench: Bench, people: int, seconds: float) -> list[str]:
    """Let people unsubscribe in HubSpot, one after the other; return their addresses."""
    emails = [f"p{it}@example.org" for it in range(people)]
    for email in emails:
        bench.fake.create({"properties": {"email": email}, "associations": []})
        bench.fake.stop(email)
        bench.fake.wait(seconds)
    bench.fake.wait(60)
    return emails


def test_many_stops_come_page_by_page(bench: Bench) -> None:
    """W11, S5: more than one search gives are gone on with; nobody is left out."""
    emails = many_stop(bench, 450, 1)
    assert [it.email for it in bench.pull()] == emails


def test_a_pull_has_an_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """S5: so many pages, and the next pull goes on where this one was cut; never for ever at one place."""
    monkeypatch.setattr("optin.export.connectors.hubspot.PAGES", 2)
    monkeypatch.setattr("optin.export.connectors.hubspot.ROWS", 3)
    emails = many_stop(bench, 20, 0.1)
    for _ in range(8):
        assert len(bench.pull()) <= 6
    assert {it.email for it in bench.pulled} == set(emails)


def test_more_types_than_one_search_takes(bench: Bench) -> None:
    """W11: five groups of filters at most."""
    kinds = range(100, 112)
    bench.fake.definitions = dict.fromkeys(kinds, True)
    bench.fake.properties |= {f"hs_email_optout_{it}": "bool" for it in kinds}
    bench.account = replace(bench.account, lists={f"p{it}": str(it) for it in kinds})
    bench.confirm(purpose="p100")
    bench.fake.stop(ANN, 111)
    bench.fake.stop(ANN, 100)
    bench.fake.wait(60)
    assert [set(it.purposes) for it in bench.pull()] == [{"p111", "p100"}]
    bench.fake.stop(ANN)
    bench.fake.wait(60)
    assert [it.purposes for it in bench.pull()] == [()]
