"""Read events for counting, in short pages; no encrypted data is read (O4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.consent.form_version import IN_FRAME, IN_HTML
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
    """A form version: its magnet, its version number, its variant, and when it was first served.

    `shown_in`: where another site shows it; empty for a page of optin.
    """

    magnet: str
    ordinal: int
    variant: str
    first: datetime
    shown_in: str = ""

    @property
    def label(self) -> str:
        """Its name for readers."""
        return f"v{self.ordinal}{_SHOWN[self.shown_in]}"


_SHOWN = {"": "", IN_FRAME: " in frames", IN_HTML: " as HTML"}


def served_versions(tx: Tx) -> dict[str, ServedVersion]:
    """Return every form version by its digest."""
    rows = tx.all("SELECT digest, magnet, ordinal, declaration, first_served FROM form_version")
    found = {}
    for digest, magnet, ordinal, declaration, first in rows:
        declared = parse(declaration)
        variant, shown_in = (str(declared.get(key, "")) for key in ("variant", "shown_in"))
        found[digest] = ServedVersion(magnet, ordinal, variant, from_ms(first), shown_in)
    return found


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
