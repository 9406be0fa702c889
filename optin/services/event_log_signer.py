"""Sign the log: only a tree that grew from what was signed before (O9).

1. See, in what is committed, that the log begins with the last checkpoint that the journal holds.
2. Write the new checkpoint into the journal, and see it on the disk.
3. Sign it, and keep the signature in the database: from here on it may leave the house.

Killed between 2 and 3, the journal holds a checkpoint that nobody signed: the log goes on from that one.
"""

from __future__ import annotations

from datetime import datetime

from optin.flows.evidence.check_log_growth import checked_frontier
from optin.proof.merkle_tree import Frontier
from optin.services.installation import Installation
from optin.services.withdrawal_journal import Journal
from optin.store.database_interface import Store, Tx
from optin.store.encryption import Vault
from optin.store.event_log import StoredCheckpoint, latest_checkpoint, log_frontier, sign_checkpoint


def advance_log(installation: Installation) -> StoredCheckpoint:
    """Add queued events to the log and sign a checkpoint over them (P4)."""
    installation.integrate()
    return sign_log(installation.store, installation.vault, installation.journal, installation.clock())


def sign_log(store: Store, vault: Vault, journal: Journal | None, now: datetime) -> StoredCheckpoint:
    """Return a checkpoint over the committed log; a new one if it has grown since the last.

    Not within a transaction: what is undone with it must not be in the journal.
    Raises LogDiverged when the log is not what was signed before, JournalUnusable.
    """
    latest: StoredCheckpoint | None = store.read(latest_checkpoint)
    if latest is not None and latest.size == store.read(log_frontier).size:
        return latest
    # 1. and 2. See that it grew, and write it down.
    if journal is None:
        frontier: Frontier = store.read(checked_frontier, remembered=None)
    else:
        frontier = journal.remember(store, now)

    # 3. Sign it.
    def sign(tx: Tx) -> StoredCheckpoint:
        if journal is not None:
            journal.note_head(tx)
        return sign_checkpoint(tx, vault, frontier, now)

    return store.submit(sign).result()
