"""Data subjects and their consents: who confirmed, how to reach them, where each consent stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from optin.consent.purpose import Channel, PurposeId
from optin.consent.record import ConsentRecord, RequestId, Status, SubjectId
from optin.store.transaction import Row, Tx, from_ms, to_ms
from optin.store.vault import Place, Vault, new_id


@dataclass(frozen=True)
class StoredConsent:
    """One consent of one person, as the cache of the events says."""

    purpose: PurposeId
    channel: Channel
    record: ConsentRecord
    expires_at: datetime


def find_or_add_subject(tx: Tx, email_index: bytes, sealed_empty: bytes, now: datetime) -> SubjectId:
    """Return the person behind an address, locked until the transaction ends; a new one if need be."""
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


def lock_subject(tx: Tx, subject: SubjectId) -> None:
    """Keep other processes from changing this person's consents until the transaction ends."""
    tx.one(f"SELECT id FROM subject WHERE id = :id {tx.for_update}", id=subject)


def save_contact(tx: Tx, vault: Vault, subject: SubjectId, values: dict[str, str]) -> None:
    """Add confirmed values to what is known of a person; a newer value replaces an older one."""
    known = {**load_contact(tx, vault, subject), **values}
    sealed = vault.seal(Place("subject", subject), json.dumps(known).encode())
    tx.run("UPDATE subject SET sealed = :sealed WHERE id = :id", sealed=sealed, id=subject)


def load_contact(tx: Tx, vault: Vault, subject: SubjectId) -> dict[str, str]:
    """Return what is known of a person: address and fields."""
    row = tx.one("SELECT sealed FROM subject WHERE id = :id", id=subject)
    return {} if row is None else open_contact(vault, subject, row[0])


def open_contact(vault: Vault, subject: SubjectId, sealed: bytes) -> dict[str, str]:
    """Open a sealed contact; an empty value is a person not filled in yet."""
    if not sealed:
        return {}
    contact: dict[str, str] = json.loads(vault.open(Place("subject", subject), sealed))
    return contact


_CONSENT = "purpose, channel, status, since, expires_at, request_id, withdrawn_at"


def load_consent(tx: Tx, subject: SubjectId, purpose: str, channel: str) -> StoredConsent | None:
    """Return one consent of a person."""
    row = tx.one(
        f"SELECT {_CONSENT} FROM consent"
        " WHERE subject_id = :subject AND purpose = :purpose AND channel = :channel",
        subject=subject,
        purpose=purpose,
        channel=channel,
    )
    return None if row is None else _consent(row)


def consents_of(tx: Tx, subject: SubjectId) -> list[StoredConsent]:
    """Return every consent of a person."""
    rows = tx.all(
        f"SELECT {_CONSENT} FROM consent WHERE subject_id = :subject ORDER BY purpose, channel",
        subject=subject,
    )
    return [_consent(row) for row in rows]


def save_consent(tx: Tx, subject: SubjectId, consent: StoredConsent) -> None:
    """Bring the cache up to the events that were just added."""
    record = consent.record
    if record.status is None or record.since is None or record.request is None:
        msg = "a consent without events is not stored"
        raise ValueError(msg)
    tx.run(
        f"INSERT INTO consent(subject_id, {_CONSENT})"
        " VALUES (:subject, :purpose, :channel, :status, :since, :expires_at, :request, :withdrawn_at)"
        " ON CONFLICT (subject_id, purpose, channel) DO UPDATE SET status = excluded.status,"
        " since = excluded.since, expires_at = excluded.expires_at,"
        " request_id = excluded.request_id, withdrawn_at = excluded.withdrawn_at",
        subject=subject,
        purpose=consent.purpose,
        channel=consent.channel.value,
        status=record.status.value,
        since=to_ms(record.since),
        expires_at=to_ms(consent.expires_at),
        request=record.request,
        withdrawn_at=None if record.withdrawn_at is None else to_ms(record.withdrawn_at),
    )


def suppress(tx: Tx, email_index: bytes, purpose: str, channel: str, now: datetime) -> None:
    """Keep an address from being approached for a purpose, by a digest that outlives it (R7)."""
    tx.run(
        "INSERT INTO suppression(email_index, purpose, channel, at)"
        " VALUES (:email_index, :purpose, :channel, :now)"
        " ON CONFLICT (email_index, purpose, channel) DO UPDATE SET at = excluded.at",
        email_index=email_index,
        purpose=purpose,
        channel=channel,
        now=to_ms(now),
    )


def suppressed_at(tx: Tx, email_index: bytes, purpose: str, channel: str) -> datetime | None:
    """Return since when an address is suppressed for a purpose, or None."""
    row = tx.one(
        "SELECT at FROM suppression"
        " WHERE email_index = :email_index AND purpose = :purpose AND channel = :channel",
        email_index=email_index,
        purpose=purpose,
        channel=channel,
    )
    return None if row is None else from_ms(row[0])


def unsuppress(tx: Tx, email_index: bytes, purpose: str, channel: str) -> None:
    """Lift a suppression: the person asked anew and confirmed it."""
    tx.run(
        "DELETE FROM suppression"
        " WHERE email_index = :email_index AND purpose = :purpose AND channel = :channel",
        email_index=email_index,
        purpose=purpose,
        channel=channel,
    )


def _consent(row: Row) -> StoredConsent:
    return StoredConsent(
        purpose=PurposeId(row[0]),
        channel=Channel(row[1]),
        record=ConsentRecord(
            status=Status(row[2]),
            since=from_ms(row[3]),
            request=RequestId(row[5]),
            withdrawn_at=None if row[6] is None else from_ms(row[6]),
        ),
        expires_at=from_ms(row[4]),
    )
