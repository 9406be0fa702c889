"""MailerLite: its traps, against a fake that answers by its developers' pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optin.export.connectors.mailerlite import MAILERLITE
from optin.export.connectors.tool import ToolAnswer, TroubleKind
from tests.export.connectors.benches import mailerlite, mailerlite_that_keeps_out
from tests.export.connectors.driver import ANN, Bench
from tests.export.connectors.fake_mailerlite import Subscriber, invalid


@pytest.fixture
def bench() -> Bench:
    made = mailerlite()
    made.run(MAILERLITE.set_up(made.account))
    made.fake.calls.clear()
    return made


def test_a_consent_is_kept_in_fields_and_its_own_time(bench: Bench) -> None:
    """W11: the time as MailerLite writes times, in UTC; words, form, proof and link in fields."""
    lead = bench.confirm(first_name="Ann", phone="+31612345678", job="CEO")
    kept = bench.fake.subscribers[ANN]
    assert kept.opted == lead.columns["confirmed_at"][:19].replace("T", " ")
    assert kept.fields["name"] == "Ann"
    for column in ("consent_text", "form_version", "evidence", "unsubscribe_url", "purpose"):
        assert kept.fields[f"optin_{column}"] == lead.columns[column]
    assert "Consent" in kept.fields["optin_basis"]
    assert "CEO" not in kept.fields.values()


def test_a_time_with_an_offset_is_told_in_utc(bench: Bench) -> None:
    """W11: MailerLite's times have no offset."""
    bench.confirm(confirmed_at="2026-11-29T11:02:00.500+02:00")
    assert bench.fake.subscribers[ANN].opted == "2026-11-29 09:02:00"


def test_groups_are_told_as_texts(bench: Bench) -> None:
    """W11: their numbers are longer than a number of JSON holds exactly."""
    bench.confirm()
    assert [it.content["groups"] for it in bench.fake.calls if it.method == "POST"] == [["4243829086487936"]]


def test_who_stopped_before_a_new_consent_comes_back_for_it_alone(bench: Bench) -> None:
    """W11: an unsubscribe is of all groups; a new consent must not bring back the others."""
    bench.confirm()
    bench.stop(ANN)
    bench.confirm(purpose="offers")
    assert bench.fake.subscribers[ANN].groups == {"4243829086487937"}
    assert "resubscribe" not in bench.fake.calls[1].content  # only when it is needed


def test_who_is_kept_out_is_told_to_the_officer() -> None:
    """W11: an answer of 422 for who unsubscribed; what MailerLite's pages say about it differs."""
    bench = mailerlite_that_keeps_out()
    bench.run(MAILERLITE.set_up(bench.account))
    bench.confirm()
    bench.stop(ANN)
    bench.fake.wait(60)
    trouble = bench.trouble(MAILERLITE.confirmed(bench.account, bench.lead()))
    assert trouble.kind is TroubleKind.REFUSED
    assert "unsubscribed" in trouble.says


@pytest.mark.parametrize("status", ["bounced", "junk"])
def test_who_bounced_or_complained_is_refused(bench: Bench, status: str) -> None:
    """W11: whatever was told about it before."""
    bench.confirm()
    bench.fake.subscribers[ANN].status = status
    assert bench.trouble(MAILERLITE.confirmed(bench.account, bench.lead())).kind is TroubleKind.REFUSED


@pytest.mark.parametrize("status", ["unsubscribed", "unconfirmed", "bounced", "new"])
def test_the_status_in_the_answer_counts(bench: Bench, status: str) -> None:
    """W11: 200 alone does not mean that the person is mailed."""
    bench.fake.instead = [("POST", "subscribers", ToolAnswer(200, {}, {"data": {"status": status}}))]
    assert bench.trouble(MAILERLITE.confirmed(bench.account, bench.lead())).kind is TroubleKind.REFUSED


def test_an_account_that_asks_again_is_said(bench: Bench) -> None:
    """W11: the person confirmed already; the setting is to be turned off."""
    bench.fake.asks_again = True
    trouble = bench.trouble(MAILERLITE.confirmed(bench.account, bench.lead()))
    assert "turn off double opt-in" in trouble.says


@pytest.mark.parametrize(
    ("answer", "kind", "seconds"),
    [
        (ToolAnswer(429, {"retry-after": "31"}, {"message": "Too Many Attempts."}), TroubleKind.LATER, 31),
        (ToolAnswer(503, {}, None), TroubleKind.LATER, 0),
        (ToolAnswer(403, {}, None), TroubleKind.SETUP, 0),
        (ToolAnswer(404, {}, None), TroubleKind.REFUSED, 0),
        (invalid("email", f"{ANN} must be a valid email address."), TroubleKind.REFUSED, 0),
        (invalid("fields.name", f"{ANN} is too long"), TroubleKind.REFUSED, 0),
        (ToolAnswer(200, {}, {"data": {}}), TroubleKind.LATER, 0),
    ],
)
def test_each_trouble_has_its_kind_and_wait(
    bench: Bench, answer: ToolAnswer, kind: TroubleKind, seconds: float
) -> None:
    """W11: limits with Retry-After; what is invalid is never quoted."""
    bench.fake.instead = [("POST", "subscribers", answer)]
    trouble = bench.trouble(MAILERLITE.confirmed(bench.account, bench.lead()))
    assert (trouble.kind, trouble.wait_seconds) == (kind, seconds)


def test_a_group_that_is_gone_waits_for_somebody(bench: Bench) -> None:
    """W11: at the check, and when a lead comes: it is not lost. An end has nothing left to end."""
    bench.confirm()
    bench.fake.groups.remove("4243829086487936")
    for steps in (MAILERLITE.set_up(bench.account), MAILERLITE.confirmed(bench.account, bench.lead())):
        trouble = bench.trouble(steps)
        assert trouble.kind is TroubleKind.SETUP
        assert "4243829086487936" in trouble.says
    bench.run(MAILERLITE.ended(bench.account, ANN, "tips"))


def test_a_group_is_found_on_a_later_page(bench: Bench) -> None:
    """W11: an account with many groups."""
    bench.fake.groups = [*(str(it) for it in range(250)), *bench.fake.groups]
    assert bench.run(MAILERLITE.set_up(bench.account)) == ()


def test_a_list_of_groups_has_an_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """S5: so many pages, and no more."""
    monkeypatch.setattr("optin.export.connectors.mailerlite.LIST_PAGES", 2)
    bench.fake.groups = [*(str(it) for it in range(250)), *bench.fake.groups]
    assert bench.trouble(MAILERLITE.set_up(bench.account)).kind is TroubleKind.SETUP


def test_fields_that_do_not_fit_say_which(bench: Bench) -> None:
    """W11: one that cannot be made, one of another type, and one that gets another key than its name."""
    for fields, words in (
        ({"job": "bad"}, "bad"),
        ({"job": "age"}, "no text"),
        ({"job": "ZIP"}, "'z_i_p'"),
    ):
        bench.fake.unmakeable = {"bad"}
        bench.fake.fields["age"] = "number"
        bench.account = replace(bench.account, fields=fields)
        trouble = bench.trouble(MAILERLITE.set_up(bench.account))
        assert trouble.kind is TroubleKind.SETUP
        assert words in trouble.says


def test_an_end_takes_one_group(bench: Bench) -> None:
    """W11: the other purpose goes on; who is unknown is no trouble."""
    bench.confirm()
    bench.confirm(purpose="offers")
    bench.run(MAILERLITE.ended(bench.account, ANN, "tips"))
    assert bench.fake.subscribers[ANN].groups == {"4243829086487937"}
    bench.run(MAILERLITE.ended(bench.account, "nobody@example.org", "tips"))


def test_an_erasure_is_for_good(bench: Bench) -> None:
    """W11: forgotten, not only deleted, by the id; twice is no trouble."""
    bench.confirm()
    for _ in range(2):
        bench.run(MAILERLITE.erased(bench.account, ANN))
    assert not bench.fake.knows(ANN)
    assert [it.path for it in bench.fake.calls if "forget" in it.path] == [
        "/subscribers/31986843064993538/forget"
    ]


def test_a_stop_is_of_everything(bench: Bench) -> None:
    """W11: MailerLite knows no unsubscribe of one group; stops of before the mark are left out."""
    bench.confirm()
    bench.stop(ANN)
    assert [(it.email, it.purposes) for it in bench.pull()] == [(ANN, ())]
    bench.fake.wait(3600)
    bench.pull()
    assert bench.pull() == []


def test_many_stops_come_page_by_page(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """W11, S5: so many pages a pull; the next one goes on at the cursor, and then looks from the start."""
    monkeypatch.setattr("optin.export.connectors.mailerlite.ROWS", 10)
    monkeypatch.setattr("optin.export.connectors.mailerlite.PAGES", 3)
    emails = [f"p{it}@example.org" for it in range(100)]
    for number, email in enumerate(emails):
        it = Subscriber(str(10**16 + number), email, "unsubscribed", unsubscribed=bench.fake.now)
        bench.fake.subscribers[email] = it
    bench.fake.wait(60)
    for _ in range(4):
        assert len(bench.pull()) <= 30
    assert [it.email for it in bench.pulled] == emails[::-1]
    bench.confirm()
    bench.stop(ANN)
    bench.pull()
    assert ANN in {it.email for it in bench.pulled}
