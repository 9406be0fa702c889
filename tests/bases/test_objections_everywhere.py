"""No way out passes over an objection or the company's list: letters, notices, exports, webhooks, lookups."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

import pytest

from optin.consent.channel import MAILBOX, TELEPHONE, Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.objection import DOMAIN, EVERY_CHANNEL
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.consent.served_forms import ServedForms
from optin.consent.status_transitions import RequestId
from optin.flows.delivery.mail_order import MailKind
from optin.flows.exports.people_to_delete import ended_since
from optin.flows.exports.scrub_contact_list import KEPT
from optin.flows.objections.find_objections import find_objection
from optin.flows.rights.do_not_contact import ListedContact, add_to_list, remove_from_list
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.object_to_contact import ObjectionRecord, object_by_person, object_on_request
from optin.store.export_records import ExportRun, record_export
from tests.bases.shop import findings
from tests.bases.test_objections import exported, list_company, object_for, scrubbed
from tests.flows.test_letters import lettered as lettered  # noqa: PLC0414 - a fixture
from tests.flows.test_letters import queue, receive
from tests.flows.test_staff_names_and_waiting import digest, people
from tests.flows.test_staff_names_and_waiting import named as named  # noqa: PLC0414 - a fixture
from tests.flows.test_staff_notices import told as told  # noqa: PLC0414 - a fixture
from tests.flows.test_webhooks import Told, register
from tests.house.requirements_table import ROOT
from tests.world import CALL, TIPS, TIPS_BY_EMAIL, World, about_requests, export_from

ALICE, BOB, CAROL, DORA = "alice@example.com", "bob@example.com", "carol@other.example", "dora@other.example"
SHARED, OWN = "+31201234567", "+31207654321"
DAY = timedelta(days=1)
BY_PHONE = ConsentKey(CALL, Channel.PHONE)


def test_whoever_uses_a_proof_to_contact_somebody_asks_for_objections() -> None:
    """L7, E1: each module that proves a consent, in order to use it, asks who objected, too."""
    for path in sorted((ROOT / "optin").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if "still_proven" in called:
            asking = {"if_usable", "usable_consents", "without_objected", "find_objection", "find_objections"}
            assert named & asking, path


def test_a_queued_letter_does_not_go_to_whoever_objected_or_is_listed(lettered: World) -> None:
    """W13, L7: it is asked when the letter leaves, not when it was queued."""
    for email in (ALICE, BOB, CAROL, DORA):
        lettered.join(email, TIPS)
    lettered.now += 3 * DAY
    assert queue(lettered) == 4
    object_for(lettered, ALICE)
    list_company(lettered, BOB)
    list_company(lettered, "other.example", DOMAIN)
    assert receive(lettered) == []


def test_what_was_asked_for_is_sent_whoever_objected(world: World) -> None:
    """L7, case 18: a confirmation and the magnet perform what the person asks; they are no advertising."""
    object_for(world, ALICE)
    list_company(world, ALICE)
    world.wait(DAY)
    request = world.sign_up(ALICE, TIPS)
    world.wait(timedelta(seconds=1))
    assert len(world.send()) == 1
    world.confirm(request)
    assert len(world.send()) == 1


def test_staff_are_not_named_whom_they_must_not_contact(named: World) -> None:
    """W12, L7: whoever is on the list is counted and not named."""
    for email in (ALICE, BOB, CAROL):
        named.join(email, TIPS)
    list_company(named, ALICE)
    list_company(named, "other.example", DOMAIN, "email")
    assert [email for email, _, _ in people(digest(named))] == [BOB]


def test_nobody_on_the_list_is_asked_to_renew_a_consent(world: World) -> None:
    """R8, L7: a mail that asks again is advertising as well; whoever is not barred gets it."""
    month = RetentionPeriod.parse("30 days")
    world.policy = replace(world.policy, ask_again={TIPS: month}, offers=ServedForms([world.form]))
    for email in (ALICE, BOB, CAROL):
        world.join(email, TIPS)
    world.send()
    list_company(world, ALICE)
    list_company(world, "other.example", DOMAIN)
    world.wait(timedelta(days=710))
    assert world.sweep_step("ending") == 1
    assert [order.recipient for order in about_requests(world.send(), MailKind.RENEWAL)] == [BOB]


def test_an_objection_to_mails_keeps_the_mail_about_calls_away(world: World) -> None:
    """R8, L7: the person agreed to calls afterwards, and is not written to about them."""
    month = RetentionPeriod.parse("30 days")
    world.policy = replace(world.policy, ask_again={CALL: month}, offers=ServedForms([world.form]))
    object_for(world, ALICE)
    world.wait(DAY)
    for email in (ALICE, BOB):
        world.join(email, CALL, phone=OWN)
    world.send()
    world.wait(timedelta(days=170))
    assert world.sweep_step("ending") == 1
    assert [order.recipient for order in about_requests(world.send(), MailKind.RENEWAL)] == [BOB]


def test_who_came_on_the_list_is_named_to_a_processor_without_webhook(world: World) -> None:
    """E5, L7: whoever got an export deletes people of the company's list as well."""
    for email in (ALICE, BOB, CAROL):
        world.join(email, TIPS)
    run = export_from(world)
    assert len(list(run.proven())) == 3
    recorded = ExportRun(
        at=world.now, who="o", why="list", processor="crm", key=TIPS_BY_EMAIL, format="csv",
        exported=3, refused={}, members=run.run,
    )  # fmt: skip
    world.do(record_export, vault=world.vault, run=recorded)
    assert list(ended_since(world.store.read, world.vault, recorded, world.now)) == []
    object_for(world, ALICE)
    list_company(world, "other.example", DOMAIN)
    found = list(ended_since(world.store.read, world.vault, recorded, world.now))
    assert [(it.email, it.what) for it in found] == [(ALICE, "withdrawn"), (CAROL, "do-not-contact list")]


def test_a_removed_entry_is_deleted_after_its_time(world: World) -> None:
    """R8, L7: its reason may name people; its event stays, and an audit finds nothing wrong."""
    world.run(remove_from_list, list_company(world, ALICE), "Eva", "settled", now=world.now)
    list_company(world, BOB)
    assert world.sweep_step("records") == 0
    world.wait(timedelta(days=365 * 20))
    assert world.due("records") == 1
    assert world.sweep_step("records") == 1
    assert world.count("objection") == 1
    assert findings(world) == []


NUMBERS = {ALICE: SHARED, BOB: SHARED, CAROL: OWN}
Asked = tuple[str, RequestId, tuple[PurposeId, ...], int]


@dataclass
class Account:
    """A plain account of what people and staff did, to hold every way out against.

    `asked` and `refused`: by person and purpose, the turn of the request that was confirmed last, and of the
    last "no". `known`: whose number is on file. `calls_refused`: who refused calls to it.
    """

    turn: int = 0
    waiting: list[Asked] = field(default_factory=list)
    asked: dict[tuple[str, PurposeId], int] = field(default_factory=dict)
    refused: dict[tuple[str, PurposeId], int] = field(default_factory=dict)
    objected: set[str] = field(default_factory=set)  # to mails, on whatever basis
    known: set[str] = field(default_factory=set)
    calls_refused: set[str] = field(default_factory=set)
    listed: set[tuple[str, str]] = field(default_factory=set)  # what, and the channel

    def may(self, email: str, purpose: PurposeId) -> bool:
        """Return whether the person said yes last, and neither the company nor another holder forbids it."""
        channel = "email" if purpose == TIPS else "phone"
        barred = {(what, by) for what in names_of(email) for by in (EVERY_CHANNEL, channel)}
        others = {who for who in self.calls_refused if who != email and NUMBERS[who] == NUMBERS[email]}
        said_yes = self.asked.get((email, purpose), -1) > self.refused.get((email, purpose), -1)
        return said_yes and not barred & self.listed and (purpose == TIPS or not others)

    def refuse(self, email: str, purposes: tuple[PurposeId, ...]) -> None:
        """Take down a no."""
        for purpose in purposes:
            self.refused[email, purpose] = self.turn
        if CALL in purposes and email in self.known:
            self.calls_refused.add(email)

    def confirm(self, email: str, purposes: tuple[PurposeId, ...], turn: int) -> None:
        """Take down a yes to what was asked in a turn."""
        self.known.add(email)
        for purpose in purposes:
            if turn > self.refused.get((email, purpose), -1):
                self.asked[email, purpose] = turn


def names_of(email: str) -> tuple[str, ...]:
    """Return what an entry of the list may call a person."""
    return (email, email.partition("@")[2], NUMBERS[email])


def listed_as(what: str, channel: str) -> ListedContact:
    """Return the entry for an address, a number or a domain."""
    kind = MAILBOX.field if "@" in what else TELEPHONE.field if what.startswith("+") else DOMAIN
    return ListedContact(kind, what, channel)


@pytest.mark.parametrize("seed", range(12))
def test_nobody_who_objected_last_is_ever_contacted(world: World, seed: int) -> None:
    """L7, E1, E6, E7: on random histories exports, lists, webhooks and the lookup agree with the account."""
    register(world, crm=frozenset({TIPS, CALL}))
    crm, random, account = Told(world), Random(seed), Account()
    for _ in range(30):
        account.turn += 1
        world.wait(timedelta(minutes=1))
        act(world, random, account)
        allowed = {it: {email for email in NUMBERS if account.may(email, it)} for it in (TIPS, CALL)}
        assert exported(world) == allowed[TIPS], (seed, account)
        assert exported(world, BY_PHONE) == allowed[CALL], (seed, account)
        kept = scrubbed(world, [*NUMBERS])
        assert {email for email, it in zip(NUMBERS, kept, strict=True) if it == KEPT} == allowed[TIPS]
        heard = len(crm.messages)
        crm.hear()
        for kind, data in crm.messages[heard:]:
            assert kind != "consent.confirmed" or data["email"] in allowed[data["purpose"]], (seed, data)
        for email, number in NUMBERS.items():
            addresses = {"email": email, "phone": number}
            bar = world.store.read(
                find_objection, vault=world.vault, addresses=addresses, channel=Channel.EMAIL
            )
            listed = {(it, by) for it in names_of(email) for by in ("", "email")} & account.listed
            assert (bar is not None) == bool(listed or email in account.objected), (seed, email)


ACTS = (
    "ask",
    "ask",
    "ask",
    "answer",
    "answer",
    "answer",
    "answer",
    "object",
    "staff",
    "list",
    "unlist",
    "erase",
)


def act(world: World, random: Random, account: Account) -> None:
    """Let somebody do something."""
    email = random.choice([*NUMBERS])
    index = world.vault.index(parse_email(email))
    match random.choice(ACTS):
        case "ask":
            purposes = random.choice(((TIPS,), (CALL,), (TIPS, CALL)))
            request = world.sign_up(email, *purposes, phone=NUMBERS[email])
            account.waiting.append((email, request, purposes, account.turn))
        case "answer" if account.waiting:
            who, request, boxes, turn = account.waiting.pop(random.randrange(len(account.waiting)))
            world.confirm(request)
            account.confirm(who, boxes, turn)
        case "object":
            world.run(object_by_person, index, now=world.now)
            account.refuse(email, (TIPS, CALL))
            account.objected.add(email)
        case "staff":
            channel, purposes = random.choice((("email", (TIPS,)), ("phone", (CALL,)), ("", (TIPS, CALL))))
            record = ObjectionRecord("Eva", "letter", channel)
            world.run(object_on_request, MAILBOX, email, record, now=world.now)
            account.refuse(email, purposes)
            account.objected |= {email} if TIPS in purposes else set()
        case "list":
            what, channel = random.choice(names_of(email)), random.choice((EVERY_CHANNEL, "email", "phone"))
            if not account.listed & {(what, channel), (what, EVERY_CHANNEL)}:
                world.run(add_to_list, listed_as(what, channel), "Eva", "why", now=world.now)
                account.listed.add((what, channel))
        case "unlist" if account.listed:
            what, channel = random.choice(sorted(account.listed))
            world.run(remove_from_list, listed_as(what, channel), "Eva", "why", now=world.now)
            account.listed -= {it for it in account.listed if it[0] == what and channel in {"", it[1]}}
        case "erase":
            world.run(erase_person, index, BY_PERSON, world.now)
            account.refuse(email, (TIPS, CALL))
            account.known.discard(email)
            account.waiting = [it for it in account.waiting if it[0] != email]
