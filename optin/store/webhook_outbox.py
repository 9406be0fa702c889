"""The outbox of messages to processors, by webhook or by a tool's own interface (E7, W11).

`next_at` is both the due time and the end of a lease, and `claim` a random fence, as in the outbox of mails.
A message holds ids; what it says is composed when it leaves. Only that of an erasure holds the address,
sealed, until it is told or given up: by then nothing else knows it. A refused one keeps the reason and the
digest of the person, so that an officer can see it, until the person is erased or its time is over.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter

from optin.consent.purpose import ConsentKey
from optin.consent.webhook_message import ID_PREFIX, WebhookKind
from optin.store.consent_key_columns import columns_of
from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.row_queries import count_rows, has_row
from optin.store.sending_claims import FREE_TO_CLAIM, ClaimBatch

CLAIM_BYTES = 12
NOBODY = b""


@dataclass(frozen=True)
class WebhookMessage:
    """One claimed message to one processor."""

    number: int
    claim: bytes
    message: str  # its id, the same at every try
    processor: str
    person: bytes  # digest of the address
    kind: WebhookKind
    purpose: str  # empty, and so the channel: about all of the person
    channel: str
    sealed: bytes | None
    at: datetime  # of what happened

    @property
    def key(self) -> ConsentKey:
        """The consent it is about. Raises ValueError when that is unreadable."""
        return ConsentKey.parse(self.purpose, self.channel)


@dataclass(frozen=True)
class UnreadableMessage:
    """A claimed row that cannot be read as a message, and the kind of error."""

    number: int
    claim: bytes
    message: str
    error: str


_ENQUEUE = """INSERT INTO webhook_outbox
(message, processor, person, kind, purpose, channel, sealed, next_at, created_at)
VALUES (:message, :processor, :person, :kind, :purpose, :channel, :sealed, :due, :now)"""


@dataclass(frozen=True)
class ErasedPerson:
    """A person whom a processor must delete. `due`: not before calls in progress have ended."""

    index: bytes
    email: str
    due: datetime


def enqueue_message(
    tx: Tx, processor: str, kind: WebhookKind, person: bytes, key: ConsentKey, now: datetime
) -> None:
    """Queue a message, due now."""
    tx.run(
        _ENQUEUE,
        message=_new_message(),
        processor=processor,
        person=person,
        kind=kind.value,
        **columns_of(key),
        sealed=None,
        due=to_ms(now),
        now=to_ms(now),
    )


def enqueue_erasure(tx: Tx, vault: Vault, processor: str, gone: ErasedPerson, now: datetime) -> None:
    """Queue the message that a person was erased, with the encrypted address."""
    message = _new_message()
    tx.run(
        _ENQUEUE,
        message=message,
        processor=processor,
        person=gone.index,
        kind=WebhookKind.ERASED.value,
        **columns_of(None),
        sealed=vault.seal(EncryptedCell("webhook_outbox", message.encode()), gone.email.encode()),
        due=to_ms(gone.due),
        now=to_ms(now),
    )


def _new_message() -> str:
    return ID_PREFIX + secrets.token_hex(16)


def open_erasure(vault: Vault, notice: WebhookMessage) -> str:
    """Return the decrypted address of an erasure message. Raises KeysUnusable."""
    return vault.open(
        EncryptedCell("webhook_outbox", notice.message.encode()), bytes(notice.sealed or b"")
    ).decode()


_CLAIM = """WITH due AS MATERIALIZED (
    SELECT id FROM webhook_outbox WHERE processor = :processor AND state = 'queued' AND next_at <= :now
    AND NOT EXISTS (SELECT 1 FROM webhook_outbox AS earlier WHERE earlier.person = webhook_outbox.person
        AND earlier.processor = webhook_outbox.processor AND earlier.state = 'queued'
        AND earlier.id < webhook_outbox.id)
    AND {free} ORDER BY next_at, id LIMIT :most {skip_locked})
UPDATE webhook_outbox SET next_at = :until, claim = :claim, holder = :holder
WHERE id IN (SELECT id FROM due)
RETURNING id, message, processor, person, kind, purpose, channel, sealed, created_at"""


def is_due(tx: Tx, processor: str, now: datetime) -> bool:
    """Return whether a message to a processor may be due: a cheap check before a claim."""
    return has_row(
        tx,
        "webhook_outbox WHERE processor = :processor AND state = 'queued' AND next_at <= :now",
        processor=processor,
        now=to_ms(now),
    )


def claim_messages(
    tx: Tx, processor: str, batch: ClaimBatch, lease: timedelta, now: datetime
) -> tuple[list[WebhookMessage], list[UnreadableMessage]]:
    """Claim a batch of a processor's due messages: the oldest of each person, one at a time.

    Rows that cannot be read are claimed too, and returned apart: they must not keep the others waiting.
    """
    fence = secrets.token_bytes(CLAIM_BYTES)
    rows = tx.all(
        _CLAIM.format(free=FREE_TO_CLAIM, skip_locked=tx.skip_locked),
        processor=processor,
        now=to_ms(now),
        most=batch.most,
        until=to_ms(now + lease),
        claim=fence,
        holder=batch.holder,
    )
    messages: list[WebhookMessage] = []
    unreadable: list[UnreadableMessage] = []
    for row in sorted(rows, key=itemgetter(0)):
        try:
            messages.append(_message_of(row, fence))
        except (ValueError, ArithmeticError, OSError) as problem:  # what an unknown kind or year raises
            unreadable.append(UnreadableMessage(row[0], fence, row[1], type(problem).__name__))
    return messages, unreadable


def _message_of(row: Row, fence: bytes) -> WebhookMessage:
    return WebhookMessage(
        number=row[0],
        claim=fence,
        message=row[1],
        processor=row[2],
        person=bytes(row[3]),
        kind=WebhookKind(row[4]),
        purpose=row[5],
        channel=row[6],
        sealed=row[7],
        at=from_ms(row[8]),
    )


def attempts_of(tx: Tx, notice: WebhookMessage | UnreadableMessage) -> int | None:
    """Return the attempts at a claimed message; None when another process claimed it, or it is gone."""
    row = tx.one(
        "SELECT attempts FROM webhook_outbox WHERE id = :id AND claim = :claim AND state = 'queued'"
        f" {tx.for_update}",
        id=notice.number,
        claim=notice.claim,
    )
    return None if row is None else int(row[0])


def forget_message(tx: Tx, number: int) -> None:
    """Remove a message that was delivered, or has no use any more."""
    tx.run("DELETE FROM webhook_outbox WHERE id = :id", id=number)


def forget_refusals(tx: Tx, notice: WebhookMessage) -> None:
    """Remove earlier refusals about the same consent: a later answer of the processor counts."""
    tx.run(
        "DELETE FROM webhook_outbox WHERE person = :person AND processor = :processor"
        " AND purpose = :purpose AND channel = :channel AND state = 'dead'",
        person=notice.person,
        processor=notice.processor,
        purpose=notice.purpose,
        channel=notice.channel,
    )


def postpone_message(tx: Tx, number: int, until: datetime, attempts: int = 1) -> None:
    """Postpone a message until `until`; `attempts`: how many more it has had."""
    tx.run(
        "UPDATE webhook_outbox SET attempts = attempts + :more, claim = NULL, next_at = :until"
        " WHERE id = :id",
        more=attempts,
        until=to_ms(until),
        id=number,
    )


def refuse_message(tx: Tx, number: int, reason: str, now: datetime) -> None:
    """Abandon a message that its processor refused; keep the reason and the person's digest."""
    tx.run(
        "UPDATE webhook_outbox SET state = 'dead', settled_at = :now, sealed = NULL, claim = NULL,"
        " reason = :reason WHERE id = :id",
        now=to_ms(now),
        reason=reason,
        id=number,
    )


@dataclass(frozen=True)
class Refusal:
    """A message about a person that a processor refused for good."""

    processor: str
    kind: WebhookKind
    purpose: str
    channel: str
    reason: str
    at: datetime


def refusals_of(tx: Tx, person: bytes) -> list[Refusal]:
    """Return the refused messages about a person, newest first."""
    rows = tx.all(
        "SELECT processor, kind, purpose, channel, reason, settled_at FROM webhook_outbox"
        " WHERE person = :person AND state = 'dead' AND reason <> '' ORDER BY settled_at DESC, id",
        person=person,
    )
    return [Refusal(row[0], WebhookKind(row[1]), row[2], row[3], row[4], from_ms(row[5])) for row in rows]


def give_up_message(tx: Tx, number: int, now: datetime) -> None:
    """Abandon a message; keep a record of the failure for a while, without the person."""
    tx.run(_GIVE_UP + "id = :id", id=number, now=to_ms(now), nobody=NOBODY)


def stop_webhook(tx: Tx, processor: str, now: datetime) -> int:
    """Stop sending to a processor until its address changes; return how many messages are abandoned."""
    tx.run(
        "UPDATE webhook SET gone_at = :now WHERE processor = :processor", processor=processor, now=to_ms(now)
    )
    return tx.run(
        _GIVE_UP + "processor = :processor AND state = 'queued'",
        processor=processor,
        now=to_ms(now),
        nobody=NOBODY,
    )


_GIVE_UP = (
    "UPDATE webhook_outbox SET state = 'dead', settled_at = :now, sealed = NULL, claim = NULL,"
    " person = :nobody WHERE "
)


def is_confirmation_queued(tx: Tx, processor: str, person: bytes, key: ConsentKey) -> bool:
    """Return whether a processor is still to be told that a person gave a consent."""
    return has_row(
        tx,
        "webhook_outbox WHERE person = :person AND processor = :processor AND purpose = :purpose"
        " AND channel = :channel AND kind = :kind AND state = 'queued'",
        person=person,
        processor=processor,
        **columns_of(key),
        kind=WebhookKind.CONFIRMED.value,
    )


def drop_confirmations(tx: Tx, person: bytes, key: ConsentKey) -> None:
    """Cancel queued confirmations of an ended consent; deliveries in flight finish."""
    tx.run(
        "DELETE FROM webhook_outbox WHERE person = :person AND purpose = :purpose AND channel = :channel"
        " AND kind = :kind AND claim IS NULL AND state = 'queued'",
        person=person,
        **columns_of(key),
        kind=WebhookKind.CONFIRMED.value,
    )


def drop_messages(tx: Tx, person: bytes, now: datetime) -> datetime:
    """Remove a person's queued messages except erasures; return until when a call may be in progress."""
    claimed = tx.all(  # waits for whoever claims one just now
        f"SELECT next_at, claim FROM webhook_outbox WHERE person = :person {tx.for_update}", person=person
    )
    tx.run(
        "DELETE FROM webhook_outbox WHERE person = :person AND kind <> :erased",
        person=person,
        erased=WebhookKind.ERASED.value,
    )
    return max((from_ms(row[0]) for row in claimed if row[1] is not None), default=now)


def count_given_up(tx: Tx, before: datetime) -> int:
    """Count messages abandoned before a moment."""
    return count_rows(
        tx, "webhook_outbox WHERE state = 'dead' AND settled_at < :before", before=to_ms(before)
    )


def forget_given_up(tx: Tx, before: datetime, most: int) -> int:
    """Remove records of messages abandoned before a moment; return how many."""
    return tx.run(
        "DELETE FROM webhook_outbox WHERE id IN (SELECT id FROM webhook_outbox"
        " WHERE state = 'dead' AND settled_at < :before ORDER BY settled_at LIMIT :most)",
        before=to_ms(before),
        most=most,
    )
