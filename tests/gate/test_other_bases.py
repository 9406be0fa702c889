"""The gate over the register of bases: customers, enquirers, interests; with evidence and end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from optin.bases.basis_part import BasisSettings
from optin.consent.channel import TELEPHONE, Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_PERSON
from optin.consent.held_basis import BasisEntry, BasisStatement, BasisTerm
from optin.consent.objection import DOMAIN
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.flows.bases.record_basis import EvidenceFile, end_basis, record_basis
from optin.flows.gate.answer import SignedAnswer
from optin.flows.request_policy import GatePolicy, GatePurpose
from optin.flows.rights.do_not_contact import ListedContact, add_to_list, remove_from_list
from optin.flows.rights.erase import erase_person
from optin.flows.rights.object_to_contact import ObjectionRecord, object_by_person, object_on_request
from optin.flows.rights.personal_data import view_personal
from optin.rules.may_contact import Aim
from optin.settings.bases import Product
from optin.store.suppressions import suppress
from tests.gate.asking import NUMBER, may, plain
from tests.world import CALL, TIPS, World

ALICE, BOB = "alice@example.com", "bob@example.com"
INVOICE = EvidenceFile("invoice.pdf", b"%PDF-1.7 invoice", "application/pdf")
EVERYTHING_MET = {"own-sale": "the seller is us", "told-at-collection": "order form 3"}
MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
COURSES = {"courses": Product(life_cycle=RetentionPeriod.parse("5 years"), similar=(TIPS,))}


@pytest.fixture
def world(world: World) -> World:
    """A world whose tips are about products like the courses, and weighed in an assessment."""
    purposes = {
        PurposeId("contract"): GatePurpose(None, Aim.SERVICE),
        PurposeId("enquiry"): GatePurpose(None, Aim.REQUESTED),
        TIPS: GatePurpose(Channel.EMAIL),
        CALL: GatePurpose(Channel.PHONE),
    }
    bases = BasisSettings(COURSES, assessments={CALL: "privacy/calls.md"})
    world.policy = replace(world.policy, gate=GatePolicy("NL", purposes), bases=bases)
    return world


def recorded(world: World, basis: str, kept: str = "5 years", **more: Any) -> BasisEntry:
    """Put something on record about alice."""
    plain: dict[str, Any] = {"addresses": {"email": ALICE}, **more}
    term = BasisTerm(more.pop("since", world.now.date()), kept)
    plain.pop("since", None)
    statement = BasisStatement(basis, "", "Eva", term=term, **plain)
    return world.run(record_basis, statement, files=[INVOICE], now=world.now)


def customer(world: World, **more: Any) -> BasisEntry:
    """Record alice as a customer who bought a course."""
    return recorded(world, "contract", **{"facts": {"product": "courses"}, "met": EVERYTHING_MET, **more})


def no(answer: SignedAnswer) -> str:
    """Return why not."""
    assert not answer.may
    return f"{answer.content['reason']}: {answer.content['reasons']}"


def test_a_customer_is_mailed_about_the_like(world: World) -> None:
    """G1, L3: with each condition on record; the evidence is the entry, the end that of the life cycle."""
    entry = customer(world)
    answer = may(world, ALICE)
    said = answer.content
    assert answer.may
    assert (said["basis"], said["rule"]) == ("interest", "NL-email-customer-natural")
    assert said["evidence"] == f"contract {entry.id.hex()[:12]}"
    assert str(said["until"]).startswith("2031-11-23")
    world.now = datetime(2031, 11, 23, tzinfo=UTC)
    assert "no basis" in no(may(world, ALICE))


@pytest.mark.parametrize("missing", EVERYTHING_MET)
def test_without_one_condition_on_record_a_customer_is_not_mailed(world: World, missing: str) -> None:
    """L3, G2: each is told with its cure."""
    customer(world, met={name: it for name, it in EVERYTHING_MET.items() if name != missing})
    assert "Not on record" in no(may(world, ALICE))


def test_a_customer_is_not_mailed_about_something_else(world: World) -> None:
    """L3: products of another line, which no purpose is like."""
    customer(world, facts={"product": "insurance"})
    assert "like those that were bought" in no(may(world, ALICE))


def test_a_customer_is_not_called_any_more(world: World) -> None:
    """L8, G1: by telephone the exception ended on 30 June 2026; the delivery may still be talked about."""
    customer(world, addresses={"email": ALICE, "phone": NUMBER})
    assert no(may(world, NUMBER, CALL))
    assert may(world, NUMBER, "contract", "phone").may
    assert may(world, ALICE, "contract", "email").may


def test_an_enquirer_is_called_about_the_enquiry_alone(world: World) -> None:
    """L4, G1: until it is wiped."""
    recorded(world, "enquiry", "3 months", addresses={"phone": NUMBER})
    answer = may(world, NUMBER, "enquiry", "phone")
    assert answer.may
    assert answer.content["basis"] == "enquiry"
    assert "no basis" in no(may(world, NUMBER, "contract", "phone"))
    assert no(may(world, NUMBER, CALL))
    world.now = MONDAY + timedelta(days=100)
    assert "no basis" in no(may(world, NUMBER, "enquiry", "phone"))


def test_an_obligation_and_attested_evidence_permit_nothing(world: World) -> None:
    """L5, L6, G2: and read as no basis, as of somebody never heard of."""
    unknown = plain(may(world, BOB))
    for basis in ("obligation", "attested"):
        recorded(world, basis, purposes=(TIPS,), channels=("email",), met=EVERYTHING_MET)
        assert plain(may(world, ALICE)) == unknown


@pytest.mark.parametrize(
    ("subscriber", "met", "yes"),
    [
        ("natural", ("told-source",), False),
        ("legal", ("told-source",), True),
        ("legal", (), False),
        ("", ("told-source",), False),
    ],
)
def test_a_legal_person_is_called_on_an_interest(
    world: World, subscriber: str, met: tuple[str, ...], *, yes: bool
) -> None:
    """L1, L8: weighed, and told whose data; a subscriber of whom nothing is known is a natural person."""
    person = {"subscriber": subscriber} if subscriber else {}
    recorded(
        world, "interest", purposes=(CALL,), channels=("phone",), person=person,
        met=dict.fromkeys(met, "letter of 2 November"), addresses={"phone": NUMBER},
    )  # fmt: skip
    assert may(world, NUMBER, CALL).may is yes


def test_a_number_of_two_gets_the_stricter_answer(world: World) -> None:
    """G1: one of them is a customer, the other nobody in particular."""
    customer(world, addresses={"email": ALICE, "phone": NUMBER})
    assert may(world, NUMBER, "contract", "phone").may
    recorded(world, "enquiry", addresses={"email": BOB, "phone": NUMBER})
    assert no(may(world, NUMBER, "contract", "phone"))


def test_a_consent_and_a_contract_are_one_person(world: World) -> None:
    """G1, G4: the consent answers, and both are asked about once."""
    world.join(ALICE, TIPS)
    customer(world)
    answer = may(world, ALICE)
    assert answer.content["basis"] == "consent"
    index = world.vault.index(parse_email(ALICE))
    data = world.view(view_personal, index, now=world.now)
    assert [(it.asker, it.may) for it in data.questions] == [("crm", True)]


def test_who_withdrew_is_not_mailed_as_a_customer(world: World) -> None:
    """L7: a withdrawal is stronger than the contract; the delivery is not advertising."""
    request = world.join(ALICE, TIPS)
    customer(world)
    world.wait(timedelta(minutes=1))
    world.withdraw(request)
    assert "objected" in no(may(world, ALICE))
    assert may(world, ALICE, "contract", "email").may


def test_a_suppressed_customer_is_not_mailed(world: World) -> None:
    """L7, R7: neither by purpose nor by everything."""
    customer(world)
    index = world.vault.index(parse_email(ALICE))
    for key in (ConsentKey(TIPS, Channel.EMAIL), None):
        world.do(suppress, index, key, world.now)
        assert "objected" in no(may(world, ALICE))
        world.do(lambda tx: tx.run("DELETE FROM suppression"))
    assert may(world, ALICE).may


def test_an_erased_customer_reads_as_unknown(world: World) -> None:
    """R5, G2: also what was asked about them is gone."""
    customer(world)
    assert may(world, ALICE).may
    assert world.count("contact_question") == 1
    world.run(erase_person, world.vault.index(parse_email(ALICE)), BY_PERSON, now=world.now)
    assert plain(may(world, ALICE)) == plain(may(world, BOB))
    assert world.count("contact_question") == 0


def test_an_answer_about_a_customer_is_an_event_of_the_entry(world: World) -> None:
    """G1, P4: it is logged, audited, and goes with the entry."""
    entry = customer(world)
    may(world, ALICE)
    rows = world.store.read(
        lambda tx: tx.all("SELECT body FROM event WHERE request_id = :id ORDER BY id", id=entry.id)
    )
    assert '"kind":"asked"' in rows[1][0]
    world.check_evidence()
    world.run(end_basis, entry.id, now=world.now)
    world.check_evidence()
    assert world.count("contact_question") == 0


def test_an_entry_of_older_date_ends_by_its_own_date(world: World) -> None:
    """L2: the term runs from the invoice, not from its recording."""
    customer(world, since=date(2022, 3, 1))
    assert str(may(world, ALICE).content["until"]).startswith("2027-03-01")


def test_an_objection_bars_every_basis(world: World) -> None:
    """L7, G1: a customer who objects gets no advertising; one on the company's list no contact at all."""
    customer(world, addresses={"email": ALICE, "phone": NUMBER})
    assert may(world, ALICE).may
    for entry in (
        ListedContact("email", ALICE),
        ListedContact(DOMAIN, "example.com"),
        ListedContact("phone", NUMBER),
    ):
        world.run(add_to_list, listed=entry, who="Eva", why="lawyers", now=world.now)
        assert "on the company's list" in no(may(world, ALICE)), entry.kind
        assert "on the company's list" in no(may(world, ALICE, "contract", "email"))
        world.run(remove_from_list, listed=entry, who="Eva", why="settled", now=world.now)
        assert may(world, ALICE).may
    world.run(object_by_person, email_index=world.vault.index(parse_email(ALICE)), now=world.now)
    assert "objected" in no(may(world, ALICE))
    assert may(world, ALICE, "contract", "email").may  # to perform the contract is no advertising


def test_an_objection_to_a_number_bars_calls_to_it(world: World) -> None:
    """L7, G1: by whoever has it; mails go on."""
    customer(world, addresses={"email": ALICE, "phone": NUMBER})
    record = ObjectionRecord("Eva", "letter of today", "phone")
    world.run(object_on_request, address=TELEPHONE, value=NUMBER, record=record, now=world.now)
    assert may(world, ALICE).may
    assert "no basis" in no(may(world, NUMBER, CALL)) or "objected" in no(may(world, NUMBER, CALL))
