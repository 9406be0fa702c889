"""Requests that people make about their data: sealed rows, each bound to the log by an event for each entry.

The columns only find a row. What it says is in the sealed entries, and an audit holds those to the events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from optin.consent.event_content import REQUEST_TEXTS, REQUESTS, forgotten
from optin.consent.rights_request import Answer, ArrivalWay, Extension, Outcome, Right, RightsRequest
from optin.consent.status_transitions import ID_BYTES, EventKind
from optin.proof.canonical_json import Json, parse
from optin.proof.register_entry import RegisterEntry
from optin.store.database_interface import Row, Tx
from optin.store.encryption import EncryptedCell, Vault, new_id
from optin.store.events import add_events
from optin.store.register_entries import log_entry, new_entry
from optin.store.row_queries import count_rows

ASKED, EXTENDED, ANSWERED = "asked", "extended", "answered"
_TABLE = "rights_request"
_COLUMNS = "id, email_index, due_on, answered_on, sealed"


@dataclass(frozen=True)
class StoredRequest:
    """A row with its opened entries. `erased`: the person was erased while it was open."""

    number: int
    email_index: bytes
    due_on: str
    answered_on: str | None
    entries: tuple[RegisterEntry, ...]
    erased: bool = False

    @property
    def digest(self) -> str:
        """The digest by which events name the request."""
        return self.entries[0].digest

    @property
    def request(self) -> RightsRequest:
        """The request as its entries say. Raises KeyError, TypeError or ValueError for what is none."""
        asked, *later = self.entries
        facts: Mapping[str, Any] = asked.facts
        by_name = {it.name: it for it in later}
        return RightsRequest(
            number=self.number,
            person=bytes.fromhex(facts["person"]),
            right=Right(facts["right"]),
            arrived=date.fromisoformat(facts["arrived"]),
            first_due=date.fromisoformat(facts["due"]),
            via=ArrivalWay(facts["via"]),
            who=facts["who"],
            address=str(asked.texts.get("address", "")),
            note=str(asked.texts.get("note", "")),
            extension=_extension(by_name.get(EXTENDED)),
            answer=_answer(by_name.get(ANSWERED)),
        )

    def faults(self) -> Iterator[str]:
        """Yield which columns say something else than the sealed entries."""
        found = self.request
        if self.email_index != found.person:
            yield "is filed under another person than it was written down for"
        if self.due_on != found.due.isoformat():
            yield f"is stored as due on {self.due_on}, but is due on {found.due}"
        answered = None if found.answer is None else found.answer.recorded.isoformat()
        if self.answered_on != answered:
            stored = self.answered_on or "no day"
            yield f"is stored as answered on {stored}, but was answered on {answered or 'no day'}"


def _extension(entry: RegisterEntry | None) -> Extension | None:
    if entry is None:
        return None
    facts: Mapping[str, Any] = entry.facts
    informed_on, due = (date.fromisoformat(facts[name]) for name in ("told", "due"))
    return Extension(informed_on, due, facts["who"], str(entry.texts.get("why", "")))


def _answer(entry: RegisterEntry | None) -> Answer | None:
    if entry is None:
        return None
    facts: Mapping[str, Any] = entry.facts
    what, why = (str(entry.texts.get(name, "")) for name in ("what", "why"))
    on, recorded = (date.fromisoformat(facts[name]) for name in ("on", "recorded"))
    return Answer(on, recorded, Outcome(facts["outcome"]), facts["who"], what, why)


def add_request(tx: Tx, vault: Vault, asked: RightsRequest, now: datetime) -> int:
    """Store a request with its event; return its number. Only its first entry: no extension, no answer."""
    facts: dict[str, Json] = {
        "person": asked.person.hex(),
        "right": asked.right.value,
        "arrived": asked.arrived.isoformat(),
        "due": asked.first_due.isoformat(),
        "via": asked.via.value,
        "who": asked.who,
    }
    entry = new_entry(ASKED, facts, {"address": asked.address, "note": asked.note})
    row = tx.one(
        "INSERT INTO rights_request(email_index, due_on, sealed) VALUES (:person, :due, :sealed)"
        " RETURNING id",
        person=asked.person,
        due=asked.first_due.isoformat(),
        sealed=_sealed(vault, [entry], erased=False),
    )
    numbers = {"right": facts["right"], "came": facts["arrived"], "due": facts["due"]}
    log_entry(tx, vault, EventKind.RIGHTS_REQUEST, entry, numbers, now)
    if row is None:
        msg = "an insert returns its row"
        raise AssertionError(msg)
    return int(row[0])


def add_extension(tx: Tx, vault: Vault, stored: StoredRequest, extension: Extension, now: datetime) -> None:
    """Store that the person was told of a longer term, with its event."""
    informed_on, due = extension.told_on.isoformat(), extension.due.isoformat()
    facts: dict[str, Json] = {"of": stored.digest, "told": informed_on, "due": due, "who": extension.who}
    entry = new_entry(EXTENDED, facts, {"why": extension.why})
    _save(tx, vault, replace(stored, entries=(*stored.entries, entry), due_on=due))
    log_entry(tx, vault, EventKind.RIGHTS_REQUEST, entry, {"due": due}, now)


def add_answer(tx: Tx, vault: Vault, stored: StoredRequest, answer: Answer, now: datetime) -> None:
    """Store the answer to a request, with its event; of an erased person, remove the texts as well."""
    on, outcome = answer.on.isoformat(), answer.outcome.value
    recorded = answer.recorded.isoformat()
    facts: dict[str, Json] = {
        "of": stored.digest,
        "on": on,
        "recorded": recorded,
        "outcome": outcome,
        "who": answer.who,
    }
    entry = new_entry(ANSWERED, facts, {"what": answer.what, "why": answer.why})
    answered = replace(stored, entries=(*stored.entries, entry), answered_on=recorded)
    _save(tx, vault, answered)
    log_entry(tx, vault, EventKind.RIGHTS_REQUEST, entry, {"on": on, "outcome": outcome}, now)
    if stored.erased:
        remove_texts(tx, vault, answered, now)


def find_request(tx: Tx, vault: Vault, number: int, lock: str = "") -> StoredRequest | None:
    """Return a request by its number. `lock`: the clause that locks it. Raises what `open_row` raises."""
    row = tx.one(f"SELECT {_COLUMNS} FROM rights_request WHERE id = :id {lock}", id=number)
    return None if row is None else open_row(vault, row)


def open_request_rows(tx: Tx) -> list[Row]:
    """Return the rows of requests without an answer, the most urgent first, for `open_row`."""
    return tx.all(f"SELECT {_COLUMNS} FROM rights_request WHERE answered_on IS NULL ORDER BY due_on, id")


def answered_rows(tx: Tx) -> list[Row]:
    """Return the rows of answered requests, oldest first, for `open_row`."""
    return tx.all(f"SELECT {_COLUMNS} FROM rights_request WHERE answered_on IS NOT NULL ORDER BY id")


def answered_page(tx: Tx, before: int, most: int) -> list[Row]:
    """Return rows of answered requests below the number `before`, the newest first, for `open_row`."""
    return tx.all(
        f"SELECT {_COLUMNS} FROM rights_request WHERE answered_on IS NOT NULL AND id < :before"
        " ORDER BY id DESC LIMIT :most",
        before=before,
        most=most,
    )


def rows_answered_since(tx: Tx, day: date) -> list[Row]:
    """Return the rows that say they were answered on a day or later, for `open_row`."""
    return tx.all(f"SELECT {_COLUMNS} FROM rights_request WHERE answered_on >= :day", day=day.isoformat())


def count_answered(tx: Tx) -> int:
    """Count the rows that say they were answered."""
    return count_rows(tx, "rights_request WHERE answered_on IS NOT NULL")


def requests_about(tx: Tx, vault: Vault, people: Sequence[bytes]) -> list[StoredRequest]:
    """Return the requests of these digests of addresses, oldest first. Raises what `open_row` raises."""
    return [open_row(vault, row) for row in _rows_about(tx, people)]


def locked_rows_about(tx: Tx, people: Sequence[bytes]) -> list[Row]:
    """Return the rows of these digests, for `open_row`, locked until the transaction ends."""
    return _rows_about(tx, people, tx.for_update)


def _rows_about(tx: Tx, people: Sequence[bytes], lock: str = "") -> list[Row]:
    text = f"SELECT {_COLUMNS} FROM rights_request WHERE email_index = :person ORDER BY id {lock}"
    return sorted(row for person in dict.fromkeys(people) for row in tx.all(text, person=person))


def remove_texts(tx: Tx, vault: Vault, stored: StoredRequest, now: datetime) -> None:
    """At an erasure, remove the texts of a request, with an event; of an open one, when it is answered."""
    if stored.answered_on is None:
        _save(tx, vault, replace(stored, erased=True))
    elif any(it.has_texts for it in stored.entries):
        _save(tx, vault, replace(stored, entries=tuple(it.without_texts() for it in stored.entries)))
        add_events(tx, vault, None, [forgotten(now, REQUEST_TEXTS, stored.digest)])


def blank_row(tx: Tx, number: int) -> None:
    """Empty a row that cannot be read."""
    tx.run("UPDATE rights_request SET sealed = :empty WHERE id = :id", empty=b"", id=number)


def rows_to_forget(tx: Tx, before: date, most: int) -> list[Row]:
    """Return rows that say they were answered before a day, for `open_row`."""
    return tx.all(
        f"SELECT {_COLUMNS} FROM rights_request WHERE answered_on < :before"
        " ORDER BY answered_on, id LIMIT :most",
        before=before.isoformat(),
        most=most,
    )


def count_to_forget(tx: Tx, before: date) -> int:
    """Count the rows that say they were answered before a day."""
    return count_rows(tx, "rights_request WHERE answered_on < :before", before=before.isoformat())


def forget_request(tx: Tx, vault: Vault, stored: StoredRequest, now: datetime) -> None:
    """Delete a request, and log that it had its time."""
    tx.run("DELETE FROM rights_request WHERE id = :id", id=stored.number)
    add_events(tx, vault, None, [forgotten(now, REQUESTS, stored.digest, 1)])


def open_row(vault: Vault, row: Row) -> StoredRequest:
    """Return a row with its entries. Raises KeysUnusable, KeyError, TypeError or ValueError."""
    number, person, due_on, answered_on, sealed = row
    sealed = bytes(sealed)
    plain: dict[str, Any] = parse(vault.open(EncryptedCell(_TABLE, sealed[:ID_BYTES]), sealed[ID_BYTES:]))
    entries = tuple(RegisterEntry.from_json(it) for it in plain["entries"])
    if not entries or entries[0].name != ASKED:
        msg = "a request begins with what was asked"
        raise ValueError(msg)
    return StoredRequest(int(number), bytes(person), due_on, answered_on, entries, bool(plain["erased"]))


def request_rows(tx: Tx) -> list[Row]:
    """Return every row, for an audit."""
    return tx.all(f"SELECT {_COLUMNS} FROM rights_request ORDER BY id")


def _sealed(vault: Vault, entries: Sequence[RegisterEntry], *, erased: bool) -> bytes:
    row = new_id()
    plain = {"entries": [it.as_json() for it in entries], "erased": erased}
    return row + vault.seal(EncryptedCell(_TABLE, row), json.dumps(plain).encode())


def _save(tx: Tx, vault: Vault, stored: StoredRequest) -> None:
    tx.run(
        "UPDATE rights_request SET due_on = :due, answered_on = :answered, sealed = :sealed WHERE id = :id",
        id=stored.number,
        due=stored.due_on,
        answered=stored.answered_on,
        sealed=_sealed(vault, stored.entries, erased=stored.erased),
    )
