"""Ask a person, by one e-mail, to confirm a consent of which there is attested evidence only (L6).

The consent is proven by the person's own confirmation, like any other: by nothing that staff did (P8). The
mail praises nothing, and leaves only where the law lets you ask, once for each person and purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.bases.attested import GRADE, PART, THROUGH, Grade
from optin.consent.channel import MAILBOX
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import FormVersion
from optin.consent.held_basis import BasisEntry
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import EventKind
from optin.errors import RequestRefused
from optin.flows.bases.must_not_be_asked import must_not_be_asked
from optin.flows.bases.record_notice import BY_MAIL, record_notice
from optin.flows.consents.store_request import NewRequest, store_request
from optin.flows.context import Context
from optin.flows.delivery.mail_limits import take_staff_mail
from optin.flows.delivery.mail_order import MailKind
from optin.flows.gate.question import countries_of
from optin.flows.records.event_history import live_consents
from optin.rules.asking import AskingRule, may_ask
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx
from optin.store.held_bases import entries_about
from optin.store.mail_outbox import enqueue
from optin.store.officer_actions import RightsAction, actions_of, record_action

ASK = "ask"  # the act of staff, as it stands with what was done for the person


@dataclass(frozen=True)
class PersonToAsk:
    """A person whom staff wants to ask, and the consent.

    `country`: of the person, if known; it can only make the rules stricter.
    """

    email: EmailAddress = field(repr=False)
    key: ConsentKey
    who: str
    country: str = ""


def ask_to_confirm(tx: Tx, context: Context, asking: PersonToAsk, now: datetime) -> tuple[AskingRule, ...]:
    """Queue the one mail that asks a person to confirm an attested consent; return the rules that allow it.

    1. Find the evidence: the strongest that stands for this mailbox and purpose.
    2. See whether the law of each country lets you ask on it.
    3. See that the person was not asked before, did not give it, withdrew nothing and did not object.
    4. Store a request by the form served now, queue its mail, and record who asked.
    Raises RequestRefused, with nothing stored, and says why.
    """
    vault, key = context.vault, asking.key
    index = vault.address_index(MAILBOX, asking.email)

    # 1. The evidence.
    entries = _entries(entries_about(tx, vault, [index]), key, now)
    if not entries:
        msg = f"Nothing attested is on record of {key} for this address; see: optin attest add"
        raise RequestRefused(msg)
    entry = min(entries, key=lambda it: [*Grade].index(Grade(it.statement.facts[GRADE])))

    # 2. The law.
    countries = countries_of(MAILBOX, asking.email, context.policy.gate.country, asking.country.upper())
    grade = entry.statement.facts[GRADE]
    rules = may_ask(countries, key.channel.value, grade, now.date())
    if not rules:
        msg = (
            f"No rule of {' and '.join(countries)} lets you ask by e-mail for {key} on evidence"
            f" that is {grade}; a mail that asks is advertising itself. Ask on a page of yours or on paper."
        )
        raise RequestRefused(msg)

    # 3. The person.
    tx.hold(index)  # two of the staff at once: the second sees the first
    asked = any(it.kind == ASK and it.why in {key.purpose, ""} for it in actions_of(tx, vault, index))
    if asked or any(act.kind is EventKind.BASIS_NOTIFIED for it in entries for act in it.acts):
        msg = "This person was asked to confirm it before; nobody is asked twice."
        raise RequestRefused(msg)
    subject = find_subject(tx, index)
    if subject is not None and key in live_consents(tx, vault, subject):
        msg = "This person gave the consent by now, and it is proven."
        raise RequestRefused(msg)
    if must_not_be_asked(tx, vault, entry.statement.addresses, key):
        msg = "This person withdrew, objected, was erased, or is on your do-not-contact list: do not ask."
        raise RequestRefused(msg)

    # 4. The request.
    form = _form(context, entry, key)
    if not take_staff_mail(tx, context, asking.email, now):
        msg = "This mailbox got enough mails in the last 24 hours; ask tomorrow."
        raise RequestRefused(msg)
    address = key.channel.address
    value = address.own(entry.statement.addresses)
    fields = ((address.field, value),) if value else ()
    mailbox = EmailAddress(entry.statement.addresses[MAILBOX.field])
    request, _ = store_request(tx, context, NewRequest(form, mailbox, fields, (key.purpose,), THROUGH), now)
    enqueue(tx, MailKind.RENEWAL, request, context.policy.mail_domain, now, now)
    for it in entries:
        record_notice(tx, vault, it.id, BY_MAIL, request.hex(), now)
    record_action(tx, vault, index, RightsAction(now, ASK, asking.who, key.purpose))
    return rules


def _entries(entries: Sequence[BasisEntry], key: ConsentKey, now: datetime) -> list[BasisEntry]:
    return [
        it
        for it in entries
        if it.statement.basis == PART.name
        and it.statement.purposes == (key.purpose,)
        and it.statement.channels == (key.channel.value,)
        and it.statement.facts.get(GRADE) in {*Grade}
        and it.lasts(now)
    ]


def _form(context: Context, entry: BasisEntry, key: ConsentKey) -> FormVersion:
    """Return a form served now that asks this in the person's language. Raises RequestRefused."""
    form = context.policy.offers.form_in(key, entry.statement.lang)
    if form is None:
        msg = f"No published page asks for {key} in the language {entry.statement.lang!r}; publish one first."
        raise RequestRefused(msg)
    return form
