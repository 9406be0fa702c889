"""For the kind's own tables, and the transactions that read and write them."""

from optin.store.kind_tables import KindTable, TableScope
from optin.store.migrations import AppendOnlyTable, Migration
from optin.store.promises import promise_of
from optin.store.transaction import Row, Runner, Tx, from_ms, to_ms
from optin.store.vault import Vault

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
