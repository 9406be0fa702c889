"""Store of prize draws: entries, fixed lists, and published results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from optin.kinds.api.event_log import leaf_digest, parse
from optin.kinds.api.flows import RequestId
from optin.kinds.api.store import Row, Tx, from_ms, to_ms
from optin.kinds.prize_draw.details import PrizeDraw


@dataclass(frozen=True)
class DrawEntry:
    """One request for a prize draw. `state`: in, wrong (answer), twice (the same mailbox), late."""

    request: RequestId
    magnet: str
    ticket: str
    state: str


@dataclass(frozen=True)
class DrawList:
    """The fixed tickets of a draw; `event`: their event in the log."""

    magnet: str
    at: datetime
    promise: PrizeDraw
    event: str
    tickets: tuple[str, ...]  # sorted

    @property
    def leaf(self) -> bytes:
        """The leaf of that event."""
        return leaf_digest(self.event.encode())

    @property
    def digest(self) -> str:
        """The digest of the list, as in the event."""
        return str(parse(self.event)["digest"])


@dataclass(frozen=True)
class DrawResult:
    """The result of a draw. `transcript`: the published bytes."""

    magnet: str
    at: datetime
    seed: str  # canonical
    winners: tuple[str, ...]
    transcript: bytes


def add_entry(tx: Tx, entry: DrawEntry, mailbox: bytes | None) -> bool:
    """Add an entry; False when the mailbox already has one. No `mailbox`: the entry excludes nobody."""
    return bool(
        tx.run(
            "INSERT INTO draw_entry(request_id, magnet, mailbox, ticket, state, told)"
            " VALUES (:request, :magnet, :mailbox, :ticket, :state, :told)"
            " ON CONFLICT (magnet, mailbox) DO NOTHING",
            request=entry.request,
            magnet=entry.magnet,
            mailbox=mailbox,
            ticket=entry.ticket,
            state=entry.state,
            told=int(mailbox is None),
        )
    )


_ENTRY = "SELECT request_id, magnet, ticket, state FROM draw_entry"


def entry_of(tx: Tx, request: RequestId) -> DrawEntry | None:
    """Return the entry of a request; None when there is none (any more)."""
    row = tx.one(f"{_ENTRY} WHERE request_id = :request", request=request)
    return None if row is None else _entry(row)


def entries_of(tx: Tx, requests: Iterable[RequestId]) -> dict[RequestId, DrawEntry]:
    """Return the entries of these requests, as far as they have one."""
    found = {request: entry_of(tx, request) for request in requests}
    return {request: entry for request, entry in found.items() if entry is not None}


def declarations_entered(tx: Tx, magnet: str) -> list[tuple[str, int]]:
    """Return the declarations by which present entrants entered, each with their number."""
    rows = tx.all(
        "SELECT form_version.declaration, COUNT(*) FROM draw_entry"
        " JOIN request ON request.id = draw_entry.request_id"
        " JOIN form_version ON form_version.digest = request.form"
        " WHERE draw_entry.magnet = :magnet AND draw_entry.state = 'in' GROUP BY form_version.digest,"
        " form_version.declaration",
        magnet=magnet,
    )
    return [(row[0], int(row[1])) for row in rows]


def entries_with(tx: Tx, magnet: str, tickets: Iterable[str]) -> dict[str, DrawEntry]:
    """Return the entries that hold one of `tickets`, by ticket."""
    found = (
        tx.one(f"{_ENTRY} WHERE magnet = :magnet AND ticket = :ticket", magnet=magnet, ticket=ticket)
        for ticket in tickets
    )
    return {row[2]: _entry(row) for row in found if row is not None}


def tickets_in(tx: Tx, magnet: str) -> list[str]:
    """Return the tickets of all stored entries that take part, sorted."""
    rows = tx.all("SELECT ticket FROM draw_entry WHERE magnet = :magnet AND state = 'in'", magnet=magnet)
    return sorted(row[0] for row in rows)


def tickets_like(tx: Tx, magnet: str, beginning: str) -> list[str]:
    """Return the tickets of a draw with the same first characters (hexadecimal)."""
    rows = tx.all(
        "SELECT ticket FROM draw_entry WHERE magnet = :magnet AND ticket >= :beginning AND ticket < :after",
        magnet=magnet,
        beginning=beginning,
        after=beginning + "g",
    )
    return [row[0] for row in rows]


def untold_entries(tx: Tx, magnet: str, most: int) -> list[DrawEntry]:
    """Return entries whose result mail was not queued yet."""
    rows = tx.all(
        f"{_ENTRY} WHERE magnet = :magnet AND told = 0 LIMIT :most {tx.skip_locked}", magnet=magnet, most=most
    )
    return [_entry(row) for row in rows]


def count_untold(tx: Tx, magnet: str) -> int:
    """Count the entries whose result mail was not queued yet."""
    row = tx.one("SELECT COUNT(*) FROM draw_entry WHERE magnet = :magnet AND told = 0", magnet=magnet)
    return 0 if row is None else int(row[0])


def mark_told(tx: Tx, entry: DrawEntry) -> None:
    """Record that an entrant's result mail was queued."""
    tx.run("UPDATE draw_entry SET told = 1 WHERE request_id = :request", request=entry.request)


def entries_left(tx: Tx, magnet: str, most: int) -> list[DrawEntry]:
    """Return stored entries of a draw."""
    rows = tx.all(f"{_ENTRY} WHERE magnet = :magnet LIMIT :most {tx.skip_locked}", magnet=magnet, most=most)
    return [_entry(row) for row in rows]


def count_entries(tx: Tx, magnet: str) -> int:
    """Count the stored entries of a draw, in any state."""
    row = tx.one("SELECT COUNT(*) FROM draw_entry WHERE magnet = :magnet", magnet=magnet)
    return 0 if row is None else int(row[0])


def entries_by_state(tx: Tx, magnet: str) -> dict[str, int]:
    """Count the stored entries of a draw by their state."""
    rows = tx.all("SELECT state, COUNT(*) FROM draw_entry WHERE magnet = :m GROUP BY state", m=magnet)
    return {str(row[0]): int(row[1]) for row in rows}


def remove_entry(tx: Tx, request: RequestId) -> None:
    """Remove a request's entry; the list keeps its ticket."""
    tx.run("DELETE FROM draw_entry WHERE request_id = :request", request=request)


def keep_list(tx: Tx, fixed: DrawList) -> bool:
    """Store a fixed list; False when another process has just stored it."""
    kept = tx.run(
        "INSERT INTO draw_list(magnet, at, promise, event, tickets)"
        " VALUES (:magnet, :at, :promise, :event, :tickets) ON CONFLICT (magnet) DO NOTHING",
        magnet=fixed.magnet,
        at=to_ms(fixed.at),
        promise=json.dumps(fixed.promise.declared()),
        event=fixed.event,
        tickets="".join(f"{ticket}\n" for ticket in fixed.tickets).encode(),
    )
    return bool(kept)


_LIST = "SELECT magnet, at, promise, event, tickets FROM draw_list"


def load_list(tx: Tx, magnet: str) -> DrawList | None:
    """Return the list of a draw; None before it is fixed."""
    row = tx.one(f"{_LIST} WHERE magnet = :magnet", magnet=magnet)
    return None if row is None else _list(row)


def fixed_at(tx: Tx, magnet: str) -> datetime | None:
    """Return when the list of a draw was fixed."""
    row = tx.one("SELECT at FROM draw_list WHERE magnet = :magnet", magnet=magnet)
    return None if row is None else from_ms(row[0])


def all_lists(tx: Tx) -> list[DrawList]:
    """Return every list."""
    return [_list(row) for row in tx.all(f"{_LIST} ORDER BY magnet")]


def keep_result(tx: Tx, result: DrawResult) -> bool:
    """Store a published result; False when another process has just stored it."""
    kept = tx.run(
        "INSERT INTO draw_result(magnet, at, seed, winners, transcript)"
        " VALUES (:magnet, :at, :seed, :winners, :transcript) ON CONFLICT (magnet) DO NOTHING",
        magnet=result.magnet,
        at=to_ms(result.at),
        seed=result.seed,
        winners=json.dumps(result.winners),
        transcript=result.transcript,
    )
    return bool(kept)


_RESULT = "SELECT magnet, at, seed, winners, transcript FROM draw_result"


def load_result(tx: Tx, magnet: str) -> DrawResult | None:
    """Return the result of a draw; None before the draw."""
    row = tx.one(f"{_RESULT} WHERE magnet = :magnet", magnet=magnet)
    return None if row is None else _result(row)


def all_results(tx: Tx) -> list[DrawResult]:
    """Return every result."""
    return [_result(row) for row in tx.all(f"{_RESULT} ORDER BY magnet")]


def drawn_magnets(tx: Tx) -> list[tuple[str, datetime, PrizeDraw]]:
    """Return every completed draw: its magnet, its time, and its promise."""
    rows = tx.all(
        "SELECT draw_result.magnet, draw_result.at, draw_list.promise FROM draw_result"
        " JOIN draw_list ON draw_list.magnet = draw_result.magnet ORDER BY draw_result.magnet"
    )
    return [(row[0], from_ms(row[1]), PrizeDraw.read(json.loads(row[2]))) for row in rows]


def winners_of(tx: Tx, magnet: str) -> tuple[str, ...] | None:
    """Return the winning tickets, perhaps none; None before the draw."""
    row = tx.one("SELECT winners FROM draw_result WHERE magnet = :magnet", magnet=magnet)
    return None if row is None else tuple(json.loads(row[0]))


def _entry(row: Row) -> DrawEntry:
    return DrawEntry(RequestId(bytes(row[0])), row[1], row[2], row[3])


def _list(row: Row) -> DrawList:
    tickets = tuple(bytes(row[4]).decode().split())
    return DrawList(row[0], from_ms(row[1]), PrizeDraw.read(json.loads(row[2])), row[3], tickets)


def _result(row: Row) -> DrawResult:
    return DrawResult(row[0], from_ms(row[1]), row[2], tuple(json.loads(row[3])), bytes(row[4]))
