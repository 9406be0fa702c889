"""The numbers of a running server, in the format of Prometheus (O5).

No label names a person, and each has few values: magnets, purposes, processors and routes of the site, kinds
of mails, names of limits, jobs and errors. Several worker processes add up through files, which the parent
reads (`prometheus_client.multiprocess`); so the library is imported once its folder is chosen, in `serve`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from optin import __version__
from optin.services.metrics_text import MetricsText
from optin.store.commit_watch import NotedEvent
from optin.store.queue_depths import QueueDepths

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OPERATIONS = (1, 2, 4, 8, 16, 32, 64, 128)
REQUESTED, CONFIRMED = "requested", "confirmed"
SIGN_UPS = frozenset({REQUESTED, CONFIRMED})
NEWEST: Final = "mostrecent"  # of several processes, the one that looked last


class Metrics:
    """Counts of one process. `registry`: where the library reads them; `text`: where they are written."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # half of all lines, which nobody reads
        made: list[Counter | Gauge | Histogram] = []

        def counter(name: str, text: str, *labels: str) -> Counter:
            made.append(new := Counter(f"optin_{name}", text, labels, registry=registry))
            return new

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            new = Gauge(f"optin_{name}", text, labels, registry=registry, multiprocess_mode=NEWEST)
            made.append(new)
            return new

        def histogram(name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
            made.append(new := Histogram(f"optin_{name}", text, labels, registry=registry, buckets=buckets))
            return new

        self._requests = counter("http_requests_total", "Answered requests.", "method", "route", "status")
        self._seconds = histogram(
            "http_request_duration_seconds", "Time until an answer was sent.", SECONDS, "method", "route"
        )
        self._sign_ups = counter("signups_total", "Sign-ups, and those confirmed.", "magnet", "result")
        self._consents = counter(
            "consents_total", "Events of consents, by what changed.", "purpose", "channel", "change"
        )
        self._mails = counter("mail_attempts_total", "Tries to send a mail.", "kind", "verdict")
        self._deliveries = counter("webhook_deliveries_total", "Messages told.", "processor", "result")
        self._limited = counter("rate_limited_total", "Limits that were reached.", "limit")
        self._errors = counter("store_errors_total", "What the database could not do.", "error")
        self._commits = histogram("store_commit_duration_seconds", "Time of a commit.", SECONDS)
        self._together = histogram("store_commit_operations", "Operations of one commit.", OPERATIONS)
        self._rounds = counter("job_rounds_total", "Rounds of background jobs.", "job")
        self._failures = counter("job_failures_total", "Failed rounds of background jobs.", "job")
        self._queued = gauge("outbox_messages", "Mails that wait or were given up.", "state")
        self._oldest = gauge("outbox_oldest_age_seconds", "Age of the mail that waits longest.")
        self._messages = gauge("webhook_messages", "Messages that wait for a processor.", "processor")
        self._late = gauge(
            "webhook_oldest_age_seconds",
            "Age of its oldest waiting message.",
            "processor",
        )
        self._leaves = gauge("log_leaves", "Events in the log.")
        self._unlogged = gauge("log_waiting_events", "Events that are not in the log yet.")
        self._signed = gauge("log_checkpoint_timestamp_seconds", "When the log was signed last.")
        self._attested = gauge(
            "log_anchor_timestamp_seconds", "When an authority or witness attested the log last.", "source"
        )
        self._unreachable = gauge("unreachable_addresses", "Addresses that mails came back from.")
        self._reports = gauge(
            "bounces", "Mails that came back, and complaints, since the beginning.", "class", "source"
        )
        self._backup = gauge("backup_timestamp_seconds", "When a backup was made last.")
        self._failed_backup = gauge(
            "backup_failure_timestamp_seconds", "When a backup failed, since the last good one."
        )
        self._proved = gauge("backup_proof_timestamp_seconds", "When a restore was last rehearsed.")
        gauge("build_info", "The version that runs.", "version").labels(__version__).set(1)
        self.text = MetricsText(made)
        self._of_request: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request. `route`: its pattern, never its address."""
        key = (method, route, status)
        found = self._of_request.get(key)
        if found is None:
            found = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
            self._of_request[key] = found
        found[0].inc()
        found[1].observe(seconds)

    def committed(self, operations: int, seconds: float, events: Sequence[NotedEvent]) -> None:
        """Count a commit and its events."""
        self._commits.observe(seconds)
        self._together.observe(operations)
        for event in events:
            if event.kind in SIGN_UPS and event.magnet:
                self._sign_ups.labels(event.magnet, event.kind).inc()
            for purpose, channel in event.about:
                self._consents.labels(purpose, channel, event.kind).inc()

    def failed(self, name: str) -> None:
        """Count what the store could not do."""
        self._errors.labels(name).inc()

    def mail_tried(self, kind: str, verdict: str) -> None:
        """Count a try to send a mail."""
        self._mails.labels(kind, verdict).inc()

    def message_answered(self, processor: str, result: str) -> None:
        """Count an answer of a processor."""
        self._deliveries.labels(processor, result).inc()

    def limited(self, limit: str) -> None:
        """Count a limit that was reached, by the name of its setting."""
        self._limited.labels(limit).inc()

    def worked(self, job: str) -> None:
        """Count a completed round of a background job."""
        self._rounds.labels(job).inc()

    def stumbled(self, job: str) -> None:
        """Count a failed round of a background job."""
        self._failures.labels(job).inc()

    def measured(self, depths: QueueDepths, now: datetime) -> None:
        """Show what waits as of `now`. What is gone since the last time shows as nothing."""
        for state, count in depths.mails.items():
            self._queued.labels(state).set(count)
        self._oldest.set(0 if depths.oldest_mail is None else (now - depths.oldest_mail).total_seconds())
        _show(self._messages, {name: it.count for name, it in depths.messages.items()})
        _show(self._late, {name: (now - it.oldest).total_seconds() for name, it in depths.messages.items()})
        self._leaves.set(depths.leaves)
        self._unlogged.set(depths.unlogged)
        _set_moment(self._signed, depths.signed_at)
        for source, at in depths.attested.items():
            self._attested.labels(urlsplit(source).hostname or source).set(at.timestamp())  # no password
        self._unreachable.set(depths.unreachable)
        backups = depths.backups
        _set_moment(self._backup, backups.made)
        _set_moment(self._failed_backup, backups.failed)
        _set_moment(self._proved, backups.rehearsed)
        for (cause, source), count in depths.reports.items():
            self._reports.labels(cause, source).set(count)


def _set_moment(gauge: Gauge, at: datetime | None) -> None:
    gauge.set(0 if at is None else at.timestamp())


def _show(gauge: Gauge, values: Mapping[str, float]) -> None:
    for (name,) in list(gauge._metrics):  # noqa: SLF001 - the library tells no other way
        if name not in values:
            gauge.labels(name).set(0)
    for name, value in values.items():
        gauge.labels(name).set(value)
