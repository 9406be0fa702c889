"""Withdraw consents: as easily as they were given, at once, until the person asks again (GDPR 7(3), R3)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import FormDeclaration
from optin.consent.objection import EVERY_CHANNEL
from optin.consent.purpose import ConsentKey, ConsentQuestion
from optin.consent.status_transitions import (
    ConsentState,
    EventKind,
    RequestId,
    Status,
    StatusEvent,
    SubjectId,
    apply_event,
)
from optin.consent.webhook_message import WebhookKind
from optin.errors import LogDisagrees
from optin.flows.context import Context
from optin.flows.exports.queue_webhook_messages import queue_ended, queue_objected
from optin.flows.records.decrypted_request import OpenedRequest, open_request
from optin.flows.records.event_history import current_consents, request_history
from optin.store.contacts import numbers_of
from optin.store.data_subjects import find_subject, lock_subject, refresh_idle, save_consent
from optin.store.database_interface import Tx
from optin.store.disclosures import end_disclosure
from optin.store.encryption import Vault
from optin.store.events import add_events
from optin.store.journal_lines import add_replay_line, withdrawal
from optin.store.person_records import requests_of
from optin.store.requests import peek_request, was_erased
from optin.store.suppressions import suppress, suppress_numbers, suppressed_at


@dataclass(frozen=True)
class WithdrawableConsents:
    """The consents that a link can withdraw: the live ones of its request."""

    form: FormDeclaration
    questions: tuple[ConsentQuestion, ...]


@dataclass(frozen=True)
class _Live:
    """A live consent, with the request through which it is withdrawn."""

    opened: OpenedRequest
    question: ConsentQuestion
    consent: ConsentState


def view_withdrawable(
    tx: Tx, context: Context, request: RequestId, purpose: str | None
) -> WithdrawableConsents:
    """Return the consents a link can withdraw; changes nothing. Raises LinkSpent."""
    opened = open_request(tx, context.vault, peek_request(tx, request))
    return WithdrawableConsents(
        opened.declaration, tuple(live.question for live in _live(tx, context.vault, opened, purpose))
    )


def is_request_erased(tx: Tx, _context: Context, request: RequestId) -> bool:
    """Return whether the request of a spent link was erased."""
    return was_erased(tx, request)


def withdraw_consent(
    tx: Tx, context: Context, request: RequestId, purpose: str | None, now: datetime
) -> WithdrawableConsents:
    """Withdraw the consents of `request`, or only `purpose`; return the withdrawn ones.

    Whichever request gave a consent last: this link is about the same purpose and channel.
    Raises LinkSpent. Withdrawn twice is withdrawn once.
    """
    opened = open_request(tx, context.vault, peek_request(tx, request))
    subject = _person_behind(tx, context.vault, opened)
    if subject is None:
        return WithdrawableConsents(opened.declaration, ())
    lock_subject(tx, subject)
    ended = _live(tx, context.vault, opened, purpose)
    _end(tx, context.vault, subject, ended, now)
    return WithdrawableConsents(opened.declaration, tuple(live.question for live in ended))


def withdraw_person(
    tx: Tx, context: Context, email_index: bytes, now: datetime, channel: str = EVERY_CHANNEL
) -> tuple[ConsentQuestion, ...]:
    """Withdraw every consent of an address, or those for a channel; return the withdrawn ones.

    Also what was asked and is not confirmed yet, so that no link in a mailbox gives it after all.
    """
    ended = withdraw_given(tx, context, email_index, now, channel)
    lapsed = cancel_unconfirmed(tx, context, email_index, now, channel)
    return tuple(dict.fromkeys((*ended, *lapsed)))


def withdraw_given(
    tx: Tx, context: Context, email_index: bytes, now: datetime, channel: str
) -> tuple[ConsentQuestion, ...]:
    """Withdraw the live consents of an address for a channel, or all; return them."""
    subject = find_subject(tx, email_index)
    if subject is None:
        return ()
    which = None if channel == EVERY_CHANNEL else _by_channel(tx, context.vault, subject, channel)
    return withdraw_from(tx, context.vault, subject, which, now)


def _by_channel(tx: Tx, vault: Vault, subject: SubjectId, channel: str) -> set[ConsentKey]:
    return {it.key for it in current_consents(tx, vault, subject) if it.channel.value == channel}


def withdraw_one(tx: Tx, context: Context, email_index: bytes, key: ConsentKey, now: datetime) -> bool:
    """Withdraw one consent of an address; return whether it was live."""
    subject = find_subject(tx, email_index)
    return subject is not None and bool(withdraw_from(tx, context.vault, subject, {key}, now))


def withdraw_from(
    tx: Tx,
    vault: Vault,
    subject: SubjectId,
    which: Collection[ConsentKey] | None,
    now: datetime,
    told_by: str = "",
) -> tuple[ConsentQuestion, ...]:
    """Withdraw the named consents of a person, or all; return the withdrawn ones.

    `told_by`: the processor in whose tool the person did so. It knows, and is not told again.
    """
    lock_subject(tx, subject)
    ended: list[_Live] = []
    for consent in current_consents(tx, vault, subject):
        request = consent.record.request
        if consent.record.status is not Status.GIVEN or request is None:
            continue
        if which is None or consent.key in which:
            opened = open_request(tx, vault, peek_request(tx, request))
            question = opened.declaration.question(consent.purpose)
            if question is not None:
                ended.append(_Live(opened, question, consent))
    _end(tx, vault, subject, ended, now, told_by)
    return tuple(live.question for live in ended)


def cancel_unconfirmed(
    tx: Tx,
    context: Context,
    email_index: bytes,
    now: datetime,
    channel: str,
    unless: Collection[ConsentKey] = (),
) -> list[ConsentQuestion]:
    """Cancel unconfirmed requests of consents for a channel, or all, by suppressing them; return them.

    `unless`: those that are left alone.
    """
    lapsed: list[ConsentQuestion] = []
    for stored in requests_of(tx, email_index):
        for question in () if stored.confirmed_at else open_request(tx, context.vault, stored).asked:
            if question.key in unless or channel not in {EVERY_CHANNEL, question.channel.value}:
                continue
            since = suppressed_at(tx, email_index, question.key)
            if since is None or since < stored.created_at:
                suppress(tx, email_index, question.key, now)
                _remember(tx, email_index, question, now)
                lapsed.append(question)
    return lapsed


def _remember(tx: Tx, email_index: bytes, question: ConsentQuestion, now: datetime) -> None:
    add_replay_line(tx, withdrawal(email_index, question.key), now)


def _person_behind(tx: Tx, vault: Vault, opened: OpenedRequest) -> SubjectId | None:
    """Return the person who confirmed a request, by its events: a withdrawal must reach the right person."""
    try:
        history = request_history(tx, vault, opened.stored.id)
    except LogDisagrees:
        return opened.stored.subject
    if not history.of(EventKind.CONFIRMED):
        return None
    return find_subject(tx, vault.index(EmailAddress(opened.declared.email)))


def _live(tx: Tx, vault: Vault, opened: OpenedRequest, purpose: str | None) -> list[_Live]:
    subject = _person_behind(tx, vault, opened)
    if subject is None:
        return []
    asked = opened.asked if purpose is None else opened.declaration.asked((purpose,))
    kept = {consent.key: consent for consent in current_consents(tx, vault, subject)}
    found = [(question, kept.get(question.key)) for question in asked]
    return [
        _Live(opened, question, consent)
        for question, consent in found
        if consent is not None and consent.record.status is Status.GIVEN
    ]


def _end(
    tx: Tx, vault: Vault, subject: SubjectId, ended: Sequence[_Live], now: datetime, told_by: str = ""
) -> None:
    """Add the events, update the cached rows, and suppress the address and number.

    Every processor that was told of the consent is told of its end, but not the one that told of it.
    """
    for request in dict.fromkeys(live.opened.stored.id for live in ended):
        of_it = [live for live in ended if live.opened.stored.id == request]
        questions = tuple(live.question for live in of_it)
        event_builder = of_it[0].opened.event_builder
        add_events(tx, vault, request, event_builder.withdrawn(now, questions, told_by))
    for live in ended:
        request, question = live.opened.stored.id, live.question
        happening = StatusEvent(EventKind.WITHDRAWN, now, request)
        save_consent(tx, subject, replace(live.consent, record=apply_event(live.consent.record, happening)))
        email_index, key = live.opened.stored.email_index, question.key
        suppress(tx, email_index, key, now)
        if told_by:
            end_disclosure(tx, told_by, subject, key)
        queue_ended(tx, subject, email_index, WebhookKind.WITHDRAWN, key, now)
        if question.channel.address.declared:
            numbers = numbers_of(tx, subject)
            suppress_numbers(tx, numbers, email_index, key, now)
            queue_objected(tx, numbers, key, now)
        _remember(tx, email_index, question, now)
    if ended:
        refresh_idle(tx, subject)
