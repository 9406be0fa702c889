"""Withdraw consents that people ended in the tool of a processor (R2, W11).

An end counts only for a consent that the tool was told of, and only when it is no older than that consent: a
person who unsubscribed there and gave the consent anew here wants it.
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
from optin.store.journal_lines import remember, withdrawal
from optin.store.suppressions import suppress
from optin.store.webhook_outbox import is_confirmation_queued


@dataclass(frozen=True)
class EndInTool:
    """An end that a tool tells of. `purposes`: empty for all. `at`: by the tool's clock, if it says."""

    email: str = field(repr=False)
    purposes: Sequence[str] = ()
    at: datetime | None = None


@dataclass(frozen=True)
class ToolReading:
    """Where ends were read: the processor, the purposes of its lists, and when the reading began (UTC)."""

    processor: str
    purposes: Collection[str]
    begun_at: datetime


@dataclass(frozen=True)
class ToolEndings:
    """What became of ends: consents withdrawn, and addresses of nobody or that are none.

    `broken`: people whose rows cannot be read. The addresses are suppressed, which no event of the log tells.
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


def withdraw_told(
    tx: Tx, context: Context, reading: ToolReading, ends: Sequence[EndInTool], now: datetime
) -> ToolEndings:
    """Withdraw what people ended in a tool; return the counts. What was ended before changes nothing.

    A person whose rows cannot be read keeps no other waiting.
    """
    done = ToolEndings()
    for end in ends:
        done += _withdraw(tx, context, reading, end, now)
    return done


def _withdraw(tx: Tx, context: Context, reading: ToolReading, end: EndInTool, now: datetime) -> ToolEndings:
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
    tx: Tx, reading: ToolReading, end: EndInTool, person: tuple[SubjectId, bytes], now: datetime
) -> None:
    """Let nobody use consents that cannot be withdrawn by an event; tell the other processors.

    Whether the end is older than the consent is unknown by now: the person's wish to stop comes first.
    """
    subject, index = person
    for key in _told(tx, reading, end, subject):
        suppress(tx, index, key, now)
        remember(tx, withdrawal(index, key), now)
        end_disclosure(tx, reading.processor, subject, key)
        queue_ended(tx, subject, index, WebhookKind.WITHDRAWN, key, now)


def _told(tx: Tx, reading: ToolReading, end: EndInTool, subject: SubjectId) -> dict[ConsentKey, datetime]:
    """Return the consents that an end may be about, and when the tool was told of each."""
    meant = set(reading.purposes).intersection(end.purposes or reading.purposes)
    known = live_disclosures(tx, reading.processor, subject)
    return {key: at for key, at in known.items() if key.purpose in meant}


def _ended(
    tx: Tx, context: Context, reading: ToolReading, end: EndInTool, person: tuple[SubjectId, bytes]
) -> set[ConsentKey]:
    """Return the consents that an end is about."""
    subject, index = person
    told = _told(tx, reading, end, subject)
    if not told:
        return set()
    since = {it.key: it.record.since for it in current_consents(tx, context.vault, subject)}
    return {
        key
        for key, told_at in told.items()
        if is_later(
            end.at,
            since.get(key),
            knows=told_at < reading.begun_at
            and not is_confirmation_queued(tx, reading.processor, index, key),
        )
    }


def is_later(end_at: datetime | None, since: datetime | None, *, knows: bool) -> bool:
    """Return whether an end in a tool is later than the consent that began at `since`.

    Where the tool does not say when, or the two clocks are too close to tell, it is if the tool knew of the
    consent as it is now (`knows`): else it may speak of an earlier one.
    """
    if end_at is not None and since is not None and abs(end_at - since) > CLOCKS_DIFFER:
        return end_at > since
    return knows
