"""What deletes or signs decides from events that optin wrote, not from columns beside them (P3, P4, R8).

Mallory can write to the database and has no keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import ErasureGround, ErasureReason, erasure_faults, own_ground
from optin.consent.event_content import erased
from optin.consent.retention_period import RetentionPeriod
from optin.consent.served_forms import ServedForms
from optin.consent.status_transitions import EventKind, RequestId, Status
from optin.errors import LogDisagrees
from optin.flows.consents.confirm import confirm
from optin.flows.delivery.mail_order import MailKind
from optin.flows.evidence.withdrawals_in_journal import endings_in_journal
from optin.flows.exports.queue_webhook_messages import claim_outgoing
from optin.flows.records.event_history import request_history
from optin.flows.rights.correct import correct
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.officer_requests import OfficerRequest, hold_on_request
from optin.flows.rights.personal_data import view_personal
from optin.jobs.sweep_runner import sweep
from optin.proof.canonical_json import parse
from optin.proof.journal_chain import JournalLine
from optin.settings.site import Limits
from optin.store.database_interface import Value, from_ms
from optin.store.events import contents_about_nobody, events_of
from optin.store.export_records import ExportRun, record_export
from optin.store.registered_webhooks import keep_webhooks
from optin.store.requests import erase_requests
from optin.store.sending_claims import ClaimBatch
from tests.export.test_export import lead_export
from tests.kinds.prize_draw.test_draw_flows import close, draw
from tests.kinds.prize_draw.test_draw_flows import hold as hold_draw
from tests.stranger import past_triggers
from tests.world import CALL, NOON, TIPS, TIPS_BY_EMAIL, World, audit_findings, dropped_from_list, export_from

ALICE, CAROL, MALLORY = "alice@example.com", "carol@example.com", "mallory@example.com"
PHONE = "+31201234567"
YEAR = timedelta(days=365)
BLIND = "the database and the log disagree"


def forge(world: World, *statements: str, **values: Value) -> None:
    """Write behind the program's back, the triggers dropped and put back afterwards."""
    world.tampered = True
    changed = past_triggers(world.store, *statements, **values)
    assert all(changed), dict(zip(statements, changed, strict=True))


def findings(world: World) -> list[str]:
    return audit_findings(world.store, world.vault)


def index_of(world: World, email: str) -> bytes:
    return world.vault.index(parse_email(email))


def withdrawn_through_the_second(world: World) -> tuple[RequestId, RequestId]:
    """Let carol ask twice for one purpose, and withdraw through the second request."""
    first = world.join(CAROL, TIPS)
    second = world.join(CAROL, TIPS)
    world.send()
    world.withdraw(second)
    world.wait(timedelta(days=1))
    return first, second


UNDO = (
    "UPDATE request SET confirmed_at = NULL, subject_id = NULL, erase_at = 1 WHERE id = :second",
    "UPDATE consent SET status = 'given', withdrawn_at = NULL, request_id = :first"
    " WHERE status = 'withdrawn'",
    "DELETE FROM suppression",
)


def test_a_withdrawn_person_does_not_come_back_by_our_own_sweep(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """P3, P4, R8: a request is made to look unconfirmed; nobody erases its withdrawal for a forger."""
    world.join(ALICE, TIPS)
    first, second = withdrawn_through_the_second(world)
    kept = world.count("event")
    forge(world, *UNDO, first=first, second=second)
    done = sweep(world.installation())
    assert (done["unconfirmed"], done["refused"]) == (0, 1)
    assert BLIND in caplog.text
    assert world.count("event") == kept, "nothing is signed either"
    assert world.count("erasure") == 0
    assert findings(world)
    leads, refused = lead_export(world)
    assert [lead.email for lead in leads] == [ALICE]
    assert refused == {"withdrawn": 1, "unconfirmed": 1}


def test_a_withdrawal_is_looked_for_with_every_request_of_the_address(world: World) -> None:
    """E1: no column beside the events keeps a withdrawal from being seen; the suppression is not needed."""
    first, second = withdrawn_through_the_second(world)
    forge(
        world,
        "UPDATE request SET subject_id = NULL WHERE id = :second",
        *UNDO[1:],
        first=first,
        second=second,
    )
    assert lead_export(world)[0] == []


def test_a_withdrawal_that_the_journal_holds_is_enough(world: World) -> None:
    """E1, O9: nothing in the database ties the withdrawal to carol any more; the journal outside does."""
    first = world.join(CAROL, TIPS)
    older = sealed_of(world)
    second = world.join(CAROL, TIPS)
    world.withdraw(second)
    world.wait(timedelta(days=1))
    rows = world.store.read(lambda tx: tx.all("SELECT at, line FROM replay"))
    told = endings_in_journal([JournalLine(1, from_ms(at), dict(parse(line))) for at, line in rows])
    forge(
        world,
        "UPDATE request SET email_index = :nobody, subject_id = NULL WHERE id = :second",
        "UPDATE subject SET sealed = :older",
        *UNDO[1:],
        first=first,
        second=second,
        nobody=bytes(32),
        older=older,
    )
    assert [lead.email for lead in lead_export(world)[0]] == [CAROL], "without it she would come back"
    gathered = export_from(world, told=told)
    assert list(gathered.proven()) == []
    assert gathered.refused["withdrawn"] == 1
    assert findings(world)
    world.wait(timedelta(days=1))
    world.join(ALICE, TIPS)
    again = export_from(world, told=told)
    assert [lead.email for lead in again.proven()] == [ALICE]


def test_what_is_refused_keeps_nothing_else_waiting(world: World) -> None:
    """R8: a sweep passes over what the database and the log disagree about."""
    world.policy = replace(world.policy, limits=Limits(per_address_per_day=1_000))
    requests = [world.join(f"p{number}@example.com", TIPS) for number in range(45)]
    for number in range(3):
        world.sign_up(f"q{number}@example.com", TIPS)
    world.wait(timedelta(days=8))
    forge(world, "UPDATE request SET confirmed_at = NULL, erase_at = 1 WHERE subject_id IS NOT NULL")
    done = sweep(world.installation())
    assert (done["unconfirmed"], done["refused"]) == (3, len(requests))


def pending(world: World) -> RequestId:
    return world.sign_up("bob@example.com", TIPS)


def test_a_request_that_was_just_made_is_not_swept(world: World) -> None:
    """D6: a column says that its time is over; its event says when it was asked."""
    pending(world)
    forge(world, "UPDATE request SET erase_at = 1")
    assert sweep(world.installation())["refused"] == 1
    assert world.count("request") == 1
    assert any("before it was made" in finding for finding in findings(world))


def test_a_request_is_swept_on_time_whatever_its_row_says(world: World) -> None:
    """D6: kept until 2100 by its row; by its event and the policy it goes after seven days."""
    pending(world)
    forge(world, "UPDATE request SET erase_at = 4102444800000")
    assert any("kept for years" in finding for finding in findings(world))
    assert sweep(world.installation())["unconfirmed"] == 0
    world.wait(timedelta(days=8))
    assert sweep(world.installation())["unconfirmed"] == 1
    assert findings(world) == []


@pytest.mark.parametrize(
    "column",
    ["idle_from = 1", "idle_from = 1, consented = 0", "consented = 0, idle_from = 4102444800000"],
)
def test_a_person_who_is_made_idle_is_not_swept(world: World, column: str) -> None:
    """R8: alice's consent is live by her events; an audit says that her row says otherwise."""
    world.join(ALICE, TIPS)
    forge(world, f"UPDATE subject SET {column}")
    sweep(world.installation())
    assert world.count("subject") == 1
    assert world.status(ALICE, TIPS) is Status.GIVEN
    assert any("events say" in finding for finding in findings(world))


def test_a_person_with_a_request_that_waits_is_not_swept(world: World) -> None:
    """R8: the rows say that dave is idle and confirmed all; his events say that he may still confirm."""
    world.join("dave@example.com")
    world.send()
    world.wait(3 * YEAR)
    world.sign_up("dave@example.com", TIPS)
    forge(
        world,
        "UPDATE subject SET idle_from = 1",
        "UPDATE request SET confirmed_at = created_at WHERE confirmed_at IS NULL",
    )
    done = sweep(world.installation())
    assert (done["magnets"], done["refused"], world.count("subject")) == (0, 1, 1)


def test_nobody_is_erased_for_consents_that_were_never_given(world: World) -> None:
    """R8, P4: the row says that dave consented; the erasure would sign that his consents ended."""
    world.join("dave@example.com")
    world.send()
    forge(world, "UPDATE subject SET consented = 1")
    world.wait(6 * YEAR)
    done = sweep(world.installation())
    assert (done["leads"], done["refused"], erasures(world)) == (0, 1, [])


def test_an_event_of_another_request_decides_nothing(world: World) -> None:
    """P4: mallory files carol's withdrawal under alice's request."""
    alices = world.join(ALICE, TIPS)
    world.withdraw(world.join(CAROL, TIPS))
    forge(world, "UPDATE event SET request_id = :alices WHERE body LIKE '%withdrawn%'", alices=alices)
    with pytest.raises(LogDisagrees, match="another request"):
        world.store.read(request_history, vault=world.vault, request=alices)


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE consent SET expires_at = 1",
        "UPDATE consent SET status = 'given', withdrawn_at = NULL, expires_at = 1",
    ],
)
def test_a_consent_ends_by_its_events_alone(world: World, forgery: str) -> None:
    """R8: an event that it expired is written when the retention of its form is over, and it was given."""
    request = world.join(CAROL, TIPS)
    if "withdrawn" in forgery:
        world.withdraw(request)
    forge(world, forgery)
    done = sweep(world.installation())
    assert (done["expired"], done["refused"]) == (0, 1)
    assert findings(world)


def test_nobody_is_asked_again_after_a_withdrawal(world: World) -> None:
    """R3: the cache says that carol's consent ends soon; her events say that she withdrew it."""
    soon = RetentionPeriod.parse("30 days")
    world.policy = replace(world.policy, ask_again={TIPS: soon}, offers=ServedForms([world.form]))
    world.withdraw(world.join(CAROL, TIPS))
    world.wait(timedelta(days=710))
    forge(world, "UPDATE consent SET status = 'given', withdrawn_at = NULL", "DELETE FROM suppression")
    done = sweep(world.installation())
    assert (done["ending"], done["refused"]) == (0, 1)


def test_somebody_elses_request_is_not_erased_along(world: World) -> None:
    """R5: mallory files carol's request under her own address and asks to be erased."""
    carols = world.join(CAROL, TIPS)
    world.withdraw(carols)
    world.join(MALLORY, TIPS)
    forge(
        world,
        "UPDATE request SET email_index = :index WHERE id = :carols",
        index=index_of(world, MALLORY),
        carols=carols,
    )
    erase = partial(erase_person, context=world.context, email_index=index_of(world, MALLORY))
    gone = world.do(erase, reason=BY_PERSON, now=world.now)
    assert gone is not None
    assert gone.requests == 1
    kinds = [parse(event.body)["kind"] for event in world.store.read(events_of, request=carols)]
    assert "withdrawn" in kinds


def test_whoever_asks_is_erased_whatever_the_rows_say(world: World) -> None:
    """R5: one of alice's requests was filed under another address; it goes with her all the same."""
    request = world.join(ALICE, TIPS)
    world.join(ALICE, CALL, phone=PHONE)
    forge(world, "UPDATE request SET email_index = :nobody WHERE id = :id", nobody=bytes(32), id=request)
    erase = partial(erase_person, context=world.context, email_index=index_of(world, ALICE))
    gone = world.do(erase, reason=BY_PERSON, now=world.now)
    assert gone is not None
    assert gone.requests == 2
    assert (world.count("subject"), world.count("request")) == (0, 0)
    assert findings(world) == []


def erasures(world: World) -> list[dict[str, Any]]:
    return world.store.read(contents_about_nobody, vault=world.vault, kind=EventKind.ERASED)


def test_an_erasure_says_what_it_blanked_and_why(world: World) -> None:
    """P4, P9: kinds and numbers of events, the reason; of a retention also since when, and for how long."""
    pending(world)
    world.join("dave@example.com")
    world.join(CAROL, TIPS)
    world.send()
    world.wait(timedelta(days=8))
    sweep(world.installation())
    world.wait(9 * YEAR)
    sweep(world.installation())
    world.join(ALICE, TIPS)
    erase = partial(erase_person, context=world.context, email_index=index_of(world, ALICE))
    world.do(erase, reason=BY_PERSON, now=world.now)
    told = {str(body["reason"]): body for body in erasures(world)}
    assert set(told) == {"unconfirmed", "no consent", "consents ended", "asked by the person"}
    assert told["unconfirmed"]["kinds"] == {"mailed": 1, "requested": 1}
    assert (told["unconfirmed"]["since"], told["unconfirmed"]["kept"]) == ("2026-11-23", "7 days")
    assert told["no consent"]["kinds"] == {"confirmed": 1, "mailed": 1, "requested": 1}
    assert told["consents ended"]["kinds"] == {
        "confirmed consent": 1, "expired": 1, "mailed": 1, "requested": 1,
    }  # fmt: skip
    assert told["consents ended"]["kept"] == "5 years"
    assert told["asked by the person"]["kinds"] == {"confirmed consent": 1, "requested": 1}


PERIOD = RetentionPeriod.parse("7 days")


@pytest.mark.parametrize(
    ("ground", "kinds", "wrong"),
    [
        (ErasureGround(ErasureReason.UNCONFIRMED, NOON, PERIOD), {"requested": 2}, ""),
        (
            ErasureGround(ErasureReason.UNCONFIRMED, NOON, PERIOD),
            {"requested": 1, "withdrawn": 1},
            "'withdrawn'",
        ),
        (
            ErasureGround(ErasureReason.UNCONFIRMED, NOON, PERIOD),
            {"requested": 1, "confirmed": 1},
            "'confirmed'",
        ),
        (ErasureGround(ErasureReason.UNCONFIRMED), {"requested": 2}, "before the time"),
        (
            ErasureGround(ErasureReason.UNCONFIRMED, NOON + timedelta(days=5), PERIOD),
            {"requested": 2},
            "before the time",
        ),
        (
            ErasureGround(ErasureReason.NO_CONSENT, NOON, PERIOD),
            {"requested": 1, "confirmed consent": 1},
            "consent",
        ),
        (ErasureGround(ErasureReason.ENDED, NOON, PERIOD), {"confirmed consent": 1, "withdrawn": 1}, ""),
        (
            ErasureGround(ErasureReason.ENDED, NOON, RetentionPeriod.parse("5 years")),
            {"requested": 2},
            "before the time",
        ),
        (ErasureGround(ErasureReason.PERSON), {"withdrawn": 1, "not written by optin": 1}, ""),
        (ErasureGround(ErasureReason.PERSON), {"withdrawn": 3}, "other events"),
        (own_ground("parcel lost", NOON, PERIOD), {"requested": 1, "confirmed": 1}, ""),
        (own_ground("parcel lost", NOON, PERIOD), {"requested": 1, "confirmed consent": 1}, "consent"),
        (own_ground("parcel lost", NOON, PERIOD), {"requested": 1, "withdrawn": 1}, "'withdrawn'"),
        (own_ground("parcel lost", NOON + timedelta(days=5), PERIOD), {"requested": 2}, "before the time"),
        (ErasureGround("parcel lost"), {"requested": 2}, "before the time"),
        (ErasureGround(""), {"requested": 2}, "a reason that is none"),
    ],
)
def test_an_erasure_may_blank_what_its_reason_allows(
    ground: ErasureGround, kinds: dict[str, int], wrong: str
) -> None:
    """P4, R8: an audit reads it from the event alone; what older versions wrote is still read."""
    body = erased(NOON + timedelta(days=8), ground, [1, 2], kinds)
    assert wrong in "; ".join(erasure_faults(body))
    assert bool(wrong) == bool(list(erasure_faults(body)))
    assert list(erasure_faults({"reason": "retention", "events": [1, 2]})) == []
    assert list(erasure_faults({"version": 2, "reason": "asked by the person", "events": [1, 2]})) != []


@pytest.mark.parametrize("reason", ["", *ErasureReason])
def test_a_kind_gives_no_reason_of_optin_s(reason: str) -> None:
    """P4: one of these may allow more."""
    with pytest.raises(ValueError, match="not a kind's to give"):
        own_ground(reason, NOON, PERIOD)


def test_the_signer_refuses_an_erasure_that_its_reason_does_not_allow(world: World) -> None:
    """P4: whoever asks for it, nothing is blanked and nothing signed."""
    request = world.join(ALICE, TIPS)
    ground = ErasureGround(ErasureReason.UNCONFIRMED, world.now - YEAR, PERIOD)
    erase = partial(erase_requests, vault=world.vault, requests=[request], reason=ground, now=world.now)
    with pytest.raises(LogDisagrees):
        world.do(erase)
    assert world.count("request") == 1
    assert erasures(world) == []


def put_right(world: World, email: str, **values: str) -> None:
    index = index_of(world, email)
    world.run(correct, email_index=index, values=values, now=world.now)
    world.wait(timedelta(seconds=1))


def sealed_of(world: World) -> bytes:
    row = world.store.read(lambda tx: tx.one("SELECT sealed FROM subject"))
    assert row is not None
    return bytes(row[0])


def take_number_away(world: World) -> None:
    put_right(world, ALICE, phone="")


def change_number(world: World) -> None:
    put_right(world, ALICE, phone="+31207654321")


def declare_another_name(world: World) -> None:
    world.join(ALICE, TIPS, first_name="Alicia")


@pytest.mark.parametrize("change", [take_number_away, change_number, declare_another_name])
def test_older_details_that_are_put_back_are_not_used(world: World, change: Callable[[World], None]) -> None:
    """R2, E1: neither in an export nor on the personal page; an audit finds them."""
    world.join(ALICE, TIPS, CALL, phone=PHONE, first_name="Alice")
    before = sealed_of(world)
    change(world)
    assert findings(world) == []
    forge(world, "UPDATE subject SET sealed = :before", before=before)
    assert lead_export(world, Channel.PHONE)[0] == []
    assert lead_export(world)[0] == []
    view = partial(view_personal, context=world.context, email_index=index_of(world, ALICE))
    shown = world.store.read(view, now=world.now)
    assert (shown.email, dict(shown.contact)) == (ALICE, {})
    assert any("other details" in finding for finding in findings(world))


def test_details_of_an_older_version_are_read(world: World) -> None:
    """S7: events that name no details are those of a store that was made before there were any."""
    world.join(ALICE, TIPS, CALL, phone=PHONE)
    assert len(lead_export(world, Channel.PHONE)[0]) == 1
    put_right(world, ALICE, phone="+31207654321")
    assert [lead.fields["phone"] for lead in lead_export(world, Channel.PHONE)[0]] == ["+31207654321"]


def test_a_withdrawal_is_written_whatever_the_cache_says(world: World) -> None:
    """R3: a cache that says withdrawn beforehand does not swallow what the person says."""
    request = world.join(CAROL, TIPS)
    forge(world, "UPDATE consent SET status = 'withdrawn'", "UPDATE request SET subject_id = NULL")
    assert [question.purpose for question in world.withdraw(request).questions] == [TIPS]
    kinds = [parse(event.body)["kind"] for event in world.store.read(events_of, request=request)]
    assert kinds[-1] == "withdrawn"


def test_an_old_link_gives_nothing_back_whatever_the_cache_says(world: World) -> None:
    """D4: asked before the withdrawal; neither a cleared cache nor a lifted suppression revives it."""
    first = world.join(CAROL, TIPS)
    older = world.sign_up(CAROL, TIPS)
    world.wait(timedelta(seconds=1))
    world.withdraw(first)
    forge(world, "UPDATE consent SET status = 'given', withdrawn_at = NULL", "DELETE FROM suppression")
    confirmed = world.run(confirm, request=older, now=world.now)
    assert confirmed.granted == ()
    assert lead_export(world)[0] == []


def test_a_receipt_tells_of_no_consent_that_was_withdrawn(world: World) -> None:
    """P1, R3: the mail that hands over the magnet says what the events say, whatever the cache does."""
    request = world.join(CAROL, TIPS)
    world.withdraw(request)
    forge(world, "UPDATE consent SET status = 'given', withdrawn_at = NULL")
    assert world.mail(MailKind.DELIVERY).receipts == ()


def exported(world: World) -> None:
    """Export everybody, and record it as the command does."""
    gathered = export_from(world)
    count = len(list(gathered.proven()))
    run = ExportRun(
        at=world.now, who="officer", why="tips", processor="crm", key=TIPS_BY_EMAIL,
        format="csv", exported=count, refused=gathered.refused, members=gathered.run,
    )  # fmt: skip
    world.do(record_export, vault=world.vault, run=run)


def test_who_was_in_an_export_is_counted(world: World) -> None:
    """E5: somebody who is taken out of the list is missed; erased people and what is forgotten are not."""
    world.join(ALICE, TIPS)
    world.join(CAROL, TIPS)
    exported(world)
    erase = partial(erase_person, context=world.context, email_index=index_of(world, CAROL))
    world.do(erase, reason=BY_PERSON, now=world.now)
    assert findings(world) == []
    world.wait(6 * YEAR)
    assert sweep(world.installation())["records"]
    assert world.count("export_gone") == 0
    assert findings(world) == []
    forge(world, "DELETE FROM export_member")
    assert any("had 2 people, but 1 are known" in finding for finding in findings(world))


def test_members_of_an_export_that_is_gone_from_the_list_are_no_strays(world: World) -> None:
    """E5: an event says that it left, so a sweep does not forget who was in it."""
    world.join(ALICE, TIPS)
    exported(world)
    forge(world, "DELETE FROM export_run")
    world.wait(timedelta(days=30))
    assert sweep(world.installation())["refused"] == 1
    assert world.count("export_member") == 1


def test_a_hold_ends_when_it_was_placed_to_end(world: World) -> None:
    """R6: the date stands in what is sealed as well."""
    world.join(ALICE, TIPS, first_name="Alice")
    handling = OfficerRequest(index_of(world, ALICE), "vera", "invoice")
    world.run(hold_on_request, handling, ["first_name"], until=world.now + YEAR, now=world.now)
    forge(world, "UPDATE legal_hold SET ends_at = 1")
    assert sweep(world.installation())["refused"] == 1
    assert world.count("legal_hold") == 1


def test_a_hold_prolongs_no_stay(world: World) -> None:
    """R6, R8: it keeps what it names, in a row of its own; the rest goes in its time."""
    world.join(ALICE, first_name="Alice")
    handling = OfficerRequest(index_of(world, ALICE), "vera", "invoice")
    world.run(hold_on_request, handling, ["first_name"], until=world.now + 7 * YEAR, now=world.now)
    world.wait(4 * YEAR)
    assert sweep(world.installation())["magnets"] == 1
    assert (world.count("subject"), world.count("legal_hold")) == (0, 1)


def test_a_line_that_a_restored_backup_must_be_told_is_missed(world: World) -> None:
    """S7: of a withdrawal and of an erasure, as long as a backup may be put back that is older."""
    world.withdraw(world.join(CAROL, TIPS))
    world.join(ALICE, TIPS)
    erase = partial(erase_person, context=world.context, email_index=index_of(world, ALICE))
    world.do(erase, reason=BY_PERSON, now=world.now)
    assert findings(world) == []
    world.wait(timedelta(days=120))
    assert sweep(world.installation())["journal"] > 0
    assert findings(world) == [], "an event says that they were forgotten"
    world.withdraw(world.join(MALLORY, TIPS))
    forge(world, "DELETE FROM replay")
    assert any("a restored backup would not replay this withdrawal" in it for it in findings(world))


def test_an_erasure_that_no_backup_would_be_told_of_is_found(world: World) -> None:
    """S7: the event of the erasure and the line bear the same moment."""
    world.join(ALICE, TIPS)
    erase = partial(erase_person, context=world.context, email_index=index_of(world, ALICE))
    world.do(erase, reason=BY_PERSON, now=world.now)
    forge(world, "DELETE FROM replay")
    assert any("a restored backup would not replay this erasure" in it for it in findings(world))


def test_a_number_that_may_be_called_again_is_found(world: World) -> None:
    """R7: the objection to calls is missed, for whoever else has the number may be called by it."""
    world.withdraw(world.join(CAROL, CALL, phone=PHONE))
    world.join(ALICE, CALL, phone=PHONE)
    assert findings(world) == []
    forge(world, "DELETE FROM number_objection")
    assert any("number is not suppressed" in finding for finding in findings(world))


def test_a_list_is_scrubbed_by_events(world: World) -> None:
    """E6: also where only those who withdrew are to go; the suppression is not needed for it."""
    world.withdraw(world.join(CAROL, TIPS))
    forge(world, "DELETE FROM suppression")
    dropped = dropped_from_list(world, TIPS_BY_EMAIL, (CAROL, "new@example.com"), suppress_only=True)
    assert dropped == ["withdrawn or erased", ""]


@pytest.mark.parametrize(
    "forgery",
    [
        "DELETE FROM draw_entry",
        "UPDATE draw_entry SET state = 'late'",
        "UPDATE draw_entry SET ticket = 'aa'",
        "UPDATE draw_entry SET magnet = 'other'",
    ],
)
def test_an_entry_of_a_prize_draw_is_held_against_its_confirmation(world: World, forgery: str) -> None:
    """M2: before the draw and after it; whoever confirmed takes part, with that ticket."""
    hold_draw(world)
    world.join("bob@example.com")
    assert findings(world) == []
    forge(world, forgery)
    assert any("the draw of koud-bellen" in finding for finding in findings(world))


def test_entries_are_kept_as_long_as_their_form_says(world: World) -> None:
    """M2, R8: what the list of the draw promises was edited; the form that people entered by was not."""
    hold_draw(world)
    world.join("bob@example.com")
    world.join(ALICE, TIPS)
    close(world)
    draw(world)
    forge(world, "UPDATE draw_list SET promise = REPLACE(promise, '3 months', '1 hour')")
    world.wait(timedelta(days=20))
    sweep(world.installation())
    assert world.count("draw_entry") == 2
    world.wait(timedelta(days=80))
    assert sweep(world.installation())["entries"] == 2
    assert (world.count("draw_entry"), world.count("subject")) == (0, 1)
    world.tampered = False  # what was promised in the list no longer matters
    (told,) = erasures(world)
    assert (told["reason"], told["kept"]) == ("prize draw over", "3 months")


def let_entry_go(world: World) -> None:
    """Let alice enter a draw, and her entry be swept after it."""
    hold_draw(world)
    world.join(ALICE)
    close(world)
    draw(world)
    world.wait(timedelta(days=120))
    assert sweep(world.installation())["entries"] == 1


def test_details_outlive_an_entry_that_goes(world: World) -> None:
    """R8: alice has a consent from elsewhere; when her entry goes, another event vouches for who she is."""
    tips = world.form
    world.join(ALICE, TIPS, first_name="Alice")
    let_entry_go(world)
    assert findings(world) == []
    world.serve(tips)
    assert [lead.fields["first_name"] for lead in lead_export(world)[0]] == ["Alice"]


def test_who_outlives_an_entry_is_erased_in_time(world: World) -> None:
    """R8: alice asked for a magnet and took part in a draw, without a consent; both go in their time."""
    world.join(ALICE, first_name="Alice")
    let_entry_go(world)
    world.wait(timedelta(days=800))
    assert sweep(world.installation())["magnets"] == 1
    assert world.count("request") == world.count("subject") == 0


def test_what_a_processor_was_told_is_not_forgotten(world: World) -> None:
    """E7: an event says that it was told; a row that is gone would keep the end of the consent from it."""
    world.do(keep_webhooks, addresses={"crm": "a" * 64})
    world.policy = replace(world.policy, webhooks={"crm": frozenset({TIPS})})
    world.join(ALICE, TIPS)
    claim = partial(claim_outgoing, context=world.context, processor="crm", batch=ClaimBatch(5))
    calls, _ = world.do(claim, now=world.now)
    assert len(calls) == 1
    assert findings(world) == []
    forge(world, "DELETE FROM webhook_told")
    assert any("the record is missing that crm was told" in finding for finding in findings(world))
