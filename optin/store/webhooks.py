"""Queue of webhook messages, and the people that each processor knows of (E7).

`next_at` is both the due time and the end of a lease, and `claim` a random fence, as in the outbox of mails.
A message holds ids; what it says is composed when it leaves. Only that of an erasure holds the address,
sealed, until it is told or given up: by then nothing else knows it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.consent.consent_record import SubjectId
from optin.consent.purpose import ConsentKey
from optin.consent.webhook import ID_PREFIX, WebhookKind
from optin.store.claims import Batch
from optin.store.consent_columns import columns_of
from optin.store.exports import listed
from optin.store.transaction import Tx, from_ms, to_ms
from optin.store.vault import Place, Vault

CLAIM_BYTES = 12
NOBODY = b""


@dataclass(frozen=True)
class Notice:
    """One message to one processor, claimed."""

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
        """Which consent it is about. Raises ValueError where that cannot be read."""
        return ConsentKey.parse(self.purpose, self.channel)


def keep_webhooks(tx: Tx, addresses: Mapping[str, str]) -> int:
    """Know which processors have a webhook now, by the digest of its address.

    One with another address than before is no longer gone. Whatever was to be told to others is forgotten:
    nobody who is not registered is told anything; return how much that was.
    """
    for processor, address in addresses.items():
        tx.run(
            "INSERT INTO webhook(processor, address) VALUES (:processor, :address)"
            " ON CONFLICT (processor) DO UPDATE SET address = excluded.address,"
            " gone_at = CASE WHEN webhook.address = excluded.address THEN webhook.gone_at END",
            processor=processor,
            address=address,
        )
    forgotten = 0
    for (processor,) in tx.all("SELECT processor FROM webhook ORDER BY processor"):
        if processor not in addresses:
            tx.run("DELETE FROM webhook WHERE processor = :processor", processor=processor)
    for (processor,) in tx.all("SELECT DISTINCT processor FROM webhook_outbox WHERE state = 'queued'"):
        if processor not in addresses:
            forgotten += tx.run(
                "DELETE FROM webhook_outbox WHERE processor = :processor AND state = 'queued'",
                processor=processor,
            )
    return forgotten


def living_webhooks(tx: Tx) -> frozenset[str]:
    """Return the processors whose webhook has not answered 410 Gone."""
    return frozenset(row[0] for row in tx.all("SELECT processor FROM webhook WHERE gone_at IS NULL"))


_ENQUEUE = """INSERT INTO webhook_outbox
(message, processor, person, kind, purpose, channel, sealed, next_at, created_at)
VALUES (:message, :processor, :person, :kind, :purpose, :channel, :sealed, :due, :now)"""


@dataclass(frozen=True)
class ErasedPerson:
    """Whom a processor must forget. `due`: not before what is on its way came to its end."""

    index: bytes
    email: str
    due: datetime


def enqueue_notice(
    tx: Tx, processor: str, kind: WebhookKind, person: bytes, key: ConsentKey, now: datetime
) -> None:
    """Queue a message, due at once."""
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
    """Queue the message that somebody is erased; the address goes with it, sealed."""
    message = _new_message()
    tx.run(
        _ENQUEUE,
        message=message,
        processor=processor,
        person=gone.index,
        kind=WebhookKind.ERASED.value,
        **columns_of(None),
        sealed=vault.seal(Place("webhook_outbox", message.encode()), gone.email.encode()),
        due=to_ms(gone.due),
        now=to_ms(now),
    )


def _new_message() -> str:
    return ID_PREFIX + secrets.token_hex(16)


def open_erasure(vault: Vault, notice: Notice) -> str:
    """Return the address that an erasure is about. Raises KeysUnusable."""
    return vault.open(Place("webhook_outbox", notice.message.encode()), bytes(notice.sealed or b"")).decode()


_CLAIM = """WITH due AS MATERIALIZED (
    SELECT id FROM webhook_outbox WHERE processor = :processor AND state = 'queued' AND next_at <= :now
    AND NOT EXISTS (SELECT 1 FROM webhook_outbox AS earlier WHERE earlier.person = webhook_outbox.person
        AND earlier.processor = webhook_outbox.processor AND earlier.state = 'queued'
        AND earlier.id < webhook_outbox.id)
    ORDER BY next_at, id LIMIT :most {skip_locked})
UPDATE webhook_outbox SET next_at = :until, claim = :claim, holder = :holder
WHERE id IN (SELECT id FROM due)
RETURNING id, message, processor, person, kind, purpose, channel, sealed, created_at"""


def is_due(tx: Tx, processor: str, now: datetime) -> bool:
    """Return whether something may wait for a processor: a look beside the writers, before a claim."""
    row = tx.one(
        "SELECT id FROM webhook_outbox WHERE processor = :processor AND state = 'queued'"
        " AND next_at <= :now LIMIT 1",
        processor=processor,
        now=to_ms(now),
    )
    return row is not None


def claim_notices(tx: Tx, processor: str, batch: Batch, lease: timedelta, now: datetime) -> list[Notice]:
    """Take a batch of due messages to a processor: of each person the oldest, and no other meanwhile."""
    fence = secrets.token_bytes(CLAIM_BYTES)
    rows = tx.all(
        _CLAIM.format(skip_locked=tx.skip_locked),
        processor=processor,
        now=to_ms(now),
        most=batch.most,
        until=to_ms(now + lease),
        claim=fence,
        holder=batch.holder,
    )
    return [
        Notice(
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
        for row in sorted(rows)
    ]


def attempts_of(tx: Tx, notice: Notice) -> int | None:
    """Return the tries of a claimed message; None when another process has claimed it, or it is gone."""
    row = tx.one(
        "SELECT attempts FROM webhook_outbox WHERE id = :id AND claim = :claim AND state = 'queued'"
        f" {tx.for_update}",
        id=notice.number,
        claim=notice.claim,
    )
    return None if row is None else int(row[0])


def forget_notice(tx: Tx, number: int) -> None:
    """Remove a message that was delivered, or that has become void."""
    tx.run("DELETE FROM webhook_outbox WHERE id = :id", id=number)


def put_off_notice(tx: Tx, number: int, until: datetime) -> None:
    """Let a message wait until `until`."""
    tx.run(
        "UPDATE webhook_outbox SET attempts = attempts + 1, claim = NULL, next_at = :until WHERE id = :id",
        until=to_ms(until),
        id=number,
    )


def give_up_notice(tx: Tx, number: int, now: datetime) -> None:
    """Give a message up; keep for a while that it failed, without the person."""
    tx.run(_GIVE_UP + "id = :id", id=number, now=to_ms(now), nobody=NOBODY)


def stop_webhook(tx: Tx, processor: str, now: datetime) -> int:
    """Leave a processor alone until its address changes; return how many messages are given up by it."""
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


def drop_confirmations(tx: Tx, person: bytes, key: ConsentKey) -> None:
    """Cancel queued confirmations of an ended consent; deliveries in flight finish."""
    tx.run(
        "DELETE FROM webhook_outbox WHERE person = :person AND purpose = :purpose AND channel = :channel"
        " AND kind = :kind AND claim IS NULL AND state = 'queued'",
        person=person,
        **columns_of(key),
        kind=WebhookKind.CONFIRMED.value,
    )


def drop_notices(tx: Tx, person: bytes, now: datetime) -> datetime:
    """Remove all that is queued about a person but erasures; return until when one may be on its way."""
    claimed = tx.all(  # waits for whoever claims one just now
        f"SELECT next_at, claim FROM webhook_outbox WHERE person = :person {tx.for_update}", person=person
    )
    tx.run(
        "DELETE FROM webhook_outbox WHERE person = :person AND kind <> :erased",
        person=person,
        erased=WebhookKind.ERASED.value,
    )
    return max((from_ms(row[0]) for row in claimed if row[1] is not None), default=now)


def note_told(
    tx: Tx, processor: str, subject: SubjectId, key: ConsentKey, message: str, now: datetime
) -> bool:
    """Record that a processor learns of a consent; return False when it was already recorded."""
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
    """Return the processors that know a consent as given, and mark it as ended for them."""
    rows = tx.all(
        "UPDATE webhook_told SET live = 0 WHERE subject_id = :subject AND purpose = :purpose"
        " AND channel = :channel AND live = 1 RETURNING processor",
        subject=subject,
        **columns_of(key),
    )
    return sorted(row[0] for row in rows)


def told_with_numbers(tx: Tx, numbers: Iterable[bytes]) -> list[tuple[SubjectId, bytes, ConsentKey]]:
    """Return the consents of people with these numbers of which processors know: person, digest, consent."""
    sought = list(numbers)
    if not sought:
        return []
    ids, among = listed(sought)
    rows = tx.all(
        "SELECT DISTINCT webhook_told.subject_id, subject.email_index, webhook_told.purpose,"
        " webhook_told.channel FROM webhook_told"
        " JOIN number_index ON number_index.subject_id = webhook_told.subject_id"
        " JOIN subject ON subject.id = webhook_told.subject_id"
        f" WHERE webhook_told.live = 1 AND number_index.number IN ({among})",
        **ids,
    )
    return [(SubjectId(bytes(row[0])), bytes(row[1]), ConsentKey.parse(row[2], row[3])) for row in rows]


def who_has(tx: Tx, subject: SubjectId) -> list[str]:
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


@dataclass(frozen=True)
class WebhookState:
    """Webhook counts of a processor: people that it knows of, waiting and abandoned messages."""

    processor: str
    people: int
    waiting: int
    given_up: int
    gone: bool


def webhook_states(tx: Tx) -> list[WebhookState]:
    """Return the counts of each processor that has, or had, a webhook."""
    rows = tx.all(
        "SELECT processor, MAX(gone), SUM(people), SUM(waiting), SUM(dead) FROM ("
        " SELECT processor, CASE WHEN gone_at IS NULL THEN 0 ELSE 1 END AS gone, 0 AS people, 0 AS waiting,"
        " 0 AS dead FROM webhook"
        " UNION ALL SELECT processor, 0, COUNT(DISTINCT subject_id), 0, 0 FROM webhook_told"
        " GROUP BY processor"
        " UNION ALL SELECT processor, 0, 0, SUM(CASE WHEN state = 'queued' THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN state = 'dead' THEN 1 ELSE 0 END) FROM webhook_outbox GROUP BY processor"
        ") AS counted GROUP BY processor ORDER BY processor"
    )
    return [WebhookState(row[0], int(row[2]), int(row[3]), int(row[4]), bool(row[1])) for row in rows]


def count_given_up(tx: Tx, before: datetime) -> int:
    """Count messages that were given up before a moment."""
    sql = "SELECT COUNT(*) FROM webhook_outbox WHERE state = 'dead' AND settled_at < :before"
    row = tx.one(sql, before=to_ms(before))
    return 0 if row is None else int(row[0])


def forget_given_up(tx: Tx, before: datetime, most: int) -> int:
    """Remove messages that were given up before a moment; return how many."""
    return tx.run(
        "DELETE FROM webhook_outbox WHERE id IN (SELECT id FROM webhook_outbox"
        " WHERE state = 'dead' AND settled_at < :before ORDER BY settled_at LIMIT :most)",
        before=to_ms(before),
        most=most,
    )
