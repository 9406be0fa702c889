"""Withdraw consents of people who unsubscribed in a processor's tool (R2, W11).

An unsubscription (an *end* in the names below) counts only for a consent that the tool received, and only if
it is no older than that consent: a person who unsubscribed there and gave the consent again here wants it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.email_and_telephone import parse_email
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import SubjectId
from optin.consent.webhook_message import WebhookKind
from optin.consent.wrong_clock import CLOCKS_DIFFER
from optin.flows.context import Context
from optin.flows.exports.queue_webhook_messages import queue_ended
from optin.flows.records.event_history import current_consents
from optin.flows.rights.withdraw import withdraw_from
from optin.flows.unreadable_rows import BROKEN
from optin.store.data_subjects import find_subject, lock_subject
from optin.store.database_interface import Tx, savepoint
from optin.store.disclosures import end_disclosure, live_disclosures
from optin.store.journal_lines import add_replay_line, withdrawal
from optin.store.suppressions import suppress
from optin.store.webhook_outbox import is_confirmation_queued


@dataclass(frozen=True)
class ToolUnsubscription:
    """An unsubscription in a tool. `purposes`: empty for all. `at`: by the tool's clock; None: not known."""

    email: str = field(repr=False)
    purposes: Sequence[str] = ()
    at: datetime | None = None


@dataclass(frozen=True)
class ToolReading:
    """One reading of a tool: its processor, the purposes of its lists, and when the reading began (UTC)."""

    processor: str
    purposes: Collection[str]
    begun_at: datetime


@dataclass(frozen=True)
class ToolEndings:
    """Counts: consents withdrawn, addresses that optin does not know, and values that are no address.

    `broken`: people whose rows cannot be read. Their addresses are suppressed; no event of the log says so.
    """

    withdrawn: int = 0
    unknown: int = 0
    unreadable: int = 0
    broken: int = 0

    def __add__(self, other: ToolEndings) -> ToolEndings:
        """Return both together."""
        return ToolEndings(
            self.withdrawn + other.withdrawn,
            self.unknown + other.unknown,
            self.unreadable + other.unreadable,
            self.broken + other.broken,
        )


def withdraw_unsubscribed(
    tx: Tx, context: Context, reading: ToolReading, ends: Sequence[ToolUnsubscription], now: datetime
) -> ToolEndings:
    """Withdraw the consents of people who unsubscribed; return the counts. A repetition changes nothing.

    A person whose rows cannot be read does not stop the others.
    """
    done = ToolEndings()
    for end in ends:
        done += _withdraw(tx, context, reading, end, now)
    return done


def _withdraw(
    tx: Tx, context: Context, reading: ToolReading, end: ToolUnsubscription, now: datetime
) -> ToolEndings:
    try:
        index = context.vault.index(parse_email(end.email))
    except ValueError:
        return ToolEndings(unreadable=1)
    subject = find_subject(tx, index)
    if subject is None:
        return ToolEndings(unknown=1)
    lock_subject(tx, subject)
    try:
        with savepoint(tx):
            ended = _ended(tx, context, reading, end, (subject, index))
            gone = withdraw_from(tx, context.vault, subject, ended, now, reading.processor) if ended else ()
            return ToolEndings(withdrawn=len(gone))
    except BROKEN:
        _suppress(tx, reading, end, (subject, index), now)
        return ToolEndings(broken=1)


def _suppress(
    tx: Tx, reading: ToolReading, end: ToolUnsubscription, person: tuple[SubjectId, bytes], now: datetime
) -> None:
    """Let nobody use consents that cannot be withdrawn by an event; tell the other processors.

    Whether the end is older than the consent is unknown by now: the person's wish to stop comes first.
    """
    subject, index = person
    for key in _told(tx, reading, end, subject):
        suppress(tx, index, key, now)
        add_replay_line(tx, withdrawal(index, key), now)
        end_disclosure(tx, reading.processor, subject, key)
        queue_ended(tx, subject, index, WebhookKind.WITHDRAWN, key, now)


def _told(
    tx: Tx, reading: ToolReading, end: ToolUnsubscription, subject: SubjectId
) -> dict[ConsentKey, datetime]:
    """Return the consents that an unsubscription may be about, and when the tool received each."""
    meant = set(reading.purposes).intersection(end.purposes or reading.purposes)
    known = live_disclosures(tx, reading.processor, subject)
    return {key: at for key, at in known.items() if key.purpose in meant}


def _ended(
    tx: Tx, context: Context, reading: ToolReading, end: ToolUnsubscription, person: tuple[SubjectId, bytes]
) -> set[ConsentKey]:
    """Return the consents that an unsubscription is about."""
    subject, index = person
    told = _told(tx, reading, end, subject)
    if not told:
        return set()
    since = {it.key: it.record.since for it in current_consents(tx, context.vault, subject)}
    return {
        key
        for key, told_at in told.items()
        if ended_after_consent(
            end.at,
            since.get(key),
            knows=told_at < reading.begun_at
            and not is_confirmation_queued(tx, reading.processor, index, key),
        )
    }


def ended_after_consent(end_at: datetime | None, since: datetime | None, *, knows: bool) -> bool:
    """Return whether somebody unsubscribed in a tool after the consent that began at `since`.

    Where the tool says no time, or the two times are closer than clocks may differ, the answer is `knows`:
    whether the tool had received the present consent. If not, the end may be about an earlier one.
    """
    if end_at is not None and since is not None and abs(end_at - since) > CLOCKS_DIFFER:
        return end_at > since
    return knows
