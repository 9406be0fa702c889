"""A form that is sent twice: one mail, one code that works on each page, one delivery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from optin.consent.confirmation_code import MAX_TRIES
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import ErasureGround, ErasureReason
from optin.consent.posted_form import ValidEntry
from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import RequestId, Status
from optin.errors import LinkExpired
from optin.flows.consents.confirm import CodeRefused, Confirmation
from optin.flows.consents.duplicate_posts import MOST_ALIKE, WITHIN, mailed_request
from optin.flows.consents.resend_confirmation import resend_confirmation
from optin.flows.consents.sign_up import sign_up
from optin.flows.delivery.mail_order import MailKind, MailOrder, Verdict
from optin.flows.rights.correct import correct
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.withdraw import withdraw_person
from optin.store.requests import SealedRequest, erase_requests, load_request
from tests.flows.test_double_opt_in import by_code
from tests.world import CALL, TIPS, World, about_requests, form_version

ALICE = "alice@example.com"


def posts(world: World, count: int = 2) -> list[RequestId]:
    return [world.sign_up(ALICE, TIPS, first_name="Alice") for _ in range(count)]


def mails(world: World, kind: MailKind = MailKind.CONFIRMATION) -> list[MailOrder]:
    world.check_evidence()  # a receipt waits for the log
    return about_requests(world.send(), kind)


def own_code(world: World, request: RequestId) -> str:
    stored = world.do(load_request, request=request)
    assert stored is not None
    return SealedRequest.open(world.vault, request, stored.sealed).code


def again(world: World, request: RequestId) -> bool:
    """Ask for the mail once more, as the page after the form does."""
    mailed = world.run(mailed_request, request=request)
    return world.run(resend_confirmation, request=mailed, now=world.now)


@pytest.mark.parametrize("page", [0, 1, 3])
def test_a_double_click_gets_one_mail_whose_code_works_on_each_page(world: World, page: int) -> None:
    """D3, D8: and exactly one delivery, however often the code is typed, and where."""
    requests = posts(world, 4)
    assert len(set(requests)) == 4
    (mail,) = mails(world)
    outcome = by_code(world, requests[page], mail.code)
    assert isinstance(outcome, Confirmation)
    assert outcome.request == requests[0]
    for request in requests:
        assert by_code(world, request, mail.code) == outcome
    assert len(mails(world, MailKind.DELIVERY)) == 1
    assert world.status(ALICE, TIPS) is Status.GIVEN
    assert world.count("subject") == 1
    confirmed = world.do(lambda tx: tx.all("SELECT id FROM request WHERE confirmed_at IS NOT NULL"))
    assert [bytes(row[0]) for row in confirmed] == [requests[0]]


def test_four_posts_at_once_are_four_twins(world: World) -> None:
    """D1, O1: also where several transactions run beside each other."""
    entry = ValidEntry(parse_email(ALICE), (("first_name", "Alice"),), (TIPS,))
    post = partial(sign_up, context=world.context, form=world.form, entry=entry, now=world.now)
    requests = [future.result()[0] for future in [world.store.submit(post) for _ in range(4)]]
    (mail,) = mails(world)
    assert {own_code(world, request) for request in requests} == {mail.code.replace(" ", "")}
    for request in requests:
        assert isinstance(by_code(world, request, mail.code), Confirmation)
    assert len(mails(world, MailKind.DELIVERY)) == 1


def test_the_link_and_then_the_code_show_the_same(world: World) -> None:
    """D4: the second yes adds nothing, on whichever page it is said."""
    first, second = posts(world)
    (mail,) = mails(world)
    outcome = world.confirm(first)
    events = world.count("event")
    assert by_code(world, second, mail.code) == outcome
    assert world.count("event") == events


def test_who_ticks_or_types_something_else_is_no_twin(world: World) -> None:
    """P1, GDPR 7(1): what is confirmed is what was on the form whose mail it is."""
    requests = [
        world.sign_up(ALICE, TIPS, first_name="Alice"),
        world.sign_up(ALICE, first_name="Alice"),
        world.sign_up(ALICE, TIPS, CALL, first_name="Alice", phone="+31201234567"),
        world.sign_up(ALICE, TIPS, first_name="Alicia"),
        world.sign_up("Alice@example.com", TIPS, first_name="Alice"),
    ]
    orders = {order.code: order for order in mails(world)}
    assert len(orders) == len(requests)
    for request in requests:
        outcome = by_code(world, request, own_code(world, request))
        assert isinstance(outcome, Confirmation)
        assert outcome.request == request


def test_another_form_is_no_twin(world: World) -> None:
    """F7: nor another version of the same."""
    posts(world, 1)
    world.serve(form_version("v2", replace(world.form.declaration, title="Nieuw")))
    posts(world, 1)
    assert len(mails(world)) == 2


def test_who_asks_again_later_gets_another_mail(world: World) -> None:
    """D1: after some minutes it is no double click."""
    posts(world, 1)
    assert len(mails(world)) == 1
    world.wait(WITHIN - timedelta(seconds=1))
    posts(world, 1)
    assert mails(world) == []
    world.wait(timedelta(seconds=2))
    posts(world, 1)
    assert len(mails(world)) == 1


def test_a_post_after_the_confirmation_is_asked_as_any(world: World) -> None:
    """D7: somebody who is known gets the same mail as somebody who is not."""
    (first,) = posts(world, 1)
    mails(world)
    world.confirm(first)
    mails(world, MailKind.DELIVERY)
    posts(world, 1)
    assert len(mails(world)) == 1


def test_a_twin_of_a_mail_that_was_given_up_gets_its_own(world: World) -> None:
    """D1: nobody waits for a mail that does not come."""
    posts(world, 1)
    (order,) = world.claim()
    world.settle(order, Verdict.REFUSED)
    (second,) = posts(world, 1)
    (mail,) = mails(world)
    assert by_code(world, second, mail.code) == by_code(world, second, mail.code)
    assert mail.code.replace(" ", "") == own_code(world, second)


def test_a_twin_whose_first_post_is_gone_stands_alone(world: World) -> None:
    """D4, D6: its mail can be asked for, and its code confirms it."""
    first, second = posts(world)
    (mail,) = mails(world)
    over = ErasureGround(
        ErasureReason.UNCONFIRMED, world.now - timedelta(hours=2), RetentionPeriod.parse("1 hours")
    )
    world.do(lambda tx: erase_requests(tx, world.vault, [first], over, world.now))
    with pytest.raises(LinkExpired):
        by_code(world, second, mail.code)
    assert again(world, second)
    (own,) = mails(world)
    outcome = by_code(world, second, own.code)
    assert isinstance(outcome, Confirmation)
    assert outcome.request == second


def test_the_mail_is_sent_again_from_each_page(world: World) -> None:
    """D6: it is the same mail with the same code, as often as the limit allows in all."""
    first, second = posts(world)
    assert not again(world, second)  # it still waits
    (mail,) = mails(world)
    for request in (second, first, second):
        assert again(world, request)
        assert [it.code for it in mails(world)] == [mail.code]
    assert not again(world, first)
    assert again(world, RequestId(b"nobody's request")) is False


def test_wrong_codes_count_for_their_own_page(world: World) -> None:
    """D3, D7: a stranger who sends the same form takes no tries from the person, and sees none."""
    person, stranger = posts(world)
    (mail,) = mails(world)
    for _ in range(MAX_TRIES):
        assert by_code(world, stranger, "00") == CodeRefused(world.form.declaration, "code-wrong")
    assert by_code(world, stranger, mail.code) == CodeRefused(world.form.declaration, "code-spent")
    assert isinstance(by_code(world, person, mail.code), Confirmation)


def test_few_pages_share_a_code_and_the_next_has_its_own_mail(world: World) -> None:
    """D3, D8: a code cannot be guessed at on page after page, and nobody waits in vain."""
    requests = posts(world, MOST_ALIKE + 3)
    codes = [own_code(world, request) for request in requests]
    assert codes == [codes[0]] * MOST_ALIKE + [codes[-1]] * 3
    assert sorted(mail.code.replace(" ", "") for mail in mails(world)) == sorted({codes[0], codes[-1]})


def test_twins_of_twins_cause_no_more_mails_than_a_day_allows(world: World) -> None:
    """D8: however often the same form is sent."""
    posts(world, 40)
    assert len(mails(world)) == world.policy.limits.per_address_per_day


def test_twins_do_not_use_up_the_mails_of_a_day(world: World) -> None:
    """D8: a form that was sent five times was one mail; the corrected form gets its own."""
    posts(world, world.policy.limits.per_address_per_day)
    assert len(mails(world)) == 1
    for number in range(1, world.policy.limits.per_address_per_day):
        world.sign_up(ALICE, TIPS, first_name=f"Alice {number}")
        assert len(mails(world)) == 1
    world.sign_up(ALICE, TIPS, first_name="Alice again")
    assert mails(world) == []


def test_a_double_click_on_the_last_form_of_a_day_is_a_twin(world: World) -> None:
    """D3, D8: its mail is there already, so its code works on the second page too."""
    for number in range(1, world.policy.limits.per_address_per_day):
        world.sign_up(ALICE, TIPS, first_name=f"Alice {number}")
    _, second = posts(world)
    code = own_code(world, second)
    assert code in {mail.code.replace(" ", "") for mail in mails(world)}
    assert isinstance(by_code(world, second, code), Confirmation)


def withdraw(world: World, joined: RequestId) -> None:
    world.withdraw(joined)


def withdraw_all(world: World, _joined: RequestId) -> None:
    index = world.vault.index(parse_email(ALICE))
    world.run(withdraw_person, email_index=index, now=world.now)


def put_right(world: World, _joined: RequestId) -> None:
    index = world.vault.index(parse_email(ALICE))
    values = {"first_name": "Alicia"}
    world.run(correct, email_index=index, values=values, now=world.now)


def erase(world: World, _joined: RequestId) -> None:
    index = world.vault.index(parse_email(ALICE))
    world.do(erase_person, context=world.context, email_index=index, reason=BY_PERSON, now=world.now)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("change", [withdraw, withdraw_all, put_right, erase])
def test_a_post_after_a_change_of_mind_is_no_twin_of_one_before(
    world: World, change: Callable[[World, RequestId], None], *, known: bool
) -> None:
    """P1, R3: who withdrew and ticks again is asked again, and the consent is given."""
    before = posts(world, 1)[0]
    if known:
        world.wait(timedelta(days=1))
        world.confirm(before)
        world.wait(timedelta(days=1))
        posts(world, 1)
    mails(world)
    world.wait(timedelta(minutes=1))
    change(world, before)
    says_something = known or change in {withdraw_all, erase}  # nobody can withdraw what was never given
    world.wait(timedelta(minutes=1))
    after = posts(world, 1)[0]
    orders = mails(world)
    assert len(orders) == (1 if says_something else 0)
    world.wait(timedelta(seconds=1))
    if orders:
        outcome = by_code(world, after, orders[0].code)
        assert isinstance(outcome, Confirmation)
        assert [receipt.question.purpose for receipt in outcome.granted] == [TIPS]
        assert outcome.request == after
        assert world.status(ALICE, TIPS) is Status.GIVEN


def test_a_post_in_the_instant_of_a_withdrawal_is_no_twin(world: World) -> None:
    """P1: what was asked in that instant cannot be confirmed, so the next post needs its own mail."""
    joined = world.join(ALICE, TIPS)
    posts(world, 1)
    world.withdraw(joined)
    mails(world)
    world.wait(timedelta(seconds=1))
    posts(world, 1)
    assert len(mails(world)) == 1


def test_two_posts_after_a_withdrawal_are_twins_again(world: World) -> None:
    """D8: one mail for both, as ever."""
    joined = world.join(ALICE, TIPS)
    world.withdraw(joined)
    world.wait(timedelta(seconds=1))
    posts(world, 2)
    assert len(mails(world)) == 1


def test_a_twin_is_kept_like_any_other_request(world: World) -> None:
    """D7: the same rows and events, so that its answer takes as long; and it leaves in its time."""
    tables = ("request", "event")
    rows = []
    for _ in range(3):
        before = [world.count(table) for table in tables]
        posts(world, 1)
        rows.append([world.count(table) - was for table, was in zip(tables, before, strict=True)])
    assert rows[0] == rows[1] == rows[2]
