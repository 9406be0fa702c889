"""The trail of staff: who signed in, looked at a person, or acted, when and why. Only ever added to.

Each row is one entry of a register, bound to the log by an event that holds salted digests alone. The
columns only find a row; an audit holds the sealed entries to the events.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from optin.consent.event_content import STAFF_ACTS, STAFF_TEXTS, forgotten, rfc3339
from optin.consent.status_transitions import ID_BYTES, EventKind
from optin.proof.canonical_json import Json, parse
from optin.proof.register_entry import RegisterEntry
from optin.store.database_interface import Row, Tx, Value, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault, new_id
from optin.store.events import add_events
from optin.store.register_entries import log_entry, new_entry
from optin.store.row_queries import PAGE, Place, count_rows

ACT = "act"
_TABLE = "staff_act"
_COLUMNS = "id, at, kind, staff_id, about, sealed"
NOBODY = b""


@dataclass(frozen=True)
class StaffAct:
    """One act. `kind`: such as "signed-in"; `about`: the digest of a person's address, or nobody.

    `facts`: numbers and ids that name nobody; `texts`: the reason, and what else may name people.
    """

    at: datetime
    kind: str
    staff_id: bytes
    about: bytes = NOBODY
    facts: Mapping[str, Json] = field(default_factory=dict)
    texts: Mapping[str, Json] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class StoredAct:
    """An act with its number in the trail and its entry."""

    number: int
    act: StaffAct
    entry: RegisterEntry

    def faults(self, row: Row) -> Iterator[str]:
        """Yield which columns of its row say something else than the sealed entry."""
        act = self.act
        if (int(row[1]), row[2], bytes(row[3]), bytes(row[4])) != (
            to_ms(act.at),
            act.kind,
            act.staff_id,
            act.about,
        ):
            yield "is filed under another moment, kind, account or person than its entry says"


def add_act(tx: Tx, vault: Vault, act: StaffAct) -> int:
    """Add an act to the trail, with its event; return its number."""
    facts: dict[str, Json] = {
        **act.facts,
        "at": rfc3339(act.at),
        "kind": act.kind,
        "staff": act.staff_id.hex(),
        "about": act.about.hex(),
    }
    entry = new_entry(ACT, facts, dict(act.texts))
    row = tx.one(
        "INSERT INTO staff_act(at, kind, staff_id, about, sealed)"
        " VALUES (:at, :kind, :staff, :about, :sealed) RETURNING id",
        at=to_ms(act.at),
        kind=act.kind,
        staff=act.staff_id,
        about=act.about,
        sealed=_sealed(vault, entry),
    )
    log_entry(tx, vault, EventKind.STAFF_ACT, entry, {"what": act.kind}, act.at)
    if row is None:
        msg = "an insert returns its row"
        raise AssertionError(msg)
    return int(row[0])


def acts_about(tx: Tx, about: bytes, most: int, without: str = "") -> list[Row]:
    """Return the newest rows about a person, for `open_act`; `without`: a kind that is left out."""
    return tx.all(
        f"SELECT {_COLUMNS} FROM staff_act WHERE about = :about AND kind <> :without"
        " ORDER BY id DESC LIMIT :most",
        about=about,
        without=without,
        most=most,
    )


@dataclass(frozen=True)
class ActFilter:
    """Which rows are wanted. `since`: in milliseconds; None and empty: all of them."""

    staff: bytes | None = None
    kind: str = ""
    since: int = 0
    about_nobody: bool = False


def acts_page(tx: Tx, wanted: ActFilter, place: Place, most: int) -> list[Row]:
    """Return rows from a place on, the newest first, for `open_act`."""
    which: dict[str, Value] = {}
    if wanted.staff is not None:
        which["staff_id"] = wanted.staff
    if wanted.kind:
        which["kind"] = wanted.kind
    if wanted.about_nobody:
        which["about"] = NOBODY
    conditions = "".join(f"{it} = :{it} AND " for it in which)
    return tx.all(
        f"SELECT {_COLUMNS} FROM staff_act WHERE {conditions}{PAGE}",
        at=place.at,
        id=place.number,
        since=wanted.since,
        most=most,
        **which,
    )


def acts_at(tx: Tx, at: int) -> set[bytes]:
    """Return the people whom acts of one moment are about."""
    return {bytes(row[0]) for row in tx.all("SELECT about FROM staff_act WHERE at = :at", at=at)}


def acts_of_kinds(tx: Tx, kinds: Collection[str], since: int, until: int) -> list[Row]:
    """Return rows of a time and of some kinds, oldest first, for `open_act`."""
    found: list[Row] = []
    for kind in kinds:
        found += tx.all(
            f"SELECT {_COLUMNS} FROM staff_act WHERE kind = :kind AND at >= :since AND at <= :until",
            kind=kind,
            since=since,
            until=until,
        )
    return sorted(found, key=itemgetter(0))


def count_acts(tx: Tx, since: datetime) -> dict[str, int]:
    """Return how many acts there were since a moment, by kind."""
    rows = tx.all("SELECT kind, COUNT(*) FROM staff_act WHERE at >= :since GROUP BY kind", since=to_ms(since))
    return {row[0]: int(row[1]) for row in rows}


def last_acts(tx: Tx, kind: str) -> dict[bytes, datetime]:
    """Return when each account last did an act of this kind."""
    rows = tx.all("SELECT staff_id, MAX(at) FROM staff_act WHERE kind = :kind GROUP BY staff_id", kind=kind)
    return {bytes(row[0]): from_ms(row[1]) for row in rows}


def act_rows(tx: Tx) -> list[Row]:
    """Return every row, for an audit."""
    return tx.all(f"SELECT {_COLUMNS} FROM staff_act ORDER BY id")


def open_act(vault: Vault, row: Row) -> StoredAct:
    """Return a row with its entry. Raises KeysUnusable, KeyError, TypeError or ValueError."""
    sealed = bytes(row[5])
    plain: dict[str, Any] = parse(vault.open(EncryptedCell(_TABLE, sealed[:ID_BYTES]), sealed[ID_BYTES:]))
    entry = RegisterEntry.from_json(plain)
    facts: Mapping[str, Any] = entry.facts
    act = StaffAct(
        datetime.fromisoformat(facts["at"]),
        facts["kind"],
        bytes.fromhex(facts["staff"]),
        bytes.fromhex(facts["about"]),
        {name: value for name, value in facts.items() if name not in {"at", "kind", "staff", "about"}},
        entry.texts,
    )
    return StoredAct(int(row[0]), act, entry)


def locked_acts_about(tx: Tx, about: bytes) -> list[Row]:
    """Return every row about a person, for `open_act`, locked until the transaction ends."""
    text = f"SELECT {_COLUMNS} FROM staff_act WHERE about = :about ORDER BY id {tx.for_update}"
    return tx.all(text, about=about)


def remove_act_texts(tx: Tx, vault: Vault, stored: StoredAct, now: datetime) -> None:
    """Remove the reason of an act, with an event. The act stays."""
    if stored.entry.has_texts:
        _save(tx, stored.number, _sealed(vault, stored.entry.without_texts()))
        add_events(tx, vault, None, [forgotten(now, STAFF_TEXTS, stored.entry.digest)])


def blank_act(tx: Tx, number: int) -> None:
    """Empty a row that cannot be read."""
    _save(tx, number, b"")


def _save(tx: Tx, number: int, sealed: bytes) -> None:
    tx.run("UPDATE staff_act SET sealed = :sealed WHERE id = :id", id=number, sealed=sealed)


def acts_to_forget(tx: Tx, before: datetime, most: int) -> list[Row]:
    """Return rows older than a moment, for `open_act`."""
    return tx.all(
        f"SELECT {_COLUMNS} FROM staff_act WHERE at < :before ORDER BY at, id LIMIT :most",
        before=to_ms(before),
        most=most,
    )


def count_acts_to_forget(tx: Tx, before: datetime) -> int:
    """Count the rows older than a moment."""
    return count_rows(tx, "staff_act WHERE at < :before", before=to_ms(before))


def forget_act(tx: Tx, vault: Vault, stored: StoredAct, now: datetime) -> None:
    """Delete an act whose time is over, and log that."""
    tx.run("DELETE FROM staff_act WHERE id = :id", id=stored.number)
    add_events(tx, vault, None, [forgotten(now, STAFF_ACTS, stored.entry.digest, 1)])


def _sealed(vault: Vault, entry: RegisterEntry) -> bytes:
    row = new_id()
    return row + vault.seal(EncryptedCell(_TABLE, row), json.dumps(entry.as_json()).encode())
