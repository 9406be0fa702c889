"""The pure middle: the table of statuses, periods, addresses, codes and what is read from a form."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.consent.confirmation_code import DIGITS, code_matches, new_code, spaced_code
from optin.consent.email_and_telephone import address_key, as_mailed, mailbox_of, parse_email, parse_phone
from optin.consent.event_content import rfc3339
from optin.consent.form_version import FormDeclaration
from optin.consent.kind_specific_details import DetailsPart
from optin.consent.posted_form import FieldProblem, FormInput, ValidEntry, read_entry, read_form_input
from optin.consent.purpose import ConsentKey
from optin.consent.retention_period import RetentionPeriod
from optin.consent.signed_links import LinkKind, Links
from optin.consent.status_transitions import (
    TRANSITIONS,
    ConsentRecord,
    EventKind,
    Status,
    StatusEvent,
    TransitionRefused,
    apply_event,
    record_from_events,
)
from optin.errors import LinkForged, PostMalformed
from optin.proof.canonical_json import canonical, parse
from optin.proof.commitment import commit, leaf_digest, opens
from tests.world import CALL, DECLARATION, NOON, TIPS, TIPS_BY_EMAIL

KINDS = [
    kind for kind in EventKind if any(kind in row for row in TRANSITIONS.values())
]  # the others change no status


@given(st.lists(st.sampled_from(KINDS), max_size=12))
def test_a_status_follows_the_table_or_is_refused(kinds: list[EventKind]) -> None:
    """P1: what is absent from the table is refused; a request changes nothing but nothing."""
    record = ConsentRecord()
    for step, kind in enumerate(kinds):
        at = NOON + timedelta(minutes=step)
        allowed = TRANSITIONS[record.status].get(kind)
        happening = StatusEvent(kind, at, asked_at=at)
        if allowed is None:
            with pytest.raises(TransitionRefused):
                apply_event(record, happening)
            return
        following = apply_event(record, happening)
        assert following.status is allowed
        if kind is EventKind.REQUESTED and record.status is not None:
            assert following == record
        record = following


def test_an_older_request_never_undoes_a_withdrawal() -> None:
    """D4: asked before, confirmed after: refused, whatever came between."""
    steps = [EventKind.REQUESTED, EventKind.CONFIRMED, EventKind.WITHDRAWN]
    done = [StatusEvent(kind, NOON + timedelta(hours=n), asked_at=NOON) for n, kind in enumerate(steps)]
    late = StatusEvent(EventKind.CONFIRMED, NOON + timedelta(days=1), asked_at=NOON)
    with pytest.raises(TransitionRefused):
        record_from_events([*done, late])
    asked_anew = NOON + timedelta(hours=3)
    anew = StatusEvent(EventKind.CONFIRMED, NOON + timedelta(days=1), asked_at=asked_anew)
    assert record_from_events([*done, anew]).status is Status.GIVEN


def test_a_consent_is_named_by_its_purpose_and_channel() -> None:
    """P1: one key, whoever names it; what is no name has no consent."""
    tips, call = (question.key for question in DECLARATION.questions)
    assert tips == TIPS_BY_EMAIL == ConsentKey.parse("tips-email", "email")
    assert {tips: 1, call: 2}[ConsentKey.parse("tips-email", "email")] == 1
    assert sorted([tips, call]) == [call, tips]
    assert str(call) == "follow-up-phone by phone"
    with pytest.raises(ValueError, match="a fax"):
        ConsentKey.parse("tips-email", "a fax")


def test_the_table_in_the_documentation_is_the_table() -> None:
    """P1: what the officer reads is what the program does."""
    text = (Path(__file__).parents[2] / "docs" / "consent.md").read_text("utf-8")
    rows = re.findall(r"^\| (none|pending|given|withdrawn|revoked|expired) \|(.*)\|$", text, re.MULTILINE)
    assert len(rows) == len(TRANSITIONS)
    for name, cells in rows:
        status = None if name == "none" else Status(name)
        told = [cell.strip() for cell in cells.split("|")]
        known = [TRANSITIONS[status].get(kind) for kind in KINDS]
        assert told == ["" if then is None else then.value for then in known]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("24 months", datetime(2026, 11, 23, tzinfo=UTC), datetime(2028, 11, 23, tzinfo=UTC)),
        ("1 month", datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)),
        ("1 year", datetime(2028, 2, 29, tzinfo=UTC), datetime(2029, 2, 28, tzinfo=UTC)),
        ("72 hours", datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 3, tzinfo=UTC)),
        ("2 weeks", datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 14, tzinfo=UTC)),
    ],
)
def test_a_period_ends_where_a_calendar_says(text: str, start: datetime, end: datetime) -> None:
    """R8: months are months of the calendar, hours are hours."""
    assert RetentionPeriod.parse(text).after(start) == end


@pytest.mark.parametrize("text", ["", "forever", "0 days", "1.5 years", "-1 day", "10000 years", "3 moons"])
def test_what_is_no_period_is_refused(text: str) -> None:
    """M5: a retention that nobody can compute is none."""
    with pytest.raises(ValueError, match="not a period"):
        RetentionPeriod.parse(text)


@given(st.text(max_size=300))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    """S5: never anything else; what is taken is one line without spaces."""
    try:
        address = parse_email(text)
    except ValueError:
        return
    assert re.fullmatch(r"\S+@\S+", address)
    assert address_key(address) == address_key(parse_email(address))


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("alice@example.com", "alice@example.com"),
        ("Alice+tag@Example.com", "alice@example.com"),
        ("a.li.ce+1+2@gmail.com", "alice@gmail.com"),
        ("a.lice@googlemail.com", "alice@gmail.com"),
        ("a.lice@example.com", "a.lice@example.com"),
        ("+tag@example.com", "+tag@example.com"),
    ],
)
def test_a_mailbox_has_many_addresses(address: str, mailbox: str) -> None:
    """D8: folded for counting; who somebody is follows from the address as it is."""
    assert mailbox_of(parse_email(address)) == mailbox
    assert address_key(parse_email(address)) == address.lower().encode()


def test_mail_goes_to_a_domain_that_every_server_knows() -> None:
    """D1: an address with letters of its own language is mailed by its domain in ASCII."""
    assert as_mailed(parse_email("jan@b\u00fccher.de")) == "jan@xn--bcher-kva.de"
    assert as_mailed(parse_email("jos\u00e9@b\u00fccher.de")) == "jos\u00e9@xn--bcher-kva.de"
    assert as_mailed(parse_email("jan@example.com")) == "jan@example.com"
    assert parse_email("jan@xn--bcher-kva.de") == parse_email("jan@b\u00fccher.de")


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("020 1234567 ext 12", "NL"), ("020 1234567;ext=12", "NL"), ("0900 1234", "NL"),
        ("0906 1234", "NL"), ("0180 5 123456", "DE"), ("112", "NL"), ("+31 112", "NL"), ("911", "US"),
    ],
)  # fmt: skip
def test_a_number_that_nobody_should_call_is_refused(number: str, country: str) -> None:
    """F4: an extension would be lost; premium rates, shared costs and emergency numbers reach no prospect."""
    with pytest.raises(ValueError, match="not a telephone"):
        parse_phone(number, country)


def test_a_number_has_one_form() -> None:
    """F4: national and international spelling are one number."""
    assert parse_phone("06 12345678", "NL") == parse_phone("+31 6 12345678", "DE") == "+31612345678"
    for wrong in ("", "12", "abc", "+999999999999", "0" * 300):
        with pytest.raises(ValueError, match="not a telephone"):
            parse_phone(wrong, "NL")


@given(st.text(max_size=20))
def test_only_the_code_matches(typed: str) -> None:
    """D3: however it is spaced, nothing else."""
    code = new_code()
    assert len(code) == DIGITS
    assert code_matches(code, spaced_code(code))
    assert code_matches(code, f" {code[:2]}-{code[2:]}\t")
    assert code_matches("12345678", typed) == (re.sub(r"[^0-9]", "", typed) == "12345678")


def typed(**values: str) -> FormInput:
    ticked = tuple(values.pop("consent", "").split())
    return FormInput(tuple({"email": "", "first_name": "", "phone": "", **values}.items()), ticked)


def test_an_entry_holds_what_the_form_asked_and_no_more() -> None:
    """F1, F4: ticks in the form's order, empty fields left out, a number in its one form."""
    entry = read_entry(
        DECLARATION,
        typed(email="a@example.com", phone="020 123 4567", consent=f"{CALL} {TIPS}"),
        "NL",
        DetailsPart(),
    )
    assert entry == ValidEntry(parse_email("a@example.com"), (("phone", "+31201234567"),), (TIPS, CALL))


def test_a_number_is_kept_only_for_who_wants_to_be_called() -> None:
    """F4: without a telephone box there is nothing to use it for, right or wrong (GDPR 5(1)(c))."""
    for number in ("020 123 4567", "1"):
        entry = read_entry(
            DECLARATION, typed(email="a@example.com", phone=number, consent=TIPS), "NL", DetailsPart()
        )
        assert entry == ValidEntry(parse_email("a@example.com"), (), (TIPS,))


def test_every_problem_is_told_at_once() -> None:
    """F6: nobody mends one mistake to meet the next."""
    problems = read_entry(DECLARATION, typed(first_name="x" * 201, consent=CALL), "NL", DetailsPart())
    assert problems == (
        FieldProblem("email", "email-missing"),
        FieldProblem("first_name", "too-long"),
        FieldProblem("phone", "phone-missing"),
    )


def test_a_post_with_more_than_the_form_has_is_refused() -> None:
    """S5: a field twice, a field that is not there, a box that is not there."""
    for posted in (
        [("email", "a"), ("email", "b")],
        [("admin", "1")],
        [("consent", "everything")],
        [("consent", TIPS), ("consent", TIPS)],
    ):
        with pytest.raises(PostMalformed):
            read_form_input(DECLARATION, posted, DetailsPart())


def test_a_declaration_comes_back_as_it_was() -> None:
    """P2: canonical JSON, there and back."""
    data = canonical(DECLARATION.as_json())
    assert FormDeclaration.from_json(parse(data)) == DECLARATION
    assert canonical(parse(data)) == data
    with pytest.raises(ValueError, match="object"):
        parse(b"[]")


def test_links_live_through_a_rotation_of_keys() -> None:
    """S2: the newest key signs, every key reads; a key that was dropped reads no more."""
    old, new = b"o" * 32, b"n" * 32
    token = Links([old]).sign(LinkKind.UNSUBSCRIBE, b"payload", NOON)
    assert Links([old, new]).read(LinkKind.UNSUBSCRIBE, token, NOON, None) == b"payload"
    with pytest.raises(LinkForged):
        Links([new]).read(LinkKind.UNSUBSCRIBE, token, NOON, None)


@given(st.binary(max_size=60), st.binary(min_size=32, max_size=32))
def test_a_commitment_opens_with_its_salt_and_bytes_alone(data: bytes, salt: bytes) -> None:
    """P1: binding, and hiding behind the salt."""
    commitment = commit(salt, data)
    assert opens(commitment, salt, data)
    assert not opens(commitment, salt, data + b"x")
    assert not opens(None, salt, data)
    assert leaf_digest(data) != leaf_digest(data + b"x")


def test_times_are_written_to_the_millisecond() -> None:
    """P1: UTC, RFC 3339."""
    assert rfc3339(NOON) == "2026-11-23T12:00:00.123Z"
    with pytest.raises(ValueError, match="32"):
        commit(b"short", b"")
