"""Claims: mails and messages that a process is sending, marked with its incarnation.

An incarnation is one life of a process: a server that is started again is another one. What a dead one had in
hand is due at once, for nobody will settle it any more.
"""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from datetime import datetime

from optin.store.database_interface import Tx, to_ms

INCARNATION_BYTES = 16
OUTBOXES = ("outbox", "webhook_outbox")
# Rows that a claim may take: no other living server has them in hand. A lease ends by the clock of who holds
# it, and the clock of another machine may be hours ahead.
FREE_TO_CLAIM = (
    "(claim IS NULL OR holder IS NULL OR holder = :holder OR holder NOT IN (SELECT id FROM server_process))"
)


@dataclass(frozen=True)
class ClaimBatch:
    """How many rows a process claims at once. `holder`: its incarnation, if it has one.

    `most_unasked`: of mails, so many at most that nobody waits for.
    """

    most: int
    holder: bytes | None = None
    most_unasked: int = sys.maxsize


def new_incarnation() -> bytes:
    """Return a random id that distinguishes this run of a process from every other."""
    return secrets.token_bytes(INCARNATION_BYTES)


def release_claims(tx: Tx, holder: bytes, now: datetime) -> int:
    """Release the claims of a dead process, so that they are due now; return their number."""
    return _release(tx, now, "holder = :holder", holder=holder)


def release_claims_of_others(tx: Tx, own: bytes, now: datetime) -> int:
    """Release the claims of every other process, where no other can be running; older versions' too."""
    return _release(tx, now, "(holder IS NULL OR holder <> :own)", own=own)


def _release(tx: Tx, now: datetime, condition: str, **values: bytes) -> int:
    return sum(
        tx.run(
            f"UPDATE {table} SET claim = NULL, next_at = :now"
            f" WHERE state = 'queued' AND claim IS NOT NULL AND {condition}",
            now=to_ms(now),
            **values,
        )
        for table in OUTBOXES
    )
