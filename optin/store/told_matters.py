"""What staff were told waits for them, by receiver, so that nobody is told of it every minute (W12)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from optin.store.database_interface import Tx, from_ms, to_ms

_NAME = "told-waiting-"


def told_matters(tx: Tx, receiver: str) -> dict[str, datetime]:
    """Return when a receiver was told of each matter that waits, by its mark."""
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=_NAME + receiver)
    known = {} if row is None else json.loads(bytes(row[0]))
    return {mark: from_ms(at) for mark, at in known.items()}


def keep_told_matters(tx: Tx, receiver: str, told: Mapping[str, datetime]) -> None:
    """Store which matters a receiver was told of, in place of those before."""
    tx.run(
        "INSERT INTO installation(name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=_NAME + receiver,
        value=json.dumps({mark: to_ms(at) for mark, at in told.items()}).encode(),
    )


def forget_told_matters(tx: Tx, receiver: str) -> None:
    """Forget what a receiver was told of."""
    tx.run("DELETE FROM installation WHERE name = :name", name=_NAME + receiver)


def hold_told_matters(tx: Tx, receiver: str) -> None:
    """Keep other servers from telling the receiver of the same matters until this transaction ends."""
    tx.hold(f"{_NAME}{receiver}".encode())


def stopped_and_abandoned(tx: Tx) -> tuple[list[str], dict[str, int]]:
    """Return the processors whose webhook is stopped, and the count of abandoned messages by processor."""
    stopped = tx.all("SELECT processor FROM webhook WHERE gone_at IS NOT NULL ORDER BY processor")
    dead = tx.all("SELECT processor, COUNT(*) FROM webhook_outbox WHERE state = 'dead' GROUP BY processor")
    return [row[0] for row in stopped], {row[0]: int(row[1]) for row in dead}
