"""The people whose data each processor has received, by webhook or by an export (E7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import SubjectId
from optin.store.consent_key_columns import columns_of
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.row_queries import list_parameters


def record_disclosure(
    tx: Tx, processor: str, subject: SubjectId, key: ConsentKey, message: str, now: datetime
) -> bool:
    """Record that a processor receives a consent; return False when it was already recorded."""
    noted = tx.run(
        "INSERT INTO webhook_told(subject_id, processor, purpose, channel, message, live, at)"
        " VALUES (:subject, :processor, :purpose, :channel, :message, 1, :now)"
        " ON CONFLICT (subject_id, processor, purpose, channel) DO UPDATE SET"
        " message = excluded.message, live = 1, at = excluded.at"
        " WHERE webhook_told.message <> excluded.message",
        subject=subject,
        processor=processor,
        **columns_of(key),
        message=message,
        now=to_ms(now),
    )
    return noted > 0


def end_disclosures(tx: Tx, subject: SubjectId, key: ConsentKey) -> list[str]:
    """Return the processors to whom a consent was disclosed as given, and mark it as ended for them."""
    rows = tx.all(
        "UPDATE webhook_told SET live = 0 WHERE subject_id = :subject AND purpose = :purpose"
        " AND channel = :channel AND live = 1 RETURNING processor",
        subject=subject,
        **columns_of(key),
    )
    return sorted(row[0] for row in rows)


def end_disclosure(tx: Tx, processor: str, subject: SubjectId, key: ConsentKey) -> None:
    """Mark a consent as ended for a processor that knows it already."""
    tx.run(
        "UPDATE webhook_told SET live = 0 WHERE subject_id = :subject AND processor = :processor"
        " AND purpose = :purpose AND channel = :channel",
        subject=subject,
        processor=processor,
        **columns_of(key),
    )


def live_disclosures(tx: Tx, processor: str, subject: SubjectId) -> dict[ConsentKey, datetime]:
    """Return the consents that a processor knows as given, and when each was last disclosed to it."""
    rows = tx.all(
        "SELECT purpose, channel, at FROM webhook_told WHERE subject_id = :subject"
        " AND processor = :processor AND live = 1",
        subject=subject,
        processor=processor,
    )
    return {ConsentKey.parse(row[0], row[1]): from_ms(row[2]) for row in rows}


def disclosed_by_numbers(tx: Tx, numbers: Iterable[bytes]) -> list[tuple[SubjectId, bytes, ConsentKey]]:
    """Return the disclosed consents of people with these numbers: person, digest, consent."""
    sought = list(numbers)
    if not sought:
        return []
    ids, among = list_parameters(sought)
    rows = tx.all(
        "SELECT DISTINCT webhook_told.subject_id, subject.email_index, webhook_told.purpose,"
        " webhook_told.channel FROM webhook_told"
        " JOIN number_index ON number_index.subject_id = webhook_told.subject_id"
        " JOIN subject ON subject.id = webhook_told.subject_id"
        f" WHERE webhook_told.live = 1 AND number_index.number IN ({among})",
        **ids,
    )
    return [(SubjectId(bytes(row[0])), bytes(row[1]), ConsentKey.parse(row[2], row[3])) for row in rows]


def processors_with_data(tx: Tx, subject: SubjectId) -> list[str]:
    """Return every processor that received a person's data, by webhook or by an export."""
    rows = tx.all(
        "SELECT processor FROM webhook_told WHERE subject_id = :subject"
        " UNION SELECT export_run.processor FROM export_member"
        " JOIN export_run ON export_run.members = export_member.run"
        " WHERE export_member.subject_id = :subject",
        subject=subject,
    )
    return sorted(row[0] for row in rows)


def disclosures_of(tx: Tx, subject: SubjectId) -> list[tuple[str, ConsentKey, datetime]]:
    """Return the processors, consents and last times of a person's webhooks, newest first."""
    rows = tx.all(
        "SELECT processor, purpose, channel, at FROM webhook_told WHERE subject_id = :subject"
        " ORDER BY at DESC, processor, purpose, channel",
        subject=subject,
    )
    return [(row[0], ConsentKey.parse(row[1], row[2]), from_ms(row[3])) for row in rows]


def people_told_of(tx: Tx, after: bytes, most: int) -> list[tuple[SubjectId, bytes, bytes]]:
    """Return the next people of whom a processor knows a live consent: id, digest, encrypted details."""
    rows = tx.all(
        "SELECT id, email_index, sealed FROM subject WHERE id > :after"
        " AND EXISTS (SELECT 1 FROM webhook_told WHERE webhook_told.subject_id = subject.id"
        " AND webhook_told.live = 1) ORDER BY id LIMIT :most",
        after=after,
        most=most,
    )
    return [(SubjectId(bytes(row[0])), bytes(row[1]), bytes(row[2])) for row in rows]
