"""Legal holds, and actions of officers with their reasons (R6, R9). Both are sealed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.consent.consent_record import ID_BYTES
from optin.proof.canonical import parse
from optin.store.transaction import Row, Tx, from_ms, to_ms
from optin.store.vault import Place, Vault, new_id


@dataclass(frozen=True)
class LegalHold:
    """Data that a law keeps after an erasure: exactly these values, why, and until when (GDPR 17(3)(b))."""

    why: str
    until: datetime
    since: datetime
    values: dict[str, str]
    number: int = 0


def place_hold(tx: Tx, vault: Vault, email_index: bytes, hold: LegalHold) -> None:
    """Keep the values of a hold, apart from everything that is used for marketing."""
    row = new_id()
    plain = {"why": hold.why, "values": hold.values, "until": to_ms(hold.until)}
    tx.run(
        "INSERT INTO legal_hold(email_index, sealed, ends_at, created_at)"
        " VALUES (:email_index, :sealed, :until, :now)",
        email_index=email_index,
        sealed=row + vault.seal(Place("legal_hold", row), json.dumps(plain).encode()),
        until=to_ms(hold.until),
        now=to_ms(hold.since),
    )


def holds_of(tx: Tx, vault: Vault, email_index: bytes) -> list[LegalHold]:
    """Return the holds on an address, oldest first. Raises KeysUnusable."""
    rows = tx.all(f"{_HOLDS} WHERE email_index = :email_index ORDER BY id", email_index=email_index)
    return [read_hold(vault, row) for row in rows]


def holds_over(tx: Tx, now: datetime, most: int) -> list[Row]:
    """Return holds whose time is over by their rows, for `read_hold`."""
    return tx.all(f"{_HOLDS} WHERE ends_at <= :now ORDER BY ends_at LIMIT :most", now=to_ms(now), most=most)


def read_hold(vault: Vault, row: Row) -> LegalHold:
    """Return a hold as it was placed. Raises KeysUnusable."""
    number, sealed, until, since = row
    plain = _opened(vault, "legal_hold", bytes(sealed))
    plain = {"until": until, **plain}  # older versions kept it in the row alone
    return LegalHold(plain["why"], from_ms(plain["until"]), from_ms(since), plain["values"], number)


def end_hold(tx: Tx, number: int) -> None:
    """Remove a hold whose time is over."""
    tx.run("DELETE FROM legal_hold WHERE id = :id", id=number)


_HOLDS = "SELECT id, sealed, ends_at, created_at FROM legal_hold"


@dataclass(frozen=True)
class RightsAction:
    """One thing that an officer did for somebody who wrote or called."""

    at: datetime
    kind: str
    who: str
    why: str


def record_action(tx: Tx, vault: Vault, email_index: bytes, action: RightsAction) -> None:
    """Record an officer's action, with name and reason. The reason may name people, so it is sealed."""
    row = new_id()
    tx.run(
        "INSERT INTO rights_action(at, kind, who, email_index, sealed)"
        " VALUES (:at, :kind, :who, :email_index, :sealed)",
        at=to_ms(action.at),
        kind=action.kind,
        who=action.who,
        email_index=email_index,
        sealed=row + vault.seal(Place("rights_action", row), json.dumps({"why": action.why}).encode()),
    )


def actions_of(tx: Tx, vault: Vault, email_index: bytes) -> list[RightsAction]:
    """Return the officers' actions for an address, oldest first. Raises KeysUnusable."""
    rows = tx.all(
        "SELECT at, kind, who, sealed FROM rights_action WHERE email_index = :email_index ORDER BY id",
        email_index=email_index,
    )
    return [
        RightsAction(from_ms(row[0]), row[1], row[2], _opened(vault, "rights_action", bytes(row[3]))["why"])
        for row in rows
    ]


def reword_actions(tx: Tx, email_index: bytes) -> None:
    """Take the reasons out of what was done: at an erasure they go too; that it was done stays."""
    tx.run(
        "UPDATE rights_action SET sealed = :empty WHERE email_index = :email_index",
        empty=b"",
        email_index=email_index,
    )


def forget_actions(tx: Tx, before: datetime, most: int) -> int:
    """Remove old entries; return how many."""
    return tx.run(
        "DELETE FROM rights_action WHERE id IN"
        " (SELECT id FROM rights_action WHERE at < :before ORDER BY at LIMIT :most)",
        before=to_ms(before),
        most=most,
    )


def _opened(vault: Vault, table: str, sealed: bytes) -> dict[str, Any]:
    if not sealed:
        return {"why": ""}
    return dict(parse(vault.open(Place(table, sealed[:ID_BYTES]), sealed[ID_BYTES:])))
