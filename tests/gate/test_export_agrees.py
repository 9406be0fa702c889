"""Exports and gate agree: who is exported may be contacted, and nobody else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress as suppress_error
from datetime import timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from optin.consent.channel import MAILBOX, Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_OFFICER, BY_PERSON
from optin.consent.objection import DOMAIN
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import RequestId
from optin.errors import RequestRefused
from optin.flows.gate.answer_list import ListGate, ListQuestion
from optin.flows.rights.do_not_contact import ListedContact, add_to_list
from optin.flows.rights.erase import erase_person
from optin.flows.rights.object_to_contact import object_by_person, object_through_link
from optin.keys import KeyRing
from optin.rules.calling_hours import is_within
from optin.rules.rule_files import rule_book
from optin.store.encryption import Vault
from optin.store.suppressions import suppress
from tests.gate.asking import may, with_gate
from tests.world import CALL, TIPS, World, export_from, open_world

PEOPLE = ("alice@example.com", "bob@example.com", "carol@example.com")
NUMBERS = ("+31201234567", "+31201234568", "+33142278186")
KEYS = (ConsentKey(TIPS, Channel.EMAIL), ConsentKey(CALL, Channel.PHONE))
WAITS = (timedelta(hours=1), timedelta(days=1), timedelta(days=100), timedelta(days=200))

BOXES = {"tips": (TIPS,), "call": (CALL,), "both": (TIPS, CALL), "magnet": ()}

AGAINST = ("suppress", "object", "list")

Step = tuple[str, int, int]


def steps() -> st.SearchStrategy[list[Step]]:
    """What happens to whom, with which number or how."""
    what = st.sampled_from(
        [
            "tips",
            "call",
            "both",
            "magnet",
            "pending",
            "withdraw",
            "erase",
            "suppress",
            "object",
            "list",
            "wait",
        ]
    )
    return st.lists(st.tuples(what, st.integers(0, 2), st.integers(0, 2)), max_size=12)


def live(world: World, happenings: list[Step]) -> None:
    """Let it all happen."""
    requests: dict[str, RequestId] = {}
    for what, whose, other in happenings:
        email = PEOPLE[whose]
        index = world.vault.index(parse_email(email))
        if what in BOXES:
            requests[email] = world.join(email, *BOXES[what], phone=NUMBERS[other])
        elif what == "pending":
            world.sign_up(email, TIPS, CALL, phone=NUMBERS[other])
        elif what == "withdraw" and email in requests:
            if other:
                world.run(object_through_link, request=requests[email], now=world.now)
            else:
                world.withdraw(requests[email], CALL)
        elif what == "erase" and requests.pop(email, None) is not None:
            world.run(
                erase_person, email_index=index, reason=(BY_PERSON, BY_OFFICER)[other % 2], now=world.now
            )
        elif what in AGAINST:
            speak_against(world, what, email, other)
        elif what == "wait":
            world.wait(WAITS[other])


def speak_against(world: World, what: str, email: str, other: int) -> None:
    """Suppress an address, let its person object, or let the company list somebody."""
    index = world.vault.index(parse_email(email))
    if what == "suppress":
        world.do(suppress, email_index=index, key=(*KEYS, None)[other], now=world.now)
    elif what == "object":
        world.run(object_by_person, email_index=index, now=world.now)
    else:
        about = (
            ListedContact("email", email),
            ListedContact(DOMAIN, "example.com"),
            ListedContact("phone", NUMBERS[0]),
        )
        keep_off(world, about[other])


def keep_off(world: World, listed: ListedContact) -> None:
    """Put an address, a number or a domain on the company's list, unless it is there."""
    with suppress_error(RequestRefused):
        world.run(add_to_list, listed=listed, who="Eva", why="lawyers", now=world.now)


def in_a_world(check: Callable[[World], None]) -> None:
    """Run in a fresh world, and see that its evidence holds."""
    with tempfile.TemporaryDirectory() as folder:
        world = open_world(f"sqlite:///{folder}/optin.db", Path(folder), Vault(KeyRing.fresh("dev")))
        try:
            check(world)
            world.check_evidence()
        finally:
            world.store.close()


@given(steps())
@settings(max_examples=40)
def test_who_is_exported_may_be_contacted_and_nobody_else(happenings: list[Step]) -> None:
    """G3, E1, G1: on any history, for each person, purpose and channel, when calls are allowed."""

    def check(world: World) -> None:
        with_gate(world)
        live(world, happenings)
        while not all(map(partial(calls_allowed, world), ("NL", "FR"))):
            world.wait(timedelta(hours=1))
        for key in KEYS:
            export = export_from(world, key)
            exported = {lead.email: lead.fields.get("phone") for lead in export.proven()}
            channel = key.channel.value
            allowed = {who for who in PEOPLE if may(world, who, key.purpose, channel).may}
            assert allowed == {*exported}, (key, happenings)
            assert allowed == listed(world, key), (key, happenings)
            if key.purpose == CALL:
                for number in NUMBERS:
                    if may(world, number, key.purpose, channel).may:
                        assert number in exported.values(), happenings

    in_a_world(check)


def listed(world: World, key: ConsentKey) -> set[str]:
    """Return whom a list of everybody's addresses allows."""
    question = ListQuestion(key, MAILBOX, world.now, "NL", "staff")
    answers = ListGate(world.store.read, world.context, question).answers(((who,), ()) for who in PEOPLE)
    return {who for who, decided in zip(PEOPLE, answers, strict=True) if decided is not None and decided.may}


def calls_allowed(world: World, country: str) -> bool:
    """Return whether people in a country may be called now."""
    rules = rule_book().countries[country]
    local = world.now.astimezone(ZoneInfo(rules.time_zone))
    return all(is_within(hours, country, local) for hours in rules.hours.values())
