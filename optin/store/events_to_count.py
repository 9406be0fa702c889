"""Read events for counting, in short pages; no encrypted data is read (O4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.proof.canonical_json import parse
from optin.store.database_interface import Tx, from_ms

PAGE_REQUESTS = 500
PAGE_ERASURES = 200  # each names up to several hundred events


@dataclass(frozen=True)
class RequestsPage:
    """The event bytes of some requests, grouped by request, oldest first."""

    last: bytes
    requests: Sequence[Sequence[str]]


@dataclass(frozen=True, order=True)
class ServedVersion:
    """A form version: its magnet, its version number, its variant, and when it was first served."""

    magnet: str
    ordinal: int
    variant: str
    first: datetime

    @property
    def label(self) -> str:
        """Its name for readers."""
        return f"v{self.ordinal}"


def served_versions(tx: Tx) -> dict[str, ServedVersion]:
    """Return every form version by its digest."""
    rows = tx.all("SELECT digest, magnet, ordinal, declaration, first_served FROM form_version")
    return {
        row[0]: ServedVersion(row[1], row[2], str(parse(row[3]).get("variant", "")), from_ms(row[4]))
        for row in rows
    }


def requests_page(tx: Tx, after: bytes) -> RequestsPage | None:
    """Return the next requests, in the order of their ids; `after` is the last one seen."""
    ids = tx.all(
        "SELECT id FROM request WHERE id > :after ORDER BY id LIMIT :most", after=after, most=PAGE_REQUESTS
    )
    if not ids:
        return None
    last = bytes(ids[-1][0])
    rows = tx.all(
        "SELECT request_id, body FROM event WHERE request_id > :after AND request_id <= :last"
        " ORDER BY request_id, id",
        after=after,
        last=last,
    )
    by_request: dict[bytes, list[str]] = {}
    for request, body in rows:
        by_request.setdefault(bytes(request), []).append(body)
    return RequestsPage(last, tuple(by_request.values()))


def page_about_nobody(tx: Tx, after: int) -> list[tuple[int, str]]:
    """Return the next events that belong to no request, erasures among them: number and bytes."""
    rows = tx.all(
        "SELECT id, body FROM event WHERE request_id IS NULL AND body IS NOT NULL AND id > :after"
        " ORDER BY id LIMIT :most",
        after=after,
        most=PAGE_ERASURES,
    )
    return [(row[0], row[1]) for row in rows]
