"""The log of breaches (GDPR 33(5)): rows that are only ever added, each bound to the log by an event.

A later entry says what changed. Nothing is overwritten, and the sweep deletes nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from optin.consent.breach import Breach, Closing, Correction, Notification
from optin.consent.event_content import rfc3339
from optin.consent.status_transitions import ID_BYTES, EventKind
from optin.proof.canonical_json import Json, parse
from optin.proof.register_entry import RegisterEntry
from optin.store.database_interface import Row, Tx
from optin.store.encryption import EncryptedCell, Vault, new_id
from optin.store.register_entries import log_entry, new_entry

FOUND, NOTIFIED, CORRECTED, CLOSED = "found", "notified", "corrected", "closed"
_TABLE = "breach_entry"
_LOCK = b"breach-log"


@dataclass(frozen=True)
class StoredBreach:
    """The entries of a breach, in the order in which they were written."""

    number: int
    entries: tuple[RegisterEntry, ...]

    @property
    def digest(self) -> str:
        """The digest by which events name the breach."""
        return self.entries[0].digest

    @property
    def breach(self) -> Breach:
        """The breach as its entries say. Raises KeyError, TypeError or ValueError for what is none."""
        first, *later = self.entries
        facts, texts = _read(first)
        breach = Breach(
            number=self.number,
            recorded=_moment(facts["recorded"]),
            discovered=_moment(facts["discovered"]),
            due=_moment(facts["due"]),
            people=facts["people"],
            what=texts["what"],
            effects=texts["effects"],
            measures=texts["measures"],
            who=facts["who"],
        )
        for entry in later:
            breach = _APPLY[entry.name](breach, *_read(entry))
        return breach

    def faults(self) -> Iterator[str]:
        """Yield what of the rows contradicts the sealed entries."""
        if any(it.facts.get("number") != self.number for it in self.entries):
            yield "has an entry of another breach"
        if self.entries[0].name != FOUND or any(it.facts.get("of") != self.digest for it in self.entries[1:]):
            yield "has entries in another order than they were written"


def _read(entry: RegisterEntry) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return entry.facts, entry.texts


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _notified(breach: Breach, facts: Mapping[str, Any], texts: Mapping[str, Any]) -> Breach:
    notification = Notification(
        _moment(facts["told"]), texts["authority"], texts["reference"], texts["why_late"], facts["who"]
    )
    return replace(breach, notifications=(*breach.notifications, notification))


def _corrected(breach: Breach, facts: Mapping[str, Any], texts: Mapping[str, Any]) -> Breach:
    changes: dict[str, Any] = {name: texts[name] for name in ("what", "effects", "measures") if name in texts}
    if "people" in facts:
        changes["people"] = facts["people"]
    for name in ("discovered", "due"):
        if name in facts:
            changes[name] = _moment(facts[name])
    before = {name: _in_words(getattr(breach, name)) for name in changes if name != "due"}
    correction = Correction(_moment(facts["recorded"]), texts["why"], facts["who"], before)
    return replace(breach, **changes, corrections=(*breach.corrections, correction))


def _in_words(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    return "not known" if value is None else str(value)


def _closed(breach: Breach, facts: Mapping[str, Any], texts: Mapping[str, Any]) -> Breach:
    people_told = facts["people_told"]
    closing = Closing(
        _moment(facts["recorded"]),
        None if people_told is None else date.fromisoformat(people_told),
        texts["why_people_not_told"],
        texts["why_not_notified"],
        facts["who"],
    )
    return replace(breach, closing=closing)


_APPLY = {NOTIFIED: _notified, CORRECTED: _corrected, CLOSED: _closed}


def add_breach(tx: Tx, vault: Vault, found: Breach, now: datetime) -> int:
    """Write down a breach with its event; return its number. Only its first entry."""
    tx.hold(_LOCK)
    row = tx.one("SELECT COALESCE(MAX(breach), 0) + 1 FROM breach_entry")
    number = 1 if row is None else int(row[0])
    facts: dict[str, Json] = {
        "number": number,
        "recorded": rfc3339(now),
        "discovered": rfc3339(found.discovered),
        "due": rfc3339(found.due),
        "people": found.people,
        "who": found.who,
    }
    texts: dict[str, Json] = {"what": found.what, "effects": found.effects, "measures": found.measures}
    _add(tx, vault, number, new_entry(FOUND, facts, texts), now)
    return number


def add_notification(
    tx: Tx, vault: Vault, stored: StoredBreach, notification: Notification, now: datetime
) -> None:
    """Write down that the authority was told."""
    facts: dict[str, Json] = {"told": rfc3339(notification.at), "who": notification.who}
    texts: dict[str, Json] = {
        "authority": notification.authority,
        "reference": notification.reference,
        "why_late": notification.why_late,
    }
    _add(tx, vault, stored.number, new_entry(NOTIFIED, _following(stored, facts, now), texts), now)


def add_correction(
    tx: Tx, vault: Vault, stored: StoredBreach, facts: dict[str, Json], texts: dict[str, Json], now: datetime
) -> None:
    """Write down a correction. `facts`: people, discovered and due, who; `texts`: the others, and why."""
    _add(tx, vault, stored.number, new_entry(CORRECTED, _following(stored, facts, now), texts), now)


def add_closing(tx: Tx, vault: Vault, stored: StoredBreach, closing: Closing, now: datetime) -> None:
    """Write down that a breach is dealt with."""
    people_told = None if closing.people_told is None else closing.people_told.isoformat()
    facts: dict[str, Json] = {"people_told": people_told, "who": closing.who}
    texts: dict[str, Json] = {
        "why_people_not_told": closing.why_people_not_told,
        "why_not_notified": closing.why_not_notified,
    }
    _add(tx, vault, stored.number, new_entry(CLOSED, _following(stored, facts, now), texts), now)


def _following(stored: StoredBreach, facts: dict[str, Json], now: datetime) -> dict[str, Json]:
    return {"of": stored.digest, "number": stored.number, "recorded": rfc3339(now), **facts}


def _add(tx: Tx, vault: Vault, number: int, entry: RegisterEntry, now: datetime) -> None:
    row = new_id()
    tx.run(
        "INSERT INTO breach_entry(breach, sealed) VALUES (:breach, :sealed)",
        breach=number,
        sealed=row + vault.seal(EncryptedCell(_TABLE, row), json.dumps(entry.as_json()).encode()),
    )
    open_facts = ("number", "discovered", "due", "people", "told", "people_told")
    numbers = {name: entry.facts[name] for name in open_facts if name in entry.facts}
    log_entry(tx, vault, EventKind.BREACH_ENTRY, entry, numbers, now)


def find_breach(tx: Tx, vault: Vault, number: int) -> StoredBreach | None:
    """Return a breach for another entry, locked until the transaction ends. Raises as `open_breach` does."""
    tx.hold(_LOCK)
    rows = tx.all("SELECT breach, sealed FROM breach_entry WHERE breach = :number ORDER BY id", number=number)
    return open_breach(vault, number, rows) if rows else None


def breach_rows(tx: Tx) -> dict[int, list[Row]]:
    """Return the rows of every breach by its number, for `open_breach`."""
    found: dict[int, list[Row]] = {}
    for row in tx.all("SELECT breach, sealed FROM breach_entry ORDER BY breach, id"):
        found.setdefault(int(row[0]), []).append(row)
    return found


def open_breach(vault: Vault, number: int, rows: Iterable[Row]) -> StoredBreach:
    """Return a breach with its entries. Raises KeysUnusable, KeyError, TypeError or ValueError."""
    return StoredBreach(number, tuple(_opened(vault, bytes(row[1])) for row in rows))


def _opened(vault: Vault, sealed: bytes) -> RegisterEntry:
    return RegisterEntry.from_json(
        parse(vault.open(EncryptedCell(_TABLE, sealed[:ID_BYTES]), sealed[ID_BYTES:]))
    )
