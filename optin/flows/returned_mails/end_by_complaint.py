"""End the consents by mail of somebody who complained about a mail, as if they had asked (O6).

The same complaint may be told again, for as long as its mail counts. What was withdrawn since that mail and
then given or asked for anew is of after the complaint: it stays. So does all of somebody who was erased since
that mail and came back. Where a clock was ever set back, nobody knows what came first: then all of it ends.
"""

from __future__ import annotations

from datetime import datetime

from optin.consent.channel import CHANNELS
from optin.consent.purpose import ConsentKey
from optin.consent.wrong_clock import CLOCKS_DIFFER
from optin.errors import LogDisagrees
from optin.flows.context import Context
from optin.flows.records.decrypted_request import open_request
from optin.flows.records.event_history import current_consents, person_history
from optin.flows.rights.withdraw import cancel_unconfirmed, withdraw_from
from optin.store.data_subjects import find_subject, lock_subject
from optin.store.database_interface import Tx
from optin.store.latest_known_time import set_backs
from optin.store.person_records import requests_of
from optin.store.suppressions import suppressed_at


def end_by_complaint(tx: Tx, context: Context, email_index: bytes, since: datetime, now: datetime) -> bool:
    """End every consent by mail; return whether any was. `since`: when the mail had certainly left (UTC)."""
    subject, ended = find_subject(tx, email_index), False
    requests, is_ordered = requests_of(tx, email_index), not set_backs(tx, context.vault)
    if is_ordered and requests and all(it.created_at >= since + CLOCKS_DIFFER for it in requests):
        return False
    anew = _asked_anew(tx, context, email_index, since) if is_ordered else set()
    if subject is not None:
        lock_subject(tx, subject)
        try:
            history = person_history(tx, context.vault, email_index, subject).consents
            anew |= {key for key, it in history.items() if any(at >= since for at in it.withdrawn_at)}
        except LogDisagrees:  # a withdrawal is taken even so
            is_ordered = False
        anew = anew if is_ordered else set()
        by_mail = {it.key for it in current_consents(tx, context.vault, subject) if it.key.channel.by_mail}
        ended = bool(withdraw_from(tx, context.vault, subject, by_mail - anew, now))
    for channel in CHANNELS.values():
        if channel.by_mail:
            ended |= bool(cancel_unconfirmed(tx, context, email_index, now, channel.value, unless=anew))
    return ended


def _asked_anew(tx: Tx, context: Context, email_index: bytes, since: datetime) -> set[ConsentKey]:
    """Return what was ended since a moment, as far as an unconfirmed request asks for it."""
    asked = {
        question.key
        for stored in requests_of(tx, email_index)
        if not stored.confirmed_at
        for question in open_request(tx, context.vault, stored).asked
    }
    ended_at = {key: suppressed_at(tx, email_index, key) for key in asked}
    return {key for key, at in ended_at.items() if at is not None and at >= since}
