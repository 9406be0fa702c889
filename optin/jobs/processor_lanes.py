"""Send processors messages about consents and their ends: a lane each, so a slow one delays no other.

A lane is a loop for one processor: it takes messages from the outbox and hands them to a Receiver, which
sends them as signed webhooks or through the connector of a tool (E7, W11).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn, Protocol

from optin.consent.webhook_message import WebhookKind
from optin.errors import JournalUnusable, LogDiverged
from optin.flows.evidence.withdrawals_in_journal import EndingsOf
from optin.flows.exports.queue_webhook_messages import (
    CallResult,
    MessageState,
    OutgoingMessage,
    ReceiverAnswer,
    claim_outgoing,
    record_answer,
    retry_period_for,
)
from optin.jobs.background_job import Job, RoundDone, pause
from optin.services.installation import Installation
from optin.services.visitor_load import GiveWay
from optin.store.database_interface import read, written
from optin.store.registered_webhooks import keep_webhooks as register
from optin.store.sending_claims import ClaimBatch
from optin.store.webhook_outbox import is_due

log = logging.getLogger("optin.webhook")

POLL_SECONDS = 1.0
STALE_SECONDS = 900.0
MESSAGE_SECONDS = 0.003  # of this process that a message costs, about
AT_ONCE = 4  # messages to one processor; never two about one person
LONGEST_REST_SECONDS = 300.0  # after messages that failed
LONGEST_ASKED_SECONDS = 3600.0  # a receiver may ask for more: then it is tried before that
LOG_EVERY_SECONDS = 24 * 3600.0


class Receiver(Protocol):
    """Sends messages to one processor. Never raises for a fault of the processor."""

    label: str  # for the log: "webhook", or the name of the tool
    address: str  # where messages go; after a 410, a change of it lets messages go again
    cure: str  # a sentence for the log: what to do while nothing reaches it

    async def tell(self, message: OutgoingMessage) -> CallResult:
        """Send one message."""


def lane_jobs(installation: Installation, receivers: Mapping[str, Receiver]) -> list[Job]:
    """Return the jobs that register the processors and send each its due messages."""
    addresses = {name: hashlib.sha256(it.address.encode()).hexdigest() for name, it in receivers.items()}
    registered = asyncio.Event()

    async def keep_registered(_stop: asyncio.Event, _round_done: RoundDone) -> None:
        """Store once which processors receive messages."""
        forgotten = await written(installation.store, register, addresses=addresses)
        registered.set()
        if forgotten:
            said = "%d messages were dropped: their processors have no webhook or connector any more"
            log.warning(said, forgotten)

    lanes = {name: Lane(installation, name, it, registered) for name, it in receivers.items()}
    return [
        Job("webhooks", keep_registered, STALE_SECONDS),
        *(Job(f"webhooks to {name}", lane.run, STALE_SECONDS) for name, lane in lanes.items()),
    ]


@dataclass
class _Fault:
    """A fault of the set-up that was logged: when (seconds of the loop), and for which purposes."""

    at: float
    purposes: set[str]


class SetupFaults:
    """The faults of a processor's set-up: each is logged once, and again a day later.

    One that was mended in between is logged again at once.
    """

    def __init__(self, label: str, processor: str, cure: str) -> None:
        """Log faults of `processor`, each with the cure."""
        self._about = (label, processor)
        self._cure = cure
        self._known: dict[str, _Fault] = {}

    def __bool__(self) -> bool:
        """Return whether there is a fault, as far as is known."""
        return bool(self._known)

    def failed(self, said: str, purpose: str, at: float, cure: str = "") -> None:
        """Record a fault; log it if it is new or a day old. `cure`: in place of the usual one."""
        fault = self._known.get(said)
        if fault is not None and at < fault.at + LOG_EVERY_SECONDS:
            fault.purposes.add(purpose)
            return
        self._known[said] = _Fault(at, {purpose})
        shown = cure or self._cure
        log.error("%s %s: nothing reaches it: %s. Messages wait. %s", *self._about, said, shown)

    def worked(self, purpose: str, at: float) -> None:
        """Record that a message of this purpose was accepted. Faults that are a day old are forgotten."""
        kept = {
            said: it
            for said, it in self._known.items()
            if purpose not in it.purposes and at < it.at + LOG_EVERY_SECONDS
        }
        mended = any(purpose in it.purposes for it in self._known.values())
        if mended and not kept:
            log.warning("%s %s: it works again", *self._about)
        self._known = kept


class Lane:
    """Sends the messages of one processor."""

    def __init__(
        self, installation: Installation, processor: str, receiver: Receiver, registered: asyncio.Event
    ) -> None:
        """Begin as soon as the processors are registered."""
        self._registered = registered
        self._installation = installation
        self._processor = processor
        self._receiver = receiver
        self._failures = 0
        self._faults = SetupFaults(receiver.label, processor, receiver.cure)
        self._quiet_until = 0.0
        self._pace = GiveWay(installation.visitors)

    async def run(self, stop: asyncio.Event, round_done: RoundDone) -> None:
        """Send until `stop` is set; finish the calls in progress."""
        while not stop.is_set():
            busy = self._registered.is_set() and await self.round()
            if self._registered.is_set():
                round_done()
            if not busy:
                await pause(stop, self._rest)

    @property
    def _rest(self) -> float:
        """Seconds to wait; longer after each consecutive failure, and as long as the receiver asks."""
        asked = self._quiet_until - asyncio.get_running_loop().time()
        return min(max(POLL_SECONDS * 2.0 ** min(self._failures, 10), asked), LONGEST_REST_SECONDS)

    async def round(self) -> bool:
        """Send the due messages; return whether there may be more."""
        installation, now, time = (
            self._installation,
            self._installation.clock(),
            asyncio.get_running_loop().time,
        )
        if time() < self._quiet_until:
            return False
        if not await read(installation.store, is_due, processor=self._processor, now=now):
            return False
        await self._pace.turn()
        claim = partial(
            claim_outgoing,
            context=installation.context,
            processor=self._processor,
            batch=ClaimBatch(1 if self._faults else AT_ONCE, installation.store.presence.incarnation),
            now=now,
            endings_of=await asyncio.to_thread(self._memory),
        )
        messages, dropped = await written(installation.store, claim)
        label = self._receiver.label
        for it in dropped:
            about = (label, self._processor, it.kind or "a message", it.message, it.why)
            if it.is_lost:
                log.error("%s %s: %s %s was given up: %s; inform the processor yourself", *about)
            else:
                log.info("%s %s: %s %s is not sent: %s", *about)
        results = await asyncio.gather(*(self._tell(it) for it in messages), return_exceptions=True)
        self._pace.worked(len(messages) * MESSAGE_SECONDS)
        replies = [it for it in results if not isinstance(it, BaseException)]
        self._note(messages, results, time())
        for problem in results:  # raised when the others are through: one must not take them along
            if isinstance(problem, BaseException):
                raise problem
        settled = any(it.answer in _SETTLED for it in replies)
        if messages:
            self._failures = 0 if settled else self._failures + 1
        return time() >= self._quiet_until and (settled or (bool(dropped) and not messages))

    def _note(
        self, messages: list[OutgoingMessage], results: list[CallResult | BaseException], at: float
    ) -> None:
        """Take note of faults of the set-up, and of how long the receiver asks to be left alone."""
        for message, reply in zip(messages, results, strict=True):
            if isinstance(reply, BaseException):
                continue
            if reply.answer is ReceiverAnswer.SETUP:
                self._faults.failed(reply.said, message.notice.purpose, at, self._receiver.cure)
            elif reply.answer in _SETTLED:
                self._faults.worked(message.notice.purpose, at)
            asked = at + min(reply.wait_seconds, LONGEST_ASKED_SECONDS)
            self._quiet_until = max(self._quiet_until, asked)

    def _memory(self) -> EndingsOf:
        """Return the journal's reader of a person's endings; it refuses while the log has diverged (O9)."""
        try:
            self._installation.check_past()
        except (LogDiverged, JournalUnusable) as problem:
            return partial(_refuse, problem)
        return self._installation.endings_of

    async def _tell(self, message: OutgoingMessage) -> CallResult:
        """Send one message and record the answer; return it."""
        installation, notice = self._installation, message.notice
        reply = await self._receiver.tell(message)
        settle = partial(
            record_answer,
            notice=notice,
            reply=replace(reply, wait_seconds=min(reply.wait_seconds, LONGEST_ASKED_SECONDS)),
            now=installation.clock(),
            clock_doubted=installation.clock_doubted,
        )
        outcome = await written(installation.store, settle)
        installation.measurements.message_answered(notice.processor, reply.answer.value)
        _say(self._receiver.label, message, reply, outcome)
        if notice.kind is WebhookKind.ERASED:
            installation.wal_has_erased.set()  # its address may still be in SQLite's write-ahead log (R5)
        return reply


_SETTLED = frozenset({ReceiverAnswer.TAKEN, ReceiverAnswer.REFUSED})  # the receiver works


def _refuse(problem: LogDiverged | JournalUnusable, _person: bytes) -> NoReturn:
    raise problem


def _say(label: str, message: OutgoingMessage, reply: CallResult, outcome: MessageState) -> None:
    """Log the result of a message, without personal data (S4)."""
    notice = message.notice
    about = (label, notice.processor, notice.kind.value, notice.message)
    if outcome is MessageState.STOPPED:
        log.error("%s %s: %s %s was answered 410; nothing more is sent to it until its url changes", *about)
    elif outcome is MessageState.GIVEN_UP:
        log.error(
            "%s %s: %s %s was given up after %d days: %s; inform the processor yourself",
            *about,
            retry_period_for(message.notice.kind, reply.answer).days,
            reply.said,
        )
    elif outcome is MessageState.REFUSED:
        log.error(
            "%s %s: %s %s was refused and is not sent again: %s; see: optin exports", *about, reply.said
        )
    elif outcome is MessageState.WAITING and reply.answer is not ReceiverAnswer.SETUP:
        log.warning("%s %s: %s %s was not accepted: %s", *about, reply.said)
