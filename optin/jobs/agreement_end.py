"""Processors whose agreement ended receive nothing: their messages wait until it is renewed (GDPR 28)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from optin.flows.exports.queue_webhook_messages import CallResult, OutgoingMessage, ReceiverAnswer
from optin.jobs.processor_lanes import Receiver
from optin.services.installation import Installation
from optin.settings.site import Processor

RENEW = "Write the new last day of its agreement into optin.toml, and restart the server."


class AgreedReceiver:
    """Tells a processor until the last day of its agreement, by the controller's calendar."""

    def __init__(self, installation: Installation, receiver: Receiver, processor: Processor) -> None:
        """Tell by `receiver`."""
        self.label, self.address, self.cure = receiver.label, receiver.address, receiver.cure
        self._installation, self._receiver, self._processor = installation, receiver, processor

    async def tell(self, message: OutgoingMessage) -> CallResult:
        """Send one message; after the last day none."""
        self.cure = self._receiver.cure
        if self._processor.is_over(self._today()):
            self.cure = RENEW
            return CallResult(ReceiverAnswer.SETUP, f"its agreement ended on {self._processor.ends}")
        return await self._receiver.tell(message)

    def _today(self) -> date:
        zone = self._installation.policy.zone
        return self._installation.clock().astimezone(zone).date()


def while_agreed(
    installation: Installation, receivers: Mapping[str, Receiver], processors: Mapping[str, Processor]
) -> dict[str, Receiver]:
    """Return the receivers, each of which sends nothing after the last day of its processor's agreement."""
    return {name: AgreedReceiver(installation, it, processors[name]) for name, it in receivers.items()}
