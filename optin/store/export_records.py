"""Records of exports and of the people in each, so that a processor can be told of an end (E1, E5)."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.consent.event_content import exported
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import SubjectId
from optin.proof.canonical_json import Json, canonical, parse
from optin.proof.commitment import digest
from optin.store.consent_key_columns import columns_of
from optin.store.database_interface import Row, Tx, Value, from_ms, to_ms
from optin.store.encryption import Vault
from optin.store.events import add_events
from optin.store.leads import PAGE_LEADS
from optin.store.row_queries import PAGE, Place, list_parameters


@dataclass(frozen=True)
class ExportRun:
    """One recorded export (E5)."""

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
    """Return a name for an export run; names increase with time, which finds members of unrecorded runs."""
    return to_ms(now).to_bytes(8, "big") + secrets.token_bytes(8)


def add_members(tx: Tx, run: bytes, subjects: Sequence[SubjectId]) -> frozenset[SubjectId]:
    """Record the people of an export, for their personal page and to inform the processor later (E5).

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


def add_entries(tx: Tx, run: bytes, entries: Sequence[bytes]) -> frozenset[bytes]:
    """Record the entries of the register of bases in an export; return those that are still there."""
    values, among = list_parameters(entries)
    rows = tx.all(f"SELECT id FROM held_basis WHERE id IN ({among}) {tx.for_update}", **values)
    living = frozenset(bytes(row[0]) for row in rows)
    tx.many(
        "INSERT INTO export_member(run, subject_id) VALUES (:run, :entry)",
        [{"run": run, "entry": entry} for entry in sorted(living)],
    )
    return living


def memberships_of(tx: Tx, owner: bytes) -> list[bytes]:
    """Return the export runs that a person, or an entry of the register of bases, was in."""
    rows = tx.all("SELECT run FROM export_member WHERE subject_id = :owner", owner=owner)
    return [bytes(row[0]) for row in rows]


def forget_membership(tx: Tx, run: bytes, digest: bytes, now: datetime) -> None:
    """Replace an erased person by a digest that fits this export alone."""
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


def exports_with(tx: Tx, owners: Sequence[bytes]) -> list[ExportRun]:
    """Return the exports that contained a person or one of its entries, newest first."""
    members = {run for owner in owners for run in memberships_of(tx, owner)}
    return [run for run in list_exports(tx) if run.members in members] if members else []


def ended_members(tx: Tx, run: ExportRun, after: bytes, now: datetime) -> list[Row]:
    """Return the next people of an export whose consent has ended.

    Each: subject, sealed contact, status, since when, until when it was given.
    """
    ended = "(consent.status <> 'given' OR consent.expires_at <= :now)"
    return _members(tx, run, ended, after, now)


def living_members(tx: Tx, run: ExportRun, after: bytes, now: datetime) -> list[Row]:
    """Return the next people of an export whose consent stands, in the columns of `ended_members`."""
    return _members(tx, run, "consent.status = 'given' AND consent.expires_at > :now", after, now)


def _members(tx: Tx, run: ExportRun, which: str, after: bytes, now: datetime) -> list[Row]:
    return tx.all(
        "SELECT subject.id, subject.sealed, consent.status, consent.since, consent.expires_at"
        " FROM export_member JOIN subject ON subject.id = export_member.subject_id"
        " JOIN consent ON consent.subject_id = subject.id"
        " AND consent.purpose = :purpose AND consent.channel = :channel"
        f" WHERE export_member.run = :run AND subject.id > :after AND {which}"
        " ORDER BY subject.id LIMIT :most",
        run=run.members,
        **columns_of(run.key),
        after=after,
        now=to_ms(now),
        most=PAGE_LEADS,
    )


def erased_members(tx: Tx, run: bytes) -> dict[bytes, datetime]:
    """Return the digests of erased people of an export, and when they were erased."""
    rows = tx.all("SELECT digest, at FROM export_gone WHERE run = :run", run=run)
    return {bytes(row[0]): from_ms(row[1]) for row in rows}


def forget_exports(tx: Tx, before: datetime, most: int) -> Counter[bytes]:
    """Remove digests of erased people from old exports; return how many of each export."""
    rows = tx.all(
        "DELETE FROM export_gone WHERE (run, digest) IN"
        " (SELECT run, digest FROM export_gone WHERE at < :before LIMIT :most) RETURNING run",
        before=to_ms(before),
        most=most,
    )
    return Counter(bytes(row[0]) for row in rows)


def delete_unrecorded_members(tx: Tx, before: datetime, most: int) -> int:
    """Remove members of exports whose process was killed before it recorded the export."""
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
    """Return the digest of an export's record, as its event contains it."""
    plain: dict[str, Json] = {
        name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()
    }
    return digest(canonical(plain))


def record_export(tx: Tx, vault: Vault, run: ExportRun) -> int:
    """Record an export, and an event that commits to the record; return its number."""
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
        f"INSERT INTO export_run({', '.join(values)}) VALUES (:{', :'.join(values)}) RETURNING id", **values
    )
    add_events(tx, vault, None, [exported(run.at, digest_of(values))])
    return 0 if row is None else int(row[0])


# what is recorded of an export, and its event commits to
_RECORDED = "at, who, why, processor, purpose, channel, format, exported, refused, checkpoint, members"


@dataclass(frozen=True)
class RecordedExport:
    """An export as an audit compares it: the digest of its record, and the number of its people."""

    number: int
    digest: str
    run: str  # names who was in it; empty: nobody was remembered
    exported: int
    known: int  # people still kept, and digests of those who were erased


def recorded_exports(tx: Tx) -> list[RecordedExport]:
    """Return every recorded export, with the digest of its record as it is now."""
    rows = tx.all(
        f"SELECT {_RECORDED}, id, (SELECT COUNT(*) FROM export_member WHERE run = export_run.members)"
        " + (SELECT COUNT(*) FROM export_gone WHERE run = export_run.members)"
        " FROM export_run ORDER BY id"
    )
    found: list[RecordedExport] = []
    for *recorded, number, known in rows:
        values = dict(zip(_RECORDED.split(", "), recorded, strict=True))
        values["members"] = members = bytes(values["members"] or b"")
        found.append(RecordedExport(number, digest_of(values), members.hex(), values["exported"], known))
    return found


def export_runs_before(tx: Tx, place: Place, since: int, most: int) -> list[Row]:
    """Return rows from a place on, the newest first: number, moment, who, why, processor, how many."""
    return tx.all(
        f"SELECT id, at, who, why, processor, exported FROM export_run WHERE {PAGE}",
        at=place.at,
        id=place.number,
        since=since,
        most=most,
    )


def list_exports(tx: Tx) -> list[ExportRun]:
    """Return every recorded export, newest first."""
    rows = tx.all(f"SELECT {_RECORDED}, id FROM export_run ORDER BY id DESC")
    return [
        ExportRun(
            at=from_ms(row[0]),
            who=row[1],
            why=row[2],
            processor=row[3],
            key=ConsentKey.parse(row[4], row[5]),
            format=row[6],
            exported=row[7],
            refused={key: int(str(value)) for key, value in parse(row[8]).items()},
            checkpoint=row[9],
            members=bytes(row[10] or b""),
            number=row[11],
        )
        for row in rows
    ]
