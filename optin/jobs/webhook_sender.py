"""Tell a processor by webhook: a signed post to its address (E7).

How a call is made, and where to none goes, stands in `services.http_client`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from optin.consent.webhook_message import WebhookKind, signed_headers
from optin.export.connectors.tool import ToolAnswer, TroubleKind, trouble_of
from optin.flows.exports.queue_webhook_messages import CallResult, OutgoingMessage, ReceiverAnswer
from optin.jobs.processor_lanes import Receiver
from optin.services.http_client import CallFailed, VettedClient
from optin.services.installation import Installation
from optin.settings.site import Processor, Webhook

OK, REDIRECT, CLIENT_ERRORS = 200, 300, 400
NOT_FOUND, GONE = 404, 410
_ANSWERS = {
    TroubleKind.LATER: ReceiverAnswer.LATER,
    TroubleKind.SETUP: ReceiverAnswer.SETUP,
    TroubleKind.REFUSED: ReceiverAnswer.REFUSED,
}


@dataclass(frozen=True)
class WebhookCall:
    """One message to send. `body` holds personal data: never log it (S4)."""

    processor: str
    kind: WebhookKind
    url: str
    headers: Mapping[str, str]
    body: bytes


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
        """Post a message; only the status of the answer counts, and Retry-After."""
        headers = {"content-type": "application/json", **delivery.headers}
        try:
            head = await self._client.post_for_head(delivery.url, delivery.body, headers)
        except CallFailed as problem:
            return CallResult(ReceiverAnswer.LATER, str(problem))
        return _result_of(head.status, head.headers)


def _result_of(status: int, headers: Mapping[str, str]) -> CallResult:
    """Return what a status says about the message (RFC 9110)."""
    said = str(status)
    if OK <= status < REDIRECT:
        return CallResult(ReceiverAnswer.TAKEN, said)
    if status == GONE:
        return CallResult(ReceiverAnswer.GONE, said)
    if status == NOT_FOUND:  # of an address in the settings, not of a contact
        return CallResult(ReceiverAnswer.SETUP, said)
    if status < CLIENT_ERRORS:  # it may be back where it was
        return CallResult(ReceiverAnswer.LATER, said)
    trouble = trouble_of(ToolAnswer(status, headers, None))
    return CallResult(_ANSWERS[trouble.kind], said, trouble.wait_seconds)


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


class WebhookReceiver:
    """Tells a processor by signed posts."""

    label = "webhook"
    cure = "Check the url of its webhook in optin.toml, and that the receiver knows the secret."

    def __init__(
        self, installation: Installation, processor: str, webhook: Webhook, sender: WebhookSender
    ) -> None:
        """Sign with the secrets of `processor`; post by `sender`."""
        self.address = webhook.url
        self._installation = installation
        self._processor = processor
        self._sender = sender

    async def tell(self, message: OutgoingMessage) -> CallResult:
        """Sign and post one message."""
        notice, body = message.notice, message.body
        seconds = int(self._installation.clock().timestamp())
        secrets = self._installation.vault.webhook_secrets(self._processor)
        headers = signed_headers(secrets, notice.message, seconds, body)
        return await self._sender.post(WebhookCall(self._processor, notice.kind, self.address, headers, body))


def webhook_receivers(
    installation: Installation, processors: Mapping[str, Processor], sender: WebhookSender
) -> dict[str, Receiver]:
    """Return a receiver for each processor with a webhook."""
    return {
        name: WebhookReceiver(installation, name, it.webhook, sender)
        for name, it in processors.items()
        if it.webhook is not None
    }
