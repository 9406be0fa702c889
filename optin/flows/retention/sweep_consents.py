"""Sweep rules for requests, consents and people past their retention (D6, R8)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from optin.consent.channel import CHANNELS
from optin.consent.erasure_grounds import ErasureGround
from optin.consent.past_retention_grounds import (
    expired_consent,
    idle_ground,
    longest_period,
    unconfirmed_ground,
)
from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import ConsentState, EventKind, StatusEvent, SubjectId, apply_event
from optin.consent.webhook_message import WebhookKind
from optin.errors import LinkSpent, LogDisagrees
from optin.flows.consents.renew import RECONFIRMATION, request_renewal
from optin.flows.exports.queue_webhook_messages import queue_ended
from optin.flows.objections.find_objections import find_objection
from optin.flows.records.contact_details import current_contact
from optin.flows.records.decrypted_request import open_request
from optin.flows.records.event_history import (
    consents_by_events,
    correct_event_times,
    person_history,
    request_history,
)
from optin.flows.retention.sweep_candidates import decide_candidates, handle_each
from optin.flows.rights.erase import erase_person
from optin.flows.sweep_context import PEOPLE_STEP, STEP, SweepContext, ago
from optin.store.blank_evidence import kinds_to_blank
from optin.store.data_subjects import address_index, find_subject, refresh_idle, save_consent
from optin.store.database_interface import Tx
from optin.store.events import add_events
from optin.store.legal_holds import LegalHold, end_hold, holds_over, read_hold
from optin.store.past_retention import (
    IdlePeople,
    consents_ending_soon,
    consents_over,
    count_ending_soon,
    count_idle,
    idle_people,
    mark_asked_again,
)
from optin.store.requests import (
    UnconfirmedRequest,
    due_for_erasure,
    erase_requests,
    peek_request,
)

StoredConsent = tuple[SubjectId, ConsentState]
MADE_AHEAD = timedelta(days=1)  # a server whose clock runs ahead may have made a request


def sweep_unconfirmed(tx: Tx, context: SweepContext) -> int:
    """Erase requests that were never confirmed."""
    periods, now = (context.policy.unconfirmed.keep, context.policy.unconfirmed.link), context.now
    latest = longest_period(periods, now).after(now) + MADE_AHEAD

    def ground(pending: UnconfirmedRequest) -> ErasureGround | None:
        history = correct_event_times(
            tx, context.vault, request_history(tx, context.vault, pending.request), now
        )
        found = unconfirmed_ground(history, pending.erase_at, periods, now)
        if found is not None:
            kinds_to_blank(tx, context.vault, [pending.request], found, now)
        return found

    due = decide_candidates(
        context,
        lambda most: [(it.request, it) for it in due_for_erasure(tx, now, latest, most)],
        ground,
        STEP,
    )
    if due:
        newest = max((found for _, found in due), key=lambda found: found.since or now)
        erase_requests(tx, context.vault, [pending.request for pending, _ in due], newest, now)
    return len(due)


def sweep_expired(tx: Tx, context: SweepContext) -> int:
    """Expire consents past their retention: an event records it, and their use ends."""

    def find() -> list[tuple[StoredConsent, ConsentState]]:
        return decide_candidates(
            context,
            lambda most: [(_name(it), it) for it in consents_over(tx, context.now, most)],
            lambda it: expired_consent(_by_events(tx, context, *it), context.now),
            min(STEP, context.room),
        )

    def expire(due: tuple[StoredConsent, ConsentState]) -> None:
        (subject, _), consent = due
        request = consent.record.request
        stored = None if request is None else peek_request(tx, request)
        happening = StatusEvent(EventKind.EXPIRED, context.now, request)
        if stored is not None and request is not None:
            opened = open_request(tx, context.vault, stored)
            question = opened.declaration.question(consent.purpose)
            questions = () if question is None else (question,)
            bodies = opened.event_builder.bodies(EventKind.EXPIRED, context.now, questions)
            add_events(tx, context.vault, request, bodies)
        save_consent(tx, subject, replace(consent, record=apply_event(consent.record, happening)))
        refresh_idle(tx, subject)
        queue_ended(tx, subject, address_index(tx, subject), WebhookKind.EXPIRED, consent.key, context.now)

    return handle_each(tx, context, find, lambda due: _name(due[0]), expire)


def _name(stored: StoredConsent) -> bytes:
    subject, consent = stored
    return subject + f"{consent.purpose}:{consent.channel}".encode()


def _by_events(
    tx: Tx, context: SweepContext, subject: SubjectId, stored: ConsentState
) -> ConsentState | None:
    history = person_history(tx, context.vault, address_index(tx, subject), subject)
    return consents_by_events(tx, history).get(stored.key)


def sweep_renewals(tx: Tx, context: SweepContext) -> int:
    """Send one renewal mail for consents that end soon, where their purpose is set to."""
    asked = 0
    for purpose, before in context.policy.ask_again.items():
        sent: list[SubjectId] = []

        def ask(due: StoredConsent, sent: list[SubjectId] = sent) -> None:
            subject, consent = due
            mark_asked_again(tx, subject, consent, context.now)
            if _is_barred(tx, context, subject, consent):
                return
            with suppress(LinkSpent):
                request_renewal(tx, context, subject, consent, RECONFIRMATION, context.now)
                sent.append(subject)

        find = partial(_ending_soon, tx, context, purpose, before.after(context.now))
        handle_each(tx, context, find, _name, ask)
        asked += len(sent)
    return asked


def _is_barred(tx: Tx, context: SweepContext, subject: SubjectId, consent: ConsentState) -> bool:
    """Return whether the person must not be asked again: by the consent's channel, or by that of the mail."""
    addresses = current_contact(tx, context.vault, subject).values
    asked = {channel: None for channel in CHANNELS.values() if channel.by_mail} | {
        consent.channel: context.now  # it stands, so it is newer than what the person objected to
    }
    return any(find_objection(tx, context.vault, addresses, channel, at) for channel, at in asked.items())


def _ending_soon(tx: Tx, context: SweepContext, purpose: str, until: datetime) -> list[StoredConsent]:
    """Return the next consents of a purpose that end before `until`, by their events."""
    due = decide_candidates(
        context,
        lambda most: [(_name(it), it) for it in consents_ending_soon(tx, purpose, context.now, until, most)],
        lambda it: expired_consent(_by_events(tx, context, *it), until),
        STEP,
    )
    return [(subject, consent) for (subject, _), consent in due]


def count_asked_again(tx: Tx, context: SweepContext) -> int:
    """Count the consents that `sweep_renewals` would renew."""
    asking = context.policy.ask_again.items()
    return sum(
        count_ending_soon(tx, purpose, context.now, before.after(context.now)) for purpose, before in asking
    )


def sweep_magnets(tx: Tx, context: SweepContext) -> int:
    """Erase people who signed up long ago and gave no consent."""
    return _erase_idle(tx, context, context.policy.retention.magnet, consented=False)


def count_idle_without_consent(tx: Tx, context: SweepContext) -> int:
    """Count the people whom `sweep_magnets` erases."""
    return count_idle(
        tx, IdlePeople(consented=False, before=ago(context.policy.retention.magnet, context.now))
    )


def sweep_leads(tx: Tx, context: SweepContext) -> int:
    """Erase people whose last consent ended so long ago that its proof is not needed any more."""
    return _erase_idle(tx, context, context.policy.retention.proof, consented=True)


def count_idle_with_proof(tx: Tx, context: SweepContext) -> int:
    """Count the people whom `sweep_leads` erases."""
    return count_idle(tx, IdlePeople(consented=True, before=ago(context.policy.retention.proof, context.now)))


def sweep_holds(tx: Tx, context: SweepContext) -> int:
    """Remove data of legal holds that are over."""
    due = decide_candidates(
        context,
        lambda most: [(str(row[0]).encode(), row) for row in holds_over(tx, context.now, most)],
        lambda row: _over(read_hold(context.vault, row), context.now),
        STEP,
    )
    for _, hold in due:
        end_hold(tx, hold.number)
    return len(due)


def _over(hold: LegalHold, now: datetime) -> LegalHold:
    if hold.until > now:
        msg = "a legal hold is stored as over, but was placed until later"
        raise LogDisagrees(msg)
    return hold


def _erase_idle(tx: Tx, context: SweepContext, kept: RetentionPeriod, *, consented: bool) -> int:
    due = IdlePeople(consented=consented, before=ago(kept, context.now))

    def ground(email_index: bytes) -> ErasureGround:
        history = person_history(tx, context.vault, email_index, find_subject(tx, email_index))
        consents = consents_by_events(tx, history).values()
        return idle_ground(history, consents, kept, context.now, consented=consented)

    def find() -> list[tuple[bytes, ErasureGround]]:
        return decide_candidates(
            context,
            lambda most: [(it, it) for it in idle_people(tx, due, most)],
            ground,
            min(PEOPLE_STEP, context.room),
        )

    def erase(person: tuple[bytes, ErasureGround]) -> None:
        erase_person(tx, context, *person, context.now, suppress_all=False)

    return handle_each(tx, context, find, lambda person: person[0], erase)
