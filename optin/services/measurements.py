"""What a server counts of itself, for whoever reads the numbers; nothing, where nobody does (O5)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from optin.store.commit_watch import CommitWatch, Unwatched
from optin.store.queue_depths import QueueDepths


class Measurements(CommitWatch, Protocol):
    """Takes counts; `metrics.Metrics` tells what each means. It may be called from any thread."""

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""

    def mail_tried(self, kind: str, verdict: str) -> None:
        """Count a try to send a mail."""

    def message_answered(self, processor: str, result: str) -> None:
        """Count an answer of a processor."""

    def limited(self, limit: str) -> None:
        """Count a limit that was reached."""

    def worked(self, job: str) -> None:
        """Count a completed round of a background job."""

    def stumbled(self, job: str) -> None:
        """Count a failed round of a background job."""

    def measured(self, depths: QueueDepths, now: datetime) -> None:
        """Show what waits as of `now`."""


class Unmeasured(Unwatched):
    """Counts nothing."""

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Do nothing."""

    def mail_tried(self, kind: str, verdict: str) -> None:
        """Do nothing."""

    def message_answered(self, processor: str, result: str) -> None:
        """Do nothing."""

    def limited(self, limit: str) -> None:
        """Do nothing."""

    def worked(self, job: str) -> None:
        """Do nothing."""

    def stumbled(self, job: str) -> None:
        """Do nothing."""

    def measured(self, depths: QueueDepths, now: datetime) -> None:
        """Do nothing."""
