"""A person's history by the log: genuine events, in order, and the consents that follow from them.

The rows beside the events are a cache. What deletes, signs or answers a person decides from here; a row that
says otherwise raises LogDisagrees.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from optin.consent.consent_history import History, LoggedEvent
from optin.consent.event_content import Event
from optin.consent.purpose import ConsentKey, ConsentQuestion
from optin.consent.status_transitions import ConsentState, RequestId, Status, SubjectId, TransitionRefused
from optin.consent.wrong_clock import CLOCKS_DIFFER, set_back_over
from optin.errors import LogDisagrees
from optin.proof.canonical_json import parse
from optin.store.data_subjects import address_index, consents_of
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.events import StoredEvent, events_about, events_of
from optin.store.latest_known_time import set_backs
from optin.store.stored_forms import form_by_digest


def request_history(tx: Tx, vault: Vault, request: RequestId) -> History:
    """Return the events of one request. Raises LogDisagrees."""
    return read_genuine_events(vault, events_of(tx, request))


def person_history(tx: Tx, vault: Vault, email_index: bytes, subject: SubjectId | None) -> History:
    """Return the events of every request of a person, confirmed or not. Raises LogDisagrees."""
    return read_genuine_events(vault, events_about(tx, email_index, subject))


def read_genuine_events(vault: Vault, stored: Iterable[StoredEvent]) -> History:
    """Read events. Raises LogDisagrees when optin did not write one, or it belongs to another request."""
    return History([_authenticated(vault, event) for event in stored])


def _authenticated(vault: Vault, stored: StoredEvent) -> LoggedEvent:
    if not stored.genuine(vault):
        msg = f"event {stored.number} was not written by optin"
        raise LogDisagrees(msg)
    try:
        logged = LoggedEvent.read(parse(stored.body), stored.number)
    except (KeyError, TypeError, ValueError):
        msg = f"event {stored.number} cannot be read"
        raise LogDisagrees(msg) from None
    if logged.event.request != stored.request:
        msg = f"event {stored.number} is of another request"
        raise LogDisagrees(msg)
    return logged


def correct_event_times(tx: Tx, vault: Vault, history: History, now: datetime) -> History:
    """Return events, those of a clock that was ahead with corrected times, as far as the log tells (O7)."""
    if all(it.event.at <= now + CLOCKS_DIFFER for it in history):
        return history
    noted = set_backs(tx, vault)
    found = [(it, set_back_over(it.number, it.event.at, noted)) for it in history]
    return History(
        [it if back is None else it._replace(event=it.event._replace(at=back.at)) for it, back in found]
    )


def consents_by_events(tx: Tx, history: History) -> dict[ConsentKey, ConsentState]:
    """Return the status and the end of each consent ever confirmed. Raises LogDisagrees."""
    found: dict[ConsentKey, ConsentState] = {}
    for key, consent in history.consents.items():
        try:
            record = consent.record
        except TransitionRefused as problem:
            raise LogDisagrees(str(problem)) from None
        confirmed = consent.confirmations
        if record.status not in {None, Status.PENDING} and confirmed:
            until = declared_question(tx, confirmed[-1]).retention.after(confirmed[-1].at)
            found[key] = ConsentState(key, record, until)
    return found


def declared_question(tx: Tx, event: Event) -> ConsentQuestion:
    """Return the consent box of an event, as its form declared it. Raises LogDisagrees."""
    form = form_by_digest(tx, event.form)
    question = None if form is None else form.version.declaration.question(event.purpose or "")
    if (
        form is None
        or question is None
        or form.declaration_digest != event.declaration_digest
        or question.key != event.key
    ):
        msg = f"the form {event.form[:16]} does not declare what its events say"
        raise LogDisagrees(msg)
    return question


def current_consents(tx: Tx, vault: Vault, subject: SubjectId) -> list[ConsentState]:
    """Return a person's consents by their events; by the cache when the events contradict each other.

    Then `optin audit` says why. A withdrawal must be taken even so.
    """
    try:
        history = person_history(tx, vault, address_index(tx, subject), subject)
        return list(consents_by_events(tx, history).values())
    except LogDisagrees:
        return consents_of(tx, subject)


def live_consents(tx: Tx, vault: Vault, subject: SubjectId) -> dict[ConsentKey, datetime]:
    """Return the end of each live consent of a person; none when the events contradict each other."""
    try:
        history = person_history(tx, vault, address_index(tx, subject), subject)
        found = consents_by_events(tx, history).values()
    except LogDisagrees:
        return {}
    return {it.key: it.expires_at for it in found if it.record.status is Status.GIVEN}
