"""For a kind's own tables, and the transactions that read and write them."""

from optin.store.database_interface import Row, Runner, Tx, from_ms, to_ms
from optin.store.encryption import Vault
from optin.store.kind_tables import KindTable, TableScope
from optin.store.magnet_promises import promise_of
from optin.store.migrations import AppendOnlyTable, Migration

__all__ = [
    "AppendOnlyTable",
    "KindTable",
    "Migration",
    "Row",
    "Runner",
    "TableScope",
    "Tx",
    "Vault",
    "from_ms",
    "promise_of",
    "to_ms",
]
