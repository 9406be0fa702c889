"""A message that came back becomes a report about the person of its token, or nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from optin.bounces.returned_mail import Meaning
from optin.consent.email_and_telephone import parse_email
from optin.consent.return_address import return_address
from optin.consent.returned_mail import ReportEffect
from optin.consent.status_transitions import Status
from optin.errors import EndingUnwritten
from optin.flows.returned_mails.report_in_mail import Unreported
from optin.services.installation import Installation
from optin.services.returned_mails import MOST_KEPT, take_returned_mail
from optin.store.unreachable_addresses import unreachable_since
from tests.bounces.notices import READER, VERP, Answer, feedback, qmail, report
from tests.world import TIPS, World

ALICE, BOB = "alice@example.com", "bob@example.com"
UNKNOWN = "550 5.1.1 user unknown"
HARD = Answer(UNKNOWN, "5.1.1")
TWO_OTHERS = "Original-Rcpt-To: x@y.example\nOriginal-Rcpt-To: z@y.example\n"


def returned(world: World, raw: bytes, email: str = ALICE) -> bytes:
    """Return a notice as it comes back from a mail to somebody, a while after it was sent."""
    token = world.vault.return_tokens.sign(world.vault.index(parse_email(email)), world.now)
    address = return_address("bounces@example.com", token)
    return raw.replace(VERP.encode(), address.encode()).replace(READER.encode(), email.encode())


def take(world: World, raw: bytes) -> object:
    return take_returned_mail(world.installation(), raw, "pipe").effect


def is_reachable(world: World, email: str = ALICE) -> bool:
    index = world.vault.index(parse_email(email))
    return world.store.read(unreachable_since, email_index=index) is None


@pytest.fixture
def joined(world: World) -> World:
    """Let alice and bob consent, an hour ago."""
    world.join(ALICE, TIPS)
    world.join(BOB, TIPS)
    world.wait(timedelta(hours=1))
    return world


@pytest.mark.parametrize("raw", [report(HARD), qmail(UNKNOWN)], ids=["report", "words"])
def test_a_mail_that_came_back_makes_its_address_unreachable(joined: World, raw: bytes) -> None:
    """O6: with the status that it names; a second copy changes nothing."""
    raw = returned(joined, raw)
    assert take(joined, raw) is ReportEffect.UNREACHABLE
    assert take(joined, raw) is ReportEffect.KNOWN
    index = joined.vault.index(parse_email(ALICE))
    found = joined.store.read(unreachable_since, email_index=index)
    assert found is not None
    assert (found.status, found.source) == ("5.1.1", "pipe")
    assert is_reachable(joined, BOB)


def test_the_token_is_found_wherever_servers_leave_it(joined: World) -> None:
    """O6: where it arrived, in any case; else in the id of the envelope; else in the copy of the mail."""
    raw = returned(joined, report(HARD))
    address = next(it.split()[1] for it in raw.decode().splitlines() if it.startswith("Delivered-To: "))
    token = address.partition("@")[0].partition("+")[2]
    elsewhere = raw.replace(address.encode(), b"postmaster@example.com")
    assert take(joined, elsewhere) is Unreported.FORGED
    for at in (
        elsewhere.replace(b"Original-Envelope-Id: e17", f"Original-Envelope-Id: {token}".encode()),
        elsewhere.replace(b"rfc822; postmaster@example.com", f"rfc822; {address}".encode()),
        elsewhere.replace(b"Delivered-To: postmaster", f"Delivered-To: bounces+{token.upper()}".encode()),
    ):
        assert not isinstance(take(joined, at), Unreported)


def test_a_forged_one_changes_nothing(joined: World) -> None:
    """O6: no token, a made-up one, one of another site, or one with a letter changed."""
    raw = returned(joined, report(HARD))
    token = raw.decode().partition("bounces+")[2].partition("@")[0]
    changed = ("b" if token[0] == "a" else "a") + token[1:]
    for false in (
        report(HARD),
        raw.replace(token.encode(), b"a" * 42),
        raw.replace(token.encode(), changed.encode()),
    ):
        assert take(joined, false) is Unreported.FORGED
    assert is_reachable(joined)


def test_what_is_no_report_changes_nothing(joined: World) -> None:
    """O6: a refusal of the mail, a delay, an arrival, an absence, a letter, and what is no mail at all."""
    for answer in (
        Answer("554 5.7.1 blocked by policy", "5.7.1"),
        Answer("", "4.4.1", "delayed"),
        Answer("", "2.0.0", "delivered"),
    ):
        assert take(joined, returned(joined, report(answer))) is Unreported.NOTHING
    letter = f"From: x@y.example\nTo: {VERP}\nSubject: Hello\n\nuser unknown\n".encode()
    away = b"Auto-Submitted: auto-replied\n" + letter
    for raw, meaning in ((letter, Meaning.ORDINARY), (away, Meaning.AUTO_REPLY)):
        taken = take_returned_mail(joined.installation(), returned(joined, raw), "pipe")
        assert (taken.meaning, taken.effect) == (meaning, Unreported.NOTHING)
    for raw in (b"", b"\0" * 1000, b"\xff" * 1000):
        assert take(joined, raw) is Unreported.FORGED
    assert is_reachable(joined)


def test_of_several_recipients_the_one_of_the_token_counts(joined: World) -> None:
    """O6: bob is unknown, alice has moved on; a report to alice's token never speaks of bob."""
    mixed = report(Answer("250 2.0.0 fine", "2.0.0", "relayed"), Answer(UNKNOWN, "5.1.1", address=BOB))
    assert take(joined, returned(joined, mixed)) is Unreported.NOTHING
    others = report(Answer(UNKNOWN, "5.1.1", address="c@example.com"), Answer(UNKNOWN, "5.1.1", address=BOB))
    assert take(joined, returned(joined, others)) is Unreported.OTHERS
    assert is_reachable(joined)
    assert is_reachable(joined, BOB)
    passed_on = report(Answer(UNKNOWN, "5.1.1", address="alice@moved.example.com"))
    assert take(joined, returned(joined, passed_on)) is ReportEffect.UNREACHABLE
    assert is_reachable(joined, BOB)


@pytest.mark.parametrize(
    "more", [f"Original-Rcpt-To: {READER}\n", "", "Original-Rcpt-To: x@y.example\n", TWO_OTHERS]
)
def test_a_complaint_ends_the_consent_of_its_token(joined: World, more: str) -> None:
    """O6: whomever the report names or hides."""
    assert take(joined, returned(joined, feedback("abuse", more))) is ReportEffect.WITHDRAWN
    assert joined.status(ALICE, TIPS) is Status.WITHDRAWN
    assert joined.status(BOB, TIPS) is Status.GIVEN


def test_other_feedback_ends_nothing(joined: World) -> None:
    """O6: about a signature, or to say that it was no spam."""
    for kind in ("auth-failure", "not-spam", "made-up"):
        assert isinstance(take(joined, returned(joined, feedback(kind))), Unreported)
    assert joined.status(ALICE, TIPS) is Status.GIVEN


def test_a_withdrawal_that_the_journal_lacks_is_told_again(
    joined: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O6, O9: it is stored, and the message comes again until the journal has it."""
    raw = returned(joined, feedback("abuse"))
    written: list[bool] = []

    def no_room(_self: Installation) -> None:
        written.append(False)
        msg = "no room"
        raise EndingUnwritten(msg)

    with monkeypatch.context() as patched:
        patched.setattr(Installation, "note_ending", no_room)
        with pytest.raises(EndingUnwritten):
            take(joined, raw)
        with pytest.raises(EndingUnwritten):
            take(joined, raw)
    assert joined.status(ALICE, TIPS) is Status.WITHDRAWN
    assert take(joined, raw) is ReportEffect.KNOWN
    assert len(written) == 2


def test_a_long_message_is_read_by_its_beginning(joined: World) -> None:
    """O6: what stands behind the first megabyte does not count, and does no harm."""
    raw = returned(joined, report(HARD))
    assert take(joined, b"X-A: b\n" + b"\n" * MOST_KEPT + raw) is Unreported.FORGED
    assert take(joined, raw + b"x" * (5 * MOST_KEPT)) is ReportEffect.UNREACHABLE


def test_nobody_of_the_token_is_on_file(world: World) -> None:
    """O6, R5: as after an erasure: nothing is kept, nothing is told."""
    assert take(world, returned(world, report(HARD))) is ReportEffect.NOBODY
    assert is_reachable(world)
