"""Messages to processors: queue one when a consent begins or ends, compose it when it is sent (E7, W11).

A processor receives a consent only if it is proven at that moment, as in an export (E1), and only for a
purpose that it is registered for. The end of a consent goes to exactly those processors that received the
consent; an erasure also to those that had the person in an export.
The module is long because whatever decides on a message, from its queueing to its last answer, stands here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from optin.consent.channel import declared_addresses
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.event_content import rfc3339
from optin.consent.form_version import SOURCE_FIELD
from optin.consent.objection import EVERY_CHANNEL
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import SubjectId
from optin.consent.webhook_message import WebhookKind, body_of
from optin.errors import JournalUnusable, LogDiverged
from optin.flows.context import Context
from optin.flows.delivery.backoff import wait_before
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason, prove
from optin.flows.evidence.usable_consents import if_usable
from optin.flows.evidence.withdrawals_in_journal import EndingsOf, no_journal_endings, still_proven
from optin.flows.exports.lead_columns import columns_of
from optin.flows.records.contact_details import current_contact
from optin.flows.records.decrypted_request import open_request
from optin.flows.request_policy import RequestPolicy
from optin.flows.unreadable_rows import BROKEN, error_name_of
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx
from optin.store.disclosures import (
    disclosed_by_numbers,
    disclosures_of,
    end_disclosures,
    processors_with_data,
    record_disclosure,
)
from optin.store.encryption import Vault
from optin.store.events import add_events
from optin.store.leads import leads_of
from optin.store.registered_webhooks import living_webhooks
from optin.store.requests import peek_request
from optin.store.sending_claims import ClaimBatch
from optin.store.stored_forms import form_by_digest
from optin.store.webhook_outbox import (
    ErasedPerson,
    UnreadableMessage,
    WebhookMessage,
    attempts_of,
    claim_messages,
    drop_confirmations,
    drop_messages,
    enqueue_erasure,
    enqueue_message,
    forget_message,
    forget_refusals,
    give_up_message,
    open_erasure,
    postpone_message,
    refuse_message,
    stop_webhook,
)

LEASE = timedelta(minutes=1)  # more than a call and its two transactions may take
FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 12 * 3600
GIVE_UP_AFTER = timedelta(days=3)
SETUP_GIVE_UP_AFTER = timedelta(days=30)  # while a token, an address or a list is wrong
ERASURE_GIVE_UP_AFTER = timedelta(days=30)  # afterwards nobody knows whose it was
SETUP_WAIT = timedelta(minutes=1)
MOST_REASON = 200  # characters
LEAST_TRIES = 8  # also when nobody was serving in those days, or a restore tells of what is long past


class ReceiverAnswer(StrEnum):
    """A receiver's answer to a message."""

    TAKEN = "taken"
    GONE = "gone"  # 410: it wants no more of them
    LATER = "later"
    SETUP = "setup"  # nothing reaches it until somebody mends a token, an address, a list
    REFUSED = "refused"  # it will never take this message


@dataclass(frozen=True)
class CallResult:
    """A receiver's answer to a message, and its status or an error's name: never personal data.

    `wait_seconds`: how long the receiver asks to be left alone.
    """

    answer: ReceiverAnswer
    said: str = ""
    wait_seconds: float = 0.0


class MessageState(StrEnum):
    """State of a message after an attempt to send it."""

    TOLD = "told"
    WAITING = "waiting"
    GIVEN_UP = "given up"
    REFUSED = "refused"
    STOPPED = "stopped"  # its processor is left alone from now on
    LOST = "lost"  # another process has it by now, or it is gone


@dataclass(frozen=True)
class OutgoingMessage:
    """One message, ready to send. `data` holds personal data: never log it."""

    notice: WebhookMessage
    data: Mapping[str, Any] = field(repr=False)

    @property
    def body(self) -> bytes:
        """The message as JSON: the body of a webhook."""
        return body_of(self.notice.kind, self.notice.at, dict(self.data))


@dataclass(frozen=True)
class DroppedMessage:
    """A message that is not sent now, and why; names no person.

    `kind`: empty when it cannot be read. `is_lost`: it would have been of use, and is not tried any more.
    """

    message: str
    kind: str
    why: str
    is_lost: bool = False


def queue_confirmed(
    tx: Tx,
    webhooks: Mapping[str, Collection[str]],
    person: bytes,
    consents: Iterable[ConsentKey],
    now: datetime,
) -> None:
    """Queue "confirmed" for each processor whose webhook has the purpose of a consent."""
    for processor in living_webhooks(tx).intersection(webhooks) if webhooks else ():
        for key in consents:
            if key.purpose in webhooks[processor]:
                enqueue_message(tx, processor, WebhookKind.CONFIRMED, person, key, now)


def queue_ended(
    tx: Tx, subject: SubjectId, person: bytes, kind: WebhookKind, key: ConsentKey, now: datetime
) -> None:
    """Queue "ended" for each processor that knows the consent; cancel its queued messages."""
    drop_confirmations(tx, person, key)
    for processor in end_disclosures(tx, subject, key):
        enqueue_message(tx, processor, kind, person, key, now)


def queue_objected(tx: Tx, numbers: Iterable[bytes], key: ConsentKey | None, now: datetime) -> None:
    """Queue for others with the same number that it may no longer be called for a consent, or at all.

    Somebody objected. Their own consent stands, but no call is covered by it. Why, the processor is not told.
    """
    for subject, other, known in disclosed_by_numbers(tx, numbers):
        if known.channel.address.declared and key in {known, None}:
            queue_ended(tx, subject, other, WebhookKind.WITHDRAWN, known, now)


def queue_barred_numbers(tx: Tx, numbers: Iterable[bytes], channel: str, now: datetime) -> None:
    """Queue for everybody with these numbers that they may not be called, by a channel or at all."""
    for subject, person, known in disclosed_by_numbers(tx, numbers):
        if known.channel.address.declared and channel in {EVERY_CHANNEL, known.channel.value}:
            queue_ended(tx, subject, person, WebhookKind.WITHDRAWN, known, now)


def queue_barred_person(tx: Tx, subject: SubjectId, person: bytes, channel: str, now: datetime) -> None:
    """Queue for whoever was told of a person's consents that they may not be used.

    The person is on the company's own list: the consents stand, but no contact is covered by them.
    """
    known = {
        key for _, key, _ in disclosures_of(tx, subject) if channel in {EVERY_CHANNEL, key.channel.value}
    }
    for key in sorted(known):
        queue_ended(tx, subject, person, WebhookKind.WITHDRAWN, key, now)


def queue_erased(
    tx: Tx, vault: Vault, subject: SubjectId, person: bytes, address: EmailAddress, now: datetime
) -> None:
    """Queue "erased" for every processor that has the person's data and a webhook (GDPR 17, 19).

    All else that is queued about the person goes. What is on its way comes to its end first.
    """
    gone = ErasedPerson(person, address, due=drop_messages(tx, person, now))
    for processor in living_webhooks(tx).intersection(processors_with_data(tx, subject)):
        enqueue_erasure(tx, vault, processor, gone, now)


def claim_outgoing(
    tx: Tx,
    context: Context,
    processor: str,
    batch: ClaimBatch,
    now: datetime,
    endings_of: EndingsOf = no_journal_endings,
) -> tuple[list[OutgoingMessage], list[DroppedMessage]]:
    """Claim a batch of a processor's due messages and compose them; return the dropped ones as well.

    A message whose rows cannot be read is tried again later, as one that was not taken; it keeps no other
    person's messages waiting. `endings_of`: what is
    remembered outside the database; where that raises LogDiverged or JournalUnusable,
    a message of a consent waits.
    """
    calls: list[OutgoingMessage] = []
    dropped: list[DroppedMessage] = []
    notices, unreadable = claim_messages(tx, processor, batch, LEASE, now)
    for row in unreadable:
        why = f"unreadable: {row.error}"
        dropped.append(DroppedMessage(row.message, "", why, is_lost=_give_up_unreadable(tx, row, now)))
    for notice in notices:
        try:
            composed = _compose(tx, context, notice, now, endings_of)
        except (LogDiverged, JournalUnusable) as problem:
            _put_off(tx, notice, attempts_of(tx, notice) or 0, now)
            dropped.append(DroppedMessage(notice.message, notice.kind, f"it waits: {type(problem).__name__}"))
            continue
        except BROKEN as problem:
            state = record_answer(tx, notice, CallResult(ReceiverAnswer.LATER), now)
            lost = state is MessageState.GIVEN_UP
            dropped.append(DroppedMessage(notice.message, notice.kind, error_name_of(problem), is_lost=lost))
            continue
        if isinstance(composed, str):
            forget_message(tx, notice.number)
            dropped.append(DroppedMessage(notice.message, notice.kind, composed))
        else:
            calls.append(OutgoingMessage(notice, composed))
    return calls, dropped


def _give_up_unreadable(tx: Tx, row: UnreadableMessage, now: datetime) -> bool:
    """Try a row that cannot be read again later; return whether it is given up after all its tries."""
    attempts = attempts_of(tx, row) or 0
    if attempts + 1 < LEAST_TRIES:
        postpone_message(tx, row.number, now + _wait(attempts))
        return False
    give_up_message(tx, row.number, now)
    return True


def record_answer(
    tx: Tx, notice: WebhookMessage, reply: CallResult, now: datetime, *, clock_doubted: bool = False
) -> MessageState:
    """Record the result of a message: retried after 5 s, 20 s … 12 h with jitter, for three days.

    A message is sent no sooner than the receiver asks. A refused confirmation is given up at once. The end of
    a consent is tried on: to lose it harms a person; an erasure for 30 days.
    While the set-up is wrong nothing is given up for 30 days, and no attempt counts.
    By a clock that is doubted nothing is given up for its age (O7).
    """
    answer, attempts = reply.answer, attempts_of(tx, notice)
    if attempts is None:
        return MessageState.LOST
    if answer is ReceiverAnswer.TAKEN:
        forget_refusals(tx, notice)
        forget_message(tx, notice.number)
        return MessageState.TOLD
    if answer is ReceiverAnswer.GONE:
        stop_webhook(tx, notice.processor, now)
        return MessageState.STOPPED
    if answer is ReceiverAnswer.REFUSED and notice.kind is WebhookKind.CONFIRMED:
        _keep_refusal(tx, notice, reply.said, now)
        return MessageState.REFUSED
    if _is_too_old(notice, answer, attempts, now) and not clock_doubted:
        if answer is ReceiverAnswer.REFUSED and notice.kind is not WebhookKind.ERASED:
            _keep_refusal(tx, notice, reply.said, now)
        else:
            give_up_message(tx, notice.number, now)
        return MessageState.GIVEN_UP
    if answer is ReceiverAnswer.SETUP:
        postpone_message(tx, notice.number, now + SETUP_WAIT, attempts=0)
    else:
        _put_off(tx, notice, attempts, now, timedelta(seconds=reply.wait_seconds))
    return MessageState.WAITING


def _is_too_old(notice: WebhookMessage, answer: ReceiverAnswer, attempts: int, now: datetime) -> bool:
    enough = answer is ReceiverAnswer.SETUP or attempts + 1 >= LEAST_TRIES
    return enough and now >= notice.at + retry_period_for(notice.kind, answer)


def retry_period_for(kind: WebhookKind, answer: ReceiverAnswer) -> timedelta:
    """Return how long a message is tried that gets such answers."""
    if answer is ReceiverAnswer.SETUP:
        return SETUP_GIVE_UP_AFTER
    return ERASURE_GIVE_UP_AFTER if kind is WebhookKind.ERASED else GIVE_UP_AFTER


def _keep_refusal(tx: Tx, notice: WebhookMessage, said: str, now: datetime) -> None:
    forget_refusals(tx, notice)
    refuse_message(tx, notice.number, said[:MOST_REASON] or ReceiverAnswer.REFUSED.value, now)


def _put_off(
    tx: Tx, notice: WebhookMessage, attempts: int, now: datetime, least: timedelta = timedelta()
) -> None:
    postpone_message(tx, notice.number, now + max(_wait(attempts), least))


def _wait(attempts: int) -> timedelta:
    return wait_before(attempts, FIRST_WAIT_SECONDS, 4, LONGEST_WAIT_SECONDS)


def _compose(
    tx: Tx, context: Context, notice: WebhookMessage, now: datetime, endings_of: EndingsOf
) -> dict[str, Any] | str:
    """Return the content of a message, or why it has none."""
    if notice.kind is WebhookKind.ERASED:
        return {"email": open_erasure(context.vault, notice)}
    subject = find_subject(tx, notice.person)
    if subject is None:
        return UnprovenReason.ERASED.value
    if notice.kind is WebhookKind.CONFIRMED:
        return _confirmed(tx, context, notice, subject, now, endings_of)
    email, key = current_contact(tx, context.vault, subject).email, notice.key
    return {
        "email": email,
        "purpose": key.purpose,
        "channel": key.channel.value,
        "ended_at": rfc3339(notice.at),
    }


def _confirmed(
    tx: Tx, context: Context, notice: WebhookMessage, subject: SubjectId, now: datetime, endings_of: EndingsOf
) -> dict[str, Any] | str:
    """Prove the consent and record its disclosure; return the content, or why there is none.

    1. The webhook names the purpose now.
    2. The consent is proven now, and did not end by what is remembered outside the database (E1, O9); the
       person did not object, is not on the company's own list (L7), and can be reached (O6).
    3. It is recorded first, once for each message: what is recorded and did not leave harms nobody (E5).
    """
    key = notice.key

    # 1. The webhook names the purpose now.
    if key.purpose not in context.policy.webhooks.get(notice.processor, ()):
        return "purpose not of this webhook"

    # 2. The consent is proven now.
    lead = next(iter(leads_of(tx, key, [subject])), None)
    if lead is None:
        return UnprovenReason.UNPROVEN.value
    request = lead.request
    form = None if request is None else form_by_digest(tx, request.form)
    kind = "" if form is None else form.version.declaration.kind
    of_request = context.policy.forms[kind].exported_of_request
    found = prove(context.vault, lead, form, key, now, of_request)
    proven = still_proven(found, lead.email_index, endings_of(lead.email_index))
    proven = if_usable(tx, context.vault, proven)
    if isinstance(proven, UnprovenReason):
        return proven.value

    # 3. It is recorded first.
    if record_disclosure(tx, notice.processor, subject, key, notice.message, now):
        opened = open_request(tx, context.vault, peek_request(tx, proven.request))
        add_events(
            tx,
            context.vault,
            proven.request,
            [opened.event_builder.handed(now, notice.processor, key.purpose)],
        )
    return _data(context.vault, context.policy, proven, now)


def _data(vault: Vault, policy: RequestPolicy, lead: ProvenConsent, now: datetime) -> dict[str, Any]:
    """Return the data of a consent for a processor: the columns of an export, by name (E2)."""
    address = lead.question.channel.address
    asked = {field.name for field in lead.form.version.declaration.fields}
    asked -= {SOURCE_FIELD, *(it.field for it in declared_addresses())}
    return {
        "email": lead.email,
        # an address was given for its channels; it goes nowhere else (GDPR 5(1)(b))
        **({address.field: address.own(lead.fields)} if address.declared else {}),
        "fields": {name: value for name, value in sorted(lead.fields.items()) if name in asked},
        **columns_of(vault, lead, policy.base_url, now),
        **({"source": source} if (source := lead.fields.get(SOURCE_FIELD, "")) else {}),
    }
