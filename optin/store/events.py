"""Events: the evidence. Only ever added; the stored bytes are the hashed bytes (P1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optin.consent.record import RequestId
from optin.proof.canonical import Json, canonical
from optin.proof.commitment import leaf_digest
from optin.store.transaction import Tx


@dataclass(frozen=True)
class StoredEvent:
    """One event as stored. `body` is empty once it was erased."""

    number: int
    request: RequestId
    body: str
    leaf: bytes

    @property
    def sound(self) -> bool:
        """Whether the bytes are those that the leaf was made of."""
        return leaf_digest(self.body.encode()) == self.leaf


def add_events(tx: Tx, request: RequestId | None, bodies: Sequence[dict[str, Json]]) -> None:
    """Add events of `request`, in their order; None: they are about nobody any more."""
    written = [canonical(body) for body in bodies]
    tx.many(
        "INSERT INTO event(request_id, body, leaf) VALUES (:request, :body, :leaf)",
        [{"request": request, "body": body.decode(), "leaf": leaf_digest(body)} for body in written],
    )


def events_of(tx: Tx, request: RequestId) -> list[StoredEvent]:
    """Return the events of one request, oldest first."""
    rows = tx.all(
        "SELECT id, request_id, body, leaf FROM event WHERE request_id = :request ORDER BY id",
        request=request,
    )
    return [StoredEvent(row[0], RequestId(row[1]), row[2] or "", row[3]) for row in rows]
