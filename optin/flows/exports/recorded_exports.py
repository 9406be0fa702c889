"""The recorded exports, and the state of each webhook (E5, E7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optin.consent.event_content import rfc3339
from optin.errors import RequestRefused
from optin.flows.context import Context
from optin.store.database_interface import Tx
from optin.store.export_records import ExportRun, find_export, list_exports
from optin.store.registered_webhooks import WebhookState, webhook_states

__all__ = ["ExportRun", "RecordedExports", "view_export", "view_exports"]


@dataclass(frozen=True)
class RecordedExports:
    """Every recorded export, newest first, and the state of each webhook."""

    runs: Sequence[ExportRun]
    webhooks: Sequence[WebhookState]

    def as_json(self) -> list[dict[str, object]]:
        """Return the exports as JSON values for printing."""
        return [
            {
                "at": rfc3339(run.at),
                "who": run.who,
                "why": run.why,
                "processor": run.processor,
                "purpose": run.key.purpose,
                "channel": run.key.channel.value,
                "format": run.format,
                "exported": run.exported,
                "refused": dict(run.refused),
                "number": run.number,
                "checkpoint": run.checkpoint,
                "members": run.members.hex(),
            }
            for run in self.runs
        ]


def view_exports(tx: Tx, _context: Context) -> RecordedExports:
    """Return every recorded export, and the state of every webhook."""
    return RecordedExports(list_exports(tx), webhook_states(tx))


def view_export(tx: Tx, _context: Context, number: int) -> ExportRun:
    """Return one recorded export. Raises RequestRefused."""
    run = find_export(tx, number)
    if run is None:
        msg = f"There is no export {number}; see: optin exports"
        raise RequestRefused(msg)
    return run
