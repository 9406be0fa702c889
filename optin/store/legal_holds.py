"""Legal holds: encrypted data that a law requires to keep after an erasure (R6, GDPR 17(3))."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.encryption import EncryptedCell, Vault, new_id
from optin.store.officer_actions import opened_reason


@dataclass(frozen=True)
class LegalHold:
    """Data kept after an erasure as a law requires: exactly these values, why, until when (GDPR 17(3)(b))."""

    why: str
    until: datetime
    since: datetime
    values: dict[str, str]
    number: int = 0


def place_hold(tx: Tx, vault: Vault, email_index: bytes, hold: LegalHold) -> None:
    """Store the values of a hold, apart from all data used for marketing."""
    row = new_id()
    plain = {"why": hold.why, "values": hold.values, "until": to_ms(hold.until)}
    tx.run(
        "INSERT INTO legal_hold(email_index, sealed, ends_at, created_at)"
        " VALUES (:email_index, :sealed, :until, :now)",
        email_index=email_index,
        sealed=row + vault.seal(EncryptedCell("legal_hold", row), json.dumps(plain).encode()),
        until=to_ms(hold.until),
        now=to_ms(hold.since),
    )


def holds_of(tx: Tx, vault: Vault, email_index: bytes) -> list[LegalHold]:
    """Return the holds on an address, oldest first. Raises KeysUnusable."""
    rows = tx.all(f"{_HOLDS} WHERE email_index = :email_index ORDER BY id", email_index=email_index)
    return [read_hold(vault, row) for row in rows]


def holds_over(tx: Tx, now: datetime, most: int) -> list[Row]:
    """Return holds that are over by their rows, for `read_hold`."""
    return tx.all(f"{_HOLDS} WHERE ends_at <= :now ORDER BY ends_at LIMIT :most", now=to_ms(now), most=most)


def read_hold(vault: Vault, row: Row) -> LegalHold:
    """Return a hold as it was placed. Raises KeysUnusable."""
    number, sealed, until, since = row
    plain = opened_reason(vault, "legal_hold", bytes(sealed))
    plain = {"until": until, **plain}  # older versions kept it in the row alone
    return LegalHold(plain["why"], from_ms(plain["until"]), from_ms(since), plain["values"], number)


def end_hold(tx: Tx, number: int) -> None:
    """Remove a hold that is over."""
    tx.run("DELETE FROM legal_hold WHERE id = :id", id=number)


_HOLDS = "SELECT id, sealed, ends_at, created_at FROM legal_hold"
