"""Notices to staff that wait to be told, by receiver; and when each receiver may be told again (W12).

A notice holds the id of a request, or the mark of a matter that waits, and nothing else of a person. `claim`
is a random fence, as in the outboxes: notices that were claimed together are told together, and who comes
late cannot settle.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.consent.status_transitions import ID_BYTES, RequestId, SubjectId
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.reported_matters import forget_reported_matters
from optin.store.row_queries import has_row

CLAIM_BYTES = 12


@dataclass(frozen=True)
class ClaimedReceiver:
    """A receiver whose notices are being told. `attempts`: how often that failed, one after the other."""

    receiver: str
    claim: bytes
    attempts: int


@dataclass(frozen=True)
class NoticeCount:
    """How many people confirmed a request by one form version, and how many of them have a consent now."""

    form: str
    confirmed: int
    with_consent: int
    since: datetime


def keep_receivers(tx: Tx, receivers: Collection[str], now: datetime) -> int:
    """Store who is told; forget what others were to be told, and return how much that was."""
    for receiver in sorted(receivers):
        tx.run(
            "INSERT INTO notice_receiver(receiver, next_at) VALUES (:receiver, :now)"
            " ON CONFLICT (receiver) DO NOTHING",
            receiver=receiver,
            now=to_ms(now),
        )
    forgotten = 0
    known = tx.all("SELECT receiver FROM notice_receiver UNION SELECT receiver FROM notice ORDER BY receiver")
    for (receiver,) in known:
        if receiver not in receivers:
            tx.run("DELETE FROM notice_receiver WHERE receiver = :receiver", receiver=receiver)
            forgotten += tx.run("DELETE FROM notice WHERE receiver = :receiver", receiver=receiver)
            forget_reported_matters(tx, receiver)
    return forgotten


def add_notice(tx: Tx, receiver: str, request: RequestId, now: datetime) -> None:
    """Queue a notice about a confirmed request."""
    tx.run(
        "INSERT INTO notice(receiver, request_id, at) VALUES (:receiver, :request, :now)",
        receiver=receiver,
        request=request,
        now=to_ms(now),
    )


def is_due(tx: Tx, receiver: str, now: datetime) -> bool:
    """Return whether a receiver may have to be told now: a cheap check before a claim."""
    return has_row(
        tx,
        "notice_receiver WHERE receiver = :receiver AND next_at <= :now"
        " AND EXISTS (SELECT 1 FROM notice WHERE notice.receiver = notice_receiver.receiver)",
        receiver=receiver,
        now=to_ms(now),
    )


def claim_receiver(tx: Tx, receiver: str, lease: timedelta, now: datetime) -> ClaimedReceiver | None:
    """Claim a receiver who may be told now, for the length of `lease`; None when it is not due."""
    fence = secrets.token_bytes(CLAIM_BYTES)
    rows = tx.all(
        "UPDATE notice_receiver SET next_at = :until, claim = :claim"
        " WHERE receiver = :receiver AND next_at <= :now RETURNING attempts",
        receiver=receiver,
        now=to_ms(now),
        until=to_ms(now + lease),
        claim=fence,
    )
    return ClaimedReceiver(receiver, fence, int(rows[0][0])) if rows else None


def claim_notices(tx: Tx, claimed: ClaimedReceiver) -> int:
    """Claim every notice of a claimed receiver; return how many."""
    return tx.run(
        "UPDATE notice SET claim = :claim WHERE receiver = :receiver",
        claim=claimed.claim,
        receiver=claimed.receiver,
    )


def holds_claim(tx: Tx, claimed: ClaimedReceiver) -> bool:
    """Return whether a claim still stands: nobody has claimed the receiver since."""
    row = tx.one(
        f"SELECT 1 FROM notice_receiver WHERE receiver = :receiver AND claim = :claim {tx.for_update}",
        receiver=claimed.receiver,
        claim=claimed.claim,
    )
    return row is not None


def release_receiver(tx: Tx, receiver: str, attempts: int, until: datetime) -> None:
    """Let a receiver be told again from `until` on."""
    tx.run(
        "UPDATE notice_receiver SET claim = NULL, attempts = :attempts, next_at = :until"
        " WHERE receiver = :receiver",
        receiver=receiver,
        attempts=attempts,
        until=to_ms(until),
    )


_HAS_CONSENT = (
    "EXISTS (SELECT 1 FROM consent WHERE consent.subject_id = request.subject_id"
    " AND consent.status = 'given' AND consent.expires_at > :now)"
)
_COUNT = f"""SELECT request.form, COUNT(*), SUM(CASE WHEN {_HAS_CONSENT} THEN 1 ELSE 0 END), MIN(notice.at)
FROM notice JOIN request ON request.id = notice.request_id
WHERE notice.claim = :claim AND request.subject_id IS NOT NULL AND ({_HAS_CONSENT}
    OR NOT EXISTS (SELECT 1 FROM consent WHERE consent.subject_id = request.subject_id
        AND consent.since >= notice.at))
GROUP BY request.form ORDER BY request.form"""


def count_claimed(tx: Tx, claim: bytes, now: datetime) -> list[NoticeCount]:
    """Return the counts of claimed notices by form version, as people stand now.

    Who was erased since, or whose last consent ended since, is not counted.
    """
    rows = tx.all(_COUNT, claim=claim, now=to_ms(now))
    return [NoticeCount(row[0], int(row[1]), int(row[2]), from_ms(row[3])) for row in rows]


def people_of_claimed(tx: Tx, claim: bytes, most: int, now: datetime) -> list[tuple[str, SubjectId]]:
    """Return the first `most` people of claimed notices who have a consent now, with the form version."""
    rows = tx.all(
        "SELECT request.form, request.subject_id FROM notice JOIN request ON request.id = notice.request_id"
        f" WHERE notice.claim = :claim AND request.subject_id IS NOT NULL AND {_HAS_CONSENT}"
        " GROUP BY request.form, request.subject_id ORDER BY MIN(notice.id) LIMIT :most",
        claim=claim,
        most=most,
        now=to_ms(now),
    )
    return [(row[0], SubjectId(row[1])) for row in rows]


def marks_of_claimed(tx: Tx, claim: bytes) -> dict[RequestId, datetime]:
    """Return the marks of claimed notices that are about no request, and since when they wait."""
    rows = tx.all(
        "SELECT request_id, MIN(at) FROM notice WHERE claim = :claim"
        " AND NOT EXISTS (SELECT 1 FROM request WHERE request.id = notice.request_id) GROUP BY request_id",
        claim=claim,
    )
    return {RequestId(bytes(row[0])): from_ms(row[1]) for row in rows}


def forget_claimed(tx: Tx, claim: bytes) -> None:
    """Remove notices that were told together, or have no use any more."""
    tx.run("DELETE FROM notice WHERE claim = :claim", claim=claim)


def forget_mailed(tx: Tx, receiver: str) -> None:
    """Remove the notices of mails that were sent, or given up."""
    tx.run("DELETE FROM notice WHERE receiver = :receiver AND claim IS NOT NULL", receiver=receiver)


def forget_old(tx: Tx, receiver: str, before: datetime) -> int:
    """Remove a receiver's notices from before a moment; return how many."""
    return tx.run(
        "DELETE FROM notice WHERE receiver = :receiver AND at < :before",
        receiver=receiver,
        before=to_ms(before),
    )


def mail_name_of(receiver: str) -> bytes:
    """Return what a receiver's mails have in the outbox in place of a request."""
    return hashlib.sha256(b"staff notice\0" + receiver.encode()).digest()[:ID_BYTES]


def has_waiting_mail(tx: Tx, receiver: str, kind: str) -> bool:
    """Return whether an earlier mail to a receiver waits to be sent."""
    return has_row(
        tx,
        "outbox WHERE request_id = :name AND kind = :kind AND state = 'queued'",
        name=mail_name_of(receiver),
        kind=kind,
    )
