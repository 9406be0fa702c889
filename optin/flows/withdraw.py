"""Withdrawal: as easy as giving, at once, and for good unless the person asks anew (GDPR 7(3), R3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from optin.consent.form import FormDeclaration
from optin.consent.purpose import ConsentQuestion
from optin.consent.record import EventKind, Happening, RequestId, Status, follow
from optin.flows.opened import OpenedRequest, open_request
from optin.store.events import add_events
from optin.store.requests import peek_request
from optin.store.subjects import (
    StoredConsent,
    load_consent,
    lock_subject,
    save_consent,
    suppress,
)
from optin.store.transaction import Tx
from optin.store.vault import Vault


@dataclass(frozen=True)
class Withdrawable:
    """What a link can withdraw: the consents of its request that stand."""

    form: FormDeclaration
    questions: tuple[ConsentQuestion, ...]


def view_withdrawable(tx: Tx, vault: Vault, request: RequestId, purpose: str | None) -> Withdrawable:
    """Return what can be withdrawn by a link; changes nothing. Raises LinkSpent."""
    opened = open_request(tx, vault, peek_request(tx, request))
    live = _live(tx, opened, purpose)
    return Withdrawable(opened.declaration, tuple(question for question, _ in live))


def withdraw_consent(
    tx: Tx, vault: Vault, request: RequestId, purpose: str | None, now: datetime
) -> Withdrawable:
    """Withdraw what `request` gave, or only `purpose` of it; return what was withdrawn.

    1. Lock the person, see which of these consents stand, whichever request gave them last.
    2. Add the events, bring the cache up to them, keep the address from being approached.
    Raises LinkSpent. Withdrawn twice is withdrawn once.
    """
    # 1. Lock the person, see which of these consents stand.
    opened = open_request(tx, vault, peek_request(tx, request))
    subject = opened.stored.subject
    if subject is None:
        return Withdrawable(opened.declaration, ())
    lock_subject(tx, subject)
    live = _live(tx, opened, purpose)
    questions = tuple(question for question, _ in live)

    # 2. Add the events, bring the cache up to them.
    if live:
        bodies = opened.circumstances.bodies(EventKind.WITHDRAWN, now, questions)
        add_events(tx, request, bodies)
    happening = Happening(EventKind.WITHDRAWN, now, request)
    for question, consent in live:
        ended = replace(consent, record=follow(consent.record, happening))
        save_consent(tx, subject, ended)
        suppress(tx, opened.stored.email_index, question.purpose, question.channel, now)
    return Withdrawable(opened.declaration, questions)


def _live(tx: Tx, opened: OpenedRequest, purpose: str | None) -> list[tuple[ConsentQuestion, StoredConsent]]:
    subject = opened.stored.subject
    if subject is None:
        return []
    asked = opened.asked if purpose is None else opened.declaration.asked((purpose,))
    found = [(asks, load_consent(tx, subject, asks.purpose, asks.channel)) for asks in asked]
    return [
        (question, consent)
        for question, consent in found
        if consent is not None and consent.record.status is Status.GIVEN
    ]
