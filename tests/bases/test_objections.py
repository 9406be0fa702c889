"""Objections of people and the company's own list: stronger than every consent and every other basis."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from optin.consent.channel import MAILBOX, TELEPHONE, Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.held_basis import BasisStatement, BasisTerm
from optin.consent.mail_domain import DomainRefused, is_shared_domain, parse_mail_domain
from optin.consent.objection import DOMAIN, EVERY_CHANNEL, ContactUse, ObjectedBy, Objection, first_objection
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import Status
from optin.errors import RequestRefused
from optin.flows.bases.record_basis import record_basis
from optin.flows.exports.scrub_contact_list import KEPT, OBJECTED, UNKNOWN, Scrubber
from optin.flows.objections.find_objections import PlannedContact, find_objection, find_objections
from optin.flows.retention.clock_correction import future_limits
from optin.flows.rights.do_not_contact import (
    FIRST,
    ListedContact,
    add_to_list,
    notify_about_domain,
    remove_from_list,
    view_list,
)
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.object_to_contact import (
    ObjectionRecord,
    ObjectionResult,
    object_by_person,
    object_on_request,
)
from optin.flows.rights.personal_data import view_personal
from optin.flows.rights.replay_journal import replay
from optin.store.correct_future_times import correct_future_times
from optin.store.journal_lines import lines_after
from optin.store.objections import any_objection, has_objection
from optin.store.person_records import is_known
from tests.bases.shop import findings
from tests.flows.test_webhooks import Told, register
from tests.world import CALL, NOON, TIPS, TIPS_BY_EMAIL, World, export_from, open_world

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@other.example"
NUMBER, OTHER = "+31201234567", "+31207654321"
SECOND = timedelta(seconds=1)
BY_PHONE = ConsentKey(CALL, Channel.PHONE)
RECORD = ObjectionRecord("Eva", "letter of 1 November")


def object_for(world: World, email: str, channel: str = EVERY_CHANNEL) -> ObjectionResult:
    """Record the objection of somebody who wrote."""
    record = replace(RECORD, channel=channel)
    return world.run(object_on_request, MAILBOX, parse_email(email), record, now=world.now)


def object_for_number(world: World, number: str, channel: str = EVERY_CHANNEL) -> ObjectionResult:
    """Record the objection of somebody who called."""
    return world.run(object_on_request, TELEPHONE, number, replace(RECORD, channel=channel), now=world.now)


def list_company(
    world: World, value: str, kind: str = "email", channel: str = EVERY_CHANNEL
) -> ListedContact:
    """Put something on the company's own list."""
    listed = ListedContact(kind, value, channel)
    world.run(add_to_list, listed, "Eva", "lawyer's letter", now=world.now)
    return listed


def exported(world: World, key: ConsentKey = TIPS_BY_EMAIL) -> set[str]:
    """Return whom an export would hold now."""
    run = export_from(world, key)
    return {lead.email for lead in run.proven()}


def barred(world: World, channel: Channel = Channel.EMAIL, **addresses: str) -> ObjectedBy | None:
    """Return who forbids a contact that rests on another basis than consent."""
    found = world.store.read(find_objection, vault=world.vault, addresses=addresses, channel=channel)
    return None if found is None else found.by


def test_an_objection_ends_every_consent_and_bars_every_basis(world: World) -> None:
    """L7, R3: whoever objects to all is contacted on no basis, by no channel."""
    world.join(ALICE, TIPS, CALL, phone=NUMBER)
    assert exported(world) == {ALICE}
    done = object_for(world, ALICE)
    assert {it.purpose for it in done.ended} == {TIPS, CALL}
    assert world.status(ALICE, TIPS) is world.status(ALICE, CALL) is Status.WITHDRAWN
    assert exported(world) == exported(world, BY_PHONE) == set()
    assert barred(world, email=ALICE) is barred(world, Channel.PHONE, email=ALICE) is ObjectedBy.PERSON
    assert barred(world, Channel.PHONE, phone=NUMBER) is ObjectedBy.PERSON
    assert barred(world, email=BOB) is barred(world, Channel.PHONE, phone=OTHER) is None


def test_an_objection_to_calls_leaves_mails(world: World) -> None:
    """L7: an objection may be to one channel."""
    world.join(ALICE, TIPS, CALL, phone=NUMBER)
    done = object_for(world, ALICE, "phone")
    assert [it.purpose for it in done.ended] == [CALL]
    assert exported(world) == {ALICE}
    assert exported(world, BY_PHONE) == set()
    assert barred(world, email=ALICE, phone=NUMBER) is None
    assert barred(world, Channel.PHONE, phone=NUMBER) is ObjectedBy.PERSON


def test_whoever_asks_again_is_contacted_for_that_alone(world: World) -> None:
    """L7, R7: the newest act of the person counts, and it counts for what the person agreed to."""
    world.join(ALICE, TIPS, CALL, phone=NUMBER)
    object_for(world, ALICE)
    world.wait(SECOND)
    world.join(ALICE, TIPS)
    assert exported(world) == {ALICE}
    assert exported(world, BY_PHONE) == set()
    assert barred(world, email=ALICE) is ObjectedBy.PERSON  # on another basis
    world.wait(SECOND)
    world.run(object_by_person, world.vault.index(parse_email(ALICE)), now=world.now)
    assert exported(world) == set()


def test_what_was_asked_before_the_objection_is_not_confirmed_after_it(world: World) -> None:
    """L7, D4: a link that waits in a mailbox gives nothing any more."""
    request = world.sign_up(ALICE, TIPS, CALL, phone=NUMBER)
    world.wait(SECOND)
    assert {it.purpose for it in object_for(world, ALICE).ended} == {TIPS, CALL}
    world.wait(SECOND)
    assert world.confirm(request).granted == ()
    assert exported(world) == exported(world, BY_PHONE) == set()


def test_a_number_that_objected_gives_nothing_it_was_asked_before(world: World) -> None:
    """L7: somebody called about a number; what was asked for that number before is not given."""
    request = world.sign_up(ALICE, TIPS, CALL, phone=NUMBER)
    world.wait(SECOND)
    assert object_for_number(world, NUMBER) == ObjectionResult(people=0)
    world.wait(SECOND)
    assert [it.question.purpose for it in world.confirm(request).granted] == [TIPS]
    assert exported(world, BY_PHONE) == set()
    world.wait(SECOND)
    world.join(ALICE, CALL, phone=NUMBER)  # by the person's own confirmation
    assert exported(world, BY_PHONE) == {ALICE}


def test_a_call_about_the_number_of_one_person_is_that_persons(world: World) -> None:
    """L7: whoever calls is known by the number when one person has it."""
    world.join(ALICE, TIPS, CALL, phone=NUMBER)
    assert {it.purpose for it in object_for_number(world, NUMBER).ended} == {TIPS, CALL}
    assert barred(world, email=ALICE) is ObjectedBy.PERSON


def test_a_call_about_a_number_of_two_people_ends_the_calls_alone(world: World) -> None:
    """L7: nobody knows which of both called; the number is called for neither, and their mails go on."""
    world.join(ALICE, TIPS, CALL, phone=NUMBER)
    world.join(BOB, TIPS, CALL, phone=NUMBER)
    assert object_for_number(world, NUMBER) == ObjectionResult(people=2)
    assert exported(world) == {ALICE, BOB}
    assert exported(world, BY_PHONE) == set()
    with pytest.raises(RequestRefused, match="name the e-mail address"):
        object_for_number(world, NUMBER, "email")


def test_an_objection_bars_the_number_for_others_too(world: World) -> None:
    """L7: who shares a number with somebody who objected is not called, whatever was agreed since."""
    world.join(ALICE, CALL, phone=NUMBER)
    world.join(BOB, TIPS, CALL, phone=NUMBER)
    object_for(world, ALICE)
    world.wait(SECOND)
    world.join(BOB, CALL, phone=NUMBER)
    assert exported(world, BY_PHONE) == set()
    assert exported(world) == {BOB}


def test_the_number_of_a_customer_is_barred_with_the_address(world: World) -> None:
    """L7, L1: what the register of bases knows of a person is barred as well."""
    statement = BasisStatement(
        "enquiry", "", "Eva", {"email": ALICE, "phone": NUMBER}, _term(world), source="call", about="quote"
    )
    world.run(record_basis, statement, files=[], now=world.now)
    object_for(world, ALICE)
    assert barred(world, Channel.PHONE, phone=NUMBER) is ObjectedBy.PERSON
    world.wait(SECOND)
    assert object_for_number(world, NUMBER).is_new  # the number leads to the person by the register
    assert barred(world, phone=NUMBER, email=ALICE) is ObjectedBy.PERSON


def _term(world: World) -> BasisTerm:
    return BasisTerm(world.now.date(), "3 months")


def test_the_same_objection_twice_is_one(world: World) -> None:
    """L7: a button pressed again adds no evidence, unless more was asked meanwhile."""
    world.join(ALICE, TIPS)
    index = world.vault.index(parse_email(ALICE))
    assert world.run(object_by_person, index, now=world.now).is_new
    world.wait(SECOND)
    assert not world.run(object_by_person, index, now=world.now).is_new
    assert world.count("objection") == 1
    world.join(ALICE, TIPS)
    assert world.run(object_by_person, index, now=world.now).is_new
    assert world.count("objection") == 2


def test_the_companys_list_bars_what_the_person_agrees_to_afterwards(world: World) -> None:
    """L7: only staff remove an entry; the consent stands all the while, and is used when it is gone."""
    list_company(world, ALICE)
    world.wait(SECOND)
    request = world.join(ALICE, TIPS)
    assert world.status(ALICE, TIPS) is Status.GIVEN
    export = export_from(world)
    assert list(export.proven()) == []
    assert export.refused == {"do-not-contact list": 1}
    assert barred(world, email=ALICE) is ObjectedBy.COMPANY
    assert world.run(remove_from_list, ListedContact("email", ALICE), "Eva", "settled", now=world.now) == 1
    assert exported(world) == {ALICE}
    assert request


def test_staff_cannot_lift_an_objection(world: World) -> None:
    """L7, P8: what the person said is no entry of the list, and no command takes it back."""
    world.join(ALICE, TIPS)
    object_for(world, ALICE)
    with pytest.raises(RequestRefused, match="no such entry"):
        world.run(remove_from_list, ListedContact("email", ALICE), "Eva", "we want to", now=world.now)
    list_company(world, ALICE)
    world.run(remove_from_list, ListedContact("email", ALICE), "Eva", "settled", now=world.now)
    assert barred(world, email=ALICE) is ObjectedBy.PERSON


DORA, JO = "dora@mail.example.com", "jo@bücher.example"


@pytest.mark.parametrize(
    ("listed", "gone"),
    [
        ("example.com", {ALICE, DORA}),
        ("other.example", {CAROL}),
        ("mail.example.com", {DORA}),
        ("Bücher.example", {JO}),
        ("xn--bcher-kva.example", {JO}),
        ("ample.com", set()),
        ("www.example.com", set()),
    ],
)
def test_a_domain_is_about_everybody_at_or_below_it(world: World, listed: str, gone: set[str]) -> None:
    """L7: a domain with its subdomains, in any script, and no other that ends alike."""
    for email in (ALICE, CAROL, DORA, JO):
        world.join(email, TIPS)
    list_company(world, parse_mail_domain(listed), DOMAIN)
    assert exported(world) == {ALICE, CAROL, DORA, JO} - gone


def test_a_listed_number_bars_calls_and_mails(world: World) -> None:
    """L7: an entry for a number is about whoever has it, by every channel or one."""
    world.join(ALICE, TIPS, CALL, phone=NUMBER)
    world.join(BOB, TIPS, CALL, phone=OTHER)
    list_company(world, NUMBER, "phone")
    list_company(world, OTHER, "phone", "phone")
    assert exported(world) == {BOB}
    assert exported(world, BY_PHONE) == set()


def test_a_listed_number_bars_mails_that_were_asked_without_it(world: World) -> None:
    """L7: whatever number is on file of the person, by whichever form it came."""
    world.join(ALICE, TIPS)
    world.join(ALICE, CALL, phone=NUMBER)
    assert exported(world) == {ALICE}
    list_company(world, NUMBER, "phone")
    assert exported(world) == set()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("com", "everybody"), ("co.uk", "everybody"), ("com.au", "everybody"), ("or.at", "everybody"),
        ("", "no domain"), ("a b.example", "no domain"), ("@", "no domain"), ("x..example", "no domain"),
        ("alice@example.com", "no domain"), ("1.2.3.4", "no domain"), ("a" * 64 + ".example", "no domain"),
        ("example.com/x", "no domain"), ("exa\u200bmple.com", "no domain"), ("*.example.com", "no domain"),
        ("x" * 100_000 + ".example", "no domain"), ("\x00.example", "no domain"), (" . ", "no domain"),
    ],
)  # fmt: skip
def test_what_is_no_domain_of_one_organisation_is_refused(text: str, says: str) -> None:
    """L7: an entry for a public suffix would bar a country."""
    with pytest.raises(DomainRefused, match=says):
        parse_mail_domain(text)


def test_a_domain_has_one_form() -> None:
    """L7: however a domain is written, it is found."""
    assert parse_mail_domain(" @Example.COM. ") == "example.com"
    assert parse_mail_domain("BÜCHER.example") == parse_mail_domain("xn--bcher-kva.example")
    assert parse_mail_domain("b\u00fccher\u3002example") == parse_mail_domain("xn--bcher-kva.example")
    assert parse_mail_domain("shop.co.uk") == "shop.co.uk"
    assert is_shared_domain("gmail.com")
    assert not is_shared_domain("example.com")


@pytest.mark.parametrize(("who", "why", "channel"), [("", "x", ""), ("Eva", " ", ""), ("Eva", "x", "pigeon")])
def test_what_is_recorded_has_a_name_and_a_reason(world: World, who: str, why: str, channel: str) -> None:
    """L7, R9: nothing is stored without who and why, nor for a channel that there is not."""
    record = ObjectionRecord(who, why, channel)
    with pytest.raises(RequestRefused):
        world.run(object_on_request, MAILBOX, ALICE, record, now=world.now)
    with pytest.raises(RequestRefused):
        world.run(add_to_list, ListedContact("email", ALICE, channel), who, why, now=world.now)
    assert world.count("objection") == world.count("event") == 0


def test_an_entry_is_on_the_list_once(world: World) -> None:
    """L7: added again it is refused; for one channel it may stand beside an entry for another."""
    list_company(world, ALICE, channel="phone")
    list_company(world, ALICE)
    with pytest.raises(RequestRefused, match="already"):
        list_company(world, ALICE)
    assert world.run(remove_from_list, ListedContact("email", ALICE, "phone"), "E", "x", now=world.now) == 1
    assert barred(world, email=ALICE) is ObjectedBy.COMPANY
    with pytest.raises(RequestRefused, match="kind of address"):
        list_company(world, ALICE, "pigeon")


def test_the_list_shows_domains_and_reasons_and_no_addresses(world: World) -> None:
    """L7, S5: nothing in the database names whom an entry is about."""
    list_company(world, "example.org", DOMAIN)
    world.wait(SECOND)
    list_company(world, ALICE)
    world.run(remove_from_list, ListedContact(DOMAIN, "example.org"), "Jan", "sold", now=world.now)
    domain, alice = world.view(view_list)
    assert (domain.reason.domain, domain.reason.who, domain.reason.why) == (
        "example.org", "Eva", "lawyer's letter",
    )  # fmt: skip
    assert (domain.ended.who, domain.ended.why, domain.ended_at) == ("Jan", "sold", world.now)
    assert alice.reason.domain == ""
    assert ALICE not in repr((domain, alice)) + str(alice.reason)
    rows = world.store.read(lambda tx: tx.all("SELECT * FROM objection"))
    assert b"alice" not in b"".join(bytes(it) for row in rows for it in row if isinstance(it, bytes))


def test_an_objection_outlives_an_erasure_as_a_digest(world: World) -> None:
    """R7, L7: what staff wrote is gone; the bar stands, also against a customer's basis; sign-up works."""
    world.join(ALICE, TIPS, CALL, phone=NUMBER)
    object_for(world, ALICE)
    list_company(world, ALICE)
    index = world.vault.index(parse_email(ALICE))
    assert world.run(erase_person, index, BY_PERSON, world.now) is not None
    assert world.store.read(lambda tx: tx.all("SELECT id FROM objection WHERE sealed <> :n", n=b"")) == []
    assert barred(world, email=ALICE) is ObjectedBy.COMPANY
    assert barred(world, Channel.PHONE, phone=NUMBER) is ObjectedBy.PERSON
    assert world.store.read(is_known, email_index=index)
    assert not world.store.read(has_objection, email_index=world.vault.index(parse_email(BOB)))
    world.run(remove_from_list, ListedContact("email", ALICE), "Eva", "settled", now=world.now)
    world.wait(SECOND)
    world.join(ALICE, TIPS)
    assert exported(world) == {ALICE}


def test_the_person_sees_objections_and_entries(world: World) -> None:
    """L7, R1: on the personal page, while the person is known and after an erasure."""
    world.join(ALICE, TIPS)
    index = world.vault.index(parse_email(ALICE))
    before = world.view(view_personal, index, world.now)
    assert before.may_object
    assert before.objected_at is None
    object_for(world, ALICE)
    object_for(world, ALICE, "phone")
    list_company(world, ALICE)
    data = world.view(view_personal, index, world.now)
    assert data.objected_at == world.now
    assert not data.may_object
    assert {(it.by, it.channel, it.why) for it in data.objections} == {
        ("person", "", RECORD.why), ("person", "phone", RECORD.why), ("company", "", "lawyer's letter"),
    }  # fmt: skip
    assert [(it.what, it.why) for it in data.handled] == [("object", RECORD.why)] * 2


@pytest.fixture
def crm(world: World) -> Told:
    """Register a processor for both purposes."""
    register(world, crm=frozenset({TIPS, CALL}))
    return Told(world)


def test_processors_are_told_of_an_objection_as_of_a_withdrawal(world: World, crm: Told) -> None:
    """L7, E7: whoever was told of a consent is told of its end; also of others with the same number."""
    world.join(ALICE, TIPS, CALL, phone=NUMBER)
    world.join(BOB, CALL, phone=NUMBER)
    crm.hear()
    object_for(world, ALICE)
    assert sorted(crm.hear()) == ["consent.withdrawn"] * 3
    told = {(data["email"], data["purpose"]) for kind, data in crm.messages if kind == "consent.withdrawn"}
    assert told == {(ALICE, TIPS), (ALICE, CALL), (BOB, CALL)}


def test_others_with_the_number_are_told_of_when_the_objector_never_agreed_to_calls(
    world: World, crm: Told
) -> None:
    """L7, E7: no consent ends by it, and the number is barred all the same."""
    world.join(ALICE, TIPS, phone=NUMBER)
    world.join(BOB, TIPS, CALL, phone=NUMBER)
    crm.hear()
    object_for(world, ALICE, "phone")
    assert crm.hear() == ["consent.withdrawn"]
    assert (crm.messages[-1][1]["email"], crm.messages[-1][1]["purpose"]) == (BOB, CALL)
    assert exported(world, BY_PHONE) == set()


def test_processors_are_told_of_the_companys_list(world: World, crm: Told) -> None:
    """L7, E7: a tool that knows the person stops; whoever signs up afterwards is not told to it."""
    for email in (ALICE, CAROL):
        world.join(email, TIPS)
    world.join(BOB, TIPS, CALL, phone=NUMBER)
    crm.hear()
    list_company(world, ALICE)
    list_company(world, NUMBER, "phone", "phone")
    listed = list_company(world, "other.example", DOMAIN)
    assert world.run(notify_about_domain, listed, FIRST, now=world.now) is None
    crm.hear()
    told = {(data["email"], data["purpose"]) for kind, data in crm.messages if kind == "consent.withdrawn"}
    assert told == {(ALICE, TIPS), (BOB, CALL), (CAROL, TIPS)}
    world.wait(SECOND)
    world.join(ALICE, TIPS)
    world.join("eve@other.example", TIPS)
    assert crm.hear() == []
    assert crm.dropped == ["do-not-contact list"] * 2


def scrubbed(world: World, rows: list[str], *, suppress_only: bool = False) -> list[str]:
    """Scrub a list of e-mail addresses for the tips; return why each row is dropped."""
    scrubber = Scrubber(
        world.store.read, world.vault, TIPS_BY_EMAIL, MAILBOX, world.now, "NL", suppress_only=suppress_only
    )
    return list(scrubber.judge(([row.split()[0]], row.split()[1:]) for row in rows))


def test_scrubbing_asks_for_objections_and_the_list(world: World) -> None:
    """E6, L7: whoever objected or is on the list is dropped from an old list, known or not."""
    for email in (ALICE, BOB, CAROL):
        world.join(email, TIPS)
    object_for(world, ALICE)
    object_for(world, "nobody@example.com")
    list_company(world, BOB)
    list_company(world, "far.example", DOMAIN)
    rows = [
        ALICE,
        BOB,
        CAROL,
        "nobody@example.com",
        "x@mail.far.example",
        "new@example.net",
        f"{CAROL} {BOB}",
    ]
    assert scrubbed(world, rows) == [
        "withdrawn", "do-not-contact list", KEPT, "objected", "do-not-contact list", UNKNOWN,
        "do-not-contact list",
    ]  # fmt: skip
    assert scrubbed(world, rows, suppress_only=True) == [
        "objected", "do-not-contact list", KEPT, "objected", "do-not-contact list", KEPT,
        "do-not-contact list",
    ]  # fmt: skip
    world.wait(SECOND)
    world.join(ALICE, TIPS)
    assert scrubbed(world, [ALICE], suppress_only=True) == [KEPT]
    assert OBJECTED == "withdrawn or erased"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM objection WHERE made_by = 'person'", "is gone"),
        ("UPDATE objection SET channel = 'phone' WHERE channel = ''", "another than was logged"),
        ("UPDATE objection SET made_by = 'person' WHERE made_by = 'company'", "another than"),
        ("UPDATE objection SET made_by = 'nobody'", "cannot be read"),
        ("UPDATE objection SET at = at - 1000", "another moment"),
        ("UPDATE objection SET at = at + 1000", "another moment"),
        ("UPDATE objection SET ended_at = at", "its events say otherwise"),
        ("UPDATE objection SET ended_at = NULL WHERE ended_at IS NOT NULL", "its events say otherwise"),
        ("UPDATE objection SET sealed = (SELECT sealed FROM objection WHERE kind = 'domain')"
         " WHERE kind = 'email'", "another reason"),
        ("UPDATE objection SET ended = sealed WHERE ended IS NOT NULL", "another reason"),
        ("UPDATE objection SET id = owner WHERE made_by = 'person'", "has no event"),
        ("DELETE FROM replay WHERE line LIKE '%\"entry\"%'", "would not be told"),
    ],
)  # fmt: skip
def test_a_removed_or_edited_objection_is_found(world: World, statement: str, says: str) -> None:
    """P4, L7: whoever has the database and no keys lifts nothing unseen."""
    object_for(world, ALICE)
    list_company(world, BOB)
    list_company(world, "example.org", DOMAIN)
    world.run(remove_from_list, ListedContact(DOMAIN, "example.org"), "Jan", "sold", now=world.now)
    assert findings(world) == []
    world.do(lambda tx: tx.run(statement))
    world.tampered = True
    assert any(says in it for it in findings(world)), findings(world)


def test_a_row_that_cannot_be_read_bars_all_the_same(world: World) -> None:
    """L7: an edited reason lifts nothing, and is shown as unreadable."""
    list_company(world, ALICE)
    list_company(world, "example.org", DOMAIN)
    world.do(lambda tx: tx.run("UPDATE objection SET sealed = :x", x=b"x" * 64))
    world.tampered = True
    assert barred(world, email=ALICE) is ObjectedBy.COMPANY
    assert {it.reason.who for it in world.view(view_list)} == {"(cannot be read)"}


def test_consents_that_cannot_be_read_keep_nobody_from_objecting(world: World) -> None:
    """L7: whatever somebody did to the rows of a person, the objection stands and bars."""
    world.join(ALICE, TIPS)
    world.do(lambda tx: tx.run("UPDATE request SET sealed = :x", x=b"\x00" * 64))
    world.tampered = True
    done = object_for(world, ALICE)
    assert done.broken
    assert barred(world, email=ALICE) is ObjectedBy.PERSON
    assert exported(world) == set()


def test_what_can_be_read_is_withdrawn_beside_what_cannot(world: World) -> None:
    """L7: an unreadable request that waits keeps no consent from being withdrawn; processors are told."""
    register(world, crm=frozenset({TIPS}))
    crm = Told(world)
    world.join(ALICE, TIPS)
    crm.hear()
    world.wait(timedelta(hours=1))
    waiting = world.sign_up(ALICE, CALL, phone=NUMBER)
    world.do(lambda tx: tx.run("UPDATE request SET sealed = :x WHERE id = :id", x=b"\0" * 64, id=waiting))
    world.tampered = True
    done = object_for(world, ALICE)
    assert (done.broken, [it.purpose for it in done.ended]) == (True, [TIPS])
    assert crm.hear() == ["consent.withdrawn"]


def test_processors_are_told_of_consents_that_cannot_be_withdrawn(world: World, crm: Told) -> None:
    """L7, E7: no event can be added to a request that cannot be read; whoever uses its consent stops."""
    request = world.join(ALICE, TIPS)
    crm.hear()
    world.do(lambda tx: tx.run("UPDATE request SET sealed = :x WHERE id = :id", x=b"\0" * 64, id=request))
    world.tampered = True
    assert object_for(world, ALICE).ended == ()
    assert crm.hear() == ["consent.withdrawn"]


def test_by_a_clock_that_went_back_an_objection_still_counts(world: World) -> None:
    """O7, L7: what was given before it has ended, although it bears a later moment."""
    world.join(ALICE, TIPS)
    world.wait(timedelta(minutes=-30))
    object_for(world, ALICE)
    world.tampered = True  # nobody told the log of the clock
    assert exported(world) == set()
    assert barred(world, email=ALICE) is ObjectedBy.PERSON


def test_by_a_clock_that_was_ahead_an_objection_bars_no_later_sign_up(world: World) -> None:
    """O7, R7: its moment is brought back with those of suppressions, so that signing up again works."""
    world.now += timedelta(days=700)
    list_company(world, BOB)
    object_for(world, ALICE)
    world.now -= timedelta(days=700)
    world.tampered = True
    world.do(correct_future_times, future_limits=future_limits(world.context, world.now), now=world.now)
    world.wait(SECOND)
    world.join(ALICE, TIPS)
    assert exported(world) == {ALICE}
    assert barred(world, email=BOB) is ObjectedBy.COMPANY


def test_a_restored_backup_is_told_of_objections(world: World, tmp_path: Path) -> None:
    """S7, L7: the journal outside the database brings back what came after the backup, and gives nothing."""
    object_for(world, ALICE)
    list_company(world, "example.org", DOMAIN)
    world.run(remove_from_list, ListedContact(DOMAIN, "example.org"), "Jan", "sold", now=world.now)
    lines = [line for _, line in world.store.read(lines_after, number=0) if "person" in line.content]
    (tmp_path / "older").mkdir()
    older = open_world(f"sqlite:///{tmp_path}/older/optin.db", tmp_path / "older", world.vault)
    try:
        done = older.run(replay, lines, 0, now=older.now)
        assert done == {"objected": 2}
        assert older.run(replay, lines, 0, now=older.now) == {}
        assert barred(older, email=ALICE) is ObjectedBy.PERSON
        assert barred(older, email="x@example.org") is ObjectedBy.COMPANY  # removed since: on it again
        older.check_evidence()
    finally:
        older.store.close()


def test_what_bars_what() -> None:
    """L7: who said no to what, by which channel, and whether the person asked anew after it."""
    alice, number = b"a" * 32, b"n" * 32

    def said(by: ObjectedBy, kind: str, address: bytes, owner: bytes, channel: str) -> Objection:
        return Objection(b"1" * 16, by, kind, address, owner, channel, NOON)

    of_alice = said(ObjectedBy.PERSON, "email", alice, alice, EVERY_CHANNEL)
    before, after = ContactUse(alice, Channel.EMAIL, NOON), ContactUse(alice, Channel.EMAIL, NOON + SECOND)
    assert of_alice.bars(before), "the same instant is not after it"
    assert not of_alice.bars(after)
    assert of_alice.bars(replace(after, asked_at=None))
    calls = ContactUse(alice, Channel.PHONE, NOON + SECOND)
    of_bob = said(ObjectedBy.PERSON, "phone", number, b"b" * 32, EVERY_CHANNEL)
    assert of_bob.bars(calls)
    assert not of_bob.bars(after), "an objection to a number is about calls"
    of_anybody = replace(of_bob, owner=b"")
    assert not of_anybody.bars(calls)
    assert of_anybody.bars(replace(calls, asked_at=NOON))
    listed = said(ObjectedBy.COMPANY, "phone", number, b"", "phone")
    assert listed.bars(calls)
    assert not listed.bars(after), "for calls alone"
    assert first_objection([of_alice, listed], replace(calls, asked_at=None)) is listed
    assert first_objection([], calls) is None
    assert "aaaa" not in repr(of_alice)


def test_one_lookup_for_many(world: World) -> None:
    """L7: a list is asked about in one go, with the same answers as one by one."""
    object_for(world, ALICE)
    list_company(world, "other.example", DOMAIN)
    people = [{"email": ALICE}, {"email": BOB}, {"email": CAROL}, {"phone": NUMBER}, {}, {"email": "not one"}]
    bars = world.store.read(
        find_objections,
        vault=world.vault,
        contacts=[PlannedContact(it) for it in people],
        channel=Channel.EMAIL,
    )
    assert [None if it is None else it.by.value for it in bars] == [
        "person",
        None,
        "company",
        None,
        None,
        None,
    ]
    assert world.store.read(any_objection)
