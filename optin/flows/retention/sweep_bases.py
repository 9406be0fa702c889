"""The sweep rule of the register of bases: what is over is erased with its evidence (L4, L5)."""

from __future__ import annotations

from datetime import UTC, datetime, time

from optin.consent.erasure_grounds import ErasureGround, ErasureReason
from optin.consent.retention_period import RetentionPeriod
from optin.flows.evidence.audit_bases import require_consistent_entry
from optin.flows.retention.sweep_candidates import handle_each
from optin.flows.sweep_context import PEOPLE_STEP, SweepContext
from optin.store.database_interface import Tx
from optin.store.held_bases import BasisRow, entries_over, erase_entries


def sweep_bases(tx: Tx, context: SweepContext) -> int:
    """Erase entries that are over, by their statements and not by their rows."""
    most = min(PEOPLE_STEP, context.room)

    def find() -> list[BasisRow]:
        skipped = context.skipped.count(context.rule)
        rows = entries_over(tx, context.now, most + skipped)
        return [row for row in rows if not context.skipped.over(context.rule, row.id)][:most]

    def erase(row: BasisRow) -> None:
        entry = require_consistent_entry(tx, context.vault, row)
        term = entry.term
        ground = ErasureGround(
            ErasureReason.BASIS_OVER,
            datetime.combine(term.since, time(), UTC),
            RetentionPeriod.parse(term.kept),
        )
        erase_entries(tx, context.vault, [row.id], ground, context.now)

    return handle_each(tx, context, find, lambda row: row.id, erase)
