"""Actions of an officer for a person who wrote or called, each recorded in the same transaction (R9)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from optin.bases import obligation
from optin.bases.obligation import RequiredDocument, required_term
from optin.consent.channel import MAILBOX
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.held_basis import BasisEntry, BasisStatement
from optin.consent.purpose import ConsentKey, ConsentQuestion
from optin.consent.rights_request import Outcome, Right
from optin.errors import RequestRefused
from optin.flows.bases.record_basis import EvidenceFile, record_basis
from optin.flows.context import Context
from optin.flows.records.contact_details import current_contact
from optin.flows.records.decrypted_request import open_request
from optin.flows.rights.correct import correct
from optin.flows.rights.erase import BY_OFFICER, ErasureResult, erase_and_notify
from optin.flows.rights.rights_requests import Reply, answer_request, check_answer_by_act
from optin.flows.rights.withdraw import withdraw_from, withdraw_person
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx
from optin.store.events import add_events
from optin.store.journal_lines import add_replay_line
from optin.store.legal_holds import LegalHold, place_hold
from optin.store.officer_actions import RightsAction, record_action
from optin.store.person_records import newest_request
from optin.store.requests import peek_request


@dataclass(frozen=True)
class DocumentToHold:
    """A document about a person that a law requires to keep. `rule`: an id of the site; `day`: its date."""

    rule: str
    document: str
    day: date
    email: EmailAddress = field(repr=False)
    lang: str = ""


@dataclass(frozen=True)
class OfficerRequest:
    """A person's request as an officer handles it: whose data, which officer, what was asked."""

    email_index: bytes
    who: str
    why: str
    request: int | None = None  # the number of the written-down request that is answered by it


SERVED_RIGHTS = {
    "show": (Right.ACCESS,),
    "export": (Right.ACCESS, Right.PORTABILITY),
    "correct": (Right.RECTIFICATION,),
    "withdraw": (Right.WITHDRAWAL, Right.OBJECTION),
    "erase": (Right.ERASURE,),
}  # what each action answers


def check_request(tx: Tx, context: Context, handling: OfficerRequest, what: str) -> None:
    """Check, before an action, that it answers the request it names, if any. Raises RequestRefused."""
    if handling.request is not None:
        rights = SERVED_RIGHTS[what]
        check_answer_by_act(tx, context, handling.request, handling.email_index, rights)


def record_officer_request(
    tx: Tx, context: Context, handling: OfficerRequest, what: str, now: datetime
) -> None:
    """Record what an officer did for a person, and why; the request that it answers is answered with it.

    Raises RequestRefused when it answers no such request: then nothing of the transaction stays.
    """
    _answer(tx, context, handling, what, now)
    _record(tx, context, handling, what, now)


def _answer(tx: Tx, context: Context, handling: OfficerRequest, what: str, now: datetime) -> None:
    if handling.request is not None:
        check_request(tx, context, handling, what)
        reply = Reply(Outcome.DONE, handling.who, what=f"optin subject {what}", why=handling.why)
        answer_request(tx, context, handling.request, reply, now)


def _record(tx: Tx, context: Context, handling: OfficerRequest, what: str, now: datetime) -> None:
    action = RightsAction(now, what, handling.who, handling.why)
    record_action(tx, context.vault, handling.email_index, action)


def withdraw_on_request(
    tx: Tx, context: Context, handling: OfficerRequest, which: Collection[ConsentKey] | None, now: datetime
) -> tuple[ConsentQuestion, ...]:
    """Withdraw the named consents, or all, and record it; return the withdrawn ones."""
    index = handling.email_index
    if which is None:
        ended = withdraw_person(tx, context, index, now)
    else:
        subject = find_subject(tx, index)
        ended = () if subject is None else withdraw_from(tx, context.vault, subject, which, now)
    record_officer_request(tx, context, handling, "withdraw", now)
    return ended


def correct_on_request(
    tx: Tx, context: Context, handling: OfficerRequest, values: Mapping[str, str], now: datetime
) -> bool:
    """Put a person's name or number right, and record it (GDPR 16); return whether anything changed."""
    changed = correct(tx, context, handling.email_index, values, now)
    if changed:
        record_officer_request(tx, context, handling, "correct", now)
    return changed


def hold_on_request(
    tx: Tx, context: Context, handling: OfficerRequest, names: Sequence[str], until: datetime, now: datetime
) -> LegalHold:
    """Place a legal hold on named data until a date, and record it (GDPR 17(3)(b)).

    Raises RequestRefused for data that is not there.
    """
    index = handling.email_index
    subject = find_subject(tx, index)
    values = {} if subject is None else current_contact(tx, context.vault, subject).values
    unknown = [name for name in names if name not in values]
    if not values or unknown:
        kept = ", ".join(values) or "nothing"
        msg = f"There is no {', '.join(unknown) or 'person'} to hold; what is kept: {kept}."
        raise RequestRefused(msg)
    hold = LegalHold(handling.why, until, now, {name: values[name] for name in names})
    place_hold(tx, context.vault, index, hold)
    request = newest_request(tx, index)
    if request is not None:
        opened = open_request(tx, context.vault, peek_request(tx, request))
        add_events(tx, context.vault, request, [opened.event_builder.held(now, until, names)])
    record_officer_request(tx, context, handling, "hold", now)
    return hold


def hold_under_obligation(
    tx: Tx,
    context: Context,
    handling: OfficerRequest,
    held: DocumentToHold,
    files: Sequence[EvidenceFile],
    now: datetime,
) -> BasisEntry:
    """Record a document that a law requires to keep, by a rule of the site (GDPR 17(3)(b)).

    Raises RequestRefused: no such rule, a day to come, a term that is over, a document on record already.
    """
    rules = context.policy.bases.obligations
    rule = rules.get(held.rule)
    if rule is None:
        msg = f"There is no obligation {held.rule!r}; there are: {', '.join(rules) or 'none'}."
        raise RequestRefused(msg)
    if held.day > now.date():
        msg = f"{held.day} has not come yet; name the day of the document."
        raise RequestRefused(msg)
    document = RequiredDocument(held.document, held.day, rule.law)
    statement = BasisStatement(
        basis=obligation.PART.name,
        at="",
        who=handling.who,
        addresses={MAILBOX.field: held.email},
        term=required_term(rule, held.day),
        source=handling.why,
        lang=held.lang,
        facts=document.facts(held.rule),
    )
    reference = f"{held.document} of {held.day} about {held.email}"
    entry = record_basis(tx, context, statement, files, now, reference=reference)
    record_officer_request(tx, context, handling, "hold", now)
    return entry


def erase_on_request(
    tx: Tx, context: Context, handling: OfficerRequest, lang: str, now: datetime
) -> ErasureResult | None:
    """Erase a person, queue the mail that confirms it, and record it; None when nothing was left.

    The record says who erased, when and for which request. A typed reason is not kept: it may name somebody.
    """
    _answer(tx, context, handling, "erase", now)  # before it is unknown which numbers were the person's
    gone = erase_and_notify(tx, context, handling.email_index, BY_OFFICER, lang, now)
    if gone is None:  # whoever only wrote a letter is erased after a restore, too
        add_replay_line(
            tx, {"kind": "erased", "person": handling.email_index.hex(), "suppressed": False}, now
        )
    # the reason may name the person: of them stays who erased, when, and for which request
    asked = "" if handling.request is None else f"request {handling.request}"
    _record(tx, context, replace(handling, why=asked), "erase", now)
    return gone
