"""Mails that come back and complaints: what they change, and what a forged or late one cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from optin.consent.email_and_telephone import EmailAddress, parse_email
from optin.consent.return_address import MailOfToken, ReturnTokens, return_address
from optin.consent.returned_mail import MailReport, ReportedMail, ReportEffect
from optin.consent.status_transitions import Status
from optin.errors import RequestRefused
from optin.flows.delivery.deliver_mails import UNREACHABLE, Attempt
from optin.flows.delivery.mail_order import MailKind, MailState, Verdict
from optin.flows.delivery.retry_abandoned_mails import SkipReason, given_up_mails, retry_dead, retry_one
from optin.flows.retention.clock_correction import note_set_back
from optin.flows.returned_mails.record_sending import forget_refusals, record_sending
from optin.flows.returned_mails.take_report import OLDEST, take_report
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.personal_data import view_personal
from optin.rules.may_contact import Refusal
from optin.settings.bounces import BouncesTable
from optin.store.mail_outbox import settle
from optin.store.unreachable_addresses import all_report_sums, count_unreachable, unreachable_since
from tests.flows.test_webhooks import Told, register
from tests.gate.asking import may, with_gate
from tests.world import CALL, NOON, TIPS, TIPS_BY_EMAIL, World, dropped_from_list, export_from

ALICE, BOB = "alice@example.com", "bob@example.com"
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


def index_of(world: World, email: str = ALICE) -> bytes:
    return world.vault.index(parse_email(email))


def mail_to(world: World, email: str = ALICE) -> MailOfToken:
    """Return what the return address of a mail says that is sent to somebody now."""
    found = world.vault.return_tokens.find(
        return_address("b@example.com", world.vault.return_tokens.sign(index_of(world, email), world.now))
    )
    assert found is not None
    return found


def report(
    world: World,
    said: MailReport = MailReport.HARD,
    mail: MailOfToken | None = None,
    status: str = "",
    email: str = ALICE,
) -> ReportEffect:
    told = ReportedMail(said, "pipe", mail or mail_to(world, email), status=status)
    return world.run(take_report, told=told, now=world.now)


def is_reachable(world: World, email: str = ALICE) -> bool:
    return world.store.read(unreachable_since, email_index=index_of(world, email)) is None


def test_a_hard_bounce_makes_an_address_unreachable(world: World) -> None:
    """O6: no mail, no export, no yes of the gate; it is no withdrawal."""
    with_gate(world)
    world.join(ALICE, TIPS)
    world.join(BOB, TIPS)
    world.send()
    assert may(world, ALICE).may
    world.wait(HOUR)
    assert report(world, status="5.1.1") is ReportEffect.UNREACHABLE
    assert report(world, status="5.1.1") is ReportEffect.KNOWN

    answer = may(world, ALICE)
    assert (answer.may, answer.said) == (False, Refusal.UNREACHABLE.value)
    assert may(world, BOB).may
    export = export_from(world)
    assert [it.email for it in export.proven()] == [BOB]
    assert dict(export.refused) == {"unreachable": 1}
    for suppress_only in (False, True):
        dropped = dropped_from_list(world, TIPS_BY_EMAIL, [ALICE, BOB], suppress_only=suppress_only)
        assert dropped == ["unreachable", ""]
    assert world.status(ALICE, TIPS) is Status.GIVEN
    told = world.view(view_personal, index_of(world), world.now).unreachable
    assert told is not None
    assert (told.since, told.status) == (world.now, "5.1.1")


def test_a_call_needs_no_mailbox(world: World) -> None:
    """O6: a consent by telephone is used as before."""
    with_gate(world)
    world.join(ALICE, TIPS, CALL, phone="+31612345678")
    report(world)
    assert not may(world, ALICE).may
    assert may(world, "+31612345678", CALL).may


def test_no_mail_goes_to_an_unreachable_address(world: World) -> None:
    """O6: what was queued is given up; the link that somebody asks for now, and the confirmation, go."""
    request = world.sign_up(ALICE, TIPS)
    world.send()
    world.wait(SECOND)
    world.confirm(request)
    world.wait(2 * SECOND)
    assert report(world) is ReportEffect.UNREACHABLE
    assert world.send() == []
    rows = world.store.read(lambda tx: tx.all("SELECT state, last_reply FROM outbox WHERE kind = 'delivery'"))
    assert [tuple(it) for it in rows] == [(MailState.DEAD.value, UNREACHABLE)]
    world.sign_up(ALICE, TIPS)
    assert [it.kind for it in world.send()] == [MailKind.CONFIRMATION]


def test_a_confirmation_lifts_it(world: World) -> None:
    """O6: whoever reads the mailbox proves that mail arrives; processors are told again."""
    register(world, crm=frozenset({TIPS}))
    told = Told(world)
    world.join(ALICE, TIPS)
    world.send()
    assert told.hear() == ["consent.confirmed"]
    world.wait(HOUR)
    old = mail_to(world)
    report(world)
    assert told.hear() == ["consent.withdrawn"]
    world.wait(HOUR)
    world.join(ALICE)  # without any box
    assert is_reachable(world)
    assert told.hear() == ["consent.confirmed"]
    assert report(world, mail=old) is ReportEffect.OVERTAKEN
    assert is_reachable(world)


def test_a_mail_of_the_second_of_the_confirmation_may_come_back(world: World) -> None:
    """O6: a token tells seconds; the delivery leaves in the one in which the person confirmed."""
    request = world.sign_up(ALICE, TIPS)
    world.wait(timedelta(milliseconds=700))
    world.confirm(request)
    mail = mail_to(world)
    world.wait(timedelta(milliseconds=700))
    assert report(world, mail=mail) is ReportEffect.UNREACHABLE


def test_several_delays_make_an_address_unreachable(world: World) -> None:
    """O6: each of another mail, within the time of the settings."""
    world.policy = replace(world.policy, bounces=BouncesTable(soft_times=3))
    world.join(ALICE, TIPS)
    world.send()
    first = mail_to(world)
    effects = [report(world, MailReport.SOFT, first) for _ in range(5)]
    assert effects == [ReportEffect.NOTED, *[ReportEffect.KNOWN] * 4]
    world.wait(15 * DAY)
    for expected in (ReportEffect.NOTED, ReportEffect.NOTED, ReportEffect.UNREACHABLE):
        assert report(world, MailReport.SOFT) is expected
        world.wait(DAY)
    assert not is_reachable(world)
    sums = world.store.read(all_report_sums)
    assert {(key.cause, key.source) for key in sums} == {("soft", "pipe")}
    assert sum(sums.values()) == 4  # what is told twice counts once


@pytest.mark.parametrize("said", [MailReport.COMPLAINT, MailReport.OPT_OUT])
def test_a_complaint_withdraws(world: World, said: MailReport) -> None:
    """O6: every consent by mail, as if asked; no call is touched; nothing asked before is given by it."""
    register(world, crm=frozenset({TIPS}))
    told = Told(world)
    world.join(ALICE, TIPS, CALL, phone="+31612345678")
    world.send()
    told.hear()
    pending = world.sign_up(ALICE, TIPS)
    world.wait(SECOND)
    assert report(world, said) is ReportEffect.WITHDRAWN
    assert report(world, said) is ReportEffect.KNOWN
    assert world.status(ALICE, TIPS) is Status.WITHDRAWN
    assert world.status(ALICE, CALL) is Status.GIVEN
    assert told.hear() == ["consent.withdrawn"]
    assert is_reachable(world)
    world.confirm(pending)
    assert world.status(ALICE, TIPS) is Status.WITHDRAWN


def test_a_complaint_told_again_ends_no_later_consent(world: World) -> None:
    """O6: what was given after the complaint was taken stays, and so does what is asked for anew."""
    world.join(ALICE, TIPS)
    world.send()
    world.wait(HOUR)
    mail = mail_to(world)
    world.wait(HOUR)
    assert report(world, MailReport.COMPLAINT, mail=mail) is ReportEffect.WITHDRAWN
    world.wait(DAY)
    pending = world.sign_up(ALICE, TIPS)
    assert report(world, MailReport.COMPLAINT, mail=mail) is ReportEffect.KNOWN
    world.confirm(pending)
    assert world.status(ALICE, TIPS) is Status.GIVEN
    world.wait(DAY)
    assert report(world, MailReport.COMPLAINT, mail=mail) is ReportEffect.KNOWN
    assert world.status(ALICE, TIPS) is Status.GIVEN
    assert report(world, MailReport.COMPLAINT) is ReportEffect.WITHDRAWN
    assert world.status(ALICE, TIPS) is Status.WITHDRAWN


def test_a_complaint_about_what_was_erased_ends_no_later_consent(world: World) -> None:
    """O6, R7: of the mail nothing is on file; whoever came back gave their consent after it."""
    world.join(ALICE, TIPS)
    world.send()
    mail = mail_to(world)
    world.wait(DAY)
    world.run(erase_person, index_of(world), BY_PERSON, world.now)
    world.wait(DAY)
    pending = world.sign_up(ALICE, TIPS)
    assert report(world, MailReport.COMPLAINT, mail=mail) is ReportEffect.KNOWN
    world.confirm(pending)
    assert report(world, MailReport.COMPLAINT, mail=mail) is ReportEffect.KNOWN
    assert world.status(ALICE, TIPS) is Status.GIVEN
    assert report(world, MailReport.COMPLAINT) is ReportEffect.WITHDRAWN


def test_a_complaint_counts_whatever_a_wrong_clock_wrote(world: World) -> None:
    """O6, O7: a sign-up that a clock dated to come is not taken for one of after the complaint."""
    world.wait(DAY)
    world.join(ALICE, TIPS)
    world.send()
    was = world.now
    world.wait(-DAY)
    world.do(partial(note_set_back, context=world.context, was=was, now=world.now))
    mail = mail_to(world)
    world.wait(2 * DAY)
    assert report(world, MailReport.COMPLAINT, mail=mail) is ReportEffect.WITHDRAWN


def test_reports_about_nobody_change_nothing(world: World) -> None:
    """O6: of strangers, of who was erased, of long ago, of a moment to come."""
    world.join(ALICE, TIPS)
    world.send()
    long_ago, ahead = mail_to(world), replace(mail_to(world), sent_at=world.now + HOUR)
    assert report(world, email="nobody@example.com") is ReportEffect.NOBODY
    assert report(world, mail=ahead) is ReportEffect.TOO_OLD
    world.wait(OLDEST + DAY)
    assert report(world, mail=long_ago) is ReportEffect.TOO_OLD
    world.wait(-OLDEST)
    mail = mail_to(world)
    assert report(world, mail=mail) is ReportEffect.UNREACHABLE
    world.run(erase_person, index_of(world), BY_PERSON, world.now)
    assert world.store.read(count_unreachable) == 0
    assert report(world, mail=mail) is ReportEffect.NOBODY
    by_address = ReportedMail(MailReport.HARD, "ses", email=ALICE)
    assert world.run(take_report, told=by_address, now=world.now) is ReportEffect.NOBODY
    assert world.store.read(count_unreachable) == 0


def forged(token: str) -> list[str]:
    other = "b" if token[0] != "b" else "c"
    return [other + token[1:], token[:-1] + ("a" if token[-1] != "a" else "q"), token[:-1], "", "a" * 42]


def test_a_forged_token_says_nothing(world: World) -> None:
    """O6: no letter of it can be changed; capitals, and whatever stands around it, can."""
    tokens = world.vault.return_tokens
    token = tokens.sign(index_of(world), world.now)
    assert [tokens.find(f"bounces+{it}@example.com") for it in forged(token)] == [None] * 5
    found = tokens.find(f"<Bounces+{token.upper()}@Example.com>")
    assert found == mail_to(world)
    assert len(return_address("bounces@example.com", token).rpartition("@")[0]) <= 64
    assert ReturnTokens([b"1" * 32]).find(token) is None
    assert ReturnTokens([b"1" * 32]).sign(index_of(world), world.now) != token


def test_a_new_key_reads_old_tokens() -> None:
    """S2: mails come back after a rotation."""
    old, new = b"1" * 32, b"2" * 32
    token = ReturnTokens([old]).sign(b"x" * 32, NOON)
    assert ReturnTokens([old, new]).find(token) is not None
    assert ReturnTokens([new]).find(token) is None


@pytest.mark.parametrize(
    ("reply", "reachable"), [("550 5.1.1", False), ("550 5.2.1", False), ("550", True), ("550 5.7.1", True)]
)
def test_a_refusal_of_our_server_is_a_report(world: World, reply: str, *, reachable: bool) -> None:
    """O6: about the address alone; taken back when the server refuses everybody alike."""
    world.join(ALICE, TIPS)
    (order,) = [it for it in world.claim() if it.kind == MailKind.DELIVERY]
    refused = Attempt(Verdict.REFUSED, reply, b"mail")
    assert world.run(record_sending, order, refused, world.now) is MailState.DEAD
    assert is_reachable(world) is reachable
    lifted = world.run(forget_refusals, [EmailAddress(ALICE), EmailAddress(BOB)], world.now)
    assert (lifted, is_reachable(world)) == (0 if reachable else 1, True)


def test_processors_are_told_that_a_refusal_was_taken_back(world: World) -> None:
    """O6: else they would keep a person for withdrawn whom the fault of a mail server made unreachable."""
    register(world, crm=frozenset({TIPS}))
    told = Told(world)
    world.join(ALICE, TIPS, CALL, phone="+31612345678")
    (order,) = [it for it in world.claim() if it.kind == MailKind.DELIVERY]
    assert told.hear() == ["consent.confirmed"]
    world.run(record_sending, order, Attempt(Verdict.REFUSED, "550 5.1.1", b"mail"), world.now)
    assert told.hear() == ["consent.withdrawn"]
    assert world.run(forget_refusals, [EmailAddress(ALICE)], world.now) == 1
    assert told.hear() == ["consent.confirmed"]


def test_what_a_wrong_refusal_kept_back_is_sent_after_all(world: World) -> None:
    """O6: who wants to send it again reads why not; once the refusal is taken back it leaves by itself."""
    world.join(ALICE, TIPS)
    (order,) = [it for it in world.claim() if it.kind == MailKind.DELIVERY]
    wrong = Attempt(Verdict.REFUSED, "550 5.1.1", b"mail")
    assert world.run(record_sending, order, wrong, world.now) is MailState.DEAD
    assert world.run(retry_dead, after=0, now=world.now).skipped == {SkipReason.UNREACHABLE: 1}
    number = world.run(given_up_mails, now=world.now, most=9)[0].letter.number
    with pytest.raises(RequestRefused, match="once the person confirms something again"):
        world.run(retry_one, number=number, now=world.now)

    world.store.submit(
        partial(settle, number=number, state="dead", reply=UNREACHABLE, now=world.now)
    ).result()
    assert world.run(forget_refusals, [EmailAddress(ALICE)], world.now) == 1
    assert world.run(given_up_mails, now=world.now, most=9) == []
    assert [it.kind for it in world.claim()] == [MailKind.DELIVERY]


def test_only_refusals_are_taken_back(world: World) -> None:
    """O6: what was told by a returned mail stays."""
    world.join(ALICE, TIPS)
    world.send()
    report(world)
    assert world.run(forget_refusals, [EmailAddress(ALICE)], world.now) == 0
    assert not is_reachable(world)


def test_what_came_back_goes_with_the_person(world: World) -> None:
    """R8: the sweep deletes it once nobody of the address is on file, and delays too old to count."""
    world.join(ALICE, TIPS)
    world.join(BOB, TIPS)
    world.send()
    report(world)
    report(world, email=BOB)
    report(world, MailReport.SOFT, email=BOB)
    world.do(
        lambda tx: tx.run(
            "UPDATE unreachable SET email_index = :x WHERE email_index = :i", x=b"x" * 32, i=index_of(world)
        )
    )
    assert world.due("returned-mails") == 1
    world.wait(20 * DAY)
    assert world.sweep_step("returned-mails") == 2
    assert (world.count("unreachable"), world.count("delayed_mail")) == (1, 0)
