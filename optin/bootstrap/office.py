"""The running office: store, keys, courier and clock of one installation."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from optin.bootstrap.clock import SteadyClock, keep_clock
from optin.bootstrap.handed_over import HandOverLog
from optin.bootstrap.jobs import Job, RoundDone, every, rest
from optin.bootstrap.journal import Journal
from optin.bootstrap.kept_files import KeptFiles
from optin.bootstrap.opening import claim_keys, open_keys, open_store
from optin.bootstrap.remembering import open_journal
from optin.bootstrap.served import keep_served
from optin.bootstrap.signing import sign_log
from optin.bootstrap.soundness import check_use
from optin.bootstrap.taking_back import HANDED_OVER, take_back
from optin.consent.clock import ClockLook
from optin.errors import (
    ClockDoubted,
    EndingUnwritten,
    JournalUnusable,
    LogDiverged,
    OptinError,
    SetupRefused,
    StoreBusy,
)
from optin.flows.backoff import wait_before
from optin.flows.clock import look_at_clock, trust_clock, watch_clock
from optin.flows.clock_correction import begin_with_clock, note_set_back
from optin.flows.deciding import Passed
from optin.flows.deliver import (
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    MOMENT,
    claim_orders,
    settle_order,
)
from optin.flows.orders import MailKind, Order, Settled, Verdict
from optin.flows.policy import RequestPolicy
from optin.flows.receipt import NotSigned
from optin.flows.removed import with_removed
from optin.flows.sweep import DRAWS, ERASING, JOURNAL, RULES, Broom, Rule, journal_from, missed_draws
from optin.flows.sweep_share import sweep_step, tell_held
from optin.flows.webinars import outdated_plans
from optin.settings import Settings
from optin.store.clock_mark import newest_event
from optin.store.log import StoredCheckpoint, integrate
from optin.store.outbox import give_up_killers, has_suspects, hurry, revive
from optin.store.promises import mark_served, needed_files
from optin.store.tally import DOWNLOADED, Place, add_to_tally, monday_of
from optin.store.transaction import Operation, Store, Tx, read, written
from optin.store.vault import Vault

log = logging.getLogger("optin.sweep")
mail_log = logging.getLogger("optin.mail")
clock_log = logging.getLogger("optin.clock")
past_log = logging.getLogger("optin.log")
T = TypeVar("T")

SWEEP_SECONDS = 600
SWEEP_STALE_SECONDS = 2 * 3600.0  # a large one takes its time beside live traffic
STALE_SECONDS = 60.0
SUSPECTS_EVERY_SECONDS = 5.0
FILES = "files"
DISAGREED = "refused"  # what rows say to be due, and events do not
CLEAR_SECONDS = 0.2
COUNT_SECONDS = 5.0  # so much of the counts is lost when a process is killed
GIVE_WAY = 2.0  # a sweep rests twice as long as each step took
LONGEST_PAUSE_SECONDS = 0.5
INTEGRATE_SECONDS = 0.2
REFUSED_WAIT = timedelta(minutes=1)  # of a receipt, while nothing is signed
SIGN_EVERY = 5  # rounds: at most one checkpoint a second, besides those that receipts need


@dataclass
class Office:
    """What every request and command works with."""

    store: Store
    vault: Vault
    policy: RequestPolicy
    use: str = "serve"
    clock: Callable[[], datetime] = field(default_factory=SteadyClock)
    wake_courier: Callable[[], None] = field(default=lambda: None)
    journal: Journal | None = None  # what is remembered outside the database (S7, O9)
    unwritten: threading.Event = field(default_factory=threading.Event)  # an ending may lack in the journal
    uncleared: threading.Event = field(default_factory=threading.Event)  # erased bytes may be in a journal
    files: KeptFiles | None = None  # copies of what is handed out, which outlive their magnets (S8)
    schema_findings: tuple[str, ...] = ()  # of the last look at the schema, a minute ago at most
    handed_over: HandOverLog | None = None  # mails that were taken, until the store knows it
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
            self.write(partial(add_to_tally, counts=counts))
        except OptinError:
            self.downloads.update(counts)
            raise

    def obey(self, policy: RequestPolicy) -> None:
        """Work by another policy from now on, and by what removed magnets promised."""
        self.policy = self.store.read(partial(with_removed, policy=policy))

    def unneeded_files(self) -> int:
        """Return how many kept files nobody needs any more."""
        if self.files is None:
            return 0
        now = self.clock()
        return len(self.files.unneeded(self.store.read(partial(needed_files, now=now)), now))

    def forget_files(self) -> int:
        """Remove the kept files that nobody needs any more; return how many."""
        if self.files is None:
            return 0
        self.trust_clock()
        now = self.clock()
        self.write(partial(mark_served, served=self.policy.handouts, now=now))
        return self.files.forget(self.store.read(partial(needed_files, now=now)), now)

    def trust_clock(self) -> None:
        """See that something may be deleted now. Raises ClockDoubted."""
        trust = partial(trust_clock, vault=self.vault, jump=self.policy.clock_jump, now=self.clock())
        self.store.read(trust)

    def look_at_clock(self) -> ClockLook:
        """Return what the clock says, and when it was last known to be right."""
        look = partial(look_at_clock, vault=self.vault, jump=self.policy.clock_jump, now=self.clock())
        return self.store.read(look)

    def see_clock(self) -> None:
        """See that a sweep may begin; a doubt is noted in the log, and said. Raises ClockDoubted."""
        jump, now = self.policy.clock_jump, self.clock()
        look = self.write(partial(watch_clock, vault=self.vault, jump=jump, now=now, steady=False))
        self.say_clock(look)
        if look.doubted:
            raise ClockDoubted(look.sentence)

    def say_clock(self, look: ClockLook) -> None:
        """Tell the operator when the clock begins to be doubted, and when that is over: each once."""
        if look.doubted and not self.clock_doubted:
            clock_log.error("%s", look.sentence)
        if self.clock_doubted and not look.doubted:
            clock_log.warning("the clock is trusted again: %s UTC", f"{look.now:%Y-%m-%d %H:%M}")
        self.clock_doubted = look.doubted

    def write(self, operation: Operation[T]) -> T:
        """Run an operation durably, and wait for it."""
        return self.store.submit(operation).result()

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

    def shorten_journal(self) -> None:
        """Forget in the journal that is kept apart what no backup needs to be told any more (R8)."""
        if self.journal is not None:
            self.journal.catch_up(self.store)
            self.trust_clock()
            self.journal.forget(journal_from(self.policy, self.clock()))

    def clear(self, tries: int = 1) -> bool:
        """Empty the database's own journal, so that erased bytes are gone from it too (R5).

        Other readers may stand in the way: then it is tried again later, by the server.
        """
        truncate = getattr(self.store, "truncate_journal", None)
        if truncate is None:
            return True
        for attempt in range(tries):
            if truncate():
                self.uncleared.clear()
                return True
            if attempt + 1 < tries:
                time.sleep(CLEAR_SECONDS)
        self.uncleared.set()
        return False


@contextmanager
def open_office(
    settings: Settings,
    policy: RequestPolicy,
    server: str | None = None,
    *,
    inspecting: bool = False,
    with_journal: bool = True,
) -> Iterator[Office]:
    """Open the installation for a server (`serve` or `dev`) or for one command; close it at the end.

    `inspecting`: a schema that is not optin's is kept in `schema_findings`, and nothing is written to it.

    Raises SetupRefused when store, keys or journal cannot be used, or the log is not the one that the journal
    remembers (unless `with_journal` is False, by word of whoever gave the command); nothing is overwritten.
    Only a server takes keys for its use, and leaves what it runs with for commands in other shells.
    """
    keys = open_keys(settings)
    vault, serving = Vault(keys), server is not None
    store = open_store(
        settings.store,
        settings.root,
        vault,
        origin=settings.log_origin,
        serving=serving,
        inspecting=inspecting,
    )
    try:
        if server is not None:
            keys = claim_keys(settings, keys, server)
            check_use(keys.use, server)
            keep_served(store, settings, server)
        files = KeptFiles(settings.path(settings.files))
        office = Office(store, vault, policy, use=keys.use, files=files)
        if inspecting:
            office.schema_findings = tuple(store.schema_findings())
        if not office.schema_findings:
            if with_journal:
                office.journal = open_journal(settings, keys, store, office.clock())
                office.journal.catch_up(store)  # what a crash kept from it
            office.obey(policy)
            see_clock(office, serving=serving)
        with _present(office, settings.path(HANDED_OVER)) if serving else nullcontext():
            yield office
    finally:
        store.close()


@contextmanager
def _present(office: Office, folder: Path) -> Iterator[None]:
    """Live as a server: take back what dead ones had in hand, and write down what is handed over."""
    store, vault = office.store, office.vault
    take_back(store, vault, office.clock(), folder)
    office.handed_over = HandOverLog(folder, vault, store.presence.incarnation)
    try:
        yield
    finally:
        office.handed_over.close()
        with suppress(OptinError):  # then it counts as dead soon
            office.write(store.presence.leave)


def see_clock(office: Office, *, serving: bool) -> None:
    """Compare the clock with what the store knows: note that it went back, or is doubted (O7).

    A server also lets go what waits for a moment that a wrong clock wrote.
    """
    store, vault = office.store, office.vault

    def went_back(was: datetime, now: datetime) -> None:
        store.submit(partial(note_set_back, vault=vault, policy=office.policy, was=was, now=now))

    office.clock = clock = SteadyClock(went_back)
    if serving:
        begin = partial(begin_with_clock, vault=vault, policy=office.policy, now=clock())
        office.say_clock(office.write(begin))
    clock.learn(store.read(partial(newest_event, vault=vault)))


class StoreOutbox:
    """The store's outbox, as the courier sees it.

    A mail with which a courier died is claimed alone, when no other is on its way: it must not take
    innocent mails along a second time.
    """

    def __init__(self, office: Office) -> None:
        """Work on the outbox of `office`."""
        self._office = office
        self._under_way: set[int] = set()
        self._alone = False
        self._suspects_at = time.monotonic()  # when one was tried last, or none was due
        self._late: list[tuple[Order, Verdict, str, bytes]] = []  # sent, and not recorded yet

    async def claim(self, most: int) -> list[Order]:
        """Claim up to `most` mails that are due."""
        await self._settle_late()
        if self._alone:
            return []
        orders: list[Order] = []
        if not await self._is_turn_of_suspects():
            orders = await self._claim(most, suspect=False)
        if not orders and not self._under_way:
            orders = await self._claim(1, suspect=True)
            self._alone = bool(orders)
            self._suspects_at = time.monotonic()
        self._under_way.update(order.number for order in orders)
        return orders

    def taken(self, order: Order, message: bytes) -> None:
        """Write down at once that a mail server took a mail."""
        if self._office.handed_over is not None:
            self._office.handed_over.note(order, message)

    async def _is_turn_of_suspects(self) -> bool:
        """Tell whether a mail that is tried alone has waited for long enough: then the lanes run empty."""
        if time.monotonic() - self._suspects_at < SUSPECTS_EVERY_SECONDS:
            return False
        office = self._office
        if await read(office.store, partial(has_suspects, now=office.clock())):
            return True
        self._suspects_at = time.monotonic()
        return False

    async def _settle_late(self) -> None:
        """Record what could not be recorded before, so that nothing that was sent is claimed again."""
        while self._late:
            await self._settle(*self._late[-1])
            self._late.pop()

    async def settle(self, order: Order, verdict: Verdict, reply: str, message: bytes) -> bool:
        """Record what became of a mail. One that was sent is recorded later where it cannot be now."""
        try:
            return await self._settle(order, verdict, reply, message)
        except Exception:
            if verdict is Verdict.SENT:
                self._late.append((order, verdict, reply, message))
            raise
        finally:
            self._under_way.discard(order.number)
            self._alone = False

    async def _settle(self, order: Order, verdict: Verdict, reply: str, message: bytes) -> bool:
        office = self._office
        settled = await written(
            office.store,
            partial(
                settle_order,
                vault=office.vault,
                order=order,
                verdict=verdict,
                reply=reply,
                message=message,
                now=office.clock(),
                jump=office.policy.clock_jump,
            ),
        )
        if office.handed_over is not None:
            office.handed_over.settled(order)
        if order.kind is MailKind.ERASED:
            office.uncleared.set()
        if settled is Settled.DEAD:
            mail_log.warning("mail %s is dead: %s", order.message_id, reply)
        return settled is not Settled.LOST

    async def hurry(self) -> None:
        """Let what waits after a failed try be due now."""
        await written(self._office.store, partial(hurry, now=self._office.clock()))

    async def revive(self, orders: list[Order]) -> None:
        """Let mails that were just given up wait for another try instead."""
        until = self._office.clock() + wait_before(0, FIRST_WAIT_SECONDS, 2, LONGEST_WAIT_SECONDS)
        numbers = [order.number for order in orders]
        if count := await written(self._office.store, partial(revive, numbers=numbers, until=until)):
            mail_log.warning("%d mails that were dead wait again", count)

    async def _claim(self, most: int, *, suspect: bool) -> list[Order]:
        office, now = self._office, self._office.clock()

        def claim(tx: Tx, wait: timedelta | None) -> tuple[list[str], list[Order]]:
            given_up = give_up_killers(tx, now)
            return given_up, claim_orders(
                tx,
                office.vault,
                office.policy,
                most,
                now,
                suspect=suspect,
                receipts_wait=wait,
                holder=office.store.presence.incarnation,
            )

        try:
            given_up, orders = await written(office.store, partial(claim, wait=None))
        except NotSigned:
            wait = await asyncio.to_thread(self._sign)
            given_up, orders = await written(office.store, partial(claim, wait=wait))
        for message_id in given_up:
            mail_log.warning("mail %s is dead: couriers died with it", message_id)
        return orders

    def _sign(self) -> timedelta:
        """Sign the log for receipts; return how long those wait over which nothing is signed all the same."""
        try:
            advance_log(self._office)
        except SetupRefused:  # the log keeper says so
            return REFUSED_WAIT
        return MOMENT


def sweep(office: Office, *, beyond: bool = False) -> dict[str, int]:
    """Do every rule, step by step beside live traffic; return how many rows each did (D6, R8).

    `beyond`: more people may go than a day's share. Raises ClockDoubted (O7); LogDiverged or JournalUnusable:
    nothing is deleted by a database whose past is in doubt (O9).
    """
    office.check_past()
    office.see_clock()
    done: dict[str, int] = {}
    failed: list[Exception] = []
    passed = Passed()
    for name, rule in RULES.items():
        if name == JOURNAL:
            office.shorten_journal()
        done[name], problem = _do_rule(office, name, rule, passed, beyond=beyond)
        failed += [] if problem is None else [problem]
    done[DISAGREED] = passed.reasons.total()
    for why, count in sorted(passed.reasons.items()):
        log.error("%d refused: the database and the log disagree (%s); see: optin audit", count, why)
    done[FILES] = office.forget_files()
    _warn(office, Broom(office.vault, office.policy, office.clock()))
    if done[DRAWS]:
        advance_log(office)  # under a checkpoint before the seed is known
    if any(done[name] for name in ERASING):
        office.note_ending()
        office.clear()
    if failed:
        raise failed[0]
    return done


def _warn(office: Office, broom: Broom) -> None:
    """Tell the operator what a sweep left undone, and waits for somebody."""
    if held := office.write(partial(tell_held, broom=broom)):
        log.warning("%s", held.sentence)
    for magnet in office.store.read(partial(missed_draws, broom=broom)) if office.policy.draws else ():
        log.warning("the entries of /%s were not fixed before its seed was known: name a later seed", magnet)
    for magnet in office.store.read(partial(outdated_plans, webinars=office.policy.webinars)):
        log.warning("/%s was changed since this server started: start it anew; its mails wait", magnet)


def _do_rule(
    office: Office, name: str, rule: Rule, passed: Passed, *, beyond: bool
) -> tuple[int, Exception | None]:
    """Return how many rows a rule did; and what it failed by, which must not keep the others waiting."""
    done = 0
    try:
        while count := _step(office, name, rule, passed, beyond=beyond):
            done += count
    except (StoreBusy, ClockDoubted):
        raise
    except Exception as problem:  # noqa: BLE001 - raised when the others did their work
        return done, problem
    return done, None


def _step(office: Office, name: str, rule: Rule, passed: Passed, *, beyond: bool) -> int:
    broom = Broom(office.vault, office.policy, office.clock(), passed)
    begun = time.perf_counter()
    count = office.write(partial(sweep_step, broom=broom, name=name, rule=rule, beyond=beyond))
    if count:  # whoever signs up meanwhile goes first
        time.sleep(min(GIVE_WAY * (time.perf_counter() - begun), LONGEST_PAUSE_SECONDS))
    return count


async def keep_clear(office: Office, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Empty the database's journal after each erasure, until it is done and until `stop` (R5)."""

    async def clear_if_needed() -> None:
        if office.uncleared.is_set():
            await asyncio.to_thread(office.clear)

    await every(CLEAR_SECONDS, clear_if_needed, stop, round_done)


def advance_log(office: Office) -> StoredCheckpoint:
    """Take queued events into the log and sign a checkpoint over them (P4)."""
    while office.write(integrate):
        pass
    return sign_log(office.store, office.vault, office.journal, office.clock())


async def keep_log(office: Office, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Integrate several times a second, sign at most once, until `stop` is set.

    A log that is not the one that was signed before is not signed: it is said once, loudly; events go on
    becoming leaves, and it is looked at again (O9).
    """
    rounds, said = itertools.count(), ""

    async def advance() -> None:
        nonlocal said
        await written(office.store, integrate)
        if next(rounds) % SIGN_EVERY:
            return
        try:
            await asyncio.to_thread(_sign_and_note, office)
            said = ""
        except LogDiverged as problem:
            if said != str(problem):
                past_log.critical("NOTHING IS SIGNED ANY MORE: %s", problem)
            said = str(problem)

    await every(INTEGRATE_SECONDS, advance, stop, round_done)


def _sign_and_note(office: Office) -> None:
    if office.unwritten.is_set():
        office.note_ending()
    sign_log(office.store, office.vault, office.journal, office.clock())


async def keep_counts(office: Office, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Put the counts of downloads into the store now and then, and at the end."""
    while not stop.is_set():
        await rest(stop, COUNT_SECONDS)
        await asyncio.to_thread(office.keep_counts)
        round_done()


async def sweep_by_itself(office: Office, stop: asyncio.Event, round_done: RoundDone) -> None:
    """Sweep now and then until `stop` is set (R8)."""
    await every(SWEEP_SECONDS, partial(asyncio.to_thread, _sweep_if_trusted, office), stop, round_done)


def _sweep_if_trusted(office: Office) -> None:
    with suppress(ClockDoubted):  # it was said, once
        sweep(office)


def office_jobs(office: Office) -> list[Job]:
    """Return what every server does beside its requests, whatever its site is."""
    return [
        Job("sweep", partial(sweep_by_itself, office), SWEEP_STALE_SECONDS),
        Job("clock", partial(keep_clock, office), STALE_SECONDS),
        Job("log", partial(keep_log, office), STALE_SECONDS),
        Job("journal", partial(keep_clear, office), STALE_SECONDS),
        Job("counts", partial(keep_counts, office), STALE_SECONDS),
    ]
