"""The outbox: queued mails, as ids; and sent mails, as encrypted bytes (D1, P2).

The module is long because whatever changes a row of the outbox stands here.

`next_at` is both the due time and the end of a lease. `claim` is a random fence: a courier that comes
late cannot settle. `starts` counts claims since the last verdict: more than two mean that a courier died
with this mail twice, so it is tried alone and given up after a few. Only the death of a server frees what it
has in hand, and no other machine's clock: see `sending_claims`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from optin.consent.status_transitions import ID_BYTES, RequestId
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.row_queries import count_rows, has_row
from optin.store.sending_claims import FREE_TO_CLAIM, ClaimBatch

MAX_STARTS = 4
FREE_STARTS = 1  # a courier that died once with a mail may have died of anything
CLAIM_BYTES = 12
COURIER_DIED = "courier died"
LETTER = "letter"  # the kind of mail of which many are due at once
LONGEST_LEASE = timedelta(minutes=10)  # a claim ends before that
SOON = timedelta(seconds=5)
UNASKED_SHARE = 4  # one of so many places is theirs, where letters are due all the time


class Urgency(IntEnum):
    """Which mails leave first."""

    ASKED = 0  # somebody waits for it
    LETTER = 1
    UNASKED = 2  # a reminder, or a notice: nobody waits for it at this moment


@dataclass(frozen=True)
class OutboxMail:
    """One mail to send."""

    number: int
    claim: bytes
    message_id: str
    kind: str
    request: RequestId
    sealed: bytes | None = None  # what a mail without a request is about
    urgency: Urgency = Urgency.ASKED


@dataclass(frozen=True)
class MailTries:
    """The attempts at a claimed mail, and since when it waits."""

    message_id: str
    kind: str
    request: RequestId
    attempts: int
    queued_at: datetime


def enqueue(
    tx: Tx, kind: str, request: RequestId, domain: str, now: datetime, due: datetime | None = None
) -> None:
    """Queue a mail. Its Message-ID is made here and the same at every attempt.

    `due`: of a mail that nobody waits for just now, such as a reminder: it leaves then or later, after mails
    that somebody waits for. A mail is given up a week after it was due.
    """
    urgency = Urgency.ASKED if due is None else Urgency.UNASKED
    enqueue_as(tx, new_message_id(domain), kind, request, max(now, due or now), urgency)


def enqueue_as(
    tx: Tx, message_id: str, kind: str, request: RequestId, due: datetime, urgency: Urgency
) -> None:
    """Queue a mail under a Message-ID, due at `due`."""
    tx.run(
        "INSERT INTO outbox(message_id, kind, request_id, next_at, created_at, urgency)"
        " VALUES (:message_id, :kind, :request, :due, :due, :urgency)",
        message_id=message_id,
        kind=kind,
        request=request,
        due=to_ms(due),
        urgency=urgency,
    )


def new_message_id(domain: str) -> str:
    """Return a new Message-ID, with its angle brackets."""
    return f"<{secrets.token_hex(16)}@{domain}>"


def count_waiting_letters(tx: Tx, now: datetime) -> int:
    """Return how many letters are due, or on their way; not those that wait for a moment of their own."""
    return count_rows(
        tx,
        f"outbox WHERE state = 'queued' AND kind = '{LETTER}' AND next_at <= :leased"
        " AND (next_at <= :soon OR claim IS NOT NULL)",
        leased=to_ms(now + LONGEST_LEASE),
        soon=to_ms(now + SOON),
    )


@dataclass(frozen=True)
class NoticeMail:
    """A mail that belongs to no request, and its content."""

    kind: str
    email_index: bytes
    content: dict[str, str]


def enqueue_notice(tx: Tx, vault: Vault, notice: NoticeMail, domain: str, now: datetime) -> None:
    """Queue a mail without a request; its content is encrypted, and deleted after sending."""
    message_id = new_message_id(domain)
    tx.run(
        "INSERT INTO outbox(message_id, kind, request_id, sealed, next_at, created_at)"
        " VALUES (:message_id, :kind, :request, :sealed, :now, :now)",
        message_id=message_id,
        kind=notice.kind,
        request=notice.email_index[:ID_BYTES],
        sealed=vault.seal(EncryptedCell("outbox", message_id.encode()), json.dumps(notice.content).encode()),
        now=to_ms(now),
    )


def open_notice(vault: Vault, message_id: str, sealed: bytes) -> dict[str, str]:
    """Return the content of a notice. Raises KeysUnusable."""
    content: dict[str, str] = json.loads(vault.open(EncryptedCell("outbox", message_id.encode()), sealed))
    return content


def withdraw_notices(tx: Tx, email_index: bytes) -> None:
    """Remove every notice to an address, sent or not."""
    tx.run("DELETE FROM outbox WHERE request_id = :request", request=email_index[:ID_BYTES])


_CLAIM = """WITH due AS MATERIALIZED (
    SELECT id FROM outbox WHERE state = 'queued' AND urgency = {urgency} AND next_at <= :now
    AND starts {suspicion} AND {free} ORDER BY next_at LIMIT :most {skip_locked})
UPDATE outbox SET next_at = :until, claim = :claim, holder = :holder, starts = starts + 1
WHERE id IN (SELECT id FROM due)
RETURNING id, message_id, kind, request_id, sealed"""


def claim(tx: Tx, batch: ClaimBatch, lease: timedelta, now: datetime, *, suspect: bool) -> list[OutboxMail]:
    """Claim a batch of due mails for the length of `lease`: the suspect ones, or all others.

    First what somebody waits for, then letters, then the others; but of what letters might take, the others
    have a part, so that none of them waits until every letter is gone. The claim of each urgency reads an
    index: what else is due costs it nothing.
    """
    fence = secrets.token_bytes(CLAIM_BYTES)
    suspicion = f"> {FREE_STARTS}" if suspect else f"<= {FREE_STARTS}"
    claimed: list[OutboxMail] = []

    def take(urgency: Urgency, most: int) -> int:
        if most <= 0:
            return 0
        rows = tx.all(
            _CLAIM.format(
                urgency=urgency.value, suspicion=suspicion, free=FREE_TO_CLAIM, skip_locked=tx.skip_locked
            ),
            now=to_ms(now),
            most=most,
            until=to_ms(now + lease),
            claim=fence,
            holder=batch.holder,
        )
        claimed.extend(
            OutboxMail(row[0], fence, row[1], row[2], RequestId(row[3]), row[4], urgency) for row in rows
        )
        return len(rows)

    room = min(batch.most - take(Urgency.ASKED, batch.most), batch.most_unasked)
    share = room // UNASKED_SHARE
    taken = take(Urgency.UNASKED, share)
    left = room - taken - take(Urgency.LETTER, room - taken)
    if taken == share:
        take(Urgency.UNASKED, left)
    return claimed


def tries_of(tx: Tx, number: int, fence: bytes) -> MailTries | None:
    """Return the attempts at a claimed mail; None when another process has claimed it, or it is gone."""
    row = tx.one(
        "SELECT message_id, kind, request_id, attempts, created_at FROM outbox"
        f" WHERE id = :id AND claim = :claim AND state = 'queued' {tx.for_update}",
        id=number,
        claim=fence,
    )
    if row is None:
        return None
    return MailTries(row[0], row[1], RequestId(row[2]), row[3], from_ms(row[4]))


def has_suspects(tx: Tx, now: datetime) -> bool:
    """Return whether mails are due that must be tried alone."""
    return has_row(
        tx,
        f"outbox WHERE state = 'queued' AND starts > {FREE_STARTS} AND next_at <= :now",
        now=to_ms(now),
    )


def give_up_crashing_mails(tx: Tx, now: datetime, holder: bytes | None = None) -> list[str]:
    """Abandon mails with which several couriers died; return their Message-IDs. `holder`: who asks."""
    rows = tx.all(
        "UPDATE outbox SET state = 'dead', settled_at = :now, last_reply = :died, sealed = NULL"
        f" WHERE state = 'queued' AND starts > {FREE_STARTS} AND next_at <= :now AND starts >= :most"
        f" AND {FREE_TO_CLAIM} RETURNING message_id",
        holder=holder,
        now=to_ms(now),
        most=MAX_STARTS,
        died=COURIER_DIED,
    )
    return [row[0] for row in rows]


def settle(tx: Tx, number: int, state: str, reply: str, now: datetime) -> None:
    """Record a mail as sent or abandoned. Check its `tries_of` first."""
    tx.run(
        "UPDATE outbox SET state = :state, last_reply = :reply, settled_at = :now, claim = NULL,"
        " starts = 0, sealed = NULL WHERE id = :id",
        state=state,
        reply=reply,
        now=to_ms(now),
        id=number,
    )


def postpone(tx: Tx, number: int, reply: str, until: datetime) -> None:
    """Postpone a mail until `until`. Check its `tries_of` first."""
    tx.run(
        "UPDATE outbox SET attempts = attempts + 1, starts = 0, claim = NULL, last_reply = :reply,"
        " next_at = :until WHERE id = :id",
        reply=reply,
        until=to_ms(until),
        id=number,
    )


def put_back(tx: Tx, number: int, until: datetime) -> None:
    """Postpone a claimed mail a moment, without counting an attempt."""
    tx.run(
        "UPDATE outbox SET claim = NULL, starts = 0, next_at = :until WHERE id = :id",
        until=to_ms(until),
        id=number,
    )


def hurry(tx: Tx, now: datetime) -> int:
    """Make every mail due now that waits after a failed attempt; return how many."""
    return tx.run(
        "UPDATE outbox SET next_at = :now WHERE state = 'queued' AND claim IS NULL AND attempts > 0"
        " AND next_at > :now",
        now=to_ms(now),
    )


def revive(tx: Tx, numbers: Iterable[int], until: datetime) -> int:
    """Requeue abandoned mails, due at `until`; return how many.

    Only those about a request: what another was about is forgotten when it is given up.
    """
    return sum(
        tx.run(
            "UPDATE outbox SET state = 'queued', attempts = attempts + 1, settled_at = NULL, next_at = :until"
            " WHERE id = :id AND state = 'dead' AND kind NOT IN ('personal', 'staff')",
            id=number,
            until=to_ms(until),
        )
        for number in numbers
    )


def oldest_waiting_mail(tx: Tx) -> datetime | None:
    """Return when the mail was queued that waits longest, letters aside; None when none waits."""
    row = tx.one(f"SELECT MIN(created_at) FROM outbox WHERE state = 'queued' AND kind <> '{LETTER}'")
    return None if row is None or row[0] is None else from_ms(row[0])


@dataclass(frozen=True)
class DeadLetter:
    """One abandoned mail. `since`: when it was given up; `reply`: what the mail server said last."""

    number: int
    kind: str
    request: RequestId
    since: datetime
    reply: str


def dead_letters(tx: Tx, after: int, most: int) -> list[DeadLetter]:
    """Return abandoned mails, in the order in which they were queued."""
    rows = tx.all(
        "SELECT id, kind, request_id, settled_at, last_reply FROM outbox WHERE state = 'dead' AND id > :after"
        " ORDER BY id LIMIT :most",
        after=after,
        most=most,
    )
    return [DeadLetter(row[0], row[1], RequestId(row[2]), from_ms(row[3] or 0), row[4] or "") for row in rows]


def dead_letters_to(tx: Tx, email_index: bytes, reply: str) -> list[DeadLetter]:
    """Return the abandoned mails about requests of a mailbox with this note, the oldest first."""
    rows = tx.all(
        "SELECT outbox.id, outbox.kind, outbox.request_id, outbox.settled_at FROM outbox"
        " JOIN request ON request.id = outbox.request_id"
        " WHERE outbox.state = 'dead' AND outbox.last_reply = :reply AND request.email_index = :email_index"
        " ORDER BY outbox.id",
        reply=reply,
        email_index=email_index,
    )
    return [DeadLetter(row[0], row[1], RequestId(row[2]), from_ms(row[3] or 0), reply) for row in rows]


def count_dead(tx: Tx) -> dict[str, int]:
    """Return how many mails of each kind were given up."""
    return dict(tx.all("SELECT kind, COUNT(*) FROM outbox WHERE state = 'dead' GROUP BY kind"))


def has_successor(tx: Tx, letter: DeadLetter) -> bool:
    """Return whether a later mail of this kind about the same was sent, or waits."""
    return has_row(
        tx,
        "outbox WHERE request_id = :request AND kind = :kind AND id > :id AND state <> 'dead'",
        request=letter.request,
        kind=letter.kind,
        id=letter.number,
    )


def requeue(tx: Tx, number: int, now: datetime) -> bool:
    """Make an abandoned mail due now, with the attempts of a new one; return whether it still existed.

    One with which couriers died is tried alone.
    """
    return bool(
        tx.run(
            "UPDATE outbox SET state = 'queued', attempts = 0, settled_at = NULL, claim = NULL,"
            " next_at = :now, created_at = :now,"
            " starts = CASE WHEN last_reply = :died THEN :suspect ELSE 0 END"
            " WHERE id = :id AND state = 'dead'",
            id=number,
            now=to_ms(now),
            died=COURIER_DIED,
            suspect=FREE_STARTS + 1,
        )
    )


def remove_mail(tx: Tx, number: int) -> None:
    """Remove a mail that has no use any more."""
    tx.run("DELETE FROM outbox WHERE id = :id", id=number)


def forget_settled(tx: Tx, before: datetime, most: int) -> int:
    """Remove settled rows older than `before`; return how many. The mails themselves are evidence."""
    return tx.run(
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox"
        " WHERE state <> 'queued' AND settled_at < :before ORDER BY settled_at LIMIT :most)",
        before=to_ms(before),
        most=most,
    )


def keep_mail(tx: Tx, vault: Vault, message_id: str, request: RequestId, data: bytes, now: datetime) -> None:
    """Store the exact sent bytes, encrypted."""
    tx.run(
        "INSERT INTO mail(message_id, request_id, sealed, sent_at)"
        " VALUES (:message_id, :request, :sealed, :now)",
        message_id=message_id,
        request=request,
        sealed=vault.seal(EncryptedCell("mail", message_id.encode()), data),
        now=to_ms(now),
    )


def forget_queued(tx: Tx, request: RequestId, kinds: Iterable[str]) -> None:
    """Remove mails of these kinds about a request, unless a courier has claimed them."""
    for kind in kinds:
        tx.run(
            "DELETE FROM outbox WHERE request_id = :request AND kind = :kind AND state = 'queued'"
            " AND claim IS NULL",
            request=request,
            kind=kind,
        )


def has_duplicate(tx: Tx, number: int, request: RequestId, kind: str) -> bool:
    """Return whether another mail of this kind about a request waits to be sent."""
    return has_row(
        tx,
        "outbox WHERE request_id = :request AND kind = :kind AND state = 'queued' AND id <> :id",
        request=request,
        kind=kind,
        id=number,
    )


def is_mailed(tx: Tx, request: RequestId, kind: str) -> bool:
    """Return whether a mail of this kind about `request` was sent, or waits to be."""
    return has_row(
        tx,
        "outbox WHERE request_id = :request AND kind = :kind AND state <> 'dead'",
        request=request,
        kind=kind,
    )


def is_queued(tx: Tx, request: RequestId) -> bool:
    """Return whether a mail about `request` still waits to be sent."""
    return has_row(tx, "outbox WHERE request_id = :request AND state = 'queued'", request=request)
