"""The double opt-in, as flows over a real store."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from optin.consent.confirmation_code import MAX_TRIES
from optin.consent.retention_period import RetentionPeriod
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import RequestId, Status
from optin.errors import LinkExpired, LinkForged, LinkSpent
from optin.flows.consents.confirm import CodeRefused, Confirmation, confirm_by_code, view_request
from optin.flows.consents.resend_confirmation import resend_confirmation
from optin.flows.delivery.mail_order import MailKind, Verdict
from optin.flows.retention.sweep_consents import sweep_unconfirmed
from optin.settings.site import Unconfirmed
from optin.store.requests import SealedRequest, load_request
from tests.world import CALL, TIPS, World, form_version


def by_code(world: World, request: RequestId, code: str) -> Confirmation | CodeRefused:
    return world.run(confirm_by_code, request=request, typed=code, now=world.now)


def resend(world: World, request: RequestId) -> bool:
    return world.run(resend_confirmation, request=request, now=world.now)


def test_alice_gives_one_of_two_consents_and_gets_the_magnet(world: World) -> None:
    """P1, F1: each box is a consent of its own; what was not ticked is not given."""
    request = world.sign_up("alice@example.com", TIPS)
    order = world.mail(MailKind.CONFIRMATION)
    assert order.recipient == "alice@example.com"
    assert [question.purpose for question in order.questions] == [TIPS]
    outcome = world.confirm(request)
    assert [receipt.question.purpose for receipt in outcome.granted] == [TIPS]
    delivery = world.mail(MailKind.DELIVERY)
    assert delivery.download_token
    assert world.status("alice@example.com", TIPS) is Status.GIVEN
    assert world.status("alice@example.com", CALL) is None


def test_the_magnet_comes_without_any_box(world: World) -> None:
    """F1, S8: no consent is the price of the magnet."""
    request = world.sign_up("alice@example.com")
    outcome = world.confirm(request)
    assert outcome.granted == ()
    assert world.mail(MailKind.DELIVERY).download_token


def test_a_second_click_adds_no_evidence(world: World) -> None:
    """D4: a confirmation works once; the second shows the same."""
    request = world.sign_up("alice@example.com", TIPS, CALL, phone="+31201234567")
    first = world.confirm(request)
    events, mails = world.count("event"), world.count("outbox")
    world.wait(timedelta(minutes=1))
    assert world.confirm(request) == first
    assert (world.count("event"), world.count("outbox")) == (events, mails)


def test_looking_changes_nothing(world: World) -> None:
    """D2: a GET, however often, leaves every row as it is."""
    request = world.sign_up("alice@example.com", TIPS)
    before = [world.count(table) for table in ("event", "request", "subject", "consent", "outbox")]
    for _ in range(3):
        asked = world.run(view_request, request=request)
        assert not asked.confirmed
    after = [world.count(table) for table in ("event", "request", "subject", "consent", "outbox")]
    assert before == after


def test_an_old_link_never_brings_back_who_withdrew(world: World) -> None:
    """D4: a click after a withdrawal revives nothing (PEERS 2)."""
    pending = world.sign_up("carol@example.com", TIPS)
    world.wait(timedelta(minutes=1))
    given = world.join("carol@example.com", TIPS)
    world.withdraw(given)
    world.wait(timedelta(minutes=1))
    assert world.confirm(given).granted == ()
    late = world.confirm(pending)
    assert late.granted == ()
    assert [question.purpose for question in late.lapsed] == [TIPS]
    assert world.status("carol@example.com", TIPS) is Status.WITHDRAWN


def test_who_withdrew_may_ask_anew(world: World) -> None:
    """R7, R2: a new sign-up by the person works, and lifts the suppression."""
    world.withdraw(world.join("carol@example.com", TIPS))
    assert world.count("suppression") == 1
    world.wait(timedelta(minutes=1))
    world.join("carol@example.com", TIPS)
    assert world.status("carol@example.com", TIPS) is Status.GIVEN
    assert world.count("suppression") == 0


def test_a_strangers_post_changes_nothing_about_a_known_person(world: World) -> None:
    """D7: only the person's own confirmation changes what is kept (PEERS 13)."""
    world.withdraw(world.join("carol@example.com", TIPS, first_name="Carol"))
    world.wait(timedelta(minutes=1))
    sealed = world.do(lambda tx: tx.all("SELECT sealed FROM subject"))
    world.sign_up("carol@example.com", TIPS, CALL, first_name="Mallory", phone="+31201234567")
    assert world.do(lambda tx: tx.all("SELECT sealed FROM subject")) == sealed
    assert world.status("carol@example.com", TIPS) is Status.WITHDRAWN
    assert world.count("suppression") == 1


def test_two_spellings_of_an_address_are_one_person(world: World) -> None:
    """P1: nobody is two people because of a capital letter."""
    world.join("Alice@Example.com", TIPS)
    world.join("alice@example.com", TIPS)
    assert world.count("subject") == 1


def test_the_code_confirms_like_the_link(world: World) -> None:
    """D3: the code of the mail, typed on the page that followed the form."""
    request = world.sign_up("alice@example.com", TIPS)
    code = world.mail(MailKind.CONFIRMATION).code
    assert re.fullmatch(r"\d{4} \d{4}", code)
    assert isinstance(by_code(world, request, code), Confirmation)
    assert world.status("alice@example.com", TIPS) is Status.GIVEN


def test_a_code_has_few_tries(world: World) -> None:
    """D3: after a few wrong codes even the right one is refused; the link still works."""
    request = world.sign_up("alice@example.com", TIPS)
    code = world.mail(MailKind.CONFIRMATION).code
    wrong = "0000 0000" if code != "0000 0000" else "1111 1111"
    assert by_code(world, request, " ") == CodeRefused(world.form.declaration, "code-missing")
    for _ in range(MAX_TRIES):
        assert by_code(world, request, wrong) == CodeRefused(world.form.declaration, "code-wrong")
    assert by_code(world, request, code) == CodeRefused(world.form.declaration, "code-spent")
    assert world.status("alice@example.com", TIPS) is None
    assert world.confirm(request).granted


def test_a_code_expires_with_the_link(world: World) -> None:
    """D3: the code has the link's expiry, and is worth nothing before its mail left."""
    request = world.sign_up("alice@example.com", TIPS)
    code = world.mail(MailKind.CONFIRMATION).code
    world.wait(timedelta(hours=72))
    with pytest.raises(LinkExpired):
        by_code(world, request, code)


def test_a_link_expires_and_its_age_starts_when_the_mail_leaves(world: World) -> None:
    """D4, PEERS 12: the expiry is read, not only written."""
    world.sign_up("bob@example.com", TIPS)
    world.wait(timedelta(hours=60))
    order = world.mail(MailKind.CONFIRMATION)
    links, window = world.vault.links, timedelta(hours=72)
    world.wait(timedelta(hours=71))
    assert links.read(LinkKind.CONFIRM, order.confirm_token, world.now, window)
    world.wait(timedelta(hours=2))
    with pytest.raises(LinkExpired):
        links.read(LinkKind.CONFIRM, order.confirm_token, world.now, window)


@pytest.mark.parametrize("kind", [kind for kind in LinkKind if kind is not LinkKind.CONFIRM])
def test_a_token_for_one_action_never_works_for_another(world: World, kind: LinkKind) -> None:
    """S3: one salt for each action."""
    world.sign_up("alice@example.com", TIPS)
    token = world.mail(MailKind.CONFIRMATION).confirm_token
    with pytest.raises(LinkForged):
        world.vault.links.read(kind, token, world.now, None)


def test_an_unconfirmed_request_is_erased_after_its_time(world: World) -> None:
    """D6, R8, P9: unconfirmed requests leave by themselves; the leaves of their events stay."""
    request = world.sign_up("bob@example.com", TIPS)
    kept = world.join("alice@example.com", TIPS)
    world.mail(MailKind.CONFIRMATION)
    world.wait(timedelta(days=6, hours=23))
    assert world.do(sweep_unconfirmed, context=world.sweep_context) == 0
    world.wait(timedelta(hours=2))
    events = world.count("event")
    assert world.do(sweep_unconfirmed, context=world.sweep_context) == 1
    assert world.count("event") == events + 1  # that they were erased is an event as well
    with pytest.raises(LinkSpent):
        world.confirm(request)
    assert world.confirm(kept).granted
    rows = world.do(
        lambda tx: tx.all("SELECT body, request_id FROM event WHERE body IS NULL OR request_id IS NULL")
    )
    assert [row[0] for row in rows[:2]] == [None, None]
    assert [row[1] for row in rows] == [None, None, None]
    assert len(json.loads(rows[2][0])["events"]) == 2


def test_a_confirmation_is_sent_again_a_few_times(world: World) -> None:
    """D6: re-sending is capped, and does not queue a second mail beside a waiting one."""
    request = world.sign_up("bob@example.com", TIPS)
    assert not resend(world, request)
    codes = {world.mail(MailKind.CONFIRMATION).code}
    for _ in range(world.policy.unconfirmed.resend):
        world.wait(timedelta(minutes=5))
        assert resend(world, request)
        codes.add(world.mail(MailKind.CONFIRMATION).code)
    assert not resend(world, request)
    assert len(codes) == 1


def test_an_address_gets_no_more_than_its_mails_a_day(world: World) -> None:
    """D8: mallory cannot fill bob's mailbox; what she sees is the same all the same (D7)."""
    ids = {world.sign_up("bob@example.com", TIPS, first_name=f"Bob {it}") for it in range(20)}
    assert len(ids) == 20
    assert len(world.claim()) == world.policy.limits.per_address_per_day
    assert world.count("request") == 20
    assert world.count("outbox") == world.policy.limits.per_address_per_day


def test_a_request_that_got_no_mail_behaves_like_one_that_did(world: World) -> None:
    """D7, D8: tries of its code, another mail, its end: nothing tells whether there was a mail."""
    most = world.policy.limits.per_address_per_day
    requests = [world.sign_up("bob@example.com", TIPS, first_name=f"Bob {it}") for it in range(most + 1)]
    world.send()
    mailed, silent = requests[0], requests[-1]
    answers: dict[RequestId, list[object]] = {mailed: [], silent: []}
    for request, seen in answers.items():
        for _ in range(MAX_TRIES + 2):
            seen.append(by_code(world, request, "0000 0000"))
            seen.append(by_code(world, request, ""))
    assert answers[mailed] == answers[silent]
    assert CodeRefused(world.form.declaration, "code-spent") in answers[silent]
    assert not resend(world, silent)
    world.wait(timedelta(days=7, minutes=1))
    assert world.do(sweep_unconfirmed, context=world.sweep_context) == len(requests)


def test_who_got_no_mail_today_may_ask_for_it_tomorrow(world: World) -> None:
    """D6, D8: the limit is for a day; the request is kept, and its mail can be sent then."""
    silent = [world.sign_up("bob@example.com", TIPS, first_name=f"Bob {it}") for it in range(6)][-1]
    world.send()
    world.wait(timedelta(hours=25))
    assert resend(world, silent)
    code = world.mail(MailKind.CONFIRMATION).code
    assert isinstance(by_code(world, silent, code), Confirmation)


def test_the_code_of_a_mail_that_never_left_confirms_nothing(world: World) -> None:
    """D2, D8, P8: nobody can have read it, so nobody can have it but by guessing."""
    silent = [world.sign_up("bob@example.com", TIPS, first_name=f"Bob {it}") for it in range(6)][-1]
    world.send()
    stored = world.do(load_request, request=silent)
    assert stored is not None
    code = SealedRequest.open(world.vault, silent, stored.sealed).code
    with pytest.raises(LinkExpired):
        by_code(world, silent, code)


def test_a_request_without_a_mail_is_kept_as_long_as_one_with(world: World) -> None:
    """D7: also where requests are kept for a shorter time than their links live."""
    world.policy = replace(world.policy, unconfirmed=Unconfirmed(keep=RetentionPeriod.parse("1 day")))
    requests = [world.sign_up("bob@example.com", TIPS, first_name=f"Bob {it}") for it in range(6)]
    world.send()
    world.wait(timedelta(hours=71))
    assert world.do(sweep_unconfirmed, context=world.sweep_context) == 0
    world.wait(timedelta(hours=2))
    assert world.do(sweep_unconfirmed, context=world.sweep_context) == len(requests)


def test_the_mail_that_was_sent_is_an_event_with_its_digest(world: World) -> None:
    """P2: the confirmation mail as sent is kept, and an event commits to its bytes."""
    world.sign_up("alice@example.com", TIPS)
    (order,) = world.claim()
    assert world.settle(order, Verdict.SENT, b"the very bytes")
    assert not world.settle(order, Verdict.SENT, b"the very bytes")
    assert world.count("mail") == 1
    bodies = world.do(lambda tx: tx.all("SELECT body FROM event ORDER BY id"))
    assert '"kind":"mailed"' in bodies[-1][0]
    assert "alice" not in "".join(body for (body,) in bodies)


def test_a_form_posted_after_the_next_version_is_stored_as_its_own(world: World) -> None:
    """F7: the declaration is pinned to the version that was shown."""
    shown = world.form
    world.serve(form_version("v2", replace(shown.declaration, title="Nieuwe titel")))
    world.form = shown
    request = world.sign_up("alice@example.com", TIPS)
    asked = world.run(view_request, request=request)
    assert asked.form.title == shown.declaration.title
    ordinals = world.do(lambda tx: tx.all("SELECT ordinal FROM form_version ORDER BY ordinal"))
    assert ordinals == [(1,), (2,)]


def test_same_bytes_are_the_same_version(world: World) -> None:
    """P2: serving the same page again makes no new version."""
    world.serve(form_version())
    assert world.count("form_version") == 1
    assert world.count("privacy_version") == 1
