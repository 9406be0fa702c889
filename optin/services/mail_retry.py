"""Send every abandoned mail again, step by step while the server runs (D1)."""

from __future__ import annotations

from optin.flows.delivery.retry_abandoned_mails import RetryCounts, retry_dead
from optin.services.installation import Installation


def retry_all(installation: Installation, *, dry_run: bool = False) -> RetryCounts:
    """Queue every failed mail again, and retry waiting mail now; return the counts."""
    done = RetryCounts()
    while True:
        before = done.last
        done.add(installation.run(retry_dead, after=before, now=installation.clock(), dry_run=dry_run))
        if done.last == before:
            return done
