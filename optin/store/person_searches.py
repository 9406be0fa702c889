"""Searches of staff for people whose data are sealed: progress and hits, so that any server can show them.

What is looked for and who was found is sealed; a search is forgotten a quarter of an hour after it began.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from optin.errors import KeysUnusable
from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.row_queries import count_rows

_COLUMNS = "id, session, state, looked, total, begun_at, seen_at, sealed"


class SearchState(StrEnum):
    """How a search stands."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"  # by whoever began it, or by another search of the same session
    FULL = "full"  # as many were found as one search shows


@dataclass(frozen=True)
class Wanted:
    """What is looked for. `exact`: a whole address or number, found by its digest and not by comparing."""

    text: str = field(repr=False)
    exact: bool = False


@dataclass(frozen=True)
class PersonSearch:
    """One search. `found`: keyed digests of addresses; `seen`: when its progress was written last."""

    id: bytes
    session: bytes
    state: SearchState
    looked: int
    total: int
    begun: datetime
    seen: datetime
    wanted: Wanted
    found: tuple[bytes, ...] = ()


class SearchedTable(StrEnum):
    """A table with sealed data about people, in the order of a search."""

    SUBJECTS = "subject"  # whoever confirmed something
    REQUESTS = "request"  # sign-ups that nobody confirmed
    BASES = "held_basis"  # the register of bases
    RIGHTS = "rights_request"  # what people asked about their data


@dataclass(frozen=True)
class SealedRecord:
    """One record to compare: the key of its row, the digest of an address if the row has one, sealed data."""

    key: bytes | int
    address: bytes
    sealed: tuple[Row, ...] = field(repr=False)


def add_search(tx: Tx, vault: Vault, search: PersonSearch) -> None:
    """Store a search; those of the same session that still run are stopped."""
    tx.run(
        "UPDATE person_search SET state = :stopped WHERE session = :session AND state = :running",
        stopped=SearchState.STOPPED.value,
        running=SearchState.RUNNING.value,
        session=search.session,
    )
    tx.run(
        f"INSERT INTO person_search({_COLUMNS})"
        " VALUES (:id, :session, :state, :looked, :total, :begun, :seen, :sealed)",
        id=search.id,
        session=search.session,
        state=search.state.value,
        looked=search.looked,
        total=search.total,
        begun=to_ms(search.begun),
        seen=to_ms(search.seen),
        sealed=_sealed(vault, search.id, search.wanted, search.found),
    )


def find_search(tx: Tx, vault: Vault, search: bytes, since: datetime) -> PersonSearch | None:
    """Return a search that began after `since`. Raises KeysUnusable."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM person_search WHERE id = :id AND begun_at > :since",
        id=search,
        since=to_ms(since),
    )
    if row is None:
        return None
    plain: dict[str, Any] = json.loads(vault.open(EncryptedCell("person_search", search), bytes(row[7])))
    return PersonSearch(
        search,
        bytes(row[1]),
        SearchState(row[2]),
        int(row[3]),
        int(row[4]),
        from_ms(row[5]),
        from_ms(row[6]),
        Wanted(plain["text"], plain["exact"]),
        tuple(bytes.fromhex(it) for it in plain["found"]),
    )


def sessions_that_found(tx: Tx, vault: Vault, people: Collection[bytes]) -> set[bytes]:
    """Return the sessions whose searches found one of these people, by keyed digests of addresses."""
    found = set()
    for row in tx.all("SELECT id, session, sealed FROM person_search"):
        try:
            plain = json.loads(vault.open(EncryptedCell("person_search", bytes(row[0])), bytes(row[2])))
        except KeysUnusable:  # written past optin: a page shows nothing of it either
            continue
        if any(bytes.fromhex(it) in people for it in plain["found"]):
            found.add(bytes(row[1]))
    return found


def save_progress(tx: Tx, vault: Vault, search: PersonSearch) -> bool:
    """Write the progress of a search that runs; return False when it was stopped or forgotten meanwhile."""
    return (
        tx.run(
            "UPDATE person_search SET state = :state, looked = :looked, total = :total, seen_at = :seen,"
            " sealed = :sealed WHERE id = :id AND state = :running",
            state=search.state.value,
            looked=search.looked,
            total=search.total,
            seen=to_ms(search.seen),
            sealed=_sealed(vault, search.id, search.wanted, search.found),
            id=search.id,
            running=SearchState.RUNNING.value,
        )
        == 1
    )


def stop_search(tx: Tx, search: bytes, session: bytes) -> bool:
    """Stop a search of a session; return whether it ran."""
    return (
        tx.run(
            "UPDATE person_search SET state = :stopped"
            " WHERE id = :id AND session = :session AND state = :running",
            stopped=SearchState.STOPPED.value,
            id=search,
            session=session,
            running=SearchState.RUNNING.value,
        )
        == 1
    )


def is_running(tx: Tx, search: bytes) -> bool:
    """Return whether a search was neither stopped nor finished nor forgotten."""
    row = tx.one("SELECT state FROM person_search WHERE id = :id", id=search)
    return row is not None and row[0] == SearchState.RUNNING.value


def forget_searches(tx: Tx, before: datetime) -> int:
    """Delete the searches that began before a moment; return how many."""
    return tx.run("DELETE FROM person_search WHERE begun_at <= :before", before=to_ms(before))


def count_searches(tx: Tx, before: datetime) -> int:
    """Count the searches that began before a moment."""
    return count_rows(tx, "person_search WHERE begun_at <= :before", before=to_ms(before))


_UNCONFIRMED = "confirmed_at IS NULL"


def count_records(tx: Tx) -> int:
    """Count the records that a search compares."""
    tables = (("request", _UNCONFIRMED) if it == "request" else (it.value, "1 = 1") for it in SearchedTable)
    return sum(count_rows(tx, f"{table} WHERE {among}") for table, among in tables)


def records_after(tx: Tx, table: SearchedTable, after: bytes | int | None, most: int) -> list[SealedRecord]:
    """Return the next records of a table after the key of the last one (None: from the first)."""
    match table:
        case SearchedTable.SUBJECTS:
            columns, among, key = "id, email_index, sealed", "1 = 1", "id"
        case SearchedTable.REQUESTS:
            columns, among, key = "id, email_index, sealed", _UNCONFIRMED, "id"
        case SearchedTable.RIGHTS:
            columns, among, key = "id, email_index, sealed, due_on, answered_on", "1 = 1", "id"
        case SearchedTable.BASES:
            return _bases_after(tx, after, most)
    values: dict[str, Any] = {"most": most} if after is None else {"most": most, "after": after}
    later = "" if after is None else f" AND {key} > :after"
    rows = tx.all(
        f"SELECT {columns} FROM {table.value} WHERE {among}{later} ORDER BY {key} LIMIT :most", **values
    )
    return [SealedRecord(_key(row[0]), bytes(row[1]), (row,)) for row in rows]


def _bases_after(tx: Tx, after: bytes | int | None, most: int) -> list[SealedRecord]:
    later = "" if after is None else " WHERE id > :after"
    values: dict[str, Any] = {"most": most} if after is None else {"most": most, "after": after}
    ids = [
        bytes(row[0]) for row in tx.all(f"SELECT id FROM held_basis{later} ORDER BY id LIMIT :most", **values)
    ]
    if not ids:
        return []
    among, named = tx.one_of("entry", ids)
    acts: dict[bytes, list[Row]] = {it: [] for it in ids}
    for entry, kind, sealed in tx.all(
        f"SELECT entry, kind, sealed FROM held_basis_act WHERE {among} ORDER BY id", **named
    ):
        acts[bytes(entry)].append((kind, sealed))
    return [SealedRecord(it, b"", tuple(acts[it])) for it in ids]


def subjects_with_number(tx: Tx, number: bytes) -> list[bytes]:
    """Return the digests of the addresses of everybody who gave a number, by its digest."""
    rows = tx.all(
        "SELECT subject.email_index FROM number_index JOIN subject ON subject.id = number_index.subject_id"
        " WHERE number_index.number = :number ORDER BY subject.id",
        number=number,
    )
    return [bytes(row[0]) for row in rows]


def last_moments(tx: Tx, address: bytes) -> tuple[datetime | None, datetime | None]:
    """Return since when an address is on file by its rows, and when its rows changed last."""
    row = tx.one(
        "SELECT MIN(at), MAX(at) FROM ("
        "SELECT created_at AS at FROM subject WHERE email_index = :a"
        " UNION ALL SELECT created_at FROM request WHERE email_index = :a"
        " UNION ALL SELECT confirmed_at FROM request WHERE email_index = :a AND confirmed_at IS NOT NULL"
        " UNION ALL SELECT consent.since FROM consent JOIN subject ON subject.id = consent.subject_id"
        " WHERE subject.email_index = :a"
        " UNION ALL SELECT held_basis.recorded_at FROM held_basis_address"
        " JOIN held_basis ON held_basis.id = held_basis_address.entry WHERE held_basis_address.address = :a"
        " UNION ALL SELECT at FROM objection WHERE address = :a"
        ") AS said",
        a=address,
    )
    if row is None or row[0] is None:
        return None, None
    return from_ms(row[0]), from_ms(row[1])


def _key(value: Any) -> bytes | int:
    return value if isinstance(value, int) else bytes(value)


def _sealed(vault: Vault, search: bytes, wanted: Wanted, found: Sequence[bytes]) -> bytes:
    plain = {"text": wanted.text, "exact": wanted.exact, "found": [it.hex() for it in found]}
    return vault.seal(EncryptedCell("person_search", search), json.dumps(plain).encode())
