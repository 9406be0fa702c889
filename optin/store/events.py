"""Events: the evidence. Only ever added; the stored bytes are the hashed bytes (P1).

Each is vouched for with a key that is not in the database: an event written past optin is told from ours.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from optin.consent.record import RequestId
from optin.proof.canonical import Json, canonical
from optin.proof.commitment import leaf_digest
from optin.store.transaction import Row, Tx
from optin.store.vault import Vault


@dataclass(frozen=True)
class StoredEvent:
    """One event as stored. `body` is empty once it was erased."""

    number: int
    request: RequestId
    body: str
    leaf: bytes
    mac: bytes

    def genuine(self, vault: Vault) -> bool:
        """Tell whether optin wrote it, and the bytes are those that the leaf was made of."""
        data = self.body.encode()
        return leaf_digest(data) == self.leaf and hmac.compare_digest(vault.vouch(data), self.mac)


def add_events(tx: Tx, vault: Vault, request: RequestId | None, bodies: Sequence[dict[str, Json]]) -> None:
    """Add events of `request`, in their order; None: they are about nobody."""
    written = [canonical(body) for body in bodies]
    tx.many(
        "INSERT INTO event(request_id, body, leaf, mac) VALUES (:request, :body, :leaf, :mac)",
        [
            {"request": request, "body": body.decode(), "leaf": leaf_digest(body), "mac": vault.vouch(body)}
            for body in written
        ],
    )


def blank_events(tx: Tx, request: RequestId) -> list[int]:
    """Take the bytes out of every event of a request that is being erased; return their numbers."""
    rows = tx.all(
        "UPDATE event SET body = NULL, request_id = NULL, mac = NULL WHERE request_id = :id RETURNING id",
        id=request,
    )
    return sorted(row[0] for row in rows)


def events_of(tx: Tx, request: RequestId) -> list[StoredEvent]:
    """Return the events of one request, oldest first."""
    rows = tx.all(
        "SELECT id, request_id, body, leaf, mac FROM event WHERE request_id = :request ORDER BY id",
        request=request,
    )
    return [stored_event(row) for row in rows]


def stored_event(row: Row) -> StoredEvent:
    """Return an event as number, request, bytes, leaf and voucher say it."""
    return StoredEvent(row[0], RequestId(row[1]), row[2] or "", bytes(row[3]), bytes(row[4] or b""))
