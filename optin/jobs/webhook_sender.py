"""Send webhooks to processors: without delaying requests, and never to a private address (E7).

Each processor has a lane of its own, so that a slow one holds up nobody else. How a call is made, and where
to none goes, stands in `services.http_client`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NoReturn, Protocol

from optin.consent.webhook_message import WebhookKind, signed_headers
from optin.errors import JournalUnusable, LogDiverged
from optin.flows.evidence.withdrawals_in_journal import EndingsOf
from optin.flows.exports.queue_webhook_messages import (
    MessageState,
    OutgoingMessage,
    ReceiverAnswer,
    claim_outgoing,
    record_answer,
)
from optin.jobs.background_job import Job, RoundDone, pause
from optin.services.http_client import CallFailed, VettedClient
from optin.services.installation import Installation
from optin.settings.site import Processor, Webhook
from optin.store.database_interface import read, written
from optin.store.registered_webhooks import keep_webhooks as register
from optin.store.sending_claims import ClaimBatch
from optin.store.webhook_outbox import is_due

log = logging.getLogger("optin.webhook")

POLL_SECONDS = 1.0
STALE_SECONDS = 900.0
AT_ONCE = 4  # calls to one processor; never two about one person
LONGEST_REST_SECONDS = 300.0  # after calls that failed
GONE, OK, REDIRECT = 410, 200, 300


@dataclass(frozen=True)
class WebhookCall:
    """One message to send. `body` holds personal data: never log it (S4)."""

    processor: str
    kind: WebhookKind
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class CallResult:
    """Result of a call, with a status or error name for the log."""

    answer: ReceiverAnswer
    said: str


class WebhookSender(Protocol):
    """Makes one call. Never raises for a fault of the receiver."""

    async def post(self, delivery: WebhookCall) -> CallResult:
        """Send one message."""


class HttpSender:
    """Posts over https, to public servers. Only tests give a client with other rules."""

    def __init__(self, client: VettedClient | None = None) -> None:
        """Take the client that makes the calls."""
        self._client = client or VettedClient()

    async def post(self, delivery: WebhookCall) -> CallResult:
        """Post a message; only the status of the answer counts."""
        headers = {"content-type": "application/json", **delivery.headers}
        try:
            status = await self._client.post_for_status(delivery.url, delivery.body, headers)
        except CallFailed as problem:
            return CallResult(ReceiverAnswer.LATER, str(problem))
        if OK <= status < REDIRECT:
            return CallResult(ReceiverAnswer.TAKEN, str(status))
        return CallResult(ReceiverAnswer.GONE if status == GONE else ReceiverAnswer.LATER, str(status))


class PrintingSender:
    """Prints messages without personal data instead of sending them, for `optin dev`."""

    def __init__(self, say: Callable[[str], object]) -> None:
        """Print with `say`."""
        self._say = say

    async def post(self, delivery: WebhookCall) -> CallResult:
        """Print the message, and report it as accepted."""
        message = delivery.headers["webhook-id"]
        self._say(
            f"webhook: {delivery.processor} would receive {delivery.kind} ({message}); optin dev sends"
            " nothing."
        )
        return CallResult(ReceiverAnswer.TAKEN, "spoken")


def webhook_jobs(
    installation: Installation, processors: Mapping[str, Processor], sender: WebhookSender
) -> list[Job]:
    """Return the jobs that register the processors and send each its due messages."""
    webhooks = {name: it.webhook for name, it in processors.items() if it.webhook is not None}
    addresses = {name: hashlib.sha256(hook.url.encode()).hexdigest() for name, hook in webhooks.items()}
    registered = asyncio.Event()

    async def keep_registered(_stop: asyncio.Event, _round_done: RoundDone) -> None:
        """Store which processors have a webhook: once."""
        forgotten = await written(installation.store, register, addresses=addresses)
        registered.set()
        if forgotten:
            log.warning("%d messages were dropped: their processors have no webhook any more", forgotten)

    lanes = {name: _Lane(installation, name, hook, sender, registered) for name, hook in webhooks.items()}
    return [
        Job("webhooks", keep_registered, STALE_SECONDS),
        *(Job(f"webhooks to {name}", lane.run, STALE_SECONDS) for name, lane in lanes.items()),
    ]


class _Lane:
    """Sends the messages of one processor."""

    def __init__(
        self,
        installation: Installation,
        processor: str,
        webhook: Webhook,
        sender: WebhookSender,
        registered: asyncio.Event,
    ) -> None:
        self._registered = registered
        self._installation = installation
        self._processor = processor
        self._webhook = webhook
        self._sender = sender
        self._failures = 0

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
        """Seconds to wait; longer after each consecutive failure."""
        return min(POLL_SECONDS * 2.0 ** min(self._failures, 10), LONGEST_REST_SECONDS)

    async def round(self) -> bool:
        """Send the due messages; return whether there may be more."""
        installation, now = self._installation, self._installation.clock()
        if not await read(installation.store, is_due, processor=self._processor, now=now):
            return False
        claim = partial(
            claim_outgoing,
            context=installation.context,
            processor=self._processor,
            batch=ClaimBatch(AT_ONCE, installation.store.presence.incarnation),
            now=now,
            endings_of=await asyncio.to_thread(self._memory),
        )
        calls, dropped = await written(installation.store, claim)
        for it in dropped:
            log.info("webhook %s: %s %s is not sent: %s", self._processor, it.kind, it.message, it.why)
        told = await asyncio.gather(*(self._tell(call) for call in calls), return_exceptions=True)
        for problem in told:  # raised when the others are through: one must not take them along
            if isinstance(problem, BaseException):
                raise problem
        if calls:
            self._failures = 0 if any(told) else self._failures + 1
        return any(told) or (bool(dropped) and not calls)

    def _memory(self) -> EndingsOf:
        """Return the journal's reader of a person's endings; it refuses while the log has diverged (O9)."""
        try:
            self._installation.check_past()
        except (LogDiverged, JournalUnusable) as problem:
            return partial(_refuse, problem)
        return self._installation.endings_of

    async def _tell(self, call: OutgoingMessage) -> bool:
        """Make one call and record its result; return whether it was accepted."""
        installation, notice = self._installation, call.notice
        seconds = int(installation.clock().timestamp())
        secrets = installation.vault.webhook_secrets(self._processor)
        headers = signed_headers(secrets, notice.message, seconds, call.body)
        delivery = WebhookCall(self._processor, notice.kind, self._webhook.url, headers, call.body)
        reply = await self._sender.post(delivery)
        settle = partial(
            record_answer,
            notice=notice,
            answer=reply.answer,
            now=installation.clock(),
            clock_doubted=installation.clock_doubted,
        )
        outcome = await written(installation.store, settle)
        _say(self._processor, call, reply, outcome)
        if notice.kind is WebhookKind.ERASED:
            installation.wal_has_erased.set()  # its address may still be in SQLite's write-ahead log (R5)
        return outcome is MessageState.TOLD


def _refuse(problem: LogDiverged | JournalUnusable, _person: bytes) -> NoReturn:
    raise problem


def _say(processor: str, call: OutgoingMessage, reply: CallResult, outcome: MessageState) -> None:
    """Log the result of a message, without personal data (S4)."""
    about = (processor, call.notice.kind.value, call.notice.message)
    if outcome is MessageState.STOPPED:
        log.error(
            "webhook %s: %s %s was answered 410; nothing more is sent to it until its url changes", *about
        )
    elif outcome is MessageState.GIVEN_UP:
        log.error(
            "webhook %s: %s %s was given up after three days: %s; inform the processor yourself",
            *about,
            reply.said,
        )
    elif outcome is MessageState.WAITING:
        log.warning("webhook %s: %s %s was not accepted: %s", *about, reply.said)
