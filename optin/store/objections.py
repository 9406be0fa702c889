"""Objections of people, and the company's own do-not-contact list: digests, and encrypted reasons (L7).

A row is found by the keyed digest of an e-mail address, a number or a domain. Its event holds the same
values, so an audit finds a row that was removed or edited; the journal tells a restored backup of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.objection import DOMAIN, ObjectedBy, Objection, removal_event
from optin.consent.status_transitions import EventKind
from optin.errors import KeysUnusable
from optin.proof.canonical_json import Json, canonical, parse
from optin.proof.commitment import SALT_BYTES, commit
from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.events import add_events
from optin.store.journal_lines import add_replay_line
from optin.store.row_queries import count_rows, has_row, list_parameters

_COLUMNS = "id, made_by, kind, address, owner, channel, at"
_MADE, _ENDED = "objection", "objection-ended"
UNREADABLE = "(cannot be read)"


@dataclass(frozen=True)
class ObjectionReason:
    """Who recorded an objection, and why. `domain`: in clear, of an entry that is about one."""

    who: str
    why: str = field(repr=False)
    domain: str = ""

    def packed(self) -> bytes:
        """Return a fresh salt with the canonical bytes."""
        said: dict[str, Json] = {"who": self.who, "why": self.why, "domain": self.domain}
        return secrets.token_bytes(SALT_BYTES) + canonical(said)


NO_REASON = ObjectionReason("", "")


@dataclass(frozen=True)
class StoredObjection:
    """A row with its reason. `ended_at`: when staff removed an entry of the list; `ended`: who, and why."""

    objection: Objection
    reason: ObjectionReason
    ended_at: datetime | None = None
    ended: ObjectionReason = NO_REASON


def add_objection(tx: Tx, vault: Vault, objection: Objection, reason: ObjectionReason | None) -> None:
    """Store an objection with its event, and tell the journal. `reason` None: it is not known.

    One that is stored already, by its id, is left as it is.
    """
    packed = b"" if reason is None else reason.packed()
    added = tx.run(
        f"INSERT INTO objection({_COLUMNS}, sealed)"
        " VALUES (:id, :made_by, :kind, :address, :owner, :channel, :at, :sealed)"
        " ON CONFLICT (id) DO NOTHING",
        id=objection.id,
        made_by=objection.by.value,
        kind=objection.kind,
        address=objection.address,
        owner=objection.owner,
        channel=objection.channel,
        at=to_ms(objection.at),
        sealed=_seal(vault, _MADE, objection.id, packed),
    )
    if not added:
        return
    add_events(tx, vault, None, [objection.event(_commitment(packed))])
    add_replay_line(tx, objection_line(objection), objection.at)


def objection_line(objection: Objection) -> dict[str, Json]:
    """Return the content of the journal's line, by which a restored backup replays an objection."""
    return {"kind": EventKind.OBJECTED.value, **objection.as_line}


def end_listing(tx: Tx, vault: Vault, entry: bytes, reason: ObjectionReason, now: datetime) -> None:
    """Remove an entry of the company's list, with its event; the row stays as a record of that."""
    packed = reason.packed()
    tx.run(
        "UPDATE objection SET ended_at = :now, ended = :ended WHERE id = :id",
        now=to_ms(now),
        ended=_seal(vault, _ENDED, entry, packed),
        id=entry,
    )
    add_events(tx, vault, None, [removal_event(now, entry, _commitment(packed))])


def forget_removed(tx: Tx, before: datetime, most: int) -> int:
    """Delete entries that staff removed from the company's list long ago; their events stay."""
    return tx.run(
        "DELETE FROM objection WHERE id IN (SELECT id FROM objection"
        " WHERE ended_at IS NOT NULL AND ended_at < :before ORDER BY ended_at LIMIT :most)",
        before=to_ms(before),
        most=most,
    )


def count_removed(tx: Tx, before: datetime) -> int:
    """Count the entries that staff removed from the company's list before a moment."""
    return count_rows(tx, "objection WHERE ended_at IS NOT NULL AND ended_at < :before", before=to_ms(before))


def any_objection(tx: Tx) -> bool:
    """Return whether there is any standing objection at all; most lookups can stop here."""
    return has_row(tx, "objection WHERE ended_at IS NULL")


def has_objection(tx: Tx, email_index: bytes) -> bool:
    """Return whether there is an objection about an e-mail address, or by its person."""
    return has_row(tx, "objection WHERE address = :index OR owner = :index", index=email_index)


def objections_about(tx: Tx, indexes: Sequence[bytes]) -> list[Objection]:
    """Return the standing objections about any of these digests."""
    if not indexes:
        return []
    values, among = list_parameters(indexes)
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM objection WHERE address IN ({among}) AND ended_at IS NULL ORDER BY at, id",
        **values,
    )
    return [_objection(row) for row in rows]


def objections_of(tx: Tx, vault: Vault, email_index: bytes) -> list[StoredObjection]:
    """Return the standing objections about an e-mail address, or by its person, oldest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS}, sealed, ended_at, ended FROM objection"
        " WHERE (address = :index OR owner = :index) AND ended_at IS NULL ORDER BY at, id",
        index=email_index,
    )
    return [_stored(vault, row) for row in rows]


def company_list(tx: Tx, vault: Vault) -> list[StoredObjection]:
    """Return every entry of the company's list, oldest first, with those that were removed."""
    rows = tx.all(
        f"SELECT {_COLUMNS}, sealed, ended_at, ended FROM objection WHERE made_by = :company ORDER BY at, id",
        company=ObjectedBy.COMPANY.value,
    )
    return [_stored(vault, row) for row in rows]


def every_row(tx: Tx) -> list[Row]:
    """Return every row for an audit: id, …, at, sealed, ended_at, ended (`_COLUMNS`)."""
    return tx.all(f"SELECT {_COLUMNS}, sealed, ended_at, ended FROM objection ORDER BY id")


def commitment_of(vault: Vault, entry: bytes, sealed: bytes, *, ended: bool = False) -> str:
    """Return the digest that the event of a stored reason must name. Raises KeysUnusable."""
    return _commitment(_open(vault, _ENDED if ended else _MADE, entry, sealed))


def blank_reasons(tx: Tx, email_index: bytes) -> None:
    """Remove who recorded an erased person's objections, and why; the digests stay (R7)."""
    tx.run(
        "UPDATE objection SET sealed = :empty WHERE address = :index OR owner = :index",
        empty=b"",
        index=email_index,
    )


def numbers_by_person(tx: Tx, subjects: Sequence[bytes]) -> dict[bytes, list[bytes]]:
    """Return the digests of the numbers of each of these people that has any."""
    if not subjects:
        return {}
    values, among = list_parameters(subjects)
    rows = tx.all(f"SELECT subject_id, number FROM number_index WHERE subject_id IN ({among})", **values)
    found: dict[bytes, list[bytes]] = {}
    for subject, number in rows:
        found.setdefault(bytes(subject), []).append(bytes(number))
    return found


def objection_from(row: Row) -> Objection:
    """Return an objection from the columns of `every_row`. Raises ValueError for what optin never writes."""
    return _objection(row)


def _objection(row: Row) -> Objection:
    return Objection(
        bytes(row[0]),
        ObjectedBy(row[1]),
        row[2],
        bytes(row[3]),
        bytes(row[4]),
        row[5],
        from_ms(row[6]),
    )


def _stored(vault: Vault, row: Row) -> StoredObjection:
    objection, ended_at = _objection(row), row[8]
    return StoredObjection(
        objection,
        _read(vault, _MADE, objection, bytes(row[7])),
        None if ended_at is None else from_ms(ended_at),
        _read(vault, _ENDED, objection, bytes(row[9] or b"")),
    )


def _read(vault: Vault, table: str, objection: Objection, sealed: bytes) -> ObjectionReason:
    if not sealed:
        return NO_REASON
    try:
        said = parse(_open(vault, table, objection.id, sealed)[SALT_BYTES:])
        return ObjectionReason(str(said["who"]), str(said["why"]), str(said["domain"]))
    except (KeysUnusable, KeyError, TypeError, ValueError):  # the bar holds, whoever wrote to its row
        return ObjectionReason(UNREADABLE, UNREADABLE, UNREADABLE if objection.kind == DOMAIN else "")


def _seal(vault: Vault, table: str, entry: bytes, packed: bytes) -> bytes:
    return vault.seal(EncryptedCell(table, entry), packed) if packed else b""


def _open(vault: Vault, table: str, entry: bytes, sealed: bytes) -> bytes:
    return vault.open(EncryptedCell(table, entry), sealed)


def _commitment(packed: bytes) -> str:
    return commit(packed[:SALT_BYTES], packed[SALT_BYTES:]) if packed else ""
