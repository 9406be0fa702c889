"""Reading leads for an export in short pages, and recording that an export was made (E1, E5).

Each page is a read of its own: a long export neither blocks the journal nor sees a frozen past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from optin.consent.record import RequestId, SubjectId
from optin.proof.canonical import canonical, parse
from optin.store.events import StoredEvent
from optin.store.transaction import Tx, Value, from_ms, to_ms

PAGE_LEADS = 500
FIRST = b""


@dataclass(frozen=True)
class StoredRequest:
    """What a consent's request holds, as far as its proof is concerned."""

    id: RequestId
    sealed: bytes
    form: str
    created_at: datetime
    email_index: bytes


@dataclass(frozen=True)
class StoredLead:
    """One consent with everything that its proof needs."""

    subject: SubjectId
    email_index: bytes
    contact: bytes  # sealed
    status: str
    expires_at: datetime
    suppressed: bool
    request: StoredRequest | None
    events: tuple[tuple[StoredEvent, datetime], ...]  # of all the person's requests, oldest first


_LEADS = """SELECT consent.subject_id, subject.email_index, subject.sealed, consent.status,
    consent.expires_at, suppression.at, request.id, request.sealed, request.form,
    request.created_at, request.email_index
FROM consent JOIN subject ON subject.id = consent.subject_id
LEFT JOIN request ON request.id = consent.request_id
LEFT JOIN suppression ON suppression.email_index = subject.email_index
    AND suppression.purpose = consent.purpose AND suppression.channel = consent.channel
WHERE consent.purpose = :purpose AND consent.channel = :channel AND consent.subject_id > :after
ORDER BY consent.subject_id LIMIT :most"""

_EVENTS = """SELECT request.subject_id, event.id, event.request_id, event.body, event.leaf,
    request.created_at
FROM request JOIN event ON event.request_id = request.id
WHERE request.subject_id > :after AND request.subject_id <= :last ORDER BY event.id"""


def lead_page(tx: Tx, purpose: str, channel: str, after: bytes) -> list[StoredLead]:
    """Return the next leads of a purpose, in the order of their ids; `after` is the last one seen."""
    rows = tx.all(_LEADS, purpose=purpose, channel=channel, after=after, most=PAGE_LEADS)
    if not rows:
        return []
    events: dict[bytes, list[tuple[StoredEvent, datetime]]] = {}
    for subject, number, request, body, leaf, asked in tx.all(_EVENTS, after=after, last=rows[-1][0]):
        event = StoredEvent(number, RequestId(request), body or "", leaf)
        events.setdefault(subject, []).append((event, from_ms(asked)))
    return [
        StoredLead(
            subject=SubjectId(row[0]),
            email_index=row[1],
            contact=row[2],
            status=row[3],
            expires_at=from_ms(row[4]),
            suppressed=row[5] is not None,
            request=None
            if row[6] is None
            else StoredRequest(RequestId(row[6]), row[7], row[8], from_ms(row[9]), row[10]),
            events=tuple(events.get(row[0], ())),
        )
        for row in rows
    ]


def unconfirmed_bodies(tx: Tx, after: int) -> list[tuple[int, str]]:
    """Return the next events of requests that nobody confirmed: their number and bytes."""
    rows = tx.all(
        "SELECT event.id, event.body FROM event JOIN request ON request.id = event.request_id"
        " WHERE request.confirmed_at IS NULL AND event.id > :after ORDER BY event.id LIMIT :most",
        after=after,
        most=PAGE_LEADS,
    )
    return [(row[0], row[1]) for row in rows]


def count_leads(tx: Tx, purpose: str, channel: str) -> int:
    """Count the consents of a purpose, whatever their status: how long an export will take."""
    row = tx.one(
        "SELECT COUNT(*) FROM consent WHERE purpose = :purpose AND channel = :channel",
        purpose=purpose,
        channel=channel,
    )
    return 0 if row is None else int(row[0])


def forms_of(tx: Tx, purpose: str, channel: str) -> list[str]:
    """Return the digests of the forms by which the consents of a purpose were given."""
    rows = tx.all(
        "SELECT DISTINCT request.form FROM consent JOIN request ON request.id = consent.request_id"
        " WHERE consent.purpose = :purpose AND consent.channel = :channel",
        purpose=purpose,
        channel=channel,
    )
    return sorted(row[0] for row in rows)


@dataclass(frozen=True)
class ExportRun:
    """One export as it is recorded (E5)."""

    at: datetime
    who: str
    why: str
    processor: str
    purpose: str
    channel: str
    format: str
    exported: int
    refused: Mapping[str, int]
    number: int = 0


def record_export(tx: Tx, run: ExportRun) -> int:
    """Record an export; return its number."""
    values: dict[str, Value] = {
        "at": to_ms(run.at),
        "who": run.who,
        "why": run.why,
        "processor": run.processor,
        "purpose": run.purpose,
        "channel": run.channel,
        "format": run.format,
        "exported": run.exported,
        "refused": canonical(dict(run.refused)).decode(),
    }
    row = tx.one(
        "INSERT INTO export_run"
        "(at, who, why, processor, purpose, channel, format, exported, refused)"
        " VALUES (:at, :who, :why, :processor, :purpose, :channel, :format, :exported, :refused)"
        " RETURNING id",
        **values,
    )
    return 0 if row is None else int(row[0])


def list_exports(tx: Tx) -> list[ExportRun]:
    """Return every recorded export, newest first."""
    rows = tx.all(
        "SELECT id, at, who, why, processor, purpose, channel, format, exported, refused"
        " FROM export_run ORDER BY id DESC"
    )
    return [
        ExportRun(
            number=row[0],
            at=from_ms(row[1]),
            who=row[2],
            why=row[3],
            processor=row[4],
            purpose=row[5],
            channel=row[6],
            format=row[7],
            exported=row[8],
            refused={key: int(str(value)) for key, value in parse(row[9]).items()},
        )
        for row in rows
    ]
