"""Read leads in short pages: consents of a purpose with everything that their proof needs.

Each page is a read of its own: a long export neither blocks the write-ahead log nor sees a frozen past.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import RequestId, SubjectId
from optin.store.consent_key_columns import columns_of
from optin.store.database_interface import Row, Tx, Value, from_ms, to_ms
from optin.store.events import StoredEvent, stored_event
from optin.store.row_queries import count_rows

PAGE_LEADS = 500


FIRST = b""


@dataclass(frozen=True)
class StoredRequest:
    """The request of a consent, as far as its proof needs it."""

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
    events: tuple[StoredEvent, ...]  # of all the person's requests, oldest first


_LEADS = """SELECT consent.subject_id, subject.email_index, subject.sealed, consent.status,
    consent.expires_at, COALESCE(suppression.at, (
        SELECT MAX(other.at) FROM number_index JOIN number_objection AS other
            ON other.number = number_index.number AND other.email_index <> subject.email_index
        WHERE :declared = 1 AND number_index.subject_id = consent.subject_id
        AND ((other.purpose = consent.purpose AND other.channel = consent.channel) OR other.purpose = '')
    )), request.id, request.sealed, request.form,
    request.created_at, request.email_index
FROM consent JOIN subject ON subject.id = consent.subject_id
LEFT JOIN request ON request.id = consent.request_id
LEFT JOIN suppression ON suppression.email_index = subject.email_index
    AND suppression.purpose = consent.purpose AND suppression.channel = consent.channel
WHERE consent.purpose = :purpose AND consent.channel = :channel AND """


_EVENTS = """SELECT event.id, event.request_id, event.body, event.leaf, event.mac, request.subject_id
FROM request JOIN event ON event.request_id = request.id WHERE """


# and those of requests of the same address that are not filed with the person: pending, or cut off
_CUT_OFF = """SELECT event.id, event.request_id, event.body, event.leaf, event.mac, subject.id
FROM subject JOIN request ON request.email_index = subject.email_index
    AND (request.subject_id IS NULL OR request.subject_id <> subject.id)
JOIN event ON event.request_id = request.id WHERE """


def lead_page(tx: Tx, key: ConsentKey, after: bytes) -> list[StoredLead]:
    """Return the next leads of a purpose, in the order of their ids; `after` is the last one seen."""
    rows = tx.all(
        _LEADS + "consent.subject_id > :after ORDER BY consent.subject_id LIMIT :most",
        **_about(key),
        after=after,
        most=PAGE_LEADS,
    )
    if not rows:
        return []
    about = {"after": after, "last": rows[-1][0]}
    events = tx.all(_EVENTS + "request.subject_id > :after AND request.subject_id <= :last", **about)
    events += tx.all(_CUT_OFF + "subject.id > :after AND subject.id <= :last", **about)
    return _leads(rows, sorted(events, key=itemgetter(0)))


def leads_of(tx: Tx, key: ConsentKey, subjects: Sequence[SubjectId]) -> list[StoredLead]:
    """Return the leads of a purpose among some people."""
    if not subjects:
        return []
    among, ids = tx.one_of("consent.subject_id", subjects)
    rows = tx.all(f"{_LEADS}{among}", **_about(key), **ids)
    among, ids = tx.one_of("request.subject_id", subjects)
    events = tx.all(f"{_EVENTS}{among}", **ids)
    among, ids = tx.one_of("subject.id", subjects)
    events += tx.all(f"{_CUT_OFF}{among}", **ids)
    return _leads(rows, sorted(events, key=itemgetter(0)))


def _about(key: ConsentKey) -> dict[str, Value]:
    """Return the condition for a consent; `declared`: by an address that others may have suppressed too."""
    return {**columns_of(key), "declared": int(key.channel.address.declared)}


def _leads(rows: Sequence[Row], events: Sequence[Row]) -> list[StoredLead]:
    by_subject: dict[bytes, list[StoredEvent]] = {}
    for row in events:
        by_subject.setdefault(bytes(row[5]), []).append(stored_event(row))
    return [
        StoredLead(
            subject=SubjectId(bytes(row[0])),
            email_index=bytes(row[1]),
            contact=row[2],
            status=row[3],
            expires_at=from_ms(row[4]),
            suppressed=row[5] is not None,
            request=None
            if row[6] is None
            else StoredRequest(RequestId(bytes(row[6])), row[7], row[8], from_ms(row[9]), bytes(row[10])),
            events=tuple(by_subject.get(bytes(row[0]), ())),
        )
        for row in rows
    ]


def newest_consents(
    tx: Tx, key: ConsentKey, span: tuple[int, int], most: int
) -> list[tuple[bytes, int, str]]:
    """Return the standing consents of a purpose, the one that began last first.

    `span`: the earliest and the latest moment of their beginning (ms). Each: person, moment, form.
    """
    rows = tx.all(
        "SELECT recent.subject_id, recent.begun_at, request.form FROM"
        " (SELECT subject_id, begun_at, request_id FROM consent"
        " WHERE purpose = :purpose AND channel = :channel AND status = 'given'"
        " AND begun_at >= :since AND begun_at <= :before"
        " ORDER BY begun_at DESC, subject_id DESC LIMIT :most) AS recent"
        " JOIN request ON request.id = recent.request_id"
        " ORDER BY recent.begun_at DESC, recent.subject_id DESC",
        **columns_of(key),
        since=span[0],
        before=span[1],
        most=most,
    )
    return [(bytes(row[0]), int(row[1]), str(row[2])) for row in rows]


def count_by_status(tx: Tx, key: ConsentKey, now: datetime) -> dict[str, int]:
    """Count the consents of a purpose by status; given ones that are over count as expired."""
    rows = tx.all(
        "SELECT CASE WHEN status = 'given' AND expires_at <= :now THEN 'expired' ELSE status END AS standing,"
        " COUNT(*) FROM consent WHERE purpose = :purpose AND channel = :channel GROUP BY standing",
        **columns_of(key),
        now=to_ms(now),
    )
    return {str(row[0]): int(row[1]) for row in rows}


def count_suppressed(tx: Tx, key: ConsentKey, now: datetime) -> int:
    """Count the standing consents of a purpose whose address is suppressed."""
    return count_rows(
        tx,
        "suppression JOIN subject ON subject.email_index = suppression.email_index"
        " JOIN consent ON consent.subject_id = subject.id AND consent.purpose = suppression.purpose"
        " AND consent.channel = suppression.channel"
        " WHERE suppression.purpose = :purpose AND suppression.channel = :channel"
        " AND consent.status = 'given' AND consent.expires_at > :now",
        **columns_of(key),
        now=to_ms(now),
    )


def count_downloaders(tx: Tx) -> int:
    """Count the people who asked for a magnet and never gave a consent."""
    return count_rows(tx, "subject WHERE consented = 0")


def newest_downloaders(tx: Tx, before: int, most: int) -> list[tuple[SubjectId, bytes, bytes, datetime]]:
    """Return people without any consent, whoever asked for a magnet last first.

    `before`: the latest moment of their asking (ms). Each: person, digest of the address, sealed contact,
    moment.
    """
    rows = tx.all(
        "SELECT id, email_index, sealed, idle_from FROM subject WHERE consented = 0 AND idle_from <= :before"
        " ORDER BY idle_from DESC, id LIMIT :most",
        before=before,
        most=most,
    )
    return [(SubjectId(bytes(row[0])), bytes(row[1]), bytes(row[2]), from_ms(row[3])) for row in rows]


def forms_of_magnets(tx: Tx, magnets: Collection[str]) -> frozenset[str]:
    """Return the digests of every form of some magnets, by their addresses."""
    rows = tx.all("SELECT digest, magnet FROM form_version")
    return frozenset(str(row[0]) for row in rows if row[1] in magnets)


def count_unconfirmed(tx: Tx, key: ConsentKey) -> int:
    """Count the consents of a key that were asked for and not confirmed; an event's keys are in order."""
    return count_rows(
        tx,
        "request CROSS JOIN event"  # in this order: few requests are unconfirmed
        " WHERE event.request_id = request.id AND request.confirmed_at IS NULL AND event.body LIKE :asked",
        asked=f'%"channel":"{key.channel.value}"%"kind":"requested"%"purpose":"{key.purpose}"%',
    )


def count_leads(tx: Tx, key: ConsentKey) -> int:
    """Count the consents of a purpose, of any status, to tell how long an export will take."""
    return count_rows(tx, "consent WHERE purpose = :purpose AND channel = :channel", **columns_of(key))


def forms_of(tx: Tx, key: ConsentKey) -> list[str]:
    """Return the digests of the forms of a purpose's consents."""
    rows = tx.all(
        "SELECT DISTINCT request.form FROM consent JOIN request ON request.id = consent.request_id"
        " WHERE consent.purpose = :purpose AND consent.channel = :channel",
        **columns_of(key),
    )
    return sorted(row[0] for row in rows)
