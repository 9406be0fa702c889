"""Letters of a purpose: which consents one is due for, what was queued for whom, and the sums of those sent.

Which letters are due is computed from the consents, not stored. A row is made when the mail of a letter is
queued, so that nobody gets it twice; the row is deleted when the consent ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import RequestId, SubjectId
from optin.store.consent_key_columns import columns_of
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.weekly_event_sums import monday_of


class LetterPlace(NamedTuple):
    """A place among the consents of a purpose, in the order in which they began."""

    begun_at: datetime
    subject: SubjectId = SubjectId(b"")


@dataclass(frozen=True)
class LetterSearch:
    """Which consents a letter is due for: of a purpose, begun until `latest`.

    No other letter of the same consent waits in the outbox, or was sent after `quiet_since`.
    """

    key: ConsentKey
    name: str
    latest: datetime
    quiet_since: datetime


@dataclass(frozen=True)
class DueConsent:
    """A consent for which a letter is due."""

    subject: SubjectId
    request: RequestId
    begun_at: datetime

    @property
    def place(self) -> LetterPlace:
        """Its place among the consents of its purpose."""
        return LetterPlace(self.begun_at, self.subject)


@dataclass(frozen=True)
class QueuedLetter:
    """A letter in the outbox: for whose consent it is."""

    subject: SubjectId
    key: ConsentKey
    begun_at: datetime  # since when the consent holds
    name: str


@dataclass(frozen=True)
class SentLetter:
    """A letter that a person was sent."""

    key: ConsentKey
    name: str
    sent_at: datetime


class LetterSum(NamedTuple):
    """How many letters of a name were sent in a week."""

    monday: date  # in UTC
    purpose: str
    name: str
    sent: int


_DUE = """SELECT consent.subject_id, consent.request_id, consent.begun_at FROM consent
WHERE consent.purpose = :purpose AND consent.channel = :channel AND consent.status = 'given'
    AND consent.begun_at >= :begun_at AND consent.begun_at <= :latest
    AND (consent.begun_at > :begun_at OR consent.subject_id > :subject) AND consent.expires_at > :now
    AND NOT EXISTS (SELECT 1 FROM letter WHERE letter.subject_id = consent.subject_id
        AND letter.purpose = consent.purpose AND letter.channel = consent.channel
        AND letter.begun_at = consent.begun_at AND (letter.name = :name OR letter.sent_at > :quiet_since
            OR EXISTS (SELECT 1 FROM outbox WHERE outbox.message_id = letter.message_id
                AND outbox.state = 'queued')))
ORDER BY consent.begun_at, consent.subject_id LIMIT :most"""


def consents_without_letter(
    tx: Tx, wanted: LetterSearch, after: LetterPlace, now: datetime, most: int
) -> list[DueConsent]:
    """Return the next consents for which a letter is due and was not queued yet."""
    rows = tx.all(
        _DUE,
        **columns_of(wanted.key),
        name=wanted.name,
        begun_at=to_ms(after.begun_at),
        subject=after.subject,
        latest=to_ms(wanted.latest),
        quiet_since=to_ms(wanted.quiet_since),
        now=to_ms(now),
        most=most,
    )
    return [DueConsent(SubjectId(bytes(row[0])), RequestId(bytes(row[1])), from_ms(row[2])) for row in rows]


def record_letter(tx: Tx, key: ConsentKey, due: DueConsent, name: str, message_id: str) -> bool:
    """Record that a letter is queued under a Message-ID; False when it was before."""
    return bool(
        tx.run(
            "INSERT INTO letter(subject_id, purpose, channel, begun_at, name, message_id)"
            " VALUES (:subject, :purpose, :channel, :begun_at, :name, :message_id)"
            " ON CONFLICT (subject_id, purpose, channel, begun_at, name) DO NOTHING",
            **columns_of(key),
            subject=due.subject,
            begun_at=to_ms(due.begun_at),
            name=name,
            message_id=message_id,
        )
    )


def letter_of(tx: Tx, message_id: str) -> QueuedLetter | None:
    """Return the letter that is queued under a Message-ID, if any. Raises ValueError for a broken row."""
    row = tx.one(
        "SELECT subject_id, purpose, channel, begun_at, name FROM letter WHERE message_id = :message_id",
        message_id=message_id,
    )
    if row is None:
        return None
    key = ConsentKey.parse(row[1], row[2])
    return QueuedLetter(SubjectId(bytes(row[0])), key, from_ms(row[3]), row[4])


def record_sent_letter(tx: Tx, message_id: str, now: datetime) -> bool:
    """Record that a letter was sent, and count it; False when its row is gone.

    The sum is of the week in UTC.
    """
    rows = tx.all(
        "UPDATE letter SET sent_at = :now, message_id = NULL WHERE message_id = :message_id"
        " RETURNING purpose, name",
        now=to_ms(now),
        message_id=message_id,
    )
    for purpose, name in rows:
        count_letter(tx, purpose, name, now)
    return bool(rows)


def count_letter(tx: Tx, purpose: str, name: str, now: datetime) -> None:
    """Add a sent letter to the sum of its week."""
    tx.run(
        "INSERT INTO letter_sum(monday, purpose, name, count) VALUES (:monday, :purpose, :name, 1)"
        " ON CONFLICT (monday, purpose, name) DO UPDATE SET count = letter_sum.count + 1",
        monday=monday_of(now.date()).isoformat(),
        purpose=purpose,
        name=name,
    )


def release_letter(tx: Tx, message_id: str) -> None:
    """Delete the row of a queued letter: it is queued again when it is due."""
    tx.run("DELETE FROM letter WHERE message_id = :message_id", message_id=message_id)


def forget_letters(tx: Tx, subject: SubjectId, key: ConsentKey) -> None:
    """Forget the letters of a consent that ended."""
    tx.run(
        "DELETE FROM letter WHERE subject_id = :subject AND purpose = :purpose AND channel = :channel",
        subject=subject,
        **columns_of(key),
    )


def sent_letters(tx: Tx, subject: SubjectId) -> Sequence[SentLetter]:
    """Return the letters that a person was sent, by the consents that hold, oldest first."""
    rows = tx.all(
        "SELECT purpose, channel, name, sent_at FROM letter"
        " WHERE subject_id = :subject AND sent_at IS NOT NULL ORDER BY sent_at, name",
        subject=subject,
    )
    return [SentLetter(ConsentKey.parse(row[0], row[1]), row[2], from_ms(row[3])) for row in rows]


def all_letter_sums(tx: Tx) -> list[LetterSum]:
    """Return how many letters were sent, by week, purpose and name."""
    rows = tx.all("SELECT monday, purpose, name, count FROM letter_sum ORDER BY monday, purpose, name")
    return [LetterSum(date.fromisoformat(row[0]), row[1], row[2], int(row[3])) for row in rows]
