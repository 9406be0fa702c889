"""Decide whether a person may be contacted, by what is on file and the rules of the moment (G1, G2).

1. A purpose has one channel; a question for another one is answered no.
2. Who is behind the address: several people may share a number.
3. Which bases are on file for each of them, proven as of now.
4. Without any the answer is "no basis", the same for somebody who was never heard of.
5. Else the rules decide, for each person and country; the strictest answer is given. What they permit is no
   use where mails came back from the mailbox: the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from optin.consent.channel import Channel
from optin.flows.context import Context
from optin.flows.evidence.withdrawals_in_journal import EndingsOf, no_journal_endings
from optin.flows.gate.bases_on_file import (
    BasesOnFile,
    GateInquiry,
    PersonOnFile,
    people_on_file,
    read_on_file,
)
from optin.flows.gate.question import Question
from optin.flows.request_policy import GatePurpose
from optin.rules.contact_rule import ContactRule
from optin.rules.may_contact import (
    ASK_CONSENT,
    Answer,
    Contact,
    Decision,
    Refusal,
    may_contact,
)
from optin.rules.rule_files import rule_book
from optin.store.contact_questions import permitted_since
from optin.store.database_interface import Tx

ONE_CALL = timedelta(minutes=1)  # asked twice in that time, it is the same call
NO_BASIS = Answer(
    Decision.PROHIBIT,
    reasons=("No basis is on file for this contact.",),
    refusal=Refusal.NO_BASIS,
    cure=ASK_CONSENT,
)
UNREACHABLE = Answer(
    Decision.PROHIBIT,
    reasons=("Mails to this address came back: nobody can be reached there.",),
    refusal=Refusal.UNREACHABLE,
    cure="Wait until the person confirms something by this address.",
)


@dataclass(frozen=True)
class GateDecision:
    """An answer, the rule behind it, and the people that it is about.

    `known`: the ids of what is noted about them. `resting`: those whose basis the answer speaks of; empty
    when it says "no basis" or less.
    """

    answer: Answer
    rule: ContactRule | None = None
    known: tuple[bytes, ...] = ()
    resting: tuple[PersonOnFile, ...] = ()

    @property
    def may(self) -> bool:
        """Whether the contact may be made."""
        return self.answer.decision is Decision.PERMIT


def decide(
    tx: Tx,
    context: Context,
    question: Question,
    now: datetime,
    at: datetime | None = None,
    endings_of: EndingsOf = no_journal_endings,
) -> GateDecision:
    """Return the answer for a contact now, or at another moment by the rules of that moment.

    What is on file is what is on file now. `endings_of`: withdrawals in the journal.
    Raises JournalUnusable.
    """
    # 1. The purpose's channel.
    purpose = context.policy.gate.purposes[question.key.purpose]
    if purpose.channel not in {None, question.key.channel}:
        return GateDecision(_other_channel(purpose.channel))

    inquiry = GateInquiry(tx, context, question.key, question.address, now, at or now, endings_of)
    index = context.vault.address_index(question.address, question.value)
    return decide_for_address(inquiry, question, read_on_file(inquiry, {question.value: index}), index)


def decide_for_address(
    inquiry: GateInquiry, question: Question, found: BasesOnFile, index: bytes
) -> GateDecision:
    """Return the answer about an address, from the bases that were read for it; `index`: its digest."""
    # 2. and 3. Who is behind the address, with their bases on file; whoever gave the consent for another
    # number does not share this one.
    purpose = inquiry.context.policy.gate.purposes[inquiry.key.purpose]
    people = people_on_file(inquiry, question, found, index)
    known = tuple(owner for it in people for owner in it.owners)
    sharing = tuple(it for it in people if not it.elsewhere)

    # 4. No basis.
    if not sharing or not all(it.held for it in sharing):
        return GateDecision(NO_BASIS, known=known)

    # 5. The rules, and whether anybody can be reached.
    answers = [it for person in sharing for it in _answers(inquiry, question, purpose, person)]
    strictest = next((it for it in answers if it.decision is not Decision.PERMIT), answers[0])
    if strictest.refusal is Refusal.NO_BASIS:  # what is on file serves something else
        return GateDecision(NO_BASIS, known=known)
    if strictest.decision is Decision.PERMIT and index in found.unreachable:
        return GateDecision(UNREACHABLE, known=known, resting=sharing)
    return GateDecision(strictest, _rule(strictest.rule), known, sharing)


def _other_channel(channel: Channel | None) -> Answer:
    reason = f"The purpose is for {channel} alone."
    return Answer(Decision.PROHIBIT, reasons=(reason,), refusal=Refusal.CHANNEL, cure=f"Ask about {channel}.")


def _answers(
    inquiry: GateInquiry, question: Question, purpose: GatePurpose, person: PersonOnFile
) -> list[Answer]:
    """Return the answer for one person by the rules of each country."""
    book, strictness = rule_book(), inquiry.context.policy.gate.strictness
    countries, channel, at = question.countries, inquiry.key.channel.value, inquiry.at
    days = max(_days_of_tries(it, channel) for it in countries)
    since = at - timedelta(days=days)
    earlier = permitted_since(inquiry.tx, person.owners, channel, since) if days else []
    contact = Contact(
        country=countries[0],
        channel=channel,
        at=at,
        subscriber=person.subscriber,
        relation=person.relation,
        aim=purpose.aim,
        objected=person.objected,
        listed=person.listed,
        at_any_hour=inquiry.whole_list,
        tries=calls_of([it for it in earlier if it <= at - ONE_CALL]),
    )
    contacts = (replace(contact, country=it) for it in countries[1:])
    return [may_contact(it, person.held, book, strictness) for it in (contact, *contacts)]


def calls_of(permitted: Iterable[datetime]) -> list[datetime]:
    """Return the calls behind permitted contacts, oldest first: each yes is taken for a call."""
    calls: list[datetime] = []
    for at in permitted:
        if not calls or at - calls[-1] >= ONE_CALL:
            calls.append(at)
    return calls


@cache
def _days_of_tries(country: str, channel: str) -> int:
    """Return how far back calls count in a country; 0 where no rule counts them."""
    rules = rule_book().countries.get(country)
    found = () if rules is None else rules.rules
    return max((it.tries.days for it in found if it.tries is not None and it.channel == channel), default=0)


@cache
def _rules() -> dict[str, ContactRule]:
    return {rule.id: rule for country in rule_book().countries.values() for rule in country.rules}


def _rule(name: str) -> ContactRule | None:
    return _rules().get(name)
