"""Which waiting matters were reported to which staff, so that no message is repeated every minute (W12)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from optin.store.database_interface import Tx, from_ms, to_ms

_NAME = "told-waiting-"


def reported_matters(tx: Tx, receiver: str) -> dict[str, datetime]:
    """Return when a receiver was told of each matter that waits, by its mark."""
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=_NAME + receiver)
    known = {} if row is None else json.loads(bytes(row[0]))
    return {mark: from_ms(at) for mark, at in known.items()}


def store_reported_matters(tx: Tx, receiver: str, reported: Mapping[str, datetime]) -> None:
    """Store which matters a receiver was told of, in place of those before."""
    tx.run(
        "INSERT INTO installation(name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=_NAME + receiver,
        value=json.dumps({mark: to_ms(at) for mark, at in reported.items()}).encode(),
    )


def forget_reported_matters(tx: Tx, receiver: str) -> None:
    """Forget what a receiver was told of."""
    tx.run("DELETE FROM installation WHERE name = :name", name=_NAME + receiver)


def lock_reported_matters(tx: Tx, receiver: str) -> None:
    """Keep other servers from telling the receiver of the same matters until this transaction ends."""
    tx.hold(f"{_NAME}{receiver}".encode())


@dataclass(frozen=True)
class AbandonedMessages:
    """How many messages a processor refused for good, or did not take for as long as they are tried."""

    processor: str
    refused: bool
    count: int


def stopped_webhooks(tx: Tx) -> list[str]:
    """Return the processors whose webhook is stopped."""
    rows = tx.all("SELECT processor FROM webhook WHERE gone_at IS NOT NULL ORDER BY processor")
    return [row[0] for row in rows]


def abandoned_messages(tx: Tx) -> list[AbandonedMessages]:
    """Return the counts of abandoned messages by processor."""
    rows = tx.all(
        "SELECT processor, CASE WHEN reason <> '' THEN 1 ELSE 0 END AS refused, COUNT(*) FROM webhook_outbox"
        " WHERE state = 'dead' GROUP BY processor, refused ORDER BY processor, refused"
    )
    return [AbandonedMessages(row[0], bool(row[1]), int(row[2])) for row in rows]


def late_messages(tx: Tx, before: datetime) -> dict[str, int]:
    """Return how many messages from before a moment still wait, by processor."""
    rows = tx.all(
        "SELECT processor, COUNT(*) FROM webhook_outbox WHERE state = 'queued' AND created_at < :before"
        " GROUP BY processor ORDER BY processor",
        before=to_ms(before),
    )
    return {row[0]: int(row[1]) for row in rows}
