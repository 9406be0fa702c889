"""Letters of a purpose: to whom they go, when, once; and to whom they never go."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import ID_BYTES, RequestId
from optin.errors import JournalUnusable
from optin.flows.consents.renew import ask_from_personal_page
from optin.flows.delivery import letters
from optin.flows.delivery.deliver_mails import MEMORY_WAIT, MailInputs, claim_orders, record_crashed_send
from optin.flows.delivery.letters import (
    LATEST,
    STEP,
    first_place,
    letters_in_order,
    queue_letters,
)
from optin.flows.delivery.mail_order import LetterOrder, MailKind, Order, Verdict
from optin.flows.delivery.retry_abandoned_mails import retry_dead
from optin.flows.evidence.withdrawals_in_journal import Endings
from optin.flows.reports.statistics import LetterCount, StatisticsCount
from optin.flows.reports.week_count import week_name
from optin.flows.request_policy import Letter, LetterText
from optin.flows.retention.clock_correction import future_limits
from optin.flows.rights.erase import BY_PERSON
from optin.flows.rights.personal_data import view_personal
from optin.flows.rights.withdraw import withdraw_person
from optin.store.correct_future_times import correct_future_times
from optin.store.letters import LetterPlace, LetterSum, all_letter_sums
from optin.store.mail_outbox import LETTER
from optin.store.sending_claims import ClaimBatch
from optin.store.weekly_event_sums import monday_of
from tests.flows.test_webhooks import ALICE, erase
from tests.world import CALL, DECLARATION, TIPS, TIPS_BY_EMAIL, World, form_version

BOB, CAROL = "bob@example.com", "carol@example.com"
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
NL = LetterText("Zo belt u", "Eén tip voor vandaag", "<p>Bel voor twaalven.</p>", "Bel voor twaalven.")


def letter(name: str, after: str, **texts: LetterText) -> Letter:
    return Letter(name, RetentionPeriod.parse(after), texts or {"nl": replace(NL, subject=name)})


FIRST, SECOND_LETTER = letter("tips-1", "3 days"), letter("tips-2", "10 days")


def write(world: World, *letters: Letter, key: ConsentKey = TIPS_BY_EMAIL) -> None:
    """Let a purpose have these letters."""
    world.policy = replace(world.policy, letters={key: letters})


@pytest.fixture
def lettered(world: World) -> World:
    """Return a world whose tips have two letters."""
    write(world, FIRST, SECOND_LETTER)
    return world


def queue(world: World) -> int:
    """Queue the letters that are due, as the job does."""
    count = 0
    for key, it in letters_in_order(world.policy):
        place: LetterPlace | None = first_place(it, world.now)
        while place is not None:
            done = world.run(queue_letters, key=key, letter=it, after=place, now=world.now)
            count += done.count
            place = done.place if done.count else None
    return count


def letters_in(orders: list[Order]) -> list[tuple[str, str]]:
    return [(it.recipient, it.letter.subject) for it in orders if isinstance(it, LetterOrder)]


def receive(world: World) -> list[tuple[str, str]]:
    """Queue and send what is due; return the letters: to whom, and which."""
    queue(world)
    return letters_in(world.send())


def sums(world: World) -> list[LetterSum]:
    return world.store.read(all_letter_sums)


def test_each_letter_comes_once_at_its_time(lettered: World) -> None:
    """W13: so long after the consent was confirmed; the sums say how many, and nobody is in the outbox."""
    lettered.join(ALICE, TIPS)
    lettered.join(BOB)  # no consent
    begun = lettered.now
    assert receive(lettered) == []
    lettered.now = begun + 3 * DAY - 10 * SECOND
    assert receive(lettered) == []
    lettered.now = begun + 3 * DAY
    assert receive(lettered) == [(ALICE, "tips-1")]
    assert receive(lettered) == []
    assert lettered.store.read(lambda tx: tx.all("SELECT 1 FROM outbox WHERE kind = 'letter'")) == []
    monday = monday_of(lettered.now.date())
    lettered.now = begun + 10 * DAY
    assert receive(lettered) == [(ALICE, "tips-2")]
    later = monday_of(lettered.now.date())
    assert sums(lettered) == [LetterSum(monday, TIPS, "tips-1", 1), LetterSum(later, TIPS, "tips-2", 1)]
    lettered.wait(30 * DAY)
    assert receive(lettered) == []


def test_a_letter_is_no_event_and_no_copy_is_kept(lettered: World) -> None:
    """W13, P1: what proves nothing about a consent adds no personal data."""
    lettered.join(ALICE, TIPS)
    lettered.send()
    lettered.wait(3 * DAY)
    before = lettered.count("event"), lettered.count("mail")
    assert len(receive(lettered)) == 1
    assert (lettered.count("event"), lettered.count("mail")) == before


def test_the_link_in_a_letter_withdraws_this_purpose_alone(lettered: World) -> None:
    """W13, R3: by a token of the request and the purpose."""
    request = lettered.join(ALICE, TIPS, CALL, phone="+31201234567")
    lettered.wait(3 * DAY)
    queue(lettered)
    (order,) = [it for it in lettered.claim() if isinstance(it, LetterOrder)]
    payload = lettered.vault.links.read(LinkKind.UNSUBSCRIBE, order.unsubscribe_token, lettered.now, None)
    assert (payload[:ID_BYTES], payload[ID_BYTES:].decode()) == (request, TIPS)
    assert order.question.purpose == TIPS


@pytest.mark.parametrize("when", ["before it is queued", "between", "while it is sent"])
def test_who_withdrew_gets_no_letter(lettered: World, when: str) -> None:
    """W13, R3: also when it was queued already; one on its way cannot be called back, and is counted."""
    request = lettered.join(CAROL, TIPS)
    lettered.wait(3 * DAY)
    orders: list[Order] = []
    if when != "before it is queued":
        assert queue(lettered) == 1
    if when == "while it is sent":
        orders = [it for it in lettered.claim() if isinstance(it, LetterOrder)]
    lettered.withdraw(request)
    assert receive(lettered) == []
    for order in orders:
        assert lettered.settle(order, Verdict.SENT)
    assert lettered.count("letter") == 0
    assert lettered.store.read(lambda tx: tx.all("SELECT 1 FROM outbox WHERE kind = 'letter'")) == []
    lettered.wait(7 * DAY)
    assert receive(lettered) == []


def test_who_is_erased_leaves_no_trace(lettered: World) -> None:
    """W13, R5: neither a queued letter nor what was sent before."""
    lettered.join(ALICE, TIPS)
    lettered.wait(3 * DAY)
    assert receive(lettered) == [(ALICE, "tips-1")]
    lettered.wait(7 * DAY)
    assert queue(lettered) == 1
    erase(lettered, ALICE, BY_PERSON)
    assert lettered.count("letter") == 0
    assert receive(lettered) == []
    assert [it.sent for it in sums(lettered)] == [1]


def test_an_expired_consent_gets_no_letter(world: World) -> None:
    """W13, R8: even before the sweep comes."""
    write(world, letter("late", "23 months"), letter("later", "25 months"))
    world.join(ALICE, TIPS)
    world.wait(702 * DAY)
    assert receive(world) == [(ALICE, "late")]
    world.wait(60 * DAY)
    assert receive(world) == []


def test_expired_between_queueing_and_sending(world: World) -> None:
    """W13, E1: it is proven when it leaves, not when it was queued."""
    write(world, letter("last", "730 days"))
    world.join(ALICE, TIPS)
    world.wait(730 * DAY)
    assert queue(world) == 1
    world.wait(DAY)
    assert letters_in(world.send()) == []


def test_a_consent_given_anew_begins_a_new_sequence(lettered: World) -> None:
    """W13, R2: after a withdrawal; not when it is only given once more."""
    request = lettered.join(ALICE, TIPS)
    lettered.wait(3 * DAY)
    assert receive(lettered) == [(ALICE, "tips-1")]
    lettered.withdraw(request)
    lettered.wait(DAY)
    lettered.join(ALICE, TIPS)
    lettered.wait(3 * DAY - 5 * SECOND)
    assert receive(lettered) == []
    lettered.wait(5 * SECOND)
    assert receive(lettered) == [(ALICE, "tips-1")]


def test_a_second_request_does_not_begin_it_again(lettered: World) -> None:
    """W13: the sequence goes by when the consent began, however often it is given meanwhile."""
    lettered.join(ALICE, TIPS)
    begun = lettered.now
    lettered.wait(2 * DAY)
    lettered.join(ALICE, TIPS)
    lettered.now = begun + 3 * DAY
    assert receive(lettered) == [(ALICE, "tips-1")]
    lettered.wait(2 * DAY)
    assert receive(lettered) == []
    index = lettered.vault.index(parse_email(ALICE))
    lettered.run(withdraw_person, index, lettered.now)
    lettered.run(ask_from_personal_page, index, TIPS_BY_EMAIL, lettered.now)


def test_one_that_is_long_past_is_not_sent(world: World) -> None:
    """W13: a letter written later, or a server that was down: seven days at most, and never a flood."""
    world.join(BOB, TIPS)
    world.wait(8 * DAY)
    world.join(ALICE, TIPS)
    world.wait(3 * DAY)
    write(world, FIRST)
    assert receive(world) == [(ALICE, "tips-1")]
    assert world.count("letter") == 1


def test_a_letter_waits_for_the_mail_server_but_not_too_long(lettered: World) -> None:
    """W13: up to seven days after its time."""
    lettered.join(ALICE, TIPS)
    lettered.send()
    lettered.wait(3 * DAY)
    queue(lettered)
    begun = lettered.now
    for _ in range(20):
        for order in lettered.claim():
            lettered.settle(order, Verdict.LATER, b"")
        lettered.wait(timedelta(hours=7))
    (order,) = lettered.claim()
    lettered.settle(order, Verdict.LATER, b"")
    lettered.now = begun + LATEST
    assert lettered.claim() == []
    assert receive(lettered) == [(ALICE, "tips-2")]


def test_an_edited_letter_goes_to_whom_it_is_still_due(lettered: World) -> None:
    """W13: it is composed when it leaves; who had the earlier text does not get it again."""
    lettered.join(ALICE, TIPS)
    lettered.wait(3 * DAY)
    assert len(receive(lettered)) == 1
    lettered.join(BOB, TIPS)
    lettered.wait(3 * DAY)
    assert queue(lettered) == 1
    write(lettered, letter("tips-1", "3 days", nl=replace(NL, subject="beter")))
    assert letters_in(lettered.send()) == [(BOB, "beter")]
    assert receive(lettered) == []


def test_a_queued_letter_that_is_moved_to_a_later_day_waits(lettered: World) -> None:
    """W13: it goes on the new day, once."""
    lettered.join(ALICE, TIPS)
    lettered.wait(3 * DAY)
    assert queue(lettered) == 1
    write(lettered, letter("tips-1", "5 days"))
    assert letters_in(lettered.send()) == []
    lettered.wait(2 * DAY)
    assert receive(lettered) == [(ALICE, "tips-1")]


def test_a_removed_letter_is_not_sent(lettered: World) -> None:
    """W13: unless it comes back in time; nor one without a text in the language of the form."""
    lettered.join(ALICE, TIPS)
    lettered.wait(3 * DAY)
    assert queue(lettered) == 1
    write(lettered)
    assert letters_in(lettered.send()) == []
    write(lettered, FIRST)
    assert receive(lettered) == [(ALICE, "tips-1")]
    lettered.join(BOB, TIPS)
    lettered.wait(3 * DAY)
    write(lettered, letter("tips-3", "3 days", en=NL))
    assert receive(lettered) == []


def test_the_form_decides_the_language(world: World) -> None:
    """W13, M9: that of the magnet by which the consent was given."""
    write(world, letter("tips-1", "3 days", nl=NL, de=replace(NL, subject="So rufen Sie an")))
    world.join(BOB, TIPS)
    world.serve(form_version("v2", replace(DECLARATION, lang="de")))
    world.join(ALICE, TIPS)
    world.wait(3 * DAY)
    assert sorted(receive(world)) == [(ALICE, "So rufen Sie an"), (BOB, "Zo belt u")]


def test_other_mails_go_first(lettered: World) -> None:
    """W13, D1: somebody waits for a confirmation; nobody waits for a letter."""
    for number in range(5):
        lettered.join(f"p{number}@example.com", TIPS)
    lettered.send()
    lettered.wait(3 * DAY)
    assert queue(lettered) == 5
    lettered.wait(SECOND)
    lettered.sign_up(ALICE, TIPS)
    orders = lettered.claim(3)
    assert sorted(it.kind for it in orders) == [MailKind.CONFIRMATION, MailKind.LETTER, MailKind.LETTER]
    assert [it.kind for it in orders if it.asked] == [MailKind.CONFIRMATION]


def test_no_more_wait_in_the_outbox_than_leave_soon(lettered: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """W13: the others are found when there is room; none is lost, and none is queued twice."""
    most = 2 * STEP
    monkeypatch.setattr(letters, "MOST_WAITING", most)
    count = most + STEP + 20
    for number in range(count):
        lettered.confirm(lettered.sign_up(f"p{number}@example.com", TIPS))
    while lettered.send():
        pass
    lettered.wait(3 * DAY)
    assert queue(lettered) == most
    assert queue(lettered) == 0
    got: list[tuple[str, str]] = []
    while found := receive(lettered):
        got += found
    assert len(got) == len(set(got)) == count


def test_a_doubted_clock_sends_no_letter(lettered: World) -> None:
    """W13, O7: neither queued nor sent while nobody knows what day it is; later it goes after all."""
    lettered.join(ALICE, TIPS)
    lettered.send()
    lettered.wait(3 * DAY)
    queue(lettered)
    right = lettered.now
    lettered.__dict__["now"] = right + 3 * DAY  # a jump, not time that passed
    assert queue(lettered) == 0
    assert letters_in(lettered.send()) == []
    lettered.__dict__["now"] = right + timedelta(minutes=2)
    lettered.do(correct_future_times, future_limits(lettered.context, lettered.now), lettered.now)
    assert receive(lettered) == [(ALICE, "tips-1")]


def test_a_letter_of_a_dead_courier_is_counted_once(lettered: World) -> None:
    """W13, D1: what the mail server accepted before a crash is sent, and is not sent again."""
    lettered.join(ALICE, TIPS)
    lettered.send()
    lettered.wait(3 * DAY)
    queue(lettered)
    (order,) = lettered.claim()
    for known in (True, False):
        assert lettered.run(record_crashed_send, order.number, order.claim, b"mail", lettered.now) is known
    assert not lettered.settle(order, Verdict.SENT)
    assert [it.sent for it in sums(lettered)] == [1]
    assert receive(lettered) == []


def test_a_refused_letter_can_be_tried_again(lettered: World) -> None:
    """W13, D1: by optin mail retry, if it is still in time."""
    for email in (ALICE, BOB):
        lettered.join(email, TIPS)
    lettered.send()
    lettered.wait(3 * DAY)
    queue(lettered)
    for order in lettered.claim():
        lettered.settle(order, Verdict.REFUSED, b"")
    assert receive(lettered) == []
    assert lettered.run(retry_dead, 0, lettered.now).again == {MailKind.LETTER: 2}
    assert sorted(letters_in(lettered.send())) == [(ALICE, "tips-1"), (BOB, "tips-1")]


def test_a_letter_waits_while_nobody_can_say_who_withdrew(lettered: World) -> None:
    """W13, O9: the journal cannot be read; and who withdrew by it gets none, whatever the database says."""
    lettered.join(ALICE, TIPS)
    lettered.send()
    lettered.wait(3 * DAY)
    queue(lettered)

    def unusable(_person: bytes) -> Endings:
        raise JournalUnusable("away")

    def withdrawn(person: bytes) -> Endings:
        return {(person.hex(), TIPS_BY_EMAIL): frozenset({lettered.now})}

    batch = ClaimBatch(10)
    assert (
        lettered.run(
            claim_orders, batch, lettered.now, suspect=False, composing=MailInputs(endings_of=unusable)
        )
        == []
    )
    assert lettered.count("outbox WHERE kind = 'letter'") == 1
    lettered.wait(MEMORY_WAIT)
    assert (
        lettered.run(
            claim_orders, batch, lettered.now, suspect=False, composing=MailInputs(endings_of=withdrawn)
        )
        == []
    )
    assert lettered.count("outbox WHERE kind = 'letter'") == 0


@pytest.fixture
def forged(lettered: World) -> World:
    """Return a world in whose database somebody writes behind the program's back."""
    lettered.tampered = True
    return lettered


def put(world: World, sql: str, **values: int | str | bytes | None) -> None:
    world.do(lambda tx: tx.run(sql, **values))


def subject_of(world: World, email: str) -> bytes:
    index = world.vault.index(parse_email(email))
    row = world.store.read(lambda tx: tx.one("SELECT id FROM subject WHERE email_index = :i", i=index))
    assert row is not None
    return bytes(row[0])


def insert_queued(world: World, subject: bytes, request: RequestId, begun: datetime, purpose: str) -> None:
    milliseconds = int(begun.timestamp() * 1000)
    put(
        world,
        "INSERT INTO outbox(message_id, kind, request_id, next_at, created_at)"
        " VALUES ('<forged@example.com>', :kind, :request, :at, :at)",
        kind=LETTER, request=request, at=int(world.now.timestamp() * 1000),
    )  # fmt: skip
    put(
        world,
        "INSERT INTO letter(subject_id, purpose, channel, begun_at, name, message_id)"
        " VALUES (:subject, :purpose, 'email', :begun, 'tips-1', '<forged@example.com>')",
        subject=subject, purpose=purpose, begun=milliseconds,
    )  # fmt: skip


@pytest.mark.parametrize("claim", ["nothing", "a row of the consent", "one that was withdrawn"])
def test_a_forged_letter_reaches_nobody_without_consent(forged: World, claim: str) -> None:
    """W13, E1: rows may claim what they like, the events decide."""
    begun = forged.now
    request = forged.join(BOB, *((TIPS,) if "withdrawn" in claim else ()))
    forged.send()
    if "withdrawn" in claim:
        forged.withdraw(request)
    subject = subject_of(forged, BOB)
    if claim != "nothing":
        put(forged, "DELETE FROM suppression")
        put(forged, "DELETE FROM consent")
        put(
            forged,
            "INSERT INTO consent(subject_id, purpose, channel, status, since, expires_at, request_id,"
            " begun_at) VALUES (:subject, :purpose, 'email', 'given', :at, :until, :request, :at)",
            subject=subject, purpose=TIPS, request=request, at=int(begun.timestamp() * 1000),
            until=int((begun + 500 * DAY).timestamp() * 1000),
        )  # fmt: skip
    forged.wait(3 * DAY)
    assert receive(forged) == []
    put(forged, "DELETE FROM letter")
    insert_queued(forged, subject, request, begun, TIPS)
    assert letters_in(forged.send()) == []


def test_a_letter_without_a_row_is_nobodys(forged: World) -> None:
    """W13: an entry of the outbox alone is not enough, nor one of a purpose without letters."""
    request = forged.join(ALICE, TIPS)
    begun = forged.now
    forged.send()
    forged.wait(3 * DAY)
    insert_queued(forged, subject_of(forged, ALICE), request, begun, "other")
    assert letters_in(forged.send()) == []
    put(forged, "DELETE FROM letter")
    insert_queued(forged, subject_of(forged, ALICE), request, begun, TIPS)
    put(forged, "DELETE FROM letter")
    assert letters_in(forged.send()) == []


def test_a_moved_beginning_sends_nothing_again(forged: World) -> None:
    """W13: when a consent began is told by its events, whatever its row says."""
    forged.join(ALICE, TIPS)
    forged.send()
    forged.wait(3 * DAY)
    assert len(receive(forged)) == 1
    put(forged, "UPDATE consent SET begun_at = begun_at + 60000")
    forged.wait(DAY)
    assert receive(forged) == []


def test_a_row_that_says_sent_only_withholds(forged: World) -> None:
    """W13: it brings a letter to nobody."""
    forged.join(ALICE, TIPS)
    forged.send()
    forged.wait(3 * DAY)
    queue(forged)
    put(forged, "UPDATE letter SET sent_at = 1, message_id = NULL")
    assert receive(forged) == []


def test_an_audit_sees_a_moved_beginning(lettered: World) -> None:
    """W13, P8: the row of a consent is compared with its events."""
    lettered.join(ALICE, TIPS)
    put(lettered, "UPDATE consent SET begun_at = begun_at + 60000")
    with pytest.raises(AssertionError, match="other times than its events say"):
        lettered.check_evidence()
    lettered.tampered = True


def test_a_channel_that_is_not_written_to_has_no_letters(world: World) -> None:
    """W13: whatever a policy says."""
    key = ConsentKey(PurposeId(CALL), DECLARATION.questions[1].channel)
    write(world, FIRST, key=key)
    world.join(ALICE, CALL, phone="+31201234567")
    world.wait(3 * DAY)
    assert receive(world) == []


def letters_on_page(world: World, email: str) -> list[tuple[str, datetime | None, datetime | None]]:
    data = world.view(view_personal, world.vault.index(parse_email(email)), world.now)
    return [(it.subject, it.sent_at, it.due_at) for consent in data.consents for it in consent.letters]


def test_the_person_sees_which_letters_come_and_came(lettered: World) -> None:
    """W13, R1: by subject and day; nothing of a consent that ended."""
    request = lettered.sign_up(ALICE, TIPS)
    lettered.confirm(request)
    begun = lettered.now
    assert letters_on_page(lettered, ALICE) == [
        ("tips-1", None, begun + 3 * DAY),
        ("tips-2", None, begun + 10 * DAY),
    ]
    lettered.wait(3 * DAY)
    receive(lettered)
    sent = ("tips-1", lettered.now, None)
    assert letters_on_page(lettered, ALICE) == [sent, ("tips-2", None, begun + 10 * DAY)]
    lettered.wait(20 * DAY)  # nobody sent the second in time
    assert letters_on_page(lettered, ALICE) == [sent]
    write(lettered)
    assert letters_on_page(lettered, ALICE) == [sent]
    lettered.withdraw(request)
    assert letters_on_page(lettered, ALICE) == []


def test_letters_are_counted_as_sums(lettered: World) -> None:
    """W13, O4: by week, purpose and letter; they are of no magnet."""
    for email in (ALICE, BOB, CAROL):
        lettered.join(email, TIPS)
    lettered.wait(3 * DAY)
    assert len(receive(lettered)) == 3
    counted = StatisticsCount(lettered.store.read, lettered.policy, lettered.now).run()
    monday = monday_of(lettered.now.date())
    assert counted.letters == (LetterCount(week_name(monday), monday, TIPS, "tips-1", 3),)
    later = StatisticsCount(
        lettered.store.read, lettered.policy, lettered.now, since=lettered.now.date() + 7 * DAY
    ).run()
    assert later.letters == ()
    of_magnet = StatisticsCount(
        lettered.store.read, lettered.policy, lettered.now, magnet=lettered.form.declaration.magnet
    ).run()
    assert of_magnet.letters == ()


def test_letters_that_come_late_do_not_come_at_once(world: World) -> None:
    """W13: five that were added, or waited for a mail server, come in order, one at a time."""
    world.join(ALICE, TIPS)
    world.wait(5 * DAY)
    write(world, *(letter(f"tips-{it}", f"{it} days") for it in (2, 1, 3, 4, 5)))
    assert receive(world) == [(ALICE, "tips-1")]
    assert receive(world) == []
    got = []
    for _ in range(2 * 24):
        world.wait(timedelta(hours=1))
        got += receive(world)
    assert got == [(ALICE, f"tips-{it}") for it in (2, 3, 4, 5)]


def test_a_letter_that_was_dropped_holds_up_no_other(world: World) -> None:
    """W13: one without a text in the person's language leaves nothing behind that waits."""
    write(world, letter("tips-1", "1 day", en=NL), letter("tips-2", "2 days"))
    world.join(ALICE, TIPS)
    world.wait(DAY)
    assert receive(world) == []
    world.wait(DAY)
    assert receive(world) == [(ALICE, "tips-2")]


def test_letters_come_as_close_as_their_periods(world: World) -> None:
    """W13: two hours apart, when the marketer wants it so."""
    write(world, letter("tips-1", "2 hours"), letter("tips-2", "4 hours"))
    world.join(ALICE, TIPS)
    world.wait(timedelta(hours=2, minutes=20))
    assert receive(world) == [(ALICE, "tips-1")]
    world.wait(timedelta(hours=1, minutes=40))
    assert receive(world) == [(ALICE, "tips-2")]


def test_a_letter_with_mistakes_goes_once_it_is_mended(world: World) -> None:
    """W13: without a text that can be sent it is not used up."""
    broken = Letter("tips-1", RetentionPeriod.parse("1 day"), {})
    write(world, broken)
    world.join(ALICE, TIPS)
    world.wait(DAY)
    assert receive(world) == []
    write(world, letter("tips-1", "1 day"))
    assert receive(world) == [(ALICE, "tips-1")]
