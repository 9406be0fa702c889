"""A few sealed values of each table, to see that the present keys open them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from optin.consent.status_transitions import ID_BYTES
from optin.errors import KeysUnusable
from optin.store.database_interface import Row, Tx
from optin.store.encryption import EncryptedCell, Vault

SAMPLES = 2  # from each end of a table: the oldest rows may be of keys that were rotated since


@dataclass(frozen=True)
class SealedColumn:
    """A column with sealed values. `columns`: those that `cell` and `sealed` take, the first one sorts."""

    table: str
    columns: Sequence[str]
    cell: Callable[[Row], EncryptedCell]
    sealed: Callable[[Row], bytes]


def _named(table: str, name: str = "id", sealed: str = "sealed") -> SealedColumn:
    """Return the column of a table whose cells are named by a key."""
    return SealedColumn(
        table, (name, sealed), lambda row: EncryptedCell(table, _bytes(row[0])), lambda row: bytes(row[1])
    )


def _prefixed(table: str, owner: str = "") -> SealedColumn:
    """Return the column of a table whose values begin with the random name of their cell.

    `owner`: a column that is part of the name.
    """

    def cell(row: Row) -> EncryptedCell:
        before = bytes(row[2]) if owner else b""
        return EncryptedCell(table, before + bytes(row[1])[:ID_BYTES])

    columns = ("id", "sealed", owner) if owner else ("id", "sealed")
    return SealedColumn(table, columns, cell, lambda row: bytes(row[1])[ID_BYTES:])


SEALED_COLUMNS = (
    _named("subject"),
    _named("request"),
    _named("mail", "message_id"),
    _named("outbox", "message_id"),
    _named("webhook_outbox", "message"),
    _named("evidence_file", "file"),
    _named("objection"),
    _prefixed("legal_hold"),
    _prefixed("rights_action"),
    _prefixed("rights_request"),
    _prefixed("breach_entry"),
    _prefixed("staff_act"),
    _prefixed("held_basis_act", "entry"),
)


def unreadable_tables(tx: Tx, vault: Vault) -> tuple[list[str], int]:
    """Return the tables with a value that the keys do not open, and how many values were tried."""
    broken, tried = [], 0
    for column in SEALED_COLUMNS:
        rows = [*_ends_of(tx, column)]
        tried += len(rows)
        if not all(_opens(vault, column, row) for row in rows):
            broken.append(column.table)
    return broken, tried


def _ends_of(tx: Tx, column: SealedColumn) -> Iterator[Row]:
    key, sealed = column.columns[:2]
    for direction in ("ASC", "DESC"):
        yield from tx.all(
            f"SELECT {', '.join(column.columns)} FROM {column.table} WHERE {sealed} IS NOT NULL"
            f" AND LENGTH({sealed}) > 0 ORDER BY {key} {direction} LIMIT :most",
            most=SAMPLES,
        )


def _opens(vault: Vault, column: SealedColumn, row: Row) -> bool:
    try:
        vault.open(column.cell(row), column.sealed(row))
    except KeysUnusable:
        return False
    return True


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)
