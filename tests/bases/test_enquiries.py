"""Enquiries: the person is told by one mail, of an extension by another; wiped by themselves (L4)."""

from __future__ import annotations

import email
import email.policy
import html
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from optin.bases.enquiry import PART
from optin.consent.email_and_telephone import parse_email
from optin.consent.held_basis import BasisEntry, BasisStatement, BasisTerm
from optin.consent.status_transitions import EventKind, RequestId
from optin.errors import RequestRefused
from optin.flows.bases.record_basis import EvidenceFile, Extension, end_basis
from optin.flows.bases.record_notice import BY_MAIL
from optin.flows.delivery.deliver_mails import record_crashed_send
from optin.flows.delivery.mail_order import BasisOrder, MailKind, Verdict
from optin.flows.delivery.retry_abandoned_mails import SkipReason, retry_dead
from optin.flows.delivery.waiting_matters import waiting_matters
from optin.flows.rights.record_and_inform import (
    StaffAct,
    end_with_reason,
    entry_with_id,
    extend_and_inform,
    read_register,
    record_and_inform,
    record_spoken_notice,
)
from optin.store.held_bases import load_entry
from optin.store.mail_outbox import is_queued
from optin.store.officer_actions import actions_of
from tests.bases.shop import findings
from tests.bases.test_register import ALICE, TODAY, on_file
from tests.mail.orders import composer
from tests.world import TIPS, World

NUMBER = "+31201234567"
EVA = StaffAct("Eva", "during the call")
ABOUT = "quote for a green roof"
LETTER = EvidenceFile("letter.eml", b"Dear roofers", "message/rfc822")


def asked(email: str = ALICE, number: str = "", **more: Any) -> BasisStatement:
    """Return what staff note about somebody who asked something."""
    addresses = {name: it for name, it in {"email": email, "phone": number}.items() if it}
    plain: dict[str, Any] = {"about": ABOUT, "lang": "nl", "source": "telephone", **more}
    return BasisStatement(
        basis=PART.name, at="", who="Eva", addresses=addresses, term=BasisTerm(TODAY, "3 months"), **plain
    )


def recorded(world: World, statement: BasisStatement | None = None) -> BasisEntry:
    return world.run(record_and_inform, statement=statement or asked(), files=[LETTER], now=world.now)


def told(world: World, entry: BasisEntry) -> list[tuple[str, str]]:
    """Return by whom the person was told, and how."""
    stored = world.store.read(load_entry, vault=world.vault, entry=entry.id)
    assert stored is not None
    return [(act.who, act.why) for act in stored.acts if act.kind is EventKind.BASIS_NOTIFIED]


def test_the_person_is_told_by_one_mail_and_that_stands_on_the_entry(world: World) -> None:
    """L4: queued with the entry, in the person's language, and recorded with its moment when it went."""
    entry = recorded(world, asked(person={"name": "Alice"}))
    assert told(world, entry) == []
    (order,) = world.send()
    assert isinstance(order, BasisOrder)
    assert (order.recipient, order.lang) == (ALICE, "nl")
    assert order.notice.about == ABOUT
    assert order.notice.until == entry.until
    assert order.notice.kept == ("email", "name")
    assert "Alice" not in repr(order.notice)
    assert told(world, entry) == [(BY_MAIL, order.message_id)]
    world.wait(timedelta(days=1))
    assert world.send() == []
    assert findings(world) == []


def test_the_mail_is_no_advertisement_and_quotes_one_line(world: World) -> None:
    """L4, D5: controller, subject, basis, end, rights and complaint; of what staff wrote only the subject."""
    about = "quote for <b>a roof</b>"
    statement = asked(about=about, number=NUMBER, source="fair in Utrecht", person={"name": "Alice"})
    recorded(world, statement)
    (order,) = world.send()
    assert isinstance(order, BasisOrder)
    mail = email.message_from_bytes(composer().compose(order, world.now), policy=email.policy.default)
    assert mail["To"] == ALICE
    assert mail["List-Unsubscribe"] is None  # there is nothing that it would end
    text, page = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert page is not None
    assert "quote for &lt;b&gt;a roof&lt;/b&gt;" in page.get_content()
    for part in (text, page):
        said = " ".join(html.unescape(part.get_content()).split())
        for words in (about, "AVG, artikel 6(1)(b)", "23 februari 2027", "/me", "klacht", "/privacy", "B.V."):
            assert words in said, words
        for word in ("fair", "Utrecht", "Eva", NUMBER, "Alice", "letter.eml"):
            assert word not in said, word


def test_an_entry_that_is_refused_queues_no_mail(world: World) -> None:
    """L4, S5: no subject, one with a link, one that is too long; nothing half stored."""
    for about in ("", " ", "see https://shop.example.com", "www.shop.example.com", "x" * 201, "a\nb"):
        with pytest.raises(RequestRefused, match="about"):
            recorded(world, asked(about=about))
    assert world.count("held_basis") == world.count("outbox") == 0


def test_a_mailbox_is_not_filled(world: World) -> None:
    """L4, D8: above the limit of a mailbox the entry is refused with its mail."""
    most = world.context.policy.limits.per_address_per_day
    for _ in range(most):
        recorded(world)
    with pytest.raises(RequestRefused, match="tomorrow"):
        recorded(world)
    assert world.count("held_basis") == world.count("outbox") == most
    world.wait(timedelta(days=1, seconds=1))
    recorded(world)


def test_an_extension_is_told_by_one_more_mail(world: World) -> None:
    """L4: with the new end; a mail that has not left yet tells the newest end, once."""
    entry = recorded(world)
    longer = Extension(BasisTerm(TODAY, "5 months"), "Eva", "the tender was moved to March")
    changed = world.run(extend_and_inform, entry_id=entry.id, longer=longer, now=world.now)
    (order,) = world.send()
    assert isinstance(order, BasisOrder)
    assert (order.notice.until, order.notice.extended) == (changed.until, True)
    with pytest.raises(RequestRefused, match="ends later"):
        world.run(extend_and_inform, entry_id=entry.id, longer=longer, now=world.now)
    even_longer = replace(longer, term=BasisTerm(TODAY, "6 months"))
    world.run(extend_and_inform, entry_id=entry.id, longer=even_longer, now=world.now)
    assert len(world.send()) == 1
    assert len(told(world, entry)) == 2
    assert findings(world) == []


def test_a_number_alone_is_told_by_voice(world: World) -> None:
    """L4: no mail; who said it, and how, stands on the entry."""
    entry = recorded(world, asked("", NUMBER))
    assert world.send() == []
    with pytest.raises(RequestRefused, match="how"):
        world.run(record_spoken_notice, entry_id=entry.id, act=StaffAct("Eva", " "), now=world.now)
    world.run(record_spoken_notice, entry_id=entry.id, act=EVA, now=world.now)
    assert told(world, entry) == [("Eva", "during the call")]
    assert findings(world) == []


def test_an_entry_that_ended_or_is_over_tells_nobody(world: World) -> None:
    """L4: what is wiped before its mail leaves takes the mail with it."""
    ended, over = recorded(world), recorded(world)
    world.run(end_basis, ended.id, now=world.now)
    assert world.count("outbox") == 1
    assert over.until is not None
    world.now = over.until
    assert world.claim() == []
    assert world.count("outbox") == 0
    with pytest.raises(RequestRefused, match="no such entry"):
        world.run(record_spoken_notice, entry_id=ended.id, act=EVA, now=world.now)


def test_a_mail_that_cannot_be_delivered_waits_for_staff(world: World) -> None:
    """L4, W12: counted among the mails that were given up; sent again while the entry stands."""
    entry, gone = recorded(world), recorded(world)
    for order in world.claim():
        world.settle(order, Verdict.REFUSED)
    assert told(world, entry) == []
    sentences = [it.sentence for it in world.view(waiting_matters, now=world.now)]
    assert any("given up: 2" in it for it in sentences)
    world.do(lambda tx: tx.run("DELETE FROM held_basis_act WHERE entry = :id", id=gone.id))
    world.do(lambda tx: tx.run("DELETE FROM held_basis_address WHERE entry = :id", id=gone.id))
    world.do(lambda tx: tx.run("DELETE FROM evidence_file_of WHERE entry = :id", id=gone.id))
    world.do(lambda tx: tx.run("DELETE FROM held_basis WHERE id = :id", id=gone.id))
    world.tampered = True  # a row that is gone, with its mail still there
    done = world.run(retry_dead, after=0, now=world.now)
    assert done.again == {MailKind.BASIS.value: 1}
    assert done.skipped == {SkipReason.NOTHING: 1}
    assert len(world.send()) == 1
    assert len(told(world, entry)) == 1


def test_a_later_mail_makes_an_abandoned_one_needless(world: World) -> None:
    """L4: the extension's mail told it all."""
    entry = recorded(world)
    for order in world.claim():
        world.settle(order, Verdict.REFUSED)
    longer = Extension(BasisTerm(TODAY, "5 months"), "Eva", "moved")
    world.run(extend_and_inform, entry_id=entry.id, longer=longer, now=world.now)
    assert world.run(retry_dead, after=0, now=world.now).skipped == {SkipReason.FOLLOWED: 1}


def test_a_courier_that_died_after_sending_leaves_it_on_the_entry(world: World) -> None:
    """L4, D1: what the mail server took before a crash was told; recorded once."""
    entry = recorded(world)
    (order,) = world.claim()
    sent: dict[str, Any] = {
        "number": order.number,
        "fence": order.claim,
        "message": b"mail",
        "now": world.now,
    }
    assert world.run(record_crashed_send, **sent)
    assert not world.run(record_crashed_send, **sent)
    assert told(world, entry) == [(BY_MAIL, order.message_id)]
    assert not world.store.read(is_queued, request=RequestId(entry.id))
    assert findings(world) == []


def test_ending_and_looking_are_recorded_with_a_reason(world: World) -> None:
    """L4, R9: who, and why; an address without an entry leaves no trace."""
    world.join(ALICE, TIPS)
    entry = recorded(world)
    index, other = (world.vault.index(parse_email(it)) for it in (ALICE, "bob@example.com"))
    look: dict[str, Any] = {"bases": {PART.name}, "act": EVA, "now": world.now}
    assert world.run(read_register, index=index, **look) == (entry,)
    assert world.run(read_register, index=index, **{**look, "bases": {"contract"}}) == ()
    assert world.run(read_register, index=other, **look) == ()
    with pytest.raises(RequestRefused, match="why"):
        world.run(read_register, index=index, **{**look, "act": StaffAct("Eva", "")})
    with pytest.raises(RequestRefused, match="why"):
        world.run(end_with_reason, entry_id=entry.id, act=StaffAct("Eva", ""), now=world.now)
    world.run(end_with_reason, entry_id=entry.id, act=StaffAct("Eva", "bought elsewhere"), now=world.now)
    assert on_file(world) == []
    bodies = world.store.read(lambda tx: tx.all("SELECT body FROM event WHERE body LIKE '%accessed%'"))
    assert len(bodies) == 2
    done = world.store.read(lambda tx: actions_of(tx, world.vault, index))
    assert [(it.kind, it.who, it.why) for it in done] == [
        ("show", "Eva", "during the call"),
        ("show", "Eva", "during the call"),
        ("end", "Eva", "bought elsewhere"),
    ]
    assert world.store.read(lambda tx: actions_of(tx, world.vault, other)) == []


def test_an_entry_is_named_by_the_first_digits_of_its_id(world: World) -> None:
    """L4: eight at least; none of another basis, none that is gone."""
    entry = recorded(world)
    digits = entry.id.hex()
    for text in (digits, digits[:8], digits[:11].upper(), f" {digits[:12]} "):
        assert world.run(entry_with_id, digits=text, bases={PART.name}) == entry.id
    for text in (digits[:7], "x" * 8, digits + "0", "", "\ud800" * 9):
        with pytest.raises(RequestRefused, match="digits"):
            world.run(entry_with_id, digits=text, bases={PART.name})
    for text, bases in ((digits, {"contract"}), ("00000000", {PART.name})):
        with pytest.raises(RequestRefused, match="no such entry"):
            world.run(entry_with_id, digits=text, bases=bases)
    twin = bytes.fromhex(digits[:30] + "00")
    if twin != entry.id:
        world.do(
            lambda tx: tx.run(
                "INSERT INTO held_basis(id, basis, reference, ends_at, recorded_at)"
                " VALUES (:id, 'enquiry', :id, NULL, 0)",
                id=twin,
            )
        )
        world.tampered = True
        with pytest.raises(RequestRefused, match="Several"):
            world.run(entry_with_id, digits=digits[:8], bases={PART.name})


def test_an_enquiry_is_wiped_by_itself(world: World) -> None:
    """L4: with what was told, its evidence and its mail, when nothing came of it."""
    entry = recorded(world)
    world.send()
    assert entry.until is not None
    world.now = entry.until + timedelta(seconds=1)
    assert world.sweep_step("bases") == 1
    assert on_file(world) == []
    assert world.count("evidence_file") == world.count("held_basis_act") == world.count("outbox") == 0
    assert findings(world) == []
