"""Events: the evidence. Only ever added; the stored bytes are the hashed bytes (P1).

Each is vouched for with a key that is not in the database: an event written past optin is told from ours.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from string import ascii_lowercase
from typing import Any

from optin.consent.status_transitions import IN_JOURNAL, RequestId, SubjectId
from optin.proof.canonical_json import Json, canonical, parse
from optin.proof.commitment import leaf_digest
from optin.store.commit_watch import NotedEvent
from optin.store.database_interface import Row, Tx, Value
from optin.store.encryption import Vault
from optin.store.journal_lines import add_event_line
from optin.store.row_queries import list_parameters

NOBODY = b""  # the id of no subject


@dataclass(frozen=True)
class StoredEvent:
    """One stored event. `body` is empty once it is erased."""

    number: int
    request: RequestId
    body: str
    leaf: bytes
    mac: bytes

    def genuine(self, vault: Vault) -> bool:
        """Return whether optin wrote it, and its bytes are those of its leaf."""
        data = self.body.encode()
        return leaf_digest(data) == self.leaf and hmac.compare_digest(vault.event_mac(data), self.mac)


def add_events(tx: Tx, vault: Vault, request: RequestId | None, bodies: Sequence[dict[str, Json]]) -> None:
    """Add events of `request`, in order; None: events that concern no request.

    Those of the kinds that the journal holds are written down for it, here, so that no flow can forget it.
    """
    rows = [(body, canonical(body)) for body in bodies]
    if bodies:
        tx.events.append(_noted(bodies))
    text = "INSERT INTO event(request_id, body, leaf, mac) VALUES (:request, :body, :leaf, :mac)"
    values: list[dict[str, Value]] = [
        {"request": request, "body": data.decode(), "leaf": leaf_digest(data), "mac": vault.event_mac(data)}
        for _, data in rows
    ]
    if not any(body.get("kind") in IN_JOURNAL for body in bodies):
        tx.many(text, values)
        return
    for (body, data), value in zip(rows, values, strict=True):
        row = tx.one(f"{text} RETURNING id", **value)
        if row is not None and (kind := str(body["kind"])) in IN_JOURNAL:
            add_event_line(tx, kind, row[0], leaf_digest(data), datetime.fromisoformat(str(body["at"])))


def _noted(bodies: Sequence[dict[str, Json]]) -> NotedEvent:
    first = bodies[0]
    about = ((body.get("purpose"), body.get("channel")) for body in bodies)
    named = tuple((str(purpose), str(channel)) for purpose, channel in about if purpose and channel)
    return NotedEvent(str(first.get("kind", "")), str(first.get("magnet") or ""), named)


def blank_events(tx: Tx, request: RequestId) -> list[int]:
    """Remove the bytes of every event of a request being erased; return the event numbers."""
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


def events_about(tx: Tx, email_index: bytes, subject: SubjectId | None) -> list[StoredEvent]:
    """Return the events of every request declared with an address, or confirmed by its person.

    By both, so that a request cannot be kept out by one column. In the order in which they were written.
    """
    rows = tx.all(
        "SELECT event.id, event.request_id, event.body, event.leaf, event.mac FROM request"
        " JOIN event ON event.request_id = request.id"
        " WHERE request.email_index = :email_index OR request.subject_id = :subject ORDER BY event.id",
        email_index=email_index,
        subject=NOBODY if subject is None else subject,
    )
    return [stored_event(row) for row in rows]


def newest_event_about(tx: Tx, email_index: bytes, subject: SubjectId | None) -> int:
    """Return the number of the newest event of `events_about`; 0 when there is none."""
    row = tx.one(
        "SELECT MAX(event.id) FROM request JOIN event ON event.request_id = request.id"
        " WHERE request.email_index = :email_index OR request.subject_id = :subject",
        email_index=email_index,
        subject=NOBODY if subject is None else subject,
    )
    return 0 if row is None or row[0] is None else int(row[0])


def newest_event_of(tx: Tx, owners: Sequence[RequestId]) -> int:
    """Return the number of the newest event of requests, or of entries of the register; 0: there is none."""
    if not owners:
        return 0
    values, among = list_parameters(owners)
    row = tx.one(f"SELECT MAX(id) FROM event WHERE request_id IN ({among})", **values)
    return 0 if row is None or row[0] is None else int(row[0])


def contents_about_nobody(tx: Tx, vault: Vault, kind: str) -> list[dict[str, Any]]:
    """Return the content of genuine events of a kind that belong to no request."""
    return [body for _, body in numbered_contents(tx, vault, kind)]


def numbered_contents(tx: Tx, vault: Vault, kind: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the same, each with the number of its event."""
    rows = tx.all(
        "SELECT id, body, mac FROM event WHERE request_id IS NULL AND body IS NOT NULL AND body LIKE :kind"
        " ORDER BY id",
        kind=f'%"kind":"{kind}"%',
    )
    return [
        (int(number), parse(body))
        for number, body, mac in rows
        if hmac.compare_digest(vault.event_mac(body.encode()), bytes(mac or b""))
    ]


def count_events_with(tx: Tx, texts: Sequence[str]) -> list[int]:
    """Return how many events have each of these texts in their canonical bytes; % is anything between."""
    names = ascii_lowercase[: len(texts)]
    sums = ", ".join(f"COALESCE(SUM(CASE WHEN body LIKE :{name} THEN 1 ELSE 0 END), 0)" for name in names)
    values = {name: f"%{text}%" for name, text in zip(names, texts, strict=True)}
    row = tx.one(f"SELECT {sums} FROM event WHERE body IS NOT NULL", **values)
    return [0] * len(texts) if row is None else [int(count) for count in row]


def event_about_nobody(tx: Tx, number: int) -> StoredEvent | None:
    """Return an event that belongs to no request."""
    row = tx.one(
        "SELECT id, request_id, body, leaf, mac FROM event"
        " WHERE id = :number AND request_id IS NULL AND body IS NOT NULL",
        number=number,
    )
    return None if row is None else stored_event(row)


def stored_event(row: Row) -> StoredEvent:
    """Return an event from its number, request, bytes, leaf and MAC."""
    return StoredEvent(row[0], RequestId(row[1]), row[2] or "", bytes(row[3]), bytes(row[4] or b""))
