"""An open installation: its store, keys, journal, files and clock, and the operations on them."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from optin.consent.wrong_clock import ClockReading
from optin.errors import ClockDoubted, EndingUnwritten, JournalUnusable, OptinError
from optin.flows.context_with_kinds import Flow, SiteContext
from optin.flows.deletion_clock import read_clock, trust_clock, watch_clock
from optin.flows.delivery.magnet_changes import with_removed
from optin.flows.evidence.withdrawals_in_journal import Endings, endings_in_journal
from optin.flows.gate.log_answer import UnstoredAnswers, store_answers
from optin.flows.request_policy import RequestPolicy
from optin.flows.retention.sweep_mails_and_records import journal_from
from optin.services.accepted_mail_log import AcceptedMailLog
from optin.services.installed_kind_parts import KindParts
from optin.services.measurements import Measurements, Unmeasured
from optin.services.promised_files import PromisedFiles
from optin.services.source_counts import SourceCounts
from optin.services.spans import NoSpans, Spans
from optin.services.steady_clock import SteadyClock
from optin.services.visitor_load import VisitorLoad
from optin.services.withdrawal_journal import Journal
from optin.store.database_interface import Operation, P, Store, T
from optin.store.encryption import Vault
from optin.store.event_log import integrate
from optin.store.magnet_promises import mark_served, needed_files
from optin.store.source_sums import add_to_source_sums
from optin.store.weekly_event_sums import DOWNLOADED, WeeklySumKey, add_to_weekly_sums, monday_of

clock_log = logging.getLogger("optin.clock")
WAL_RETRY_SECONDS = 0.2


@dataclass
class Installation:
    """The open parts of an installation, which every request and command uses."""

    store: Store
    vault: Vault
    policy: RequestPolicy
    kinds: KindParts
    use: str = "serve"
    clock: Callable[[], datetime] = field(default_factory=SteadyClock)
    wake_courier: Callable[[], None] = field(default=lambda: None)
    journal: Journal | None = None  # what is remembered outside the database (S7, O9)
    unwritten: threading.Event = field(default_factory=threading.Event)  # an ending may lack in the journal
    # erased bytes may still be in SQLite's write-ahead log
    wal_has_erased: threading.Event = field(default_factory=threading.Event)
    files: PromisedFiles | None = None  # copies of what is handed out, which outlive their magnets (S8)
    schema_findings: tuple[str, ...] = ()  # of the last look at the schema, a minute ago at most
    handover_log: AcceptedMailLog | None = None  # mails that were taken, until the store knows it
    downloads: Counter[WeeklySumKey] = field(default_factory=Counter)  # not yet in the store
    sources: SourceCounts = field(default_factory=SourceCounts)
    questions: UnstoredAnswers = field(default_factory=UnstoredAnswers)  # answers of the gate, not yet stored
    # counts that took long, with the moment until which they are shown again
    slow_counts: dict[str, tuple[datetime, Any]] = field(default_factory=dict)
    clock_doubted: bool = False  # the operator was told of it
    measurements: Measurements = field(default_factory=Unmeasured)
    spans: Spans = field(default_factory=NoSpans)
    visitors: VisitorLoad = field(default_factory=VisitorLoad)

    def measure_with(self, measurements: Measurements) -> None:
        """Count from now on what this process and its store do."""
        self.measurements = self.store.watch = measurements

    def count_limit(self, limit: str) -> None:
        """Count a limit that was reached, by the name of its setting."""
        self.measurements.limited(limit)

    def count_download(self, form: str) -> None:
        """Count a download without delaying it, and without the person (O4)."""
        self.downloads[monday_of(self.clock().date()), form, DOWNLOADED] += 1

    def keep_counts(self) -> None:
        """Write the counted views, sign-ups by source, and downloads to the store."""
        self.sources.write(self.clock(), lambda counts: self.write(add_to_source_sums, counts=counts))
        self.store_questions()
        counts, self.downloads = self.downloads, Counter()
        if not counts:
            return
        try:
            self.write(add_to_weekly_sums, counts=counts)
        except OptinError:
            self.downloads.update(counts)
            raise

    def store_questions(self) -> None:
        """Store what was noted of the gate's answers: for the people that they were about, and as sums."""
        notes, self.questions = self.questions, UnstoredAnswers()
        if not notes.sums:
            return
        try:
            self.run(store_answers, notes=notes)
        except OptinError:
            self.questions.take_back(notes)
            raise

    def obey(self, policy: RequestPolicy) -> None:
        """Use another policy from now on, including the promises of removed magnets."""
        self.policy = self.store.read(with_removed, policy=policy, kinds=self.kinds.flows)

    def unneeded_files(self) -> int:
        """Return the number of stored files that nobody needs any more."""
        if self.files is None:
            return 0
        now = self.clock()
        return len(self.files.unneeded(self.store.read(needed_files, now=now), now))

    def forget_files(self) -> int:
        """Delete the stored files that nobody needs any more; return their number."""
        if self.files is None:
            return 0
        self.trust_clock()
        now = self.clock()
        self.write(mark_served, served=self.policy.handouts, now=now)
        return self.files.forget(self.store.read(needed_files, now=now), now)

    def trust_clock(self) -> None:
        """Check that data may be deleted by the clock now. Raises ClockDoubted."""
        self.view(trust_clock, now=self.clock())

    def read_clock(self) -> ClockReading:
        """Return the clock's time, and when it was last known to be right."""
        return self.view(read_clock, now=self.clock())

    def see_clock(self) -> None:
        """Check that a sweep may begin; log a doubt about the clock. Raises ClockDoubted."""
        look = self.run(watch_clock, now=self.clock(), steady=False)
        self.say_clock(look)
        if look.doubted:
            raise ClockDoubted(look.sentence)

    def say_clock(self, look: ClockReading) -> None:
        """Log once when the clock becomes doubted, and once when that is over."""
        if look.doubted and not self.clock_doubted:
            clock_log.error("%s", look.sentence)
        if self.clock_doubted and not look.doubted:
            clock_log.warning("the clock is trusted again: %s UTC", f"{look.now:%Y-%m-%d %H:%M}")
        self.clock_doubted = look.doubted

    @property
    def context(self) -> SiteContext:
        """The context for flows."""
        return SiteContext(self.vault, self.policy, self.kinds.flows, self.kinds.schema)

    def run(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a flow durably in a transaction of its own, and wait for it."""
        return self.store.submit(flow, self.context, *args, **kwargs).result()

    def view(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a flow that only reads."""
        return self.store.read(flow, self.context, *args, **kwargs)

    def write(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation durably, and wait for it."""
        return self.store.submit(operation, *args, **kwargs).result()

    def integrate(self) -> None:
        """Add every queued event to the log."""
        while self.write(integrate):
            pass

    def note_ending(self) -> None:
        """Write what was just withdrawn, erased, corrected or held to the journal.

        Raises EndingUnwritten: it is stored, and the person is not to be told so yet.
        """
        if self.journal is None:
            return
        try:
            self.journal.catch_up(self.store)
            self.unwritten.clear()
        except JournalUnusable as problem:
            self.unwritten.set()
            raise EndingUnwritten(str(problem)) from None

    def check_past(self) -> None:
        """Check, before a deletion, that the log grew from what the journal remembers.

        Raises LogDiverged or JournalUnusable.
        """
        if self.journal is not None:
            self.journal.check(self.store)

    def endings(self) -> Endings:
        """Return all withdrawals and erasures in the journal. Raises JournalUnusable."""
        return {} if self.journal is None else endings_in_journal(self.journal.read_whole(self.store))

    def endings_of(self, person: bytes) -> Endings:
        """Return the journal's lines about a person (digest of the address). Raises JournalUnusable."""
        return {} if self.journal is None else endings_in_journal(self.journal.lines_about(person))

    def shorten_journal(self) -> None:
        """Delete lines from the journal file that no backup needs any more (R8)."""
        if self.journal is not None:
            self.journal.catch_up(self.store)
            self.trust_clock()
            self.journal.forget(journal_from(self.policy, self.clock()))

    def truncate_wal(self, tries: int = 1) -> bool:
        """Empty the write-ahead log of SQLite, so that erased bytes are gone from it too (R5).

        Other readers may stand in the way: then it is tried again later, by the server.
        """
        for attempt in range(tries):
            if self.store.truncate_wal():
                self.wal_has_erased.clear()
                return True
            if attempt + 1 < tries:
                time.sleep(WAL_RETRY_SECONDS)
        self.wal_has_erased.set()
        return False
