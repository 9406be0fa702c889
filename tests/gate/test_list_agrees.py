"""List and gate agree, on whatever happened to whoever it is about."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from optin.bases.basis_part import BasisSettings
from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_PERSON
from optin.consent.event_content import STAFF
from optin.consent.held_basis import BasisStatement, BasisTerm
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.flows.bases.record_basis import EvidenceFile, record_basis
from optin.flows.gate.answer_list import ListGate, ListQuestion
from optin.flows.gate.decide import GateDecision
from optin.flows.request_policy import GatePolicy, GatePurpose
from optin.flows.rights.erase import erase_person
from optin.flows.rights.object_to_contact import object_by_person
from optin.keys import KeyRing
from optin.rules.may_contact import Aim, Strictness
from optin.settings.bases import Product
from optin.store.encryption import Vault
from optin.store.suppressions import suppress
from tests.gate.asking import may
from tests.world import CALL, TIPS, World, open_world

PEOPLE = ("alice@example.com", "bob@example.com", "carol@example.com", "dora@example.com")
NUMBERS = ("+31201234567", "+31201234568", "+33142278186")
INVOICE = EvidenceFile("invoice.pdf", b"%PDF-1.7 invoice", "application/pdf")
MET = {"own-sale": "yes", "told-at-collection": "yes"}
BASES = ("contract", "enquiry", "interest", "obligation", "attested")
SERVICE = PurposeId("contract")
KEYS = (
    ConsentKey(TIPS, Channel.EMAIL),
    ConsentKey(CALL, Channel.PHONE),
    ConsentKey(SERVICE, Channel.EMAIL),
    ConsentKey(SERVICE, Channel.PHONE),
)
STEPS = (*BASES, "tips", "call", "withdraw", "erase", "suppress", "object", "wait", "pin")


def prepared(world: World) -> World:
    """Give a world what the gate needs."""
    purposes = {
        TIPS: GatePurpose(Channel.EMAIL), CALL: GatePurpose(Channel.PHONE),
        SERVICE: GatePurpose(None, Aim.SERVICE),
    }  # fmt: skip
    courses = Product(life_cycle=RetentionPeriod.parse("5 years"), similar=(TIPS,))
    bases = BasisSettings({"courses": courses}, assessments={CALL: "privacy/calls.md"})
    world.policy = replace(world.policy, gate=GatePolicy("NL", purposes), bases=bases)
    return world


def record(world: World, basis: str, email: str, number: str, kept: str = "1 year") -> None:
    """Put somebody on the register."""
    addresses = {name: it for name, it in (("email", email), ("phone", number)) if it}
    met = {**MET, "told-source": "letter"}
    statement = BasisStatement(
        basis, "", "Eva", addresses, BasisTerm(world.now.date(), kept), purposes=(),
        facts={"product": "courses"}, met=met, person={"subscriber": "legal"} if email == PEOPLE[2] else {},
    )  # fmt: skip
    if basis == "interest":
        statement = replace(statement, purposes=(TIPS, CALL))
    world.run(record_basis, statement, files=[INVOICE], now=world.now)


def answers(world: World, key: ConsentKey, values: tuple[str, ...]) -> list[GateDecision | None]:
    """Answer for a list with one address in a row."""
    question = ListQuestion(key, key.channel.address, world.now, "NL", STAFF)
    gate = ListGate(world.store.read, world.context, question, world.installation().endings())
    return list(gate.answers(((value,), ()) for value in values))


Step = tuple[str, int, int]
MANY = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=10
)


def live(world: World, steps: list[Step]) -> None:
    """Let it all happen."""
    for what, whose, other in steps:
        email, number = PEOPLE[whose], NUMBERS[other]
        index = world.vault.index(parse_email(email))
        if what in BASES:
            record(world, what, "" if what == "enquiry" and whose == 3 else email, number)
        elif what in {"tips", "call"}:
            world.join(email, TIPS if what == "tips" else CALL, phone=number)
        elif what == "erase":
            world.run(erase_person, index, BY_PERSON, now=world.now)
        elif what == "object":
            world.run(object_by_person, index, now=world.now)
        elif what == "suppress":
            world.do(suppress, index, KEYS[other % 2], world.now)
        elif what == "pin":
            gate = world.policy.gate
            rule = ("NL-email-natural", "NL-email-customer-natural", "NL-phone-natural")[other]
            world.policy = replace(
                world.policy, gate=replace(gate, strictness=Strictness(pinned={rule: "not here"}))
            )
        elif what == "wait":
            world.wait(timedelta(days=(1, 100, 300)[other]))
            world.now = world.now.replace(hour=10)
        world.wait(timedelta(seconds=1))


@settings(max_examples=30)
@given(steps=MANY)
def test_list_and_gate_agree(steps: list[Step]) -> None:
    """G3: on every history, for every address, purpose and channel; the hour is asked later."""
    with tempfile.TemporaryDirectory() as folder:
        world = prepared(open_world(f"sqlite:///{folder}/a.db", Path(folder), Vault(KeyRing.fresh("dev"))))
        live(world, steps)
        for key in KEYS:
            values = PEOPLE if key.channel is Channel.EMAIL else NUMBERS
            found = answers(world, key, values)
            for value, answer in zip(values, found, strict=True):
                one = may(world, value, key.purpose, key.channel.value)
                assert answer is not None
                timed = one.content["reason"] in {"not at this hour", "called too often"}
                assert one.may is answer.may or timed, (key, value, one.content, answer)
                if one.may:
                    assert (one.content["basis"], one.content["rule"] or "") == (
                        answer.answer.basis,
                        answer.answer.rule,
                    )
        world.store.close()
