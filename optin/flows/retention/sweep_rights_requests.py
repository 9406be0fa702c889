"""Sweep rule for requests that people made about their data: kept as proof for a time after the answer."""

from __future__ import annotations

from datetime import date

from optin.errors import LogDisagrees
from optin.flows.retention.sweep_candidates import decide_candidates
from optin.flows.sweep_context import STEP, SweepContext, ago
from optin.store.database_interface import Tx
from optin.store.rights_requests import (
    StoredRequest,
    count_to_forget,
    forget_request,
    open_row,
    rows_to_forget,
)


def sweep_requests(tx: Tx, context: SweepContext) -> int:
    """Delete requests that were answered long ago; an open one stays, however old it is."""
    before = _before(context)
    due = decide_candidates(
        context,
        lambda most: [(str(row[0]).encode(), row) for row in rows_to_forget(tx, before, most)],
        lambda row: _over(open_row(context.vault, row), before),
        STEP,
    )
    for _, stored in due:
        forget_request(tx, context.vault, stored, context.now)
    return len(due)


def count_requests(tx: Tx, context: SweepContext) -> int:
    """Count the requests that `sweep_requests` would delete."""
    return count_to_forget(tx, _before(context))


def _before(context: SweepContext) -> date:
    return ago(context.policy.retention.requests, context.now.astimezone(context.policy.zone)).date()


def _over(stored: StoredRequest, before: date) -> StoredRequest:
    answer = stored.request.answer
    if answer is None or answer.recorded >= before or list(stored.faults()):
        msg = "a request of a person is stored as answered long ago, but was not"
        raise LogDisagrees(msg)
    return stored
