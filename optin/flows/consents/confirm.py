"""Confirm a request: the owner of the mailbox agrees, by link or by code (D2-D4).

Looking changes nothing. A second yes adds no evidence. What was withdrawn since it was asked stays withdrawn.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from optin.consent.channel import declared_addresses
from optin.consent.confirmation_code import MAX_TRIES, code_matches
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.event_content import KIND_AWAY
from optin.consent.form_version import EMAIL_FIELD, SOURCE_FIELD, FormDeclaration
from optin.consent.objection import NOBODY, ContactUse, ObjectedBy, Objection
from optin.consent.purpose import ConsentQuestion
from optin.consent.status_transitions import (
    ConsentRecord,
    ConsentState,
    EventKind,
    RequestId,
    Status,
    StatusEvent,
    SubjectId,
    apply_event,
    may_confirm,
)
from optin.errors import LinkExpired, LinkSpent
from optin.flows.consents.duplicate_posts import lock_mailed_request
from optin.flows.context import Context
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery.mail_limits import has_read
from optin.flows.delivery.mail_order import GivenConsent, MailKind
from optin.flows.delivery.person_status import person_status_of
from optin.flows.delivery.promised_file import keep_promised_file
from optin.flows.delivery.staff_notices import queue_notices
from optin.flows.exports.queue_webhook_messages import queue_confirmed
from optin.flows.kind_errors import as_kind_failed
from optin.flows.records.contact_details import current_contact
from optin.flows.records.decrypted_request import OpenedRequest, open_request
from optin.flows.records.event_history import current_consents, live_consents
from optin.flows.records.lift_unreachable import lift_unreachable
from optin.proof.canonical_json import canonical
from optin.proof.commitment import SALT_BYTES, commit, leaf_digest
from optin.store.contacts import Contact, save_contact
from optin.store.data_subjects import find_or_add_subject, refresh_idle, save_consent
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.events import add_events
from optin.store.mail_outbox import enqueue
from optin.store.objections import objections_about
from optin.store.requests import Request, count_try, load_request, mark_confirmed, peek_request
from optin.store.suppressions import suppressed_at, unsuppress, unsuppress_numbers

log = logging.getLogger("optin.kinds")


@dataclass(frozen=True)
class ShownRequest:
    """A request as its confirmation page shows it."""

    request: RequestId
    form: FormDeclaration
    requested_at: datetime
    questions: tuple[ConsentQuestion, ...]
    confirmed: bool
    number: str = ""  # which would be called (E.164)
    hands_out: bool = True  # not when a consent is only given anew


@dataclass(frozen=True)
class Confirmation:
    """Result of a confirmation: the same at the first click and at the tenth."""

    request: RequestId
    form: FormDeclaration
    granted: tuple[GivenConsent, ...]
    lapsed: tuple[ConsentQuestion, ...]
    version: str = ""  # digest of the form
    own: Any = None  # where the person stands, as the magnet's kind tells it
    hands_out: bool = True  # not when a consent was only given anew: the magnet was handed out before


@dataclass(frozen=True)
class CodeRefused:
    """The code does not confirm. `reason`: code-missing, code-wrong, code-spent or code-elsewhere.

    The last: it was mailed to this mailbox, for another request. So the mailbox was read by who typed it.
    """

    form: FormDeclaration
    reason: str


def view_request(tx: Tx, context: Context, request: RequestId) -> ShownRequest:
    """Return the request of a confirmation link; changes nothing (D2). Raises LinkSpent."""
    opened = open_request(tx, context.vault, peek_request(tx, request))
    return ShownRequest(
        request=request,
        form=opened.declaration,
        requested_at=opened.stored.created_at,
        questions=opened.asked,
        confirmed=opened.stored.confirmed_at is not None,
        number=opened.number,
        hands_out=not opened.declared.through,
    )


def view_confirmation(tx: Tx, context: SiteContext, request: RequestId, now: datetime) -> Confirmation:
    """Return the result of a confirmed request and the person's current status. Raises LinkSpent."""
    opened = open_request(tx, context.vault, peek_request(tx, request))
    if opened.stored.subject is None:
        raise LinkSpent
    outcome = _outcome(tx, context.vault, opened, opened.stored.subject)
    stands = person_status_of(tx, context, opened, now)
    return replace(outcome, own=None if stands is None else stands.own)


def confirm(tx: Tx, context: SiteContext, request: RequestId, now: datetime) -> Confirmation:
    """Confirm a request by its link. The caller has already checked the age of the link.

    Raises LinkSpent when the request is gone: an old link never brings anything back (D4).
    """
    opened = open_request(tx, context.vault, load_request(tx, request))
    return _confirm(tx, context, opened, now, how="link")


def confirm_by_code(
    tx: Tx, context: SiteContext, request: RequestId, typed: str, now: datetime
) -> Confirmation | CodeRefused:
    """Confirm a request by its one-time code: few attempts, and the link's expiry date (D3).

    Of a form that was sent twice, the request is confirmed whose mail had the code. Raises LinkExpired, and
    LinkSpent when the request is gone.
    """
    opened = open_request(tx, context.vault, load_request(tx, request))
    if opened.stored.code_tries >= MAX_TRIES:
        return CodeRefused(opened.declaration, "code-spent")
    if not typed.strip():
        return CodeRefused(opened.declaration, "code-missing")
    if not code_matches(opened.sealed.code, typed):
        if has_read(tx, context.vault, EmailAddress(opened.declared.email), typed, now):
            return CodeRefused(opened.declaration, "code-elsewhere")
        count_try(tx, request)
        return CodeRefused(opened.declaration, "code-wrong")
    mailed = lock_mailed_request(tx, context.vault, opened)
    until = mailed.stored.link_until
    if mailed.stored.confirmed_at is None and (until is None or until <= now):
        raise LinkExpired(request)
    return _confirm(tx, context, mailed, now, how="code")


def _confirm(tx: Tx, context: SiteContext, opened: OpenedRequest, now: datetime, *, how: str) -> Confirmation:
    """Confirm a request that this transaction has locked.

    1. Confirmed before: show it again, change nothing.
    2. Find or make the person; nobody else changes it meanwhile.
    3. Decide for each box whether it still may be given, by the events.
    4. Add the events, which commit to the person's details from now on; bring the cache up to them.
    5. Keep what was declared as the person's data; the mailbox can be reached, whatever came back (O6);
       let the magnet's kind do its part; queue the magnet and the receipt, and what processors are told of it
       by webhook, and staff by notices.
    """
    stored = opened.stored

    # 1. Confirmed before.
    if stored.subject is not None:
        return _outcome(tx, context.vault, opened, stored.subject)

    # 2. Find or make the person.
    subject = find_or_add_subject(tx, stored.email_index, b"", now)

    # 3. Decide for each box.
    happening = StatusEvent(EventKind.CONFIRMED, now, stored.id, stored.created_at)
    kept = current_consents(tx, context.vault, subject)
    records = [(question, _record(kept, question)) for question in opened.asked]
    objected = objections_about(tx, [stored.email_index, *_number_indexes(context.vault, opened)])
    given = [
        pair
        for pair in records
        if _may(tx, stored, *pair, happening) and not _is_objected(objected, stored, pair[0])
    ]

    # 4. Add the events, then bring the cache up to them.
    questions = tuple(question for question, _ in given)
    contact = _contact(tx, context, opened, subject)
    details = commit(contact.salt, contact.plain)
    confirmed = opened.event_builder.confirmed(now, questions, how, details)
    add_events(tx, context.vault, stored.id, confirmed)
    mark_confirmed(tx, stored.id, subject, now)
    for question, record in given:
        until = question.retention.after(now)
        consent = ConsentState(question.key, apply_event(record, happening), until)
        save_consent(tx, subject, consent)
        unsuppress(tx, stored.email_index, question.key)
        address = question.channel.address
        if value := address.own(opened.declared.fields):
            index = context.vault.address_index(address, value)
            unsuppress_numbers(tx, index, stored.email_index, question.key)

    # 5. Keep what was declared; queue the magnet and the receipt.
    told = [question.key for question in questions]
    told += lift_unreachable(tx, context, stored.email_index)  # now it was read
    save_contact(tx, context.vault, subject, contact)
    refresh_idle(tx, subject)
    if not opened.declared.through:  # who gives a consent anew asked for nothing else
        _let_kind_act(tx, context, opened, subject, leaf_digest(canonical(confirmed[0])), now)
        queue_notices(tx, context.policy.notify, opened.declaration.magnet, stored.id, now)
    enqueue(tx, MailKind.DELIVERY, stored.id, context.policy.mail_domain, now)
    queue_confirmed(tx, context.policy.webhooks, stored.email_index, dict.fromkeys(told), now)
    keep_promised_file(tx, opened.declaration, context.policy.download.link.after(now))
    return _outcome(tx, context.vault, opened, subject)


def _let_kind_act(
    tx: Tx, context: SiteContext, opened: OpenedRequest, subject: SubjectId, leaf: bytes, now: datetime
) -> None:
    """Call `on_confirmed` of the magnet's kind. Raises KindFailed: nothing is confirmed; the link works."""
    kind = opened.declaration.kind
    if kind not in context.kinds:  # or an audit would miss what it writes, when it is back
        add_events(tx, context.vault, opened.stored.id, [opened.event_builder.noted(now, kind, KIND_AWAY)])
        log.error(
            "a request was confirmed without the kind %s, which adds nothing now; see: optin check", kind
        )
        return
    with as_kind_failed(kind):
        context.kinds[kind].on_confirmed(tx, context, opened, subject, leaf, now)


def _contact(tx: Tx, context: Context, opened: OpenedRequest, subject: SubjectId) -> Contact:
    """Return the person's contact details from now on: as declared, unless corrected since."""
    declared, known = opened.declared, current_contact(tx, context.vault, subject)
    of_request = context.policy.forms[opened.declaration.kind].of_request | {SOURCE_FIELD}
    of_person = {name: text for name, text in declared.fields.items() if name not in of_request}
    newest = {**known.values, EMAIL_FIELD: declared.email, **of_person}
    if known.correction is not None:  # put right since this was typed
        newest |= known.correction.after(opened.stored.created_at)
    values = {name: value for name, value in newest.items() if value}
    return Contact(values, known.correction, secrets.token_bytes(SALT_BYTES))


def _record(kept: Sequence[ConsentState], question: ConsentQuestion) -> ConsentRecord:
    """Return the status of a consent for a person who requested it."""
    found = (consent.record for consent in kept if consent.key == question.key)
    return next(found, ConsentRecord(status=Status.PENDING))


def _may(
    tx: Tx, stored: Request, question: ConsentQuestion, record: ConsentRecord, confirmation: StatusEvent
) -> bool:
    """Return whether a box may still be given. A suppression counts as a withdrawal, even without events."""
    suppressed = suppressed_at(tx, stored.email_index, question.key)
    moments = [moment for moment in (record.withdrawn_at, suppressed) if moment is not None]
    return may_confirm(replace(record, withdrawn_at=max(moments, default=None)), confirmation)


def _number_indexes(vault: Vault, opened: OpenedRequest) -> list[bytes]:
    declared = ((kind, kind.own(opened.declared.fields)) for kind in declared_addresses())
    return [vault.address_index(kind, value) for kind, value in declared if value]


def _is_objected(objected: Sequence[Objection], stored: Request, question: ConsentQuestion) -> bool:
    """Return whether the person objected after this was asked for.

    The company's own list, and what others of the same number said, keep nobody from giving a consent: they
    keep it from being used.
    """
    use = ContactUse(stored.email_index, question.channel, stored.created_at)
    own = {NOBODY, stored.email_index}
    return any(it.by is ObjectedBy.PERSON and it.owner in own and it.bars(use) for it in objected)


def _outcome(tx: Tx, vault: Vault, opened: OpenedRequest, subject: SubjectId) -> Confirmation:
    live = live_consents(tx, vault, subject)
    asked = [(question, live.get(question.key)) for question in opened.asked]
    return Confirmation(
        request=opened.stored.id,
        form=opened.declaration,
        granted=tuple(GivenConsent(question, until) for question, until in asked if until is not None),
        lapsed=tuple(question for question, until in asked if until is None),
        version=opened.form.version.digest,
        hands_out=not opened.declared.through,
    )
