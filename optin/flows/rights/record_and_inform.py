"""Record, extend and end entries of the register whose persons are informed by mail (L4, GDPR 13).

The mail is queued in the transaction of the entry, and composed from the entry when it leaves. An entry with
a telephone number alone gets no mail: staff say it, and record that they did.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.consent.channel import MAILBOX
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.held_basis import BasisEntry, BasisEntryId, BasisStatement
from optin.consent.status_transitions import ID_BYTES, RequestId
from optin.errors import RequestRefused
from optin.flows.bases.record_basis import (
    EvidenceFile,
    Extension,
    end_basis,
    extend_basis,
    indexes_of,
    record_basis,
)
from optin.flows.bases.record_notice import record_notice
from optin.flows.context import Context
from optin.flows.delivery.mail_limits import take_staff_mail
from optin.flows.delivery.mail_order import MailKind
from optin.flows.rights.personal_data import record_access
from optin.store.database_interface import Tx
from optin.store.held_bases import entries_about, entries_named, load_entry
from optin.store.mail_outbox import enqueue, forget_queued
from optin.store.officer_actions import RightsAction, record_action

MAX_ABOUT_CHARACTERS = 200
MIN_ID_DIGITS = 8
_LINKS = re.compile(r"://|www\.|\w\.[a-z]{2,}/", re.IGNORECASE)  # mail programs make links of these


@dataclass(frozen=True)
class StaffAct:
    """Who of the staff does something, and why."""

    who: str
    why: str


def record_and_inform(
    tx: Tx, context: Context, statement: BasisStatement, files: Sequence[EvidenceFile], now: datetime
) -> BasisEntry:
    """Record a statement, and queue the mail that informs its person, if there is an address.

    Raises RequestRefused, with nothing stored: see `record_basis`; for a subject that the mail cannot quote;
    when the mailbox has had its mails of today.
    """
    if not statement.about.strip():
        msg = 'Say what it is about, such as --about "quote for a roof": the person is told.'
        raise RequestRefused(msg)
    if len(statement.about) > MAX_ABOUT_CHARACTERS or _not_quotable(statement.about):
        most = MAX_ABOUT_CHARACTERS
        msg = f"The mail to the person quotes what it is about: one line of at most {most} letters, no link."
        raise RequestRefused(msg)
    entry = record_basis(tx, context, statement, files, now)
    _tell(tx, context, entry, now)
    return entry


def _not_quotable(about: str) -> bool:
    """Return whether a text holds a link, or signs that change how the rest is shown."""
    return _LINKS.search(about) is not None or not about.isprintable()


def extend_and_inform(
    tx: Tx, context: Context, entry_id: BasisEntryId, longer: Extension, now: datetime
) -> BasisEntry:
    """Extend an entry, and inform its person of the new end (GDPR 13(2)(a)). Raises RequestRefused."""
    before = load_entry(tx, context.vault, entry_id)
    until = longer.term.until
    if before is not None and before.until is not None and until is not None and until <= before.until:
        msg = f"It stands until {before.until:%Y-%m-%d} already; an extension ends later."
        raise RequestRefused(msg)
    entry = extend_basis(tx, context, entry_id, longer, now)
    _tell(tx, context, entry, now)
    return entry


def end_with_reason(
    tx: Tx, context: Context, entry_id: BasisEntryId, act: StaffAct, now: datetime
) -> BasisEntry:
    """End an entry, erase it with its evidence, and record who did it and why. Raises RequestRefused."""
    if not act.why.strip():
        msg = "Say why it ends: it is recorded."
        raise RequestRefused(msg)
    entry = end_basis(tx, context, entry_id, now)
    for index in indexes_of(context.vault, entry.statement.addresses):
        record_action(tx, context.vault, index, RightsAction(now, "end", act.who, act.why))
    return entry


def record_spoken_notice(
    tx: Tx, context: Context, entry_id: BasisEntryId, act: StaffAct, now: datetime
) -> BasisEntry:
    """Record that staff told the person of an entry, and how (`why`). Raises RequestRefused."""
    if not act.why.strip():
        msg = "Say how the person was told, such as: on the telephone, during the call."
        raise RequestRefused(msg)
    entry = record_notice(tx, context.vault, entry_id, act.who, act.why, now)
    if entry is None:
        msg = "There is no such entry."
        raise RequestRefused(msg)
    return entry


def read_register(
    tx: Tx, context: Context, index: bytes, bases: Collection[str], act: StaffAct, now: datetime
) -> tuple[BasisEntry, ...]:
    """Return the entries of these bases about an address, and record who looked and why (R9)."""
    if not act.why.strip():
        msg = "--why is empty; say why you look, it is recorded."
        raise RequestRefused(msg)
    found = entries_about(tx, context.vault, [index])
    if found:
        record_access(tx, context, index, "shown", now)
        record_action(tx, context.vault, index, RightsAction(now, "show", act.who, act.why))
    return tuple(entry for entry in found if entry.statement.basis in bases)


def entry_with_id(tx: Tx, context: Context, digits: str, bases: Collection[str]) -> BasisEntryId:
    """Return the entry whose id begins with these digits, if it is of these bases. Raises RequestRefused."""
    text = digits.strip().lower()
    if not MIN_ID_DIGITS <= len(text) <= 2 * ID_BYTES or set(text) - set("0123456789abcdef"):
        msg = f"An entry is named by its id, or by the first {MIN_ID_DIGITS} or more of its digits."
        raise RequestRefused(msg)
    found = entries_named(tx, text)
    if len(found) > 1:
        msg = "Several entries begin with these digits; write more of them."
        raise RequestRefused(msg)
    entry = load_entry(tx, context.vault, found[0]) if found else None
    if entry is None or entry.statement.basis not in bases:
        msg = "There is no such entry: it has ended, or was never recorded."
        raise RequestRefused(msg)
    return entry.id


def _tell(tx: Tx, context: Context, entry: BasisEntry, now: datetime) -> None:
    """Queue the mail that tells the person of an entry, in place of one that has not left yet."""
    email = entry.statement.addresses.get(MAILBOX.field, "")
    if not email:
        return
    if not take_staff_mail(tx, context, EmailAddress(email), now):
        most = context.policy.limits.per_address_per_day
        msg = f"This mailbox got {most} such mails in the last 24 hours; record it tomorrow."
        raise RequestRefused(msg)
    request = RequestId(entry.id)
    forget_queued(tx, request, [MailKind.BASIS])
    enqueue(tx, MailKind.BASIS, request, context.policy.mail_domain, now, now)
