"""Lines for the journal outside the database; they hold digests only (S7, O9).

Some lines a restored backup must be told: withdrawals and erasures, by the digest of the person. The others
hold an event of the log by its number and leaf, so that it cannot be taken out of the log. A line is written
in the transaction of what it tells; from there it is copied to the file (`services`). A line is known by its
own digest: it may be told twice, and transactions end in any order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import EventKind
from optin.proof.canonical_json import Json, canonical, parse
from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.row_queries import count_rows

PAGE_LINES = 1_000
ENTRY_ENDED = "basis-ended"  # staff ended an entry of the register of bases before its time
_EVENT = '%"leaf":"%'


@dataclass(frozen=True)
class ReplayLine:
    """One line. `content` holds digests and names of purposes, nothing personal."""

    at: datetime
    content: dict[str, Json]

    @property
    def name(self) -> bytes:
        """The digest of time and content: equal lines have equal names everywhere."""
        return hashlib.sha256(canonical({**self.content, "at": to_ms(self.at)})).digest()


def add_replay_line(tx: Tx, content: dict[str, Json], now: datetime) -> bool:
    """Record a line that a restored backup replays; return False when it is already recorded."""
    added = tx.run(
        "INSERT INTO replay(name, at, line) VALUES (:name, :at, :line) ON CONFLICT (name) DO NOTHING",
        name=ReplayLine(now, content).name,
        at=to_ms(now),
        line=canonical(content).decode(),
    )
    return added > 0


def add_event_line(tx: Tx, kind: str, number: int, leaf: bytes, at: datetime) -> None:
    """Queue a line that remembers an event of the log by its number and leaf."""
    add_replay_line(tx, {"kind": kind, "event": number, "leaf": leaf.hex()}, at)


def rename_person(tx: Tx, old: str, new: str) -> None:
    """Queue the lines about a person (digest in hexadecimal) again under the present digest."""
    for at, line in tx.all("SELECT at, line FROM replay WHERE line LIKE :about", about=f'%"{old}"%'):
        content: dict[str, Json] = parse(line)
        add_replay_line(tx, {**content, "person": new}, from_ms(at))


def lines_waiting(tx: Tx, number: int) -> list[tuple[int, ReplayLine]]:
    """Return the next lines after `number` that no file has yet, each with its number."""
    return _page(tx, number, "kept = 0 AND")


def lines_after(tx: Tx, number: int) -> list[tuple[int, ReplayLine]]:
    """Return the next lines after `number`, each with its number."""
    return _page(tx, number, "")


def _page(tx: Tx, number: int, which: str) -> list[tuple[int, ReplayLine]]:
    rows = tx.all(
        f"SELECT id, at, line FROM replay WHERE {which} id > :number ORDER BY id LIMIT :most",
        number=number,
        most=PAGE_LINES,
    )
    return [(row[0], _line(row[1:])) for row in rows]


def mark_kept(tx: Tx, numbers: Sequence[int]) -> None:
    """Record that these lines are in the file and synced to its disk."""
    tx.many("UPDATE replay SET kept = 1 WHERE id = :id", [{"id": number} for number in numbers])


def mark_waiting(tx: Tx) -> None:
    """Queue every line about a person again: the file is new, or has another past.

    Lines about events are not: the other file begins with a checkpoint over all of them.
    """
    tx.run("UPDATE replay SET kept = CASE WHEN line LIKE :event THEN 1 ELSE 0 END", event=_EVENT)


def kept_lines(tx: Tx) -> list[ReplayLine]:
    """Return every line about a person that some file has had."""
    text = "SELECT at, line FROM replay WHERE kept <> 0 AND line NOT LIKE :event ORDER BY id"
    return [_line(row) for row in tx.each(text, event=_EVENT)]


def has_lines(tx: Tx) -> bool:
    """Return whether any line was ever written for a journal."""
    return tx.one("SELECT id FROM replay LIMIT 1") is not None


@dataclass(frozen=True)
class JournalHead:
    """How many lines a journal file has had; `seal` proves that optin wrote this."""

    lines: int
    seal: str


def journal_head(tx: Tx, name: str) -> JournalHead | None:
    """Return how many lines the file of this name has had; None: the database does not know the file."""
    row = tx.one("SELECT lines, seal FROM journal_head WHERE name = :name", name=name)
    return None if row is None else JournalHead(row[0], row[1])


def has_journal_head(tx: Tx) -> bool:
    """Return whether the database knows of a keyed journal with lines; a crash leaves one without."""
    return tx.one("SELECT name FROM journal_head WHERE lines > 0 LIMIT 1") is not None


def keep_journal_head(tx: Tx, name: str, head: JournalHead) -> None:
    """Store how far a file was written; a smaller number than the stored one changes nothing."""
    tx.run(
        "INSERT INTO journal_head(name, lines, seal) VALUES (:name, :lines, :seal) ON CONFLICT (name)"
        " DO UPDATE SET lines = excluded.lines, seal = excluded.seal"
        " WHERE journal_head.lines < excluded.lines",
        name=name,
        lines=head.lines,
        seal=head.seal,
    )


def count_lines(tx: Tx, before: datetime) -> int:
    """Count the lines older than `before`."""
    return count_rows(tx, "replay WHERE at < :before", before=to_ms(before))


def forget_lines(tx: Tx, before: datetime, most: int) -> int:
    """Remove lines older than `before`; return how many."""
    return tx.run(
        "DELETE FROM replay WHERE id IN (SELECT id FROM replay WHERE at < :before ORDER BY at LIMIT :most)",
        before=to_ms(before),
        most=most,
    )


def _line(row: Row) -> ReplayLine:
    """Read a row; one that optin did not write may be malformed."""
    try:
        content = parse(row[1])
    except ValueError:
        content = {}
    return ReplayLine(from_ms(row[0]), content)


def withdrawal(email_index: bytes, key: ConsentKey) -> dict[str, Json]:
    """Return the content of a withdrawal's line."""
    return {
        "kind": EventKind.WITHDRAWN.value,
        "person": email_index.hex(),
        "purpose": key.purpose,
        "channel": key.channel.value,
    }


def withdrawal_line(email_index: bytes, body: Mapping[str, Any]) -> ReplayLine:
    """Return the line by which a restored backup replays a withdrawal, from its event."""
    at = datetime.fromisoformat(body["at"])
    return ReplayLine(at, withdrawal(email_index, ConsentKey.parse(body["purpose"], body["channel"])))
