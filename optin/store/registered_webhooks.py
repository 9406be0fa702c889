"""The processors that are told of consents at once, and their counts (E7, W11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optin.store.database_interface import Tx


def keep_webhooks(tx: Tx, addresses: Mapping[str, str]) -> int:
    """Store which processors have a webhook or connector now, with the digest of its address.

    One with another address than before no longer counts as gone (410). The queued messages of all other
    processors are deleted, since nothing may be sent to them; return how many they were.
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
    """Return the processors with a webhook or connector that have not answered 410 Gone."""
    return frozenset(row[0] for row in tx.all("SELECT processor FROM webhook WHERE gone_at IS NULL"))


@dataclass(frozen=True)
class WebhookState:
    """One processor's counts: people it knows of, waiting and abandoned messages.

    `refused`: how many of the abandoned ones it refused, by its reason.
    """

    processor: str
    people: int
    waiting: int
    given_up: int
    gone: bool
    refused: Mapping[str, int] = field(default_factory=dict)


def webhook_states(tx: Tx) -> list[WebhookState]:
    """Return the counts of each processor that has, or had, a webhook or connector."""
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
    refused: dict[str, dict[str, int]] = {}
    for processor, reason, count in tx.all(
        "SELECT processor, reason, COUNT(*) FROM webhook_outbox WHERE state = 'dead' AND reason <> ''"
        " GROUP BY processor, reason ORDER BY processor, reason"
    ):
        refused.setdefault(processor, {})[reason] = int(count)
    return [
        WebhookState(row[0], int(row[2]), int(row[3]), int(row[4]), bool(row[1]), refused.get(row[0], {}))
        for row in rows
    ]
