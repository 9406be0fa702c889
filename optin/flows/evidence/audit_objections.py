"""Audit step for objections and the company's do-not-contact list: each row is what its event says (L7).

1. Each row has its event, which says the same of it; each event has its row, unless staff removed the entry.
2. An entry of the list is over exactly when an event says that staff removed it; a person's never is.
3. A stored reason is the one that was given. An erased person's reasons are gone, and that is no fault.
4. A restored backup would be told of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from optin.consent.objection import ObjectedBy, Objection
from optin.consent.status_transitions import EventKind
from optin.consent.wrong_clock import ClockSetBack, set_back_over
from optin.errors import KeysUnusable
from optin.flows.evidence.audit_erasures_exports import lines_from
from optin.store.audit_reads import lines_named
from optin.store.database_interface import Row, Tx, to_ms
from optin.store.encryption import Vault
from optin.store.events import numbered_contents
from optin.store.journal_lines import ReplayLine
from optin.store.latest_known_time import set_backs
from optin.store.objections import commitment_of, every_row, objection_from, objection_line

Said = tuple[int, Mapping[str, Any]]


def audit_objections(tx: Tx, vault: Vault, events: Sequence[Said]) -> list[str]:
    """Return what is wrong with objections. `events`: those about nobody, as optin wrote them.

    Events and rows are read in one transaction: objections come while an audit runs.
    """
    made = _told(tx, vault, EventKind.OBJECTED)
    over = _told(tx, vault, EventKind.UNLISTED)
    rows = every_row(tx)
    if not (made or over or rows):
        return []
    backs = set_backs(tx, vault)
    there = {bytes(row[0]).hex() for row in rows}
    found = [fault for row in rows for fault in _row_faults(vault, row, made, over, backs)]
    found += [
        f"event {number}: the objection of which it tells is gone"
        for entry, (number, _) in made.items()
        if entry not in there and entry not in over  # one that was removed is deleted after its time
    ]
    found += [
        f"event {number} tells of the end of an entry that never was on the do-not-contact list"
        for entry, (number, _) in over.items()
        if entry not in made or made[entry][1].get("by") != ObjectedBy.COMPANY
    ]
    return [*found, *_line_faults(tx, made, lines_from(body for _, body in events))]


def _told(tx: Tx, vault: Vault, kind: EventKind) -> dict[str, Said]:
    return {str(body["entry"]): (number, body) for number, body in numbered_contents(tx, vault, kind)}


def _row_faults(
    vault: Vault,
    row: Row,
    made: Mapping[str, Said],
    over: Mapping[str, Said],
    backs: Sequence[ClockSetBack],
) -> Iterator[str]:
    entry = bytes(row[0])
    name = f"objection {entry.hex()}"
    if entry.hex() not in made:
        yield f"{name} has no event"
        return
    number, body = made[entry.hex()]
    try:
        stored = objection_from(row)
    except ValueError:
        yield f"{name} cannot be read"
        return
    if any(body.get(key) != value for key, value in stored.as_line.items()):
        yield f"{name} is stored as another than was logged"
    said_at = datetime.fromisoformat(str(body["at"]))
    if to_ms(stored.at) != to_ms(said_at):
        moved = to_ms(stored.at) < to_ms(said_at) and set_back_over(number, said_at, backs) is not None
        if not moved:
            yield f"{name} is stored with another moment than was logged"
    if (row[8] is not None) != (entry.hex() in over):
        yield f"{name} is {'over' if row[8] is not None else 'not over'}, its events say otherwise"
    yield from _reason_faults(vault, name, entry, row[7], body)
    if row[8] is not None and entry.hex() in over:
        yield from _reason_faults(vault, name, entry, row[9], over[entry.hex()][1], ended=True)


def _reason_faults(
    vault: Vault,
    name: str,
    entry: bytes,
    sealed: bytes | None,
    body: Mapping[str, Any],
    *,
    ended: bool = False,
) -> Iterator[str]:
    if not sealed:
        return
    try:
        same = commitment_of(vault, entry, bytes(sealed), ended=ended) == body.get("reason")
    except KeysUnusable:
        same = False
    if not same:
        yield f"{name} has another reason than was logged"


def _line_faults(tx: Tx, made: Mapping[str, Said], since: str) -> Iterator[str]:
    due: dict[bytes, int] = {}
    for number, body in made.values():
        at = str(body["at"])
        if at >= since:
            told = Objection.of_line(body, datetime.fromisoformat(at))
            due[ReplayLine(told.at, objection_line(told)).name] = number
    known = lines_named(tx, list(due))
    for name, number in due.items():
        if name not in known:
            yield f"event {number}: a restored backup would not be told of this objection"
