"""Reading leads for an export in short pages, and recording that an export was made (E1, E5).

Each page is a read of its own: a long export neither blocks the write-ahead log nor sees a frozen past.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from optin.consent.consent_record import RequestId, SubjectId
from optin.consent.event import exported
from optin.consent.purpose import ConsentKey
from optin.proof.canonical import Json, canonical, parse
from optin.proof.commitment import digest
from optin.store.consent_columns import columns_of
from optin.store.events import StoredEvent, add_events, stored_event
from optin.store.transaction import Row, Tx, Value, from_ms, to_ms
from optin.store.vault import Vault

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
    ids, among = listed(subjects)
    rows = tx.all(f"{_LEADS}consent.subject_id IN ({among})", **_about(key), **ids)
    events = tx.all(f"{_EVENTS}request.subject_id IN ({among})", **ids)
    events += tx.all(f"{_CUT_OFF}subject.id IN ({among})", **ids)
    return _leads(rows, sorted(events, key=itemgetter(0)))


def _about(key: ConsentKey) -> dict[str, Value]:
    """Return which consent is meant; `declared`: by an address of which others may have objected too."""
    return {**columns_of(key), "declared": int(key.channel.address.declared)}


def listed(values: Sequence[bytes]) -> tuple[dict[str, Value], str]:
    """Return values as parameters, and how a statement names them in a list."""
    named: dict[str, Value] = {f"v{_letters(place)}": value for place, value in enumerate(values)}
    return named, ", ".join(f":{name}" for name in named)


def _letters(number: int) -> str:
    """Return a number in letters: parameters have no digits."""
    return str(number).translate(_AS_LETTERS)


_AS_LETTERS = str.maketrans("0123456789", "abcdefghij")


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


def unconfirmed_bodies(tx: Tx, after: int) -> list[tuple[int, str]]:
    """Return the next events of requests that nobody confirmed: their number and bytes."""
    rows = tx.all(
        "SELECT event.id, event.body FROM event JOIN request ON request.id = event.request_id"
        " WHERE request.confirmed_at IS NULL AND event.id > :after ORDER BY event.id LIMIT :most",
        after=after,
        most=PAGE_LEADS,
    )
    return [(row[0], row[1]) for row in rows]


def count_leads(tx: Tx, key: ConsentKey) -> int:
    """Count the consents of a purpose, whatever their status: how long an export will take."""
    row = tx.one(
        "SELECT COUNT(*) FROM consent WHERE purpose = :purpose AND channel = :channel",
        **columns_of(key),
    )
    return 0 if row is None else int(row[0])


def forms_of(tx: Tx, key: ConsentKey) -> list[str]:
    """Return the digests of the forms by which the consents of a purpose were given."""
    rows = tx.all(
        "SELECT DISTINCT request.form FROM consent JOIN request ON request.id = consent.request_id"
        " WHERE consent.purpose = :purpose AND consent.channel = :channel",
        **columns_of(key),
    )
    return sorted(row[0] for row in rows)


@dataclass(frozen=True)
class ExportRun:
    """One export as it is recorded (E5)."""

    at: datetime
    who: str
    why: str
    processor: str
    key: ConsentKey
    format: str
    exported: int
    refused: Mapping[str, int]
    number: int = 0
    checkpoint: int | None = None  # the size of the log that it was proven against
    members: bytes = b""  # names who was in it


def new_run(now: datetime) -> bytes:
    """Return a name for an export; names grow with time, so that what was never recorded is found."""
    return to_ms(now).to_bytes(8, "big") + secrets.token_bytes(8)


def add_members(tx: Tx, run: bytes, subjects: Sequence[SubjectId]) -> frozenset[SubjectId]:
    """Record the people of an export, to show it to them and to inform the processor of the end (E5).

    Returns who is still there: somebody may have been erased since the page was read.
    """
    rows = tx.all(
        f"SELECT id FROM subject WHERE id >= :first AND id <= :last ORDER BY id {tx.for_update}",
        first=min(subjects),
        last=max(subjects),
    )
    living = frozenset(SubjectId(bytes(row[0])) for row in rows).intersection(subjects)
    tx.many(
        "INSERT INTO export_member(run, subject_id) VALUES (:run, :subject)",
        [{"run": run, "subject": subject} for subject in sorted(living)],
    )
    return living


def memberships_of(tx: Tx, subject: SubjectId) -> list[bytes]:
    """Return the runs that a person was in."""
    rows = tx.all("SELECT run FROM export_member WHERE subject_id = :subject", subject=subject)
    return [bytes(row[0]) for row in rows]


def forget_membership(tx: Tx, run: bytes, digest: bytes, now: datetime) -> None:
    """Keep of somebody who is erased only a digest that fits this export alone."""
    tx.run(
        "INSERT INTO export_gone(run, digest, at) VALUES (:run, :digest, :now)"
        " ON CONFLICT (run, digest) DO UPDATE SET at = excluded.at",
        run=run,
        digest=digest,
        now=to_ms(now),
    )


def find_export(tx: Tx, number: int) -> ExportRun | None:
    """Return one recorded export."""
    return next((run for run in list_exports(tx) if run.number == number), None)


def exports_with(tx: Tx, subject: SubjectId) -> list[ExportRun]:
    """Return the exports that held a person, newest first."""
    members = set(memberships_of(tx, subject))
    return [run for run in list_exports(tx) if run.members in members] if members else []


def ended_members(tx: Tx, run: ExportRun, after: bytes, now: datetime) -> list[Row]:
    """Return the next people of an export whose consent does not hold any more.

    Each: subject, sealed contact, status, since when, until when it was given.
    """
    return tx.all(
        "SELECT subject.id, subject.sealed, consent.status, consent.since, consent.expires_at"
        " FROM export_member JOIN subject ON subject.id = export_member.subject_id"
        " JOIN consent ON consent.subject_id = subject.id"
        " AND consent.purpose = :purpose AND consent.channel = :channel"
        " WHERE export_member.run = :run AND subject.id > :after"
        " AND (consent.status <> 'given' OR consent.expires_at <= :now)"
        " ORDER BY subject.id LIMIT :most",
        run=run.members,
        **columns_of(run.key),
        after=after,
        now=to_ms(now),
        most=PAGE_LEADS,
    )


def erased_members(tx: Tx, run: bytes) -> dict[bytes, datetime]:
    """Return the digests of people of an export who are erased since, and when."""
    rows = tx.all("SELECT digest, at FROM export_gone WHERE run = :run", run=run)
    return {bytes(row[0]): from_ms(row[1]) for row in rows}


def forget_exports(tx: Tx, before: datetime, most: int) -> Counter[bytes]:
    """Remove digests of erased people from exports long past; return how many of each export."""
    rows = tx.all(
        "DELETE FROM export_gone WHERE (run, digest) IN"
        " (SELECT run, digest FROM export_gone WHERE at < :before LIMIT :most) RETURNING run",
        before=to_ms(before),
        most=most,
    )
    return Counter(bytes(row[0]) for row in rows)


def delete_unrecorded_members(tx: Tx, before: datetime, most: int) -> int:
    """Remove members of exports that were never recorded, because their process was killed."""
    end, run = to_ms(before).to_bytes(8, "big"), b""
    while True:  # from run to run, not from member to member
        # not MIN(run): before version 18 PostgreSQL has no MIN of bytes
        row = tx.one(
            "SELECT run FROM export_member WHERE run > :run AND run < :end ORDER BY run LIMIT 1",
            run=run,
            end=end,
        )
        if row is None:
            return 0
        run = bytes(row[0])
        if tx.one("SELECT id FROM export_run WHERE members = :run", run=run) is None:
            return tx.run(
                "DELETE FROM export_member WHERE run = :run AND subject_id IN"
                " (SELECT subject_id FROM export_member WHERE run = :run LIMIT :most)",
                run=run,
                most=most,
            )


def digest_of(values: Mapping[str, Value]) -> str:
    """Return the digest of what is recorded about an export, as its event names it."""
    plain: dict[str, Json] = {
        name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()
    }
    return digest(canonical(plain))


def record_export(tx: Tx, vault: Vault, run: ExportRun) -> int:
    """Record an export, and an event that holds the record to its words; return its number."""
    values: dict[str, Value] = {
        "at": to_ms(run.at),
        "who": run.who,
        "why": run.why,
        "processor": run.processor,
        **columns_of(run.key),
        "format": run.format,
        "exported": run.exported,
        "refused": canonical(dict(run.refused)).decode(),
        "checkpoint": run.checkpoint,
        "members": run.members,
    }
    row = tx.one(
        "INSERT INTO export_run"
        "(at, who, why, processor, purpose, channel, format, exported, refused,"
        " checkpoint, members)"
        " VALUES (:at, :who, :why, :processor, :purpose, :channel, :format, :exported, :refused,"
        " :checkpoint, :members)"
        " RETURNING id",
        **values,
    )
    add_events(tx, vault, None, [exported(run.at, digest_of(values))])
    return 0 if row is None else int(row[0])


@dataclass(frozen=True)
class RecordedExport:
    """What an audit compares of one export: its record's digest, and how many people are known of it."""

    number: int
    digest: str
    run: str  # names who was in it; empty: nobody was remembered
    exported: int
    known: int  # people still kept, and digests of those who were erased


def recorded_exports(tx: Tx) -> list[RecordedExport]:
    """Return every recorded export, with the digest of what is recorded about it now."""
    names = ("at", "who", "why", "processor", "purpose", "channel", "format", "exported", "refused")
    rows = tx.all(
        f"SELECT id, {', '.join(names)}, checkpoint, members,"
        " (SELECT COUNT(*) FROM export_member WHERE run = export_run.members)"
        " + (SELECT COUNT(*) FROM export_gone WHERE run = export_run.members)"
        " FROM export_run ORDER BY id"
    )
    found: list[RecordedExport] = []
    for row in rows:
        members = bytes(row[11] or b"")
        values = {**dict(zip(names, row[1:10], strict=True)), "checkpoint": row[10], "members": members}
        found.append(RecordedExport(row[0], digest_of(values), members.hex(), row[8], row[12]))
    return found


def list_exports(tx: Tx) -> list[ExportRun]:
    """Return every recorded export, newest first."""
    rows = tx.all(
        "SELECT id, at, who, why, processor, purpose, channel, format, exported, refused,"
        " checkpoint, members FROM export_run ORDER BY id DESC"
    )
    return [
        ExportRun(
            number=row[0],
            at=from_ms(row[1]),
            who=row[2],
            why=row[3],
            processor=row[4],
            key=ConsentKey.parse(row[5], row[6]),
            format=row[7],
            exported=row[8],
            refused={key: int(str(value)) for key, value in parse(row[9]).items()},
            checkpoint=row[10],
            members=bytes(row[11] or b""),
        )
        for row in rows
    ]
