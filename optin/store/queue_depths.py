"""How much waits in the queues of a database, and how far its log is signed: for monitoring (O5).

Each question is answered by an index over what waits, however many people are on file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from optin.store.backup_facts import BackupMoments, backup_moments
from optin.store.database_interface import Tx, from_ms
from optin.store.event_log import log_frontier
from optin.store.row_queries import count_rows
from optin.store.unreachable_addresses import all_report_sums, count_unreachable


@dataclass(frozen=True)
class QueuedMessages:
    """Messages that wait for one processor, and when the oldest was queued."""

    count: int
    oldest: datetime


@dataclass(frozen=True)
class QueueDepths:
    """What waits, as of one moment. `mails`: how many are queued and how many were given up.

    `unlogged`: events that are no leaf of the log yet. `attested`: when each authority or witness last
    attested a checkpoint. `reports`: mails that came back and complaints since the beginning, by kind and
    teller.
    """

    mails: Mapping[str, int]
    oldest_mail: datetime | None
    messages: Mapping[str, QueuedMessages]
    leaves: int
    unlogged: int
    signed_at: datetime | None
    attested: Mapping[str, datetime]
    unreachable: int
    reports: Mapping[tuple[str, str], int]
    backups: BackupMoments = BackupMoments(None, None)


def queue_depths(tx: Tx) -> QueueDepths:
    """Return how much waits now."""
    oldest = tx.one("SELECT MIN(created_at) FROM outbox WHERE state = 'queued'")
    signed = tx.one("SELECT at FROM checkpoint ORDER BY size DESC LIMIT 1")
    messages = tx.all(
        "SELECT processor, COUNT(*), MIN(created_at) FROM webhook_outbox WHERE state = 'queued'"
        " GROUP BY processor"
    )
    attested = tx.all("SELECT source, MAX(at) FROM attestation GROUP BY source")
    reports: dict[tuple[str, str], int] = {}
    for key, count in all_report_sums(tx).items():
        about = (key.cause, key.source)
        reports[about] = reports.get(about, 0) + count
    return QueueDepths(
        mails={state: count_rows(tx, f"outbox WHERE state = '{state}'") for state in ("queued", "dead")},
        oldest_mail=None if oldest is None or oldest[0] is None else from_ms(oldest[0]),
        messages={row[0]: QueuedMessages(int(row[1]), from_ms(row[2])) for row in messages},
        leaves=log_frontier(tx).size,
        unlogged=count_rows(tx, "log_queue"),
        signed_at=None if signed is None else from_ms(signed[0]),
        attested={row[0]: from_ms(row[1]) for row in attested},
        unreachable=count_unreachable(tx),
        reports=reports,
        backups=backup_moments(tx),
    )
