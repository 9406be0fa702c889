"""What a PostgreSQL server says of itself: settings on which durability depends, and how far replicas are."""

from __future__ import annotations

from datetime import date

from optin.store.database_interface import Tx

DURABILITY = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")
# The last day of each version (postgresql.org/support/versioning).
LAST_DAYS = {
    13: date(2025, 11, 13),
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}


def server_settings(tx: Tx) -> dict[str, str]:
    """Return the settings of `DURABILITY` and server_version_num, as they hold for this role."""
    names = ("server_version_num", *DURABILITY)
    row = tx.one(f"SELECT {', '.join(f'''current_setting('{name}')''' for name in names)}")
    return {} if row is None else dict(zip(names, map(str, row), strict=True))


def replica_lags(tx: Tx) -> list[float | None]:
    """Return the seconds by which each attached replica is behind; None: this role may not see it."""
    rows = tx.all("SELECT EXTRACT(EPOCH FROM replay_lag), state FROM pg_stat_replication")
    return [None if row[1] is None else float(row[0] or 0) for row in rows]
