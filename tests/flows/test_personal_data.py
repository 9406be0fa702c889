"""What somebody else, an older form or a second click cannot spoil about a person."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import Status
from optin.flows.exports.scrub_contact_list import KEPT
from optin.flows.retention.sweep_consents import sweep_leads
from optin.flows.rights.correct import correct
from optin.flows.rights.erase import BY_PERSON, ErasureResult, erase_person
from optin.flows.rights.personal_data import PersonalData, view_personal
from optin.flows.rights.withdraw import withdraw_person
from optin.store.contacts import numbers_of
from optin.store.data_subjects import find_subject
from tests.export.test_export import lead_export
from tests.world import CALL, TIPS, World, dropped_from_list

ALICE, BERT = "alice@example.com", "bert@example.com"
PHONE, OTHER, THIRD = "+31201234567", "+31207654321", "+31201112223"
YEAR = timedelta(days=365)


def put_right(world: World, email: str, **values: str) -> bool:
    index = world.vault.index(parse_email(email))
    changed = world.run(correct, email_index=index, values=values, now=world.now)
    world.wait(timedelta(seconds=1))
    return changed


def erase(world: World, email: str) -> ErasureResult | None:
    index = world.vault.index(parse_email(email))
    return world.do(erase_person, context=world.context, email_index=index, reason=BY_PERSON, now=world.now)


def withdraw_all(world: World, email: str) -> int:
    index = world.vault.index(parse_email(email))
    ended = world.run(withdraw_person, email_index=index, now=world.now)
    world.wait(timedelta(seconds=1))
    return len(ended)


def kept(world: World, email: str) -> PersonalData:
    index = world.vault.index(parse_email(email))
    view = partial(view_personal, context=world.context, email_index=index, now=world.now)
    return world.store.read(view)


def numbers(world: World) -> list[str]:
    """Return the numbers that an export for calls hands out."""
    return [lead.fields["phone"] for lead in lead_export(world, Channel.PHONE)[0]]


def scrub(world: World, *numbers: str, suppress_only: bool = False) -> list[bool]:
    key = ConsentKey(CALL, Channel.PHONE)
    return [why == KEPT for why in dropped_from_list(world, key, numbers, suppress_only=suppress_only)]


def test_a_strangers_sign_up_spoils_no_correction(world: World) -> None:
    """GDPR 16, D7: what nobody confirmed carries no evidence about a known person."""
    world.join(ALICE, TIPS, CALL, phone=PHONE, first_name="Alise")
    world.sign_up(ALICE, TIPS, first_name="Mallory")
    world.wait(timedelta(seconds=1))
    assert put_right(world, ALICE, first_name="Alice", phone=OTHER)
    assert numbers(world) == [OTHER]
    assert [lead.fields["first_name"] for lead in lead_export(world)[0]] == ["Alice"]
    assert kept(world, ALICE).contact == {"first_name": "Alice", "phone": OTHER}


def test_what_was_put_right_outlives_an_older_form(world: World) -> None:
    """GDPR 16: a form filled in before, confirmed after, knows it worse; one filled in after knows better."""
    world.join(ALICE, TIPS, first_name="Alise")
    older = world.sign_up(ALICE, CALL, first_name="Alys", phone=PHONE)
    world.wait(timedelta(seconds=1))
    put_right(world, ALICE, first_name="Alice")
    world.confirm(older)
    world.wait(timedelta(seconds=1))
    assert kept(world, ALICE).contact == {"first_name": "Alice", "phone": PHONE}
    world.join(ALICE, TIPS, first_name="Alicia")
    assert kept(world, ALICE).contact["first_name"] == "Alicia"
    put_right(world, ALICE, phone=OTHER)
    assert kept(world, ALICE).contact == {"first_name": "Alicia", "phone": OTHER}
    assert numbers(world) == [OTHER]


def test_a_number_that_was_taken_away_is_not_called(world: World) -> None:
    """GDPR 16, E1: the consent stands, but there is nothing to call; the person may fill it in again."""
    world.join(ALICE, TIPS, CALL, phone=PHONE)
    put_right(world, ALICE, phone="")
    assert lead_export(world, Channel.PHONE) == ([], {"without number": 1})
    assert kept(world, ALICE).taken_away == ("phone",)
    assert scrub(world, PHONE) == [False]
    put_right(world, ALICE, phone=OTHER)
    assert numbers(world) == [OTHER]
    assert kept(world, ALICE).taken_away == ()
    (call,) = [consent for consent in kept(world, ALICE).consents if consent.channel == "phone"]
    assert (call.number, call.number_corrected) == (OTHER, True)


def test_nobody_lifts_anothers_objection_to_be_called(world: World) -> None:
    """R3, R7: bert gives the number that alice withdrew; it is hers to allow again, not his."""
    request = world.join(ALICE, CALL, phone=PHONE)
    world.withdraw(request)
    world.wait(timedelta(seconds=1))
    world.join(BERT, CALL, phone=PHONE)
    assert lead_export(world, Channel.PHONE) == ([], {"suppressed": 1, "withdrawn": 1})
    assert scrub(world, PHONE) == [False]
    assert scrub(world, PHONE, suppress_only=True) == [False]
    world.join(ALICE, CALL, phone=PHONE)
    assert numbers(world) == [PHONE, PHONE]


def test_an_erased_persons_number_stays_hers(world: World) -> None:
    """R5, R7: after alice was erased only she, from her mailbox, brings her number back."""
    world.join(ALICE, CALL, phone=PHONE)
    erase(world, ALICE)
    world.wait(timedelta(seconds=1))
    world.join(BERT, CALL, phone=PHONE)
    assert lead_export(world, Channel.PHONE) == ([], {"suppressed": 1})
    world.join(ALICE, CALL, phone=PHONE)
    assert [lead.email for lead in lead_export(world, Channel.PHONE)[0]] == [ALICE]


def test_an_objection_is_lifted_by_nobody_but_who_made_it(world: World) -> None:
    """R3, R7: not by objecting as well, and not by being erased, and then asking anew."""
    world.withdraw(world.join(ALICE, CALL, phone=PHONE))
    world.wait(timedelta(seconds=1))
    world.withdraw(world.join(BERT, CALL, phone=PHONE))
    world.wait(timedelta(seconds=1))
    world.join(BERT, CALL, phone=PHONE)
    assert numbers(world) == []
    erase(world, BERT)
    world.wait(timedelta(seconds=1))
    world.join(BERT, CALL, phone=PHONE)
    assert numbers(world) == []
    world.join(ALICE, CALL, phone=PHONE)
    assert numbers(world) == [PHONE], "alice, whose own mailbox says so; bert once said no to all"


def test_whoever_comes_back_is_called_again(world: World) -> None:
    """R2, R7: after a withdrawal and an erasure, after two refusals, after other numbers in between."""
    world.withdraw(world.join(ALICE, CALL, phone=PHONE))
    world.wait(timedelta(seconds=1))
    erase(world, ALICE)
    world.wait(timedelta(seconds=1))
    world.join(ALICE, CALL, phone=PHONE)
    assert numbers(world) == [PHONE]
    withdraw_all(world, ALICE)
    world.sign_up(ALICE, CALL, phone=PHONE)
    world.wait(timedelta(seconds=1))
    assert withdraw_all(world, ALICE) == 1
    again = world.join(ALICE, CALL, phone=PHONE)
    assert numbers(world) == [PHONE]
    world.withdraw(again)
    world.wait(timedelta(seconds=1))
    put_right(world, ALICE, phone=OTHER)
    world.join(ALICE, CALL, phone=OTHER)
    assert numbers(world) == [OTHER]
    world.join(ALICE, CALL, phone=PHONE)
    assert numbers(world) == [PHONE]


def test_what_waits_ends_for_who_confirmed_nothing_as_well(world: World) -> None:
    """R9: the officer withdraws for somebody who only asked; the link in the mailbox gives nothing."""
    waiting = world.sign_up(ALICE, TIPS)
    world.wait(timedelta(seconds=1))
    assert withdraw_all(world, ALICE) == 1
    assert world.confirm(waiting).granted == ()


def test_an_earlier_number_is_still_found(world: World) -> None:
    """E6, R7: a second form with another number does not make the first one anybody's."""
    world.join(ALICE, CALL, phone=PHONE)
    world.join(ALICE, TIPS, phone=OTHER)
    subject = world.store.read(find_subject, email_index=world.vault.index(parse_email(ALICE)))
    assert subject is not None
    assert len(world.store.read(numbers_of, subject=subject)) == 2
    assert scrub(world, PHONE, OTHER, THIRD) == [True, False, False]
    assert withdraw_all(world, ALICE) == 2
    assert scrub(world, PHONE, OTHER, THIRD, suppress_only=True) == [False, False, True]


def test_withdrawing_everything_ends_what_waits_in_the_mailbox(world: World) -> None:
    """R3, D4: who says stop is not brought back by a confirmation that was asked before."""
    world.join(ALICE, TIPS)
    waiting = world.sign_up(ALICE, CALL, phone=PHONE)
    world.wait(timedelta(seconds=1))
    assert withdraw_all(world, ALICE) == 2
    assert withdraw_all(world, ALICE) == 0
    assert world.confirm(waiting).granted == ()
    assert world.status(ALICE, CALL) is None


def test_who_asks_for_something_today_is_not_swept_today(world: World) -> None:
    """R8: an old consent's clock does not take a magnet that was asked for yesterday."""
    world.withdraw(world.join(ALICE, TIPS))
    world.withdraw(world.join(BERT, TIPS))
    world.wait(5 * YEAR + timedelta(days=10))
    world.join(ALICE)  # only the magnet
    waiting = world.sign_up(BERT, CALL, phone=PHONE)
    assert world.do(lambda tx: sweep_leads(tx, world.sweep_context)) == 0
    world.confirm(waiting)
    assert world.do(lambda tx: sweep_leads(tx, world.sweep_context)) == 0
    assert world.status(BERT, CALL) is Status.GIVEN
    assert world.due("leads") == 0


def test_two_erasures_at_once_are_one(world: World) -> None:
    """R5: of eight at once exactly one finds something, and none fails."""
    world.join(ALICE, TIPS, CALL, phone=PHONE)
    world.send()
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: erase(world, ALICE), range(8)))
    assert len([outcome for outcome in outcomes if outcome is not None]) == 1
    assert world.count("subject") == world.count("request") == 0
