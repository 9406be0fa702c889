"""What officers did for people who wrote or called, with their encrypted reasons (R9)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.consent.status_transitions import ID_BYTES
from optin.proof.canonical_json import parse
from optin.store.database_interface import Row, Tx, Value, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault, new_id
from optin.store.row_queries import PAGE, Place

NOBODY = b""  # whose digest stands with an act that is about no person


@dataclass(frozen=True)
class RightsAction:
    """One officer's action for a person who wrote or called."""

    at: datetime
    kind: str
    who: str
    why: str


def record_action(tx: Tx, vault: Vault, email_index: bytes, action: RightsAction) -> None:
    """Record an officer's action, with name and reason. The reason may name people, so it is encrypted."""
    row = new_id()
    tx.run(
        "INSERT INTO rights_action(at, kind, who, email_index, sealed)"
        " VALUES (:at, :kind, :who, :email_index, :sealed)",
        at=to_ms(action.at),
        kind=action.kind,
        who=action.who,
        email_index=email_index,
        sealed=row
        + vault.seal(EncryptedCell("rights_action", row), json.dumps({"why": action.why}).encode()),
    )


def actions_of(tx: Tx, vault: Vault, email_index: bytes) -> list[RightsAction]:
    """Return the officers' actions for an address, oldest first. Raises KeysUnusable."""
    rows = tx.all(
        "SELECT at, kind, who, sealed FROM rights_action WHERE email_index = :email_index ORDER BY id",
        email_index=email_index,
    )
    return [
        RightsAction(
            from_ms(row[0]), row[1], row[2], opened_reason(vault, "rights_action", bytes(row[3]))["why"]
        )
        for row in rows
    ]


def actions_before(tx: Tx, place: Place, since: int, kind: str, but: str, most: int) -> list[Row]:
    """Return rows from a place on, the newest first: number, moment, kind, who, person, sealed reason.

    `since`: in milliseconds; `kind`: of one kind, or empty; `but`: who is left out.
    """
    condition = "kind = :kind AND " if kind else ""
    values: dict[str, Value] = {"kind": kind} if kind else {}
    return tx.all(
        f"SELECT id, at, kind, who, email_index, sealed FROM rights_action"
        f" WHERE {condition}who <> :but AND {PAGE}",
        but=but,
        at=place.at,
        id=place.number,
        since=since,
        most=most,
        **values,
    )


def reword_actions(tx: Tx, email_index: bytes) -> None:
    """Remove the reasons of actions at an erasure; the record of the action stays."""
    tx.run(
        "UPDATE rights_action SET sealed = :empty WHERE email_index = :email_index",
        empty=b"",
        email_index=email_index,
    )


def forget_actions(tx: Tx, before: datetime, most: int) -> int:
    """Remove old records; return how many."""
    return tx.run(
        "DELETE FROM rights_action WHERE id IN"
        " (SELECT id FROM rights_action WHERE at < :before ORDER BY at LIMIT :most)",
        before=to_ms(before),
        most=most,
    )


def opened_reason(vault: Vault, table: str, sealed: bytes) -> dict[str, Any]:
    """Return a decrypted reason and what is encrypted with it. Raises KeysUnusable."""
    if not sealed:
        return {"why": ""}
    return dict(parse(vault.open(EncryptedCell(table, sealed[:ID_BYTES]), sealed[ID_BYTES:])))
