"""Mailchimp: its traps, against a fake that answers by the description of the Marketing API 3.0."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optin.export.connectors.mailchimp import MAILCHIMP
from optin.export.connectors.tool import ToolAccount, ToolAnswer, TroubleKind
from tests.export.connectors.benches import mailchimp, mailchimp_audiences
from tests.export.connectors.driver import ANN, Bench
from tests.export.connectors.fake_mailchimp import Member, digest, problem

KEY = ("a1b2c3", digest(ANN))


@pytest.fixture
def bench() -> Bench:
    made = mailchimp()
    made.run(MAILCHIMP.set_up(made.account))
    made.fake.calls.clear()
    return made


def test_the_key_says_where_mailchimp_is() -> None:
    """W11: its data centre is the end of the key."""
    assert MAILCHIMP.address(ToolAccount("0123-us21")) == "https://us21.api.mailchimp.com/3.0"


@pytest.mark.parametrize(
    "key", ["", "0123", "0123-", "0123-US21", "0123-evil.example/", "0123-us21\n", "us21"]
)
def test_a_key_without_a_data_centre_is_refused(key: str) -> None:
    """W11, S5: a key is no way to another server."""
    account = ToolAccount(key, lists={"tips": "a1b2c3"})
    with pytest.raises(ValueError, match="data centre"):
        MAILCHIMP.address(account)
    bench = replace(mailchimp(), account=account)
    assert bench.trouble(MAILCHIMP.set_up(account)).kind is TroubleKind.SETUP
    assert not bench.fake.calls


def test_a_consent_is_kept_in_the_members_fields(bench: Bench) -> None:
    """W11: time in Mailchimp's own field; words, form, proof and link in fields of ten characters."""
    lead = bench.confirm(first_name="Ann", phone="+31612345678", job="CEO")
    kept = bench.fake.members[KEY]
    assert kept.opted[:19] == lead.columns["confirmed_at"][:19]
    assert kept.fields["FNAME"] == "Ann"
    assert kept.fields["OPTTEXT"] == lead.columns["consent_text"]
    assert kept.fields["OPTFORM"] == lead.columns["form_version"]
    assert kept.fields["OPTPROOF"] == lead.columns["evidence"]
    assert kept.fields["OPTSTOP"] == lead.columns["unsubscribe_url"]
    assert "Consent" in kept.fields["OPTBASIS"]
    assert "CEO" not in kept.fields.values()


def test_nobody_is_asked_again(bench: Bench) -> None:
    """W11: no second mail to confirm, neither for a new member nor for one that came back."""
    bench.confirm()
    bench.stop(ANN)
    bench.trouble(MAILCHIMP.confirmed(bench.account, bench.lead()))
    assert not bench.fake.asked_again
    assert not any("pending" in str(it.content) for it in bench.fake.calls)


def test_the_address_is_hashed_in_lower_case(bench: Bench) -> None:
    """W11: MD5 of the address in lower case, as Mailchimp finds it."""
    bench.confirm("ANN+News@Example.org")
    assert bench.is_on(ANN, "tips")


def test_texts_are_cut_to_255_bytes_and_links_are_not(bench: Bench) -> None:
    """W11: in whole characters; a part of a link would lead nowhere."""
    bench.confirm(consent_text="é" * 200, unsubscribe_url="https://x/" + "y" * 250)
    kept = bench.fake.members[KEY].fields
    assert kept["OPTTEXT"] == "é" * 127
    assert "OPTSTOP" not in kept


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Member In Compliance State", "an unsubscribe, a bounce or a review"),
        ("Forgotten Email Not Subscribed", "deleted for good"),
    ],
)
def test_who_is_kept_out_is_told_to_the_officer(bench: Bench, title: str, words: str) -> None:
    """W11: in plain words, and nothing is tried for ever."""
    bench.fake.instead = [("PUT", "members", problem(400, title, f"{ANN} cannot be subscribed"))]
    trouble = bench.trouble(MAILCHIMP.confirmed(bench.account, bench.lead()))
    assert trouble.kind is TroubleKind.REFUSED
    assert words in trouble.says
    assert "form of Mailchimp" in trouble.says


@pytest.mark.parametrize(
    ("answer", "kind", "seconds"),
    [
        (ToolAnswer(403, {}, None), TroubleKind.LATER, 0),
        (problem(403, "Forbidden", "no"), TroubleKind.SETUP, 0),
        (problem(429, "Too Many Requests", "10 simultaneous connections"), TroubleKind.LATER, 0),
        (problem(500, "Internal Server Error", ANN), TroubleKind.LATER, 0),
        (problem(400, "Invalid Resource", f"{ANN} looks fake or invalid"), TroubleKind.REFUSED, 0),
        (
            problem(400, "Invalid Resource", f"{ANN} has signed up to a lot of lists very recently; not now"),
            TroubleKind.LATER,
            3600,
        ),
        (ToolAnswer(200, {}, {"status": "pending"}), TroubleKind.REFUSED, 0),
    ],
)
def test_each_trouble_has_its_kind(
    bench: Bench, answer: ToolAnswer, kind: TroubleKind, seconds: float
) -> None:
    """W11: a 403 without JSON is a limit; a person who signed up everywhere waits."""
    bench.fake.instead = [("PUT", "members", answer)]
    trouble = bench.trouble(MAILCHIMP.confirmed(bench.account, bench.lead()))
    assert (trouble.kind, trouble.wait_seconds) == (kind, seconds)


def test_a_number_that_the_field_does_not_take_is_left_out(bench: Bench) -> None:
    """W11: an audience with American numbers; the lead is kept without it."""
    bench.fake.american_phones = True
    bench.confirm(phone="+31612345678", first_name="Ann")
    kept = bench.fake.members[KEY].fields
    assert kept["FNAME"] == "Ann"
    assert "PHONE" not in kept
    assert bench.is_on(ANN, "tips")


def test_a_field_that_is_gone_is_no_fault_of_the_person(bench: Bench) -> None:
    """W11: a consent is not told without its proof; it waits until the field is made."""
    del bench.fake.fields["a1b2c3"]["OPTPROOF"]
    trouble = bench.trouble(MAILCHIMP.confirmed(bench.account, bench.lead()))
    assert trouble.kind is TroubleKind.SETUP
    assert "OPTPROOF" in trouble.says


def test_an_audience_that_is_gone_waits_for_somebody(bench: Bench) -> None:
    """W11: neither a lead is lost nor an end: the key may be of another account, where nobody is known."""
    bench.fake.fields.clear()
    for steps in (
        MAILCHIMP.set_up(bench.account),
        MAILCHIMP.confirmed(bench.account, bench.lead()),
        MAILCHIMP.ended(bench.account, ANN, "tips"),
        MAILCHIMP.erased(bench.account, ANN),
    ):
        trouble = bench.trouble(steps)
        assert trouble.kind is TroubleKind.SETUP
        assert "a1b2c3" in trouble.says


def test_fields_that_cannot_be_made_say_which() -> None:
    """W11: 30 in an audience; a name too long; a field of another type."""
    bench = mailchimp()
    bench.fake.most_fields = 5
    says = bench.trouble(MAILCHIMP.set_up(bench.account)).says
    assert "30 at most" in says
    assert "OPTPURPOSE" in says
    bench.fake.most_fields = 30
    bench.fake.fields["a1b2c3"]["OPTPROOF"] = "number"
    assert "OPTPROOF" in bench.trouble(MAILCHIMP.set_up(bench.account)).says
    bench.account = replace(bench.account, fields={"consent_text": "CONSENT_TEXT"})
    assert "ten" in bench.trouble(MAILCHIMP.set_up(bench.account)).says


def test_an_audience_of_two_purposes_needs_tags() -> None:
    """W11: the end of one would unsubscribe from both."""
    bench = mailchimp()
    bench.account = replace(bench.account, lists={"tips": "a1b2c3", "offers": "a1b2c3/offers"})
    trouble = bench.trouble(MAILCHIMP.set_up(bench.account))
    assert trouble.kind is TroubleKind.SETUP
    assert "a1b2c3/tag" in trouble.says


def test_an_end_takes_the_tag_and_leaves_the_member(bench: Bench) -> None:
    """W11: the other purpose goes on."""
    bench.confirm()
    bench.confirm(purpose="offers")
    bench.run(MAILCHIMP.ended(bench.account, ANN, "tips"))
    assert bench.fake.members[KEY].status == "subscribed"
    assert bench.fake.members[KEY].tags == {"offers/monthly"}


def test_an_end_of_who_stopped_before_is_no_trouble() -> None:
    """W11: Mailchimp may refuse to change who is in a compliance state; it does not mail them either."""
    bench = mailchimp_audiences()
    bench.run(MAILCHIMP.set_up(bench.account))
    bench.confirm()
    for title in ("Member In Compliance State", "Forgotten Email Not Subscribed"):
        bench.fake.instead = [("PATCH", "members", problem(400, title, ANN))]
        bench.run(MAILCHIMP.ended(bench.account, ANN, "tips"))
    bench.fake.instead = [("PATCH", "members", problem(400, "Invalid Resource", ANN))]
    assert bench.trouble(MAILCHIMP.ended(bench.account, ANN, "tips")).kind is TroubleKind.REFUSED


def test_a_stop_is_of_the_purposes_of_the_audience() -> None:
    """W11: an audience is one unsubscribe; another audience goes on."""
    bench = mailchimp_audiences()
    bench.run(MAILCHIMP.set_up(bench.account))
    bench.confirm()
    bench.stop(ANN)
    assert [(it.email, it.purposes) for it in bench.pull()] == [(ANN, ("tips",))]


def test_many_stops_come_page_by_page(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """W11, S5: pages overlap and have an end; the next pull goes on where this one was cut."""
    for name, number in (("ROWS", 10), ("STEP", 8), ("PAGES", 3)):
        monkeypatch.setattr(f"optin.export.connectors.mailchimp.{name}", number)
    emails = [f"p{it}@example.org" for it in range(100)]
    for email in emails:
        bench.fake.members["a1b2c3", digest(email)] = Member(email, "unsubscribed", bench.fake.now)
        bench.fake.wait(1)
    for _ in range(6):
        assert len(bench.pull()) <= 26
    assert {it.email for it in bench.pulled} == set(emails)
