"""Data subjects, and the status of each of their consents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import ConsentRecord, ConsentState, RequestId, Status, SubjectId
from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.encryption import new_id
from optin.store.letters import forget_letters


def find_or_add_subject(tx: Tx, email_index: bytes, sealed_empty: bytes, now: datetime) -> SubjectId:
    """Return the person behind an address, added if new, and locked until the transaction ends."""
    row = tx.one(
        "INSERT INTO subject(id, email_index, sealed, created_at)"
        " VALUES (:id, :email_index, :sealed, :now)"
        " ON CONFLICT (email_index) DO UPDATE SET created_at = subject.created_at RETURNING id",
        id=new_id(),
        email_index=email_index,
        sealed=sealed_empty,
        now=to_ms(now),
    )
    if row is None:
        msg = "an upsert returns its row"
        raise AssertionError(msg)
    return SubjectId(row[0])


def lock_subject(tx: Tx, subject: SubjectId) -> bool:
    """Lock this person's consents until the transaction ends.

    Tells whether the person is still there: another process may have erased it while this one waited.
    """
    return tx.one(f"SELECT id FROM subject WHERE id = :id {tx.for_update}", id=subject) is not None


def find_subject(tx: Tx, email_index: bytes) -> SubjectId | None:
    """Return the person behind an address, or None."""
    row = tx.one("SELECT id FROM subject WHERE email_index = :email_index", email_index=email_index)
    return None if row is None else SubjectId(row[0])


def address_index(tx: Tx, subject: SubjectId) -> bytes:
    """Return the digest by which a person's address is found; empty when the person is gone."""
    row = tx.one("SELECT email_index FROM subject WHERE id = :id", id=subject)
    return b"" if row is None else bytes(row[0])


def refresh_idle(tx: Tx, subject: SubjectId) -> None:
    """Update since when a person has no live purpose, which starts the retention period (R8).

    Not before what it asked for last: a magnet of today is kept as long as without an old consent.
    """
    row = tx.one(
        "SELECT COUNT(*), MAX(CASE WHEN status IN ('given', 'expired') THEN expires_at ELSE since END)"
        " FROM consent"
        " WHERE subject_id = :id",
        id=subject,
    )
    asked = tx.one("SELECT MAX(confirmed_at) FROM request WHERE subject_id = :id", id=subject)
    consents, live = (0, None) if row is None else row
    idle = max(live or 0, (asked and asked[0]) or 0)
    tx.run(
        "UPDATE subject SET idle_from = :idle, consented = :consented WHERE id = :id",
        idle=idle,
        consented=1 if consents else 0,
        id=subject,
    )


def remove_subject(tx: Tx, subject: SubjectId) -> None:
    """Remove a person's row, consents and numbers. Remove the requests before."""
    for table in ("consent", "number_index", "export_member", "webhook_told", "letter", "contact_question"):
        tx.run(f"DELETE FROM {table} WHERE subject_id = :id", id=subject)
    tx.run("DELETE FROM subject WHERE id = :id", id=subject)


CONSENT_COLUMNS = "purpose, channel, status, since, expires_at, request_id, withdrawn_at, begun_at"


def consents_of(tx: Tx, subject: SubjectId) -> list[ConsentState]:
    """Return every consent of a person."""
    rows = tx.all(
        f"SELECT {CONSENT_COLUMNS} FROM consent WHERE subject_id = :subject ORDER BY purpose, channel",
        subject=subject,
    )
    return [read_consent(row) for row in rows]


def save_consent(tx: Tx, subject: SubjectId, consent: ConsentState) -> None:
    """Update the cached status of a consent from the events just added.

    Of a consent that ended, it is forgotten which letters were sent.
    """
    record = consent.record
    if record.status is None or record.since is None or record.request is None:
        msg = "a consent without events is not stored"
        raise ValueError(msg)
    tx.run(
        f"INSERT INTO consent(subject_id, {CONSENT_COLUMNS})"
        " VALUES (:subject, :purpose, :channel, :status, :since, :expires_at, :request, :withdrawn_at,"
        " :begun_at)"
        " ON CONFLICT (subject_id, purpose, channel) DO UPDATE SET status = excluded.status,"
        " since = excluded.since, expires_at = excluded.expires_at,"
        " request_id = excluded.request_id, withdrawn_at = excluded.withdrawn_at,"
        " begun_at = excluded.begun_at, asked_again_at = NULL",
        subject=subject,
        purpose=consent.purpose,
        channel=consent.channel.value,
        status=record.status.value,
        since=to_ms(record.since),
        expires_at=to_ms(consent.expires_at),
        request=record.request,
        withdrawn_at=None if record.withdrawn_at is None else to_ms(record.withdrawn_at),
        begun_at=None if record.begun_at is None else to_ms(record.begun_at),
    )
    if record.status is not Status.GIVEN:
        forget_letters(tx, subject, consent.key)


def read_consent(row: Row) -> ConsentState:
    """Return a consent from a row of `CONSENT_COLUMNS`."""
    return ConsentState(
        key=ConsentKey.parse(row[0], row[1]),
        record=ConsentRecord(
            status=Status(row[2]),
            since=from_ms(row[3]),
            request=RequestId(row[5]),
            withdrawn_at=None if row[6] is None else from_ms(row[6]),
            begun_at=None if row[7] is None else from_ms(row[7]),
        ),
        expires_at=from_ms(row[4]),
    )


def subjects_by_address(tx: Tx, indexes: Sequence[bytes]) -> dict[bytes, list[SubjectId]]:
    """Return the people with these addresses, by digest."""
    among, values = tx.one_of("email_index", indexes)
    rows = tx.all(f"SELECT email_index, id FROM subject WHERE {among}", **values)
    return {bytes(row[0]): [SubjectId(bytes(row[1]))] for row in rows}


def subjects_by_number(tx: Tx, indexes: Sequence[bytes]) -> dict[bytes, list[SubjectId]]:
    """Return the people with these telephone numbers, by digest: several may share one."""
    among, values = tx.one_of("number", indexes)
    rows = tx.all(f"SELECT number, subject_id FROM number_index WHERE {among}", **values)
    found: dict[bytes, list[SubjectId]] = {}
    for number, subject in rows:
        found.setdefault(bytes(number), []).append(SubjectId(bytes(subject)))
    return found
