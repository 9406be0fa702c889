"""What people ask about their data: written down with its last day, answered, proven, and forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from optin.consent.channel import TELEPHONE
from optin.consent.email_and_telephone import EmailAddress, parse_email
from optin.consent.retention_period import RetentionPeriod
from optin.consent.rights_request import ArrivalWay, Outcome, Right, RightsRequest
from optin.consent.status_transitions import ID_BYTES
from optin.errors import ClockDoubted, RequestRefused, RulesUnusable
from optin.flows.delivery.waiting_matters import waiting_matters
from optin.flows.rights.count_immediate_actions import count_immediate_actions
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.officer_requests import OfficerRequest, erase_on_request, record_officer_request
from optin.flows.rights.personal_data import record_access, view_personal
from optin.flows.rights.rights_requests import (
    AskedRight,
    Reply,
    answer_request,
    extend_request,
    list_requests,
    note_request,
)
from optin.jobs.sweep_runner import sweep
from optin.rules.deadlines import DeadlineName, deadline_on, months_after, read_deadlines
from optin.settings.site import Retention
from optin.store.encryption import EncryptedCell
from optin.store.officer_actions import opened_reason
from tests.flows.test_deletion_clock import jump
from tests.flows.test_deletion_grounds import findings, forge
from tests.world import CALL, TIPS, World, mark_trusted

ALICE = "alice@example.com"
TODAY = date(2026, 11, 23)  # of the world
PHONE = "+31201234567"
SENT = Reply(Outcome.DONE, "Rita", "sent a copy")
ROW = """
[[deadlines]]
id = "{name}"
{unit} = 1
since = {since}
{until}
article = "a"
source = "s"
checked = 2026-11-29
"""


def reasons(world: World) -> list[str]:
    """Return every reason that is kept of what officers did."""
    rows = world.store.read(lambda tx: tx.all("SELECT sealed FROM rights_action ORDER BY id"))
    return [opened_reason(world.vault, "rights_action", bytes(row[0]))["why"] for row in rows]


@pytest.mark.parametrize("joined", [True, False])
def test_no_reason_that_staff_typed_outlives_the_person(world: World, *, joined: bool) -> None:
    """R5, P9: nor that of the erasure itself; who erased, when and for which request stays."""
    if joined:
        world.join(ALICE, TIPS)
    index, words = world.vault.index(parse_email(ALICE)), "letter of Alice Smith, Main St 1"
    number = ask(world, Right.ERASURE).number
    show = OfficerRequest(index, "Rita", words)
    world.run(record_officer_request, handling=show, what="show", now=world.now)
    assert reasons(world) == [words]
    handling = OfficerRequest(index, "Rita", words, number)
    gone = world.run(erase_on_request, handling=handling, lang="nl", now=world.now)
    assert (gone is not None) == joined
    assert reasons(world) == ["", f"request {number}"]
    (request,) = [it for it in listed(world) if it is not None]
    assert request.answer is not None
    assert (request.answer.why, request.note) == ("", "")


def ask(
    world: World, right: Right = Right.ACCESS, arrived: date = TODAY, who: str = ALICE, note: str = "in Dutch"
) -> RightsRequest:
    index = world.vault.index(parse_email(who))
    asked = AskedRight(index, who, right, arrived, ArrivalWay.LETTER, "Rita", note)
    return world.run(note_request, asked=asked, now=world.now)


def answer(world: World, number: int, reply: Reply = SENT) -> RightsRequest:
    return world.run(answer_request, number=number, reply=reply, now=world.now)


def extend(world: World, number: int, months: int, on: date | None = None) -> RightsRequest:
    told = (months, on, "Rita", "three thousand mails")
    return world.run(extend_request, number=number, extension=told, now=world.now)


def listed(world: World, *, is_open: bool = True, answered: bool = True) -> list[RightsRequest | None]:
    return [it.request for it in world.view(list_requests, is_open=is_open, answered=answered)]


def matters(world: World) -> list[str]:
    return [it.name for it in world.view(waiting_matters, now=world.now)]


def index_of(world: World, email: str = ALICE) -> bytes:
    return world.vault.index(EmailAddress(email))


@pytest.mark.parametrize(
    ("arrived", "months", "last"),
    [
        (date(2026, 3, 5), 1, date(2026, 4, 5)),
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 8, 31), 1, date(2026, 9, 30)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
    ],
)
def test_a_month_ends_on_its_date_or_on_the_last_day(arrived: date, months: int, last: date) -> None:
    """L9, K5: as Regulation 1182/71, article 3(2)(c) counts; a weekend does not make it later."""
    assert months_after(arrived, months) == last


def test_the_deadlines_are_data_of_their_day() -> None:
    """L8, L9: a change of law is a row; a gap, an overlap or no unit is refused with the name."""
    assert deadline_on(DeadlineName.BREACH_AUTHORITY, TODAY) is not None
    assert deadline_on(DeadlineName.REQUEST_ANSWER, date(2018, 5, 24)) is None
    whole = "".join(
        ROW.format(name=name, unit="months", since="2020-01-01", until="")
        for name in DeadlineName
        if name is not DeadlineName.REQUEST_ANSWER
    )
    first = ROW.format(name="request-answer", unit="months", since="2020-01-01", until="until = 2026-12-31")
    next_one = ROW.format(name="request-answer", unit="hours", since="2027-01-01", until="")
    found = read_deadlines(whole + first + next_one)[DeadlineName.REQUEST_ANSWER]
    assert [(it.months, it.hours) for it in found] == [(1, 0), (0, 1)]
    for broken in (whole, whole + first, whole + first + next_one.replace("2027-01-01", "2027-01-02")):
        with pytest.raises(RulesUnusable, match="request-answer"):
            read_deadlines(broken)
    with pytest.raises(RulesUnusable, match="months or hours"):
        read_deadlines(whole + next_one.replace("hours = 1", ""))


def test_a_request_has_a_last_day_and_gets_an_answer(world: World) -> None:
    """K5, L9: written down, listed as open, answered in time, listed as answered; the audit holds."""
    asked = ask(world, arrived=date(2026, 11, 20))
    assert (asked.number, asked.due, asked.address) == (1, date(2026, 12, 20), ALICE)
    assert listed(world) == [asked]
    world.wait(timedelta(days=3))
    done = answer(world, asked.number)
    assert done.answer is not None
    assert (done.answer.on, done.answer.outcome, done.answered_late) == (date(2026, 11, 26), "done", False)
    assert (listed(world, answered=False), listed(world, is_open=False)) == ([], [done])
    with pytest.raises(RequestRefused, match="was answered on 2026-11-26"):
        answer(world, asked.number)
    world.check_evidence()


def test_a_day_is_a_calendar_day_of_the_controller(world: World) -> None:
    """K5: just after midnight in Amsterdam it is a new day there, and still yesterday in UTC."""
    world.policy = replace(world.policy, zone=ZoneInfo("Europe/Amsterdam"))
    world.now = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert ask(world, arrived=date(2026, 12, 1)).due == date(2027, 1, 1)
    with pytest.raises(RequestRefused, match="has not come yet; today is 2026-12-01"):
        ask(world, Right.ERASURE, date(2026, 12, 2))


def test_what_cannot_be_is_refused_and_nothing_is_stored(world: World) -> None:
    """K5: a day to come, a day before the law, the same letter twice, a refusal without its reason."""
    asked = ask(world)
    with pytest.raises(RequestRefused, match="number 1 already"):
        ask(world)
    for day in (TODAY + timedelta(days=1), date(2018, 5, 24)):
        with pytest.raises(RequestRefused):
            ask(world, Right.ERASURE, day)
    refused = Reply(Outcome.REFUSED, "Rita", "wrote back", " ")
    for reply in (refused, Reply(Outcome.DONE, "Rita", " ")):
        with pytest.raises(RequestRefused, match="is empty"):
            answer(world, asked.number, reply)
    for day in (TODAY + timedelta(days=1), TODAY - timedelta(days=1)):
        with pytest.raises(RequestRefused, match="Nothing was stored"):
            answer(world, asked.number, replace(SENT, on=day))
    with pytest.raises(RequestRefused, match="There is no request 9"):
        answer(world, 9)
    assert listed(world) == [asked]
    world.check_evidence()


def test_an_extension_is_told_within_the_first_month(world: World) -> None:
    """K5, L9: two months at most, once, and not after the first month is over (GDPR 12(3))."""
    asked = ask(world, arrived=date(2026, 10, 31))
    late = ask(world, Right.ERASURE, arrived=date(2026, 10, 22))
    for months in (0, 3):
        with pytest.raises(RequestRefused, match="2 months at most"):
            extend(world, asked.number, months)
    with pytest.raises(RequestRefused, match="ended on 2026-11-22"):
        extend(world, late.number, 2)
    assert extend(world, late.number, 1, date(2026, 11, 20)).due == date(2026, 12, 22)
    longer = extend(world, asked.number, 2)
    assert (longer.first_due, longer.due) == (date(2026, 11, 30), date(2027, 1, 31))
    with pytest.raises(RequestRefused, match="one extension"):
        extend(world, asked.number, 1)
    world.wait(timedelta(days=100))
    assert answer(world, asked.number).answered_late
    world.check_evidence()


def test_staff_are_told_of_what_is_due_and_overdue(world: World) -> None:
    """K5, W12: without anybody's name; an answered request waits for nobody."""
    asked = ask(world, arrived=date(2026, 11, 20))
    assert matters(world) == []
    world.wait(timedelta(days=20))
    assert matters(world) == ["requests due"]
    world.wait(timedelta(days=10))
    assert matters(world) == ["requests overdue"]
    sentences = [it.sentence for it in world.view(waiting_matters, now=world.now)]
    assert not any(ALICE in it for it in sentences)
    answer(world, asked.number)
    assert matters(world) == []


def test_the_person_sees_what_was_asked_and_answered(world: World) -> None:
    """R1, K5: with the last day while it is open; by a number too, unless another person gave it as well."""
    world.join(ALICE, TIPS, CALL, phone=PHONE)
    ask(world, note="called twice")
    number = AskedRight(
        world.vault.address_index(TELEPHONE, PHONE), PHONE, Right.ERASURE, TODAY, ArrivalWay.PHONE, "Rita"
    )
    world.run(note_request, asked=number, now=world.now)
    shown = world.view(view_personal, email_index=index_of(world), now=world.now).rights_requests
    assert [(it.right, it.note, it.due) for it in shown] == [
        ("access", "called twice", date(2026, 12, 23)),
        ("erasure", "", date(2026, 12, 23)),
    ]
    world.join("bob@example.com", TIPS, CALL, phone=PHONE)
    shown = world.view(view_personal, email_index=index_of(world), now=world.now).rights_requests
    assert [it.right for it in shown] == ["access"]


def test_an_erasure_leaves_the_proof_of_the_answer_without_its_texts(world: World) -> None:
    """R5, K5: digest, days, right and outcome stay; nothing that somebody wrote does, in no byte."""
    world.join(ALICE, TIPS)
    done = answer(world, ask(world, note="a note").number, Reply(Outcome.REFUSED, "Rita", "wrote", "a claim"))
    still = ask(world, Right.PORTABILITY)
    world.run(erase_person, email_index=index_of(world), reason=BY_PERSON, now=world.now)
    found = {it.number: it for it in listed(world) if it is not None}
    kept = found[done.number]
    assert (kept.person, kept.arrived, kept.right) == (done.person, done.arrived, done.right)
    assert kept.answer is not None
    assert done.answer is not None
    assert kept.answer == replace(done.answer, what="", why="")
    assert (kept.address, kept.note) == ("", "")
    assert found[still.number].address == ALICE  # it must still be answered
    answer(world, still.number)
    assert [(it.address, it.note) for it in listed(world) if it is not None] == [("", "")] * 2
    world.check_evidence()


def test_a_person_who_erases_everything_is_answered_by_it(world: World) -> None:
    """R5, K5: the open letter that asks for the same is answered; one that asks for a copy is not."""
    world.join(ALICE, TIPS)
    letter = ask(world, Right.ERASURE)
    copy = ask(world, Right.ACCESS)
    world.run(erase_person, email_index=index_of(world), reason=BY_PERSON, now=world.now)
    found = {it.number: it for it in listed(world) if it is not None}
    assert (found[letter.number].address, found[copy.number].answer) == ("", None)
    answered = found[letter.number].answer
    assert answered is not None
    assert answered.outcome is Outcome.DONE
    world.check_evidence()


def test_somebody_who_only_wrote_a_letter_can_be_erased(world: World) -> None:
    """R9, K5: the request for erasure is answered by it, in one transaction."""
    asked = ask(world, Right.ERASURE)
    handling = OfficerRequest(index_of(world), "Rita", "letter", asked.number)
    assert world.run(erase_on_request, handling=handling, lang="nl", now=world.now) is None
    (found,) = listed(world)
    assert found is not None
    assert found.answer is not None
    assert (found.address, found.answer.outcome) == ("", "done")
    world.check_evidence()


@pytest.mark.parametrize(
    ("right", "who", "what"),
    [
        (Right.ERASURE, ALICE, "show"),
        (Right.ACCESS, "bob@example.com", "show"),
        (Right.ACCESS, ALICE, "erase"),
    ],
)
def test_an_act_answers_only_what_it_serves_for_the_same_person(
    world: World, right: Right, who: str, what: str
) -> None:
    """R9, K5: and where it answers nothing, nothing is done."""
    world.join(ALICE, TIPS)
    asked = ask(world, right, who=who)
    handling = OfficerRequest(index_of(world), "Rita", "letter", asked.number)
    with pytest.raises(RequestRefused, match="Nothing was done"):
        if what == "erase":
            world.run(erase_on_request, handling=handling, lang="nl", now=world.now)
        else:
            world.run(record_officer_request, handling=handling, what=what, now=world.now)
    assert (world.count("subject"), world.count("rights_action")) == (1, 0)
    assert listed(world) == [asked]


def test_a_request_is_forgotten_long_after_its_answer(world: World) -> None:
    """R8, K5: an open one never; the log says that one had its time, so the audit misses nothing."""
    world.policy = replace(world.policy, retention=Retention(requests=RetentionPeriod.parse("1 year")))
    old = answer(world, ask(world).number)
    still = ask(world, Right.ERASURE)
    world.wait(timedelta(days=366))
    assert world.due("requests") == 1
    assert sweep(world.installation())["requests"] == 1
    assert [it.number for it in listed(world) if it is not None] == [still.number] != [old.number]
    world.check_evidence()


def test_a_row_that_only_says_it_was_answered_long_ago_stays(world: World) -> None:
    """R8, O7: the sealed entries decide; what a hostile database says is refused and found."""
    ask(world)
    forge(world, "UPDATE rights_request SET answered_on = '2018-06-01'")
    world.wait(timedelta(days=30))
    assert sweep(world.installation())["requests"] == 0
    assert world.count("rights_request") == 1
    assert any("stored as answered on 2018-06-01" in it for it in findings(world))


@pytest.mark.parametrize("years", [10, -2])
def test_a_wrong_clock_loses_no_request(world: World, years: int) -> None:
    """O7, K5: ahead nothing is deleted; behind, a request is refused with the day that the clock says."""
    answer(world, ask(world).number)
    still = ask(world, Right.ERASURE)
    mark_trusted(world.store, world.vault, world.now)
    jump(world, timedelta(days=365 * years))
    with pytest.raises(ClockDoubted):
        sweep(world.installation())
    assert world.count("rights_request") == 2
    if years > 0:
        assert {"clock", "requests overdue"} <= {*matters(world)}
    else:
        with pytest.raises(RequestRefused, match="today is 2024-11-23 in UTC"):
            ask(world, Right.PORTABILITY)
        with pytest.raises(RequestRefused, match="before the request came"):
            answer(world, still.number)
    world.tampered = True  # the test sets the clock unsaid


FORGED: dict[str, tuple[str, str]] = {
    "a later last day": ("UPDATE rights_request SET due_on = '2027-06-01'", "stored as due on 2027-06-01"),
    "another person": ("UPDATE rights_request SET email_index = sealed", "under another person"),
    "no answer": (
        "UPDATE rights_request SET answered_on = NULL WHERE id = 1",
        "stored as answered on no day",
    ),
    "an open row is gone": ("DELETE FROM rights_request WHERE id = 2", "is gone from the requests"),
    "an answered row is gone": ("DELETE FROM rights_request WHERE id = 1", "is gone from the requests"),
    "other bytes": ("UPDATE rights_request SET sealed = email_index", "cannot be read"),
    "a copied row": (
        "UPDATE rights_request SET sealed = (SELECT sealed FROM rights_request WHERE id = 1)",
        "is in no event",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_request_changed_past_optin_is_found(world: World, name: str) -> None:
    """P4, K5: by an audit, whichever column or row it is; staff are told all the same."""
    answer(world, ask(world).number)
    ask(world, Right.ERASURE)
    statement, finding = FORGED[name]
    forge(world, statement)
    assert any(finding in it for it in findings(world)), findings(world)


def test_an_older_copy_of_a_request_is_found(world: World) -> None:
    """P4, K5: the row as it was before the answer, or with its texts after an erasure."""
    asked = ask(world)
    before = world.store.read(lambda tx: tx.one("SELECT sealed, answered_on FROM rights_request"))
    answer(world, asked.number)
    assert before is not None
    put_back(world, bytes(before[0]), before[1])
    assert any("lacks what event" in it for it in findings(world))
    with pytest.raises(RequestRefused):
        world.run(answer_request, number=9, reply=SENT, now=world.now)


@pytest.mark.parametrize(
    ("entry", "part", "name", "value"),
    [
        (0, "texts", "note", "nothing was asked"),
        (0, "facts", "arrived", "2026-11-22"),
        (1, "facts", "outcome", "done"),
        (1, "texts", "why", "another reason"),
        (1, "facts", "on", "2026-11-20"),
    ],
)
def test_an_entry_that_is_sealed_anew_with_the_keys_is_found(
    world: World, entry: int, part: str, name: str, value: str
) -> None:
    """P4, K5: the log holds digests of what was written down, which no key can change."""
    answer(world, ask(world).number, Reply(Outcome.REFUSED, "Rita", "a letter", "a claim"))
    ((sealed,),) = world.store.read(lambda tx: tx.all("SELECT sealed FROM rights_request"))
    row, place = bytes(sealed)[:ID_BYTES], EncryptedCell("rights_request", bytes(sealed)[:ID_BYTES])
    plain: dict[str, Any] = json.loads(world.vault.open(place, bytes(sealed)[ID_BYTES:]))
    plain["entries"][entry][part][name] = value
    forged = row + world.vault.seal(place, json.dumps(plain).encode())
    forge(world, "UPDATE rights_request SET sealed = :forged", forged=forged)
    assert any("a person" in it for it in findings(world)), findings(world)


def put_back(world: World, sealed: bytes, answered: str | None) -> None:
    world.tampered = True
    world.do(
        lambda tx: tx.run(
            "UPDATE rights_request SET sealed = :sealed, answered_on = :answered",
            sealed=sealed,
            answered=answered,
        )
    )


def test_an_unreadable_row_keeps_nobody_from_being_erased(world: World) -> None:
    """R5: it is emptied; the list shows that it cannot be read, and staff are told."""
    world.join(ALICE, TIPS)
    ask(world)
    forge(world, "UPDATE rights_request SET sealed = email_index")
    assert matters(world) == ["requests unreadable"]
    world.run(erase_person, email_index=index_of(world), reason=BY_PERSON, now=world.now)
    assert world.count("subject") == 0
    (found,) = world.view(list_requests, is_open=True, answered=True)
    assert (found.request, found.problem) == (None, "unreadable: KeysUnusable")
    rows = world.store.read(lambda tx: tx.all("SELECT sealed FROM rights_request"))
    assert [bytes(row[0]) for row in rows] == [b""]


def test_an_erasure_of_another_clears_no_request_that_was_filed_there(world: World) -> None:
    """R5, P4: alice's request put under mallory's address keeps its texts when mallory is erased."""
    ask(world)
    world.join("mallory@example.com", TIPS)
    index = index_of(world, "mallory@example.com")
    world.tampered = True
    world.do(lambda tx: tx.run("UPDATE rights_request SET email_index = :index", index=index))
    world.run(erase_person, email_index=index, reason=BY_PERSON, now=world.now)
    (found,) = listed(world)
    assert found is not None
    assert found.address == ALICE


def test_no_event_of_a_request_names_anybody(world: World) -> None:
    """P1, P9: neither the address, nor its digest, nor a word of what was written."""
    answer(
        world, ask(world, note="secret note").number, Reply(Outcome.REFUSED, "Rita", "a letter", "a claim")
    )
    rows = world.store.read(lambda tx: tx.all("SELECT body FROM event WHERE request_id IS NULL"))
    text = " ".join(str(row[0]) for row in rows)
    for word in (ALICE, index_of(world).hex(), "secret", "Rita", "letter", "claim"):
        assert word not in text
    assert '"right":"access"' in text


def test_what_was_done_at_once_is_counted(world: World) -> None:
    """K5, O4: by the events that are there; an erasure that retention asked for is nobody's wish."""
    alice = world.join(ALICE, TIPS)
    world.run(record_access, email_index=index_of(world), how="download", now=world.now)
    world.withdraw(alice)
    world.join("bob@example.com", TIPS)
    world.run(erase_person, email_index=index_of(world, "bob@example.com"), reason=BY_PERSON, now=world.now)
    world.sign_up("carol@example.com", TIPS)
    world.wait(timedelta(days=8))
    assert sweep(world.installation())["unconfirmed"] == 1
    assert world.view(count_immediate_actions) == {
        "data shown or downloaded": 1,
        "corrections": 0,
        "consents withdrawn": 1,
        "erasures": 1,
    }


def test_two_answers_at_once_are_one(world: World) -> None:
    """K5: the second waits for the first, and is told that it was answered; so are two of the same letter."""
    asked = ask(world)
    both = [
        world.store.submit(answer_request, world.context, number=asked.number, reply=SENT, now=world.now)
        for _ in range(2)
    ]
    assert sum(isinstance(it.exception(), RequestRefused) for it in both) == 1
    letter = AskedRight(index_of(world), ALICE, Right.ERASURE, TODAY, ArrivalWay.LETTER, "Rita")
    twice = [world.store.submit(note_request, world.context, asked=letter, now=world.now) for _ in range(2)]
    assert sum(isinstance(it.exception(), RequestRefused) for it in twice) == 1
    assert world.count("rights_request") == 2
    world.check_evidence()
