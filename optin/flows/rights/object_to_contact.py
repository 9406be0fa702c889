"""Object to advertising: whatever its basis, at once, until the person asks again (GDPR 21(2)-(3), L7).

An objection is made by the person on a page, or recorded by staff for somebody who wrote or called. It is
about a mailbox and the numbers that are known of its person, or about a number whose holder is not known.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.channel import CHANNELS, MAILBOX, Address, channel_named, declared_addresses
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.objection import EVERY_CHANNEL, NOBODY, ObjectedBy, Objection
from optin.consent.purpose import ConsentQuestion
from optin.consent.rights_request import Outcome, Right
from optin.consent.status_transitions import RequestId, SubjectId
from optin.errors import RequestRefused
from optin.flows.context import Context
from optin.flows.exports.queue_webhook_messages import queue_barred_numbers, queue_barred_person
from optin.flows.records.decrypted_request import open_request
from optin.flows.rights.rights_requests import Reply, answer_request, check_answer_by_act
from optin.flows.rights.withdraw import WithdrawableConsents, cancel_unconfirmed, withdraw_given
from optin.flows.unreadable_rows import BROKEN, error_name_of
from optin.store.contacts import numbers_of
from optin.store.data_subjects import address_index, find_subject, lock_subject, subjects_by_number
from optin.store.database_interface import Tx, savepoint
from optin.store.encryption import Vault, new_id
from optin.store.held_bases import entries_about, is_on_register
from optin.store.objections import ObjectionReason, add_objection, objections_about
from optin.store.officer_actions import RightsAction, record_action
from optin.store.person_records import requests_of
from optin.store.requests import peek_request

log = logging.getLogger("optin.rights")
ACTION = "object"  # as the record of an officer's action names it


@dataclass(frozen=True)
class ObjectionResult:
    """What an objection did: the consents it withdrew, and of how many people.

    `is_new` False: the same objection stood before, and nothing was given since. `broken`: consents of the
    person cannot be read; the objection bars them all the same. `people` 0: nobody is on file.
    """

    ended: tuple[ConsentQuestion, ...] = ()
    people: int = 0
    is_new: bool = True
    broken: bool = False


@dataclass(frozen=True)
class ObjectionRecord:
    """An objection as staff records it. `channel`: a channel's name, or EVERY_CHANNEL for all of them.

    `request`: the number of the written-down request that is answered by it.
    """

    who: str
    why: str = field(repr=False)
    channel: str = EVERY_CHANNEL
    request: int | None = None


@dataclass(frozen=True)
class _Wish:
    """Whose objection it is, by digest, to which channel; `record` None: the person did it on a page."""

    owner: bytes
    channel: str = EVERY_CHANNEL
    record: ObjectionRecord | None = None


def object_by_person(tx: Tx, context: Context, email_index: bytes, now: datetime) -> ObjectionResult:
    """Object to all advertising, as the person behind an address does on a page of their own."""
    return _object(tx, context, _Wish(email_index), now)


def object_through_link(tx: Tx, context: Context, request: RequestId, now: datetime) -> WithdrawableConsents:
    """Object to all advertising, as the owner of a link to unsubscribe does; return the withdrawn consents.

    Raises LinkSpent when the request is gone.
    """
    opened = open_request(tx, context.vault, peek_request(tx, request))
    result = object_by_person(tx, context, opened.stored.email_index, now)
    return WithdrawableConsents(opened.declaration, result.ended)


def object_on_request(
    tx: Tx, context: Context, address: Address, value: str, record: ObjectionRecord, now: datetime
) -> ObjectionResult:
    """Record the objection of somebody who wrote or called, by e-mail address or number in normal form.

    A number that one person on file has is that person's; otherwise only calls to it are barred. Raises
    RequestRefused for what cannot be recorded, and for a request that it does not answer: nothing is stored.
    """
    if not record.who.strip() or not record.why.strip():
        msg = "Say who records it (--who) and what was asked, such as the letter's date (--why)."
        raise RequestRefused(msg)
    if record.channel not in {EVERY_CHANNEL, *CHANNELS}:
        msg = f"There is no channel {record.channel!r}; there are {', '.join(CHANNELS)}."
        raise RequestRefused(msg)
    index = context.vault.address_index(address, value)
    if record.request is not None:
        check_answer_by_act(tx, context, record.request, index, (Right.OBJECTION, Right.WITHDRAWAL))
        reply = Reply(Outcome.DONE, record.who, "optin object", record.why)
        answer_request(tx, context, record.request, reply, now)
    if not address.declared:
        return _object(tx, context, _Wish(index, record.channel, record), now)
    owners = _people_with(tx, context.vault, index)
    if len(owners) == 1:
        wish = _Wish(owners.pop(), record.channel, record)
        return _object(tx, context, wish, now, {(address.field, index)})
    if record.channel != EVERY_CHANNEL and channel_named(record.channel).address.field != address.field:
        known = f"{len(owners)} people on file have" if owners else "nobody on file has"
        msg = f"This is about {record.channel}, and {known} this number; name the e-mail address."
        raise RequestRefused(msg)
    _add(tx, context.vault, {(address.field, index)}, _Wish(NOBODY, record.channel, record), now)
    queue_barred_numbers(tx, [index], record.channel, now)
    return ObjectionResult(people=len(owners))


def _object(
    tx: Tx,
    context: Context,
    wish: _Wish,
    now: datetime,
    also: Collection[tuple[str, bytes]] = (),
) -> ObjectionResult:
    """Object for the person behind an e-mail address.

    1. Find the numbers of the person: of the consents, and on the register of bases.
    2. Withdraw the consents for the channel, also what is not confirmed yet. Rows that cannot be read keep
       nobody from objecting, nor processors from being told.
    3. Record the objection with its event, for the mailbox and each number, unless it stands already.
    4. Tell processors that others with the same numbers may not be called either.
    """
    vault, email_index, channel, record = context.vault, wish.owner, wish.channel, wish.record

    # 1. The numbers.
    subject = find_subject(tx, email_index)
    if subject is not None:
        lock_subject(tx, subject)
    numbers = {*also, *_numbers_of(tx, vault, subject, email_index)}
    if channel != EVERY_CHANNEL and not channel_named(channel).address.declared:
        numbers = set()

    # 2. The consents.
    asked = [it.created_at for it in requests_of(tx, email_index)]
    ended: list[ConsentQuestion] = []
    broken = False
    for end in (withdraw_given, cancel_unconfirmed):
        try:
            with savepoint(tx):
                ended += end(tx, context, email_index, now, channel)
        except BROKEN as problem:
            log.error("consents of somebody who objected cannot be withdrawn: %s", error_name_of(problem))  # noqa: TRY400 - a traceback may hold personal data
            broken = True
    if broken and subject is not None:
        queue_barred_person(tx, subject, email_index, channel, now)

    # 3. The objection.
    about = {(MAILBOX.field, email_index), *numbers}
    standing = set() if record is not None else _standing(tx, about, wish, asked)
    is_new = _add(tx, vault, about - standing, wish, now)
    if record is not None:
        record_action(tx, vault, email_index, RightsAction(now, ACTION, record.who, record.why))

    # 4. Others with the same numbers.
    queue_barred_numbers(tx, [index for _, index in sorted(numbers)], channel, now)
    known = subject is not None or is_on_register(tx, [email_index])
    return ObjectionResult(tuple(dict.fromkeys(ended)), int(known), is_new, broken)


def _standing(
    tx: Tx, about: Collection[tuple[str, bytes]], wish: _Wish, asked: Collection[datetime]
) -> set[tuple[str, bytes]]:
    """Return the addresses about which a person objected already, and asked for nothing since."""
    return {
        (it.kind, it.address)
        for it in objections_about(tx, [index for _, index in about])
        if it.by is ObjectedBy.PERSON
        and (it.owner, it.channel) == (wish.owner, wish.channel)
        and all(moment <= it.at for moment in asked)
    }


def _add(tx: Tx, vault: Vault, about: Collection[tuple[str, bytes]], wish: _Wish, at: datetime) -> bool:
    """Store an objection for each of these addresses; return whether there was any."""
    record = wish.record
    reason = None if record is None else ObjectionReason(record.who.strip(), record.why.strip())
    for kind, index in sorted(about):
        objection = Objection(new_id(), ObjectedBy.PERSON, kind, index, wish.owner, wish.channel, at)
        add_objection(tx, vault, objection, reason)
    return bool(about)


def _numbers_of(
    tx: Tx, vault: Vault, subject: SubjectId | None, email_index: bytes
) -> set[tuple[str, bytes]]:
    """Return the numbers known of a person, by field and digest; those that can be read."""
    kinds = declared_addresses()
    indexes = [] if subject is None else numbers_of(tx, subject)
    found = {(kind.field, index) for kind in kinds for index in indexes}  # the index says not of which kind
    try:
        entries = entries_about(tx, vault, [email_index])
    except BROKEN as problem:
        log.error("the register of bases cannot be read: %s", error_name_of(problem))  # noqa: TRY400 - likewise
        return found
    for entry in entries:
        for kind in kinds:
            if value := entry.statement.addresses.get(kind.field, ""):
                found.add((kind.field, vault.address_index(kind, value)))
    return found


def _people_with(tx: Tx, vault: Vault, number: bytes) -> set[bytes]:
    """Return the digests of the e-mail addresses of everybody on file with a number."""
    subjects = subjects_by_number(tx, [number]).get(number, [])
    found = {address_index(tx, subject) for subject in subjects}
    for entry in entries_about(tx, vault, [number]):
        if mailbox := entry.statement.addresses.get(MAILBOX.field, ""):
            found.add(vault.index(EmailAddress(mailbox)))
    return found - {b""}
