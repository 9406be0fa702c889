"""The company's own do-not-contact list: add, remove, show (L7).

An entry is about an e-mail address, a number, or a domain with all below it. It bars every contact, whatever
the person agrees to, and whatever the lawful basis; only staff remove it, with a reason. It is no consent and
ends none: what a person gave stands, and is used again when the entry is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.channel import CHANNELS, MAILBOX, address_at
from optin.consent.mail_domain import domain_and_parents, domain_of
from optin.consent.objection import DOMAIN, EVERY_CHANNEL, NOBODY, ObjectedBy, Objection
from optin.consent.status_transitions import SubjectId
from optin.errors import RequestRefused
from optin.flows.context import Context
from optin.flows.exports.queue_webhook_messages import queue_barred_numbers, queue_barred_person
from optin.flows.objections.find_objections import domain_index
from optin.flows.unreadable_rows import BROKEN
from optin.store.contacts import open_contact
from optin.store.data_subjects import address_index, find_subject, lock_subject, subjects_by_number
from optin.store.database_interface import Tx
from optin.store.disclosures import people_told_of
from optin.store.encryption import Vault, new_id
from optin.store.objections import (
    ObjectionReason,
    StoredObjection,
    add_objection,
    company_list,
    end_listing,
    objections_about,
)

__all__ = [
    "FIRST",
    "ListedContact",
    "ObjectionReason",
    "add_to_list",
    "notify_about_domain",
    "remove_from_list",
    "view_list",
]
PAGE_PEOPLE = 500
FIRST = b""


@dataclass(frozen=True)
class ListedContact:
    """The address, number or domain of an entry.

    `kind`: the form field of a kind of address, or DOMAIN. `value`: its normal form.
    """

    kind: str
    value: str = field(repr=False)
    channel: str = EVERY_CHANNEL

    def index(self, vault: Vault) -> bytes:
        """Return the keyed digest by which it is found. Raises RequestRefused for an unknown kind."""
        if self.kind == DOMAIN:
            return domain_index(vault, self.value)
        address = address_at(self.kind)
        if address is None:
            msg = f"{self.kind!r} is no kind of address."
            raise RequestRefused(msg)
        return vault.address_index(address, self.value)


def add_to_list(tx: Tx, context: Context, listed: ListedContact, who: str, why: str, now: datetime) -> None:
    """Put an address, a number or a domain on the list, and tell the processors that know its person.

    People of a domain are told of by `notify_about_domain`, page by page. Raises RequestRefused, with nothing
    stored: nobody named, no reason, an unknown channel, on the list already.
    """
    _check(who, why, listed.channel)
    index = listed.index(context.vault)
    if any(it.channel in {EVERY_CHANNEL, listed.channel} for it in _entries(tx, index)):
        msg = "This is on the list already; see: optin do-not-contact list"
        raise RequestRefused(msg)
    entry = Objection(new_id(), ObjectedBy.COMPANY, listed.kind, index, NOBODY, listed.channel, now)
    domain = listed.value if listed.kind == DOMAIN else ""
    add_objection(tx, context.vault, entry, ObjectionReason(who.strip(), why.strip(), domain))
    if listed.kind == MAILBOX.field:
        _tell_of(tx, find_subject(tx, index), listed.channel, now)
    elif listed.kind != DOMAIN:
        queue_barred_numbers(tx, [index], listed.channel, now)
        for subject in subjects_by_number(tx, [index]).get(index, []):
            _tell_of(tx, subject, listed.channel, now)


def notify_about_domain(
    tx: Tx, context: Context, listed: ListedContact, after: bytes, now: datetime
) -> bytes | None:
    """Notify processors about the next people at a listed domain; return where to go on, None at the end.

    Somebody whose details cannot be read is skipped: no message about such a person can be composed.
    """
    page = people_told_of(tx, after, PAGE_PEOPLE)
    for subject, person, sealed in page:
        try:
            domain = domain_of(open_contact(context.vault, subject, sealed).email)
        except BROKEN:
            continue
        if listed.value in domain_and_parents(domain) and lock_subject(tx, subject):
            queue_barred_person(tx, subject, person, listed.channel, now)
    return page[-1][0] if len(page) == PAGE_PEOPLE else None


def remove_from_list(
    tx: Tx, context: Context, listed: ListedContact, who: str, why: str, now: datetime
) -> int:
    """Remove an address, a number or a domain from the list, with a reason; return how many entries went.

    With a channel only the entry for that channel goes. Raises RequestRefused: nobody named, no reason, not
    on the list. What a person objected to is no entry of the list: nobody but the person changes that.
    """
    _check(who, why, listed.channel)
    found = [
        it
        for it in _entries(tx, listed.index(context.vault))
        if listed.channel in {EVERY_CHANNEL, it.channel}
    ]
    if not found:
        msg = "There is no such entry on the list; see: optin do-not-contact list"
        raise RequestRefused(msg)
    for it in found:
        end_listing(tx, context.vault, it.id, ObjectionReason(who.strip(), why.strip()), now)
    return len(found)


def view_list(tx: Tx, context: Context) -> Sequence[StoredObjection]:
    """Return every entry with its reason, oldest first; those that were removed, too."""
    return company_list(tx, context.vault)


def _entries(tx: Tx, index: bytes) -> list[Objection]:
    return [it for it in objections_about(tx, [index]) if it.by is ObjectedBy.COMPANY]


def _tell_of(tx: Tx, subject: SubjectId | None, channel: str, now: datetime) -> None:
    if subject is not None and lock_subject(tx, subject):
        queue_barred_person(tx, subject, address_index(tx, subject), channel, now)


def _check(who: str, why: str, channel: str) -> None:
    if not who.strip() or not why.strip():
        msg = "Say who does this (--who) and why (--why)."
        raise RequestRefused(msg)
    if channel not in {EVERY_CHANNEL, *CHANNELS}:
        msg = f"There is no channel {channel!r}; there are {', '.join(CHANNELS)}."
        raise RequestRefused(msg)
