"""Find and delete data past its retention, by index and in short steps (R8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optin.consent.status_transitions import ConsentState, SubjectId
from optin.store.data_subjects import CONSENT_COLUMNS, read_consent
from optin.store.database_interface import Tx, to_ms
from optin.store.row_queries import count_rows


@dataclass(frozen=True)
class IdlePeople:
    """People without a live purpose since before a moment: with past consents, or without any."""

    consented: bool
    before: datetime


def consents_over(tx: Tx, now: datetime, most: int) -> list[tuple[SubjectId, ConsentState]]:
    """Return consents whose row says given although they have expired."""
    rows = tx.all(
        f"SELECT subject_id, {CONSENT_COLUMNS} FROM consent WHERE status = 'given' AND expires_at <= :now"
        f" ORDER BY expires_at LIMIT :most {tx.skip_locked}",
        now=to_ms(now),
        most=most,
    )
    return [(SubjectId(bytes(row[0])), read_consent(row[1:])) for row in rows]


def consents_ending_soon(
    tx: Tx, purpose: str, now: datetime, before: datetime, most: int
) -> list[tuple[SubjectId, ConsentState]]:
    """Return consents for a purpose that end soon and were not renewed by mail yet."""
    rows = tx.all(
        f"SELECT subject_id, {CONSENT_COLUMNS} FROM consent WHERE status = 'given'"
        " AND expires_at > :now AND expires_at <= :before AND purpose = :purpose AND asked_again_at IS NULL"
        f" ORDER BY expires_at LIMIT :most {tx.skip_locked}",
        now=to_ms(now),
        before=to_ms(before),
        purpose=purpose,
        most=most,
    )
    return [(SubjectId(bytes(row[0])), read_consent(row[1:])) for row in rows]


def mark_asked_again(tx: Tx, subject: SubjectId, consent: ConsentState, now: datetime) -> None:
    """Record that a renewal mail was sent: it is sent once."""
    tx.run(
        "UPDATE consent SET asked_again_at = :now"
        " WHERE subject_id = :subject AND purpose = :purpose AND channel = :channel",
        now=to_ms(now),
        subject=subject,
        purpose=consent.purpose,
        channel=consent.channel.value,
    )


# who just asked again is not idle: its request is confirmed, or goes by itself, first
_IDLE = (
    "consented = :consented AND idle_from <= :before AND NOT EXISTS (SELECT 1 FROM request"
    " WHERE request.email_index = subject.email_index AND request.confirmed_at IS NULL)"
)


def idle_people(tx: Tx, due: IdlePeople, most: int) -> list[bytes]:
    """Return the address digests of people without a live purpose for long enough."""
    rows = tx.all(
        f"SELECT email_index FROM subject WHERE {_IDLE} ORDER BY idle_from LIMIT :most {tx.skip_locked}",
        consented=int(due.consented),
        before=to_ms(due.before),
        most=most,
    )
    return [bytes(row[0]) for row in rows]


def count_idle(tx: Tx, due: IdlePeople) -> int:
    """Count people without a live purpose for long enough."""
    return count_rows(tx, f"subject WHERE {_IDLE}", consented=int(due.consented), before=to_ms(due.before))


def count_unconfirmed(tx: Tx, now: datetime) -> int:
    """Count requests that were not confirmed in time."""
    return count_rows(tx, "request WHERE confirmed_at IS NULL AND erase_at <= :now", now=to_ms(now))


def count_over(tx: Tx, now: datetime) -> int:
    """Count expired consents whose row still says given."""
    return count_rows(tx, "consent WHERE status = 'given' AND expires_at <= :now", now=to_ms(now))


def count_ending_soon(tx: Tx, purpose: str, now: datetime, before: datetime) -> int:
    """Count consents that end soon and got no renewal mail."""
    return count_rows(
        tx,
        "consent WHERE status = 'given' AND expires_at > :now"
        " AND expires_at <= :before AND purpose = :purpose AND asked_again_at IS NULL",
        now=to_ms(now),
        before=to_ms(before),
        purpose=purpose,
    )


def count_holds_over(tx: Tx, now: datetime) -> int:
    """Count legal holds whose date is past."""
    return count_rows(tx, "legal_hold WHERE ends_at <= :now", now=to_ms(now))


def count_settled(tx: Tx, before: datetime) -> int:
    """Count mails that were settled before a moment."""
    return count_rows(tx, "outbox WHERE state <> 'queued' AND settled_at < :before", before=to_ms(before))


def count_notices_over(tx: Tx, before: datetime) -> int:
    """Count links to personal pages that were mailed before a moment."""
    return count_rows(
        tx,
        "outbox WHERE state <> 'queued' AND settled_at < :before AND kind = 'personal'",
        before=to_ms(before),
    )


def count_actions(tx: Tx, before: datetime) -> int:
    """Count officers' actions before a moment."""
    return count_rows(tx, "rights_action WHERE at < :before", before=to_ms(before))


def count_erased_members(tx: Tx, before: datetime) -> int:
    """Count digests of people of exports who were erased before a moment."""
    return count_rows(tx, "export_gone WHERE at < :before", before=to_ms(before))


def count_unrecorded_members(tx: Tx, before: datetime) -> int:
    """Count members of exports before a moment that were never recorded."""
    return count_rows(
        tx,
        "export_member WHERE run < :end"
        " AND NOT EXISTS (SELECT 1 FROM export_run WHERE export_run.members = export_member.run)",
        end=to_ms(before).to_bytes(8, "big"),
    )


def forget_notices(tx: Tx, before: datetime, most: int) -> int:
    """Remove notices that were settled before a moment; return how many."""
    return tx.run(
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state <> 'queued'"
        " AND settled_at < :before AND kind = 'personal' ORDER BY settled_at LIMIT :most)",
        before=to_ms(before),
        most=most,
    )
