"""The running office: store, keys, courier and clock of one installation."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from optin.consent.clock import ClockReading
from optin.errors import (
    ClockDoubted,
    EndingUnwritten,
    JournalUnusable,
    OptinError,
)
from optin.flows.context import Context, Flow
from optin.flows.delivery.removed_magnets import with_removed
from optin.flows.policy import RequestPolicy
from optin.flows.retention.clock import read_clock, trust_clock, watch_clock
from optin.flows.retention.clock_correction import begin_with_clock, note_set_back
from optin.flows.retention.sweep_records import journal_from
from optin.flows.rights.journal_endings import Endings, endings_told
from optin.services.clock import SteadyClock
from optin.services.crash_recovery import HANDED_OVER, take_back
from optin.services.handover_log import HandoverLog
from optin.services.journal import Journal
from optin.services.journal_opening import open_journal
from optin.services.kind_parts import KindParts
from optin.services.open_store import claim_keys, open_keys, open_store
from optin.services.promised_files import PromisedFiles
from optin.services.served_settings import keep_served
from optin.services.setup_check import check_use
from optin.settings.installation import Settings
from optin.store.clock_mark import newest_event
from optin.store.event_sums import DOWNLOADED, Place, add_to_tally, monday_of
from optin.store.log import integrate
from optin.store.promises import mark_served, needed_files
from optin.store.transaction import Operation, P, Store, T
from optin.store.vault import Vault

clock_log = logging.getLogger("optin.clock")
WAL_RETRY_SECONDS = 0.2


@dataclass
class Installation:
    """What every request and command works with."""

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
    handover_log: HandoverLog | None = None  # mails that were taken, until the store knows it
    downloads: Counter[Place] = field(default_factory=Counter)  # not yet in the store
    clock_doubted: bool = False  # the operator was told of it

    def count_download(self, form: str) -> None:
        """Count that a file was fetched; not by whom, and not in the way of whoever fetches it (O4)."""
        self.downloads[monday_of(self.clock().date()), form, DOWNLOADED] += 1

    def keep_counts(self) -> None:
        """Put what was counted into the store."""
        counts, self.downloads = self.downloads, Counter()
        if not counts:
            return
        try:
            self.write(add_to_tally, counts=counts)
        except OptinError:
            self.downloads.update(counts)
            raise

    def obey(self, policy: RequestPolicy) -> None:
        """Work by another policy from now on, and by what removed magnets promised."""
        self.policy = self.store.read(with_removed, policy=policy)

    def unneeded_files(self) -> int:
        """Return how many kept files nobody needs any more."""
        if self.files is None:
            return 0
        now = self.clock()
        return len(self.files.unneeded(self.store.read(needed_files, now=now), now))

    def forget_files(self) -> int:
        """Remove the kept files that nobody needs any more; return how many."""
        if self.files is None:
            return 0
        self.trust_clock()
        now = self.clock()
        self.write(mark_served, served=self.policy.handouts, now=now)
        return self.files.forget(self.store.read(needed_files, now=now), now)

    def trust_clock(self) -> None:
        """See that something may be deleted now. Raises ClockDoubted."""
        self.view(trust_clock, now=self.clock())

    def read_clock(self) -> ClockReading:
        """Return what the clock says, and when it was last known to be right."""
        return self.view(read_clock, now=self.clock())

    def see_clock(self) -> None:
        """See that a sweep may begin; a doubt is noted in the log, and said. Raises ClockDoubted."""
        look = self.run(watch_clock, now=self.clock(), steady=False)
        self.say_clock(look)
        if look.doubted:
            raise ClockDoubted(look.sentence)

    def say_clock(self, look: ClockReading) -> None:
        """Tell the operator when the clock begins to be doubted, and when that is over: each once."""
        if look.doubted and not self.clock_doubted:
            clock_log.error("%s", look.sentence)
        if self.clock_doubted and not look.doubted:
            clock_log.warning("the clock is trusted again: %s UTC", f"{look.now:%Y-%m-%d %H:%M}")
        self.clock_doubted = look.doubted

    @property
    def context(self) -> Context:
        """What flows work with now."""
        return Context(self.vault, self.policy)

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
        """Take every queued event into the log."""
        while self.write(integrate):
            pass

    def note_ending(self) -> None:
        """See what was just withdrawn, erased, corrected or held in the journal that is kept apart.

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
        """See that the log grew from what the journal remembers, before something is deleted.

        Raises LogDiverged or JournalUnusable.
        """
        if self.journal is not None:
            self.journal.check(self.store)

    def endings(self) -> Endings:
        """Return who withdrew or was erased, as the journal remembers it. Raises JournalUnusable."""
        return {} if self.journal is None else endings_told(self.journal.read_whole(self.store))

    def endings_of(self, person: bytes) -> Endings:
        """Return what the journal remembers of one person (digest of the address). Raises JournalUnusable."""
        return {} if self.journal is None else endings_told(self.journal.lines_about(person))

    def shorten_journal(self) -> None:
        """Forget in the journal that is kept apart what no backup needs to be told any more (R8)."""
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


@contextmanager
def open_installation(
    settings: Settings,
    policy: RequestPolicy,
    kinds: KindParts,
    server: str | None = None,
    *,
    inspecting: bool = False,
    with_journal: bool = True,
) -> Iterator[Installation]:
    """Open the installation for a server (`serve` or `dev`) or for one command; close it at the end.

    `inspecting`: a schema that is not optin's is kept in `schema_findings`, and nothing is written to it.

    Raises SetupRefused when store, keys or journal cannot be used, or the log is not the one that the journal
    remembers (unless `with_journal` is False, by word of whoever gave the command); nothing is overwritten.
    Only a server takes keys for its use, and leaves what it runs with for commands in other shells.
    """
    keys = open_keys(settings, kinds.schema)
    vault, serving = Vault(keys), server is not None
    store = open_store(
        settings.store,
        settings.root,
        vault,
        kinds.schema,
        origin=settings.log_origin,
        serving=serving,
        inspecting=inspecting,
    )
    try:
        if server is not None:
            keys = claim_keys(settings, keys, server)
            check_use(keys.use, server)
            keep_served(store, settings, server)
        files = PromisedFiles(settings.path(settings.files))
        installation = Installation(store, vault, policy, kinds, use=keys.use, files=files)
        if inspecting:
            installation.schema_findings = tuple(store.schema_findings())
        if not installation.schema_findings:
            if with_journal:
                installation.journal = open_journal(settings, keys, store, installation.clock())
                installation.journal.catch_up(store)  # what a crash kept from it
            installation.obey(policy)
            see_clock(installation, serving=serving)
        with _present(installation, settings.path(HANDED_OVER)) if serving else nullcontext():
            yield installation
    finally:
        store.close()


@contextmanager
def _present(installation: Installation, folder: Path) -> Iterator[None]:
    """Live as a server: recover what crashed ones left, and note which mails are handed over."""
    store, vault = installation.store, installation.vault
    take_back(store, vault, installation.clock(), folder)
    installation.handover_log = HandoverLog(folder, vault, store.presence.incarnation)
    try:
        yield
    finally:
        installation.handover_log.close()
        with suppress(OptinError):  # then it counts as dead soon
            installation.write(store.presence.leave)


def see_clock(installation: Installation, *, serving: bool) -> None:
    """Compare the clock with what the store knows: note that it went back, or is doubted (O7).

    A server also lets go what waits for a moment that a wrong clock wrote.
    """
    store, vault = installation.store, installation.vault

    def went_back(was: datetime, now: datetime) -> None:
        store.submit(note_set_back, context=Context(vault, installation.policy), was=was, now=now)

    installation.clock = clock = SteadyClock(went_back)
    if serving:
        begin = partial(begin_with_clock, context=Context(vault, installation.policy), now=clock())
        installation.say_clock(installation.write(begin))
    clock.learn(store.read(newest_event, vault=vault))
