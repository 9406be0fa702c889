"""Send a processor's tool the messages about consents: confirmed, ended, erased (W11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from optin.consent.channel import declared_addresses
from optin.consent.webhook_message import WebhookKind
from optin.export.connectors.tool import Steps, ToolAccount, ToolLead, ToolTrouble, TroubleKind
from optin.flows.exports.lead_columns import COLUMNS, SOURCE_COLUMN, source_column
from optin.flows.exports.queue_webhook_messages import CallResult, OutgoingMessage, ReceiverAnswer
from optin.jobs.processor_lanes import Receiver
from optin.services.http_client import VettedClient
from optin.services.tool_connection import ToolConnection, open_connection
from optin.settings.site import Processor

MESSAGE_SECONDS = 45.0  # all calls of one message; shorter than the lease of a claim
ANSWERS = {
    TroubleKind.LATER: ReceiverAnswer.LATER,
    TroubleKind.SETUP: ReceiverAnswer.SETUP,
    TroubleKind.REFUSED: ReceiverAnswer.REFUSED,
}


class ToolReceiver:
    """Sends messages to one processor through the connector of its tool."""

    def __init__(self, processor: str, address: str, connection: ToolConnection) -> None:
        """Tell `processor` over its connection; `address` names where that leads."""
        self.label = connection.tool.name
        self.address = address
        self.cure = f"Mend it, and run: optin connect {processor}"
        self.connection = connection

    async def tell(self, message: OutgoingMessage) -> CallResult:
        """Carry out the steps of one message."""

        def steps(account: ToolAccount) -> Steps[None]:
            return self._steps(account, message)

        try:
            await self.connection.carry_out(steps, MESSAGE_SECONDS)
        except ToolTrouble as trouble:
            return CallResult(ANSWERS[trouble.kind], trouble.says, trouble.wait_seconds)
        return CallResult(ReceiverAnswer.TAKEN, "taken")

    def _steps(self, account: ToolAccount, message: OutgoingMessage) -> Steps[None]:
        tool, kind = self.connection.tool, message.notice.kind
        email, purpose = str(message.data["email"]), message.notice.purpose
        if kind is WebhookKind.ERASED:
            return tool.erased(account, email)
        if purpose not in account.lists:  # what it was told of must end there, too
            says = f"the purpose {purpose!r} has no list any more; write it until its people are told"
            raise ToolTrouble(TroubleKind.SETUP, says)
        if kind is WebhookKind.CONFIRMED:
            return tool.confirmed(account, ToolLead(email, purpose, _columns_of(message.data)))
        return tool.ended(account, email, purpose)


def _columns_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns of a consent by name, with the person's fields beside them."""
    named = {"email", *COLUMNS, *(it.field for it in declared_addresses())}
    columns = {**data["fields"], **{name: str(data[name]) for name in data if name in named}}
    source = data.get(SOURCE_COLUMN)  # where the link had one, and the site says why it is kept
    return {**columns, **({source_column(data["fields"]): str(source)} if source else {})}


class PrintingReceiver:
    """Prints messages without personal data instead of telling a tool, for `optin dev`."""

    cure = ""

    def __init__(self, processor: str, tool: str, say: Callable[[str], object]) -> None:
        """Print with `say`."""
        self.label = self.address = tool
        self._processor = processor
        self._say = say

    async def tell(self, message: OutgoingMessage) -> CallResult:
        """Print the message, and report it as accepted."""
        about = f"{message.notice.kind} ({message.notice.message})"
        self._say(f"{self.label}: {self._processor} would be told {about}; optin dev sends nothing.")
        return CallResult(ReceiverAnswer.TAKEN, "spoken")


def tool_receivers(
    processors: Mapping[str, Processor], root: Path, client: VettedClient | None = None
) -> dict[str, ToolReceiver]:
    """Return a receiver for each processor with a tool. `client`: only tests give one with other rules."""
    return {
        name: ToolReceiver(name, f"{it.connect} {it.server}", open_connection(name, it, root, client))
        for name, it in processors.items()
        if it.connect and it.webhook is None
    }


def printing_receivers(
    processors: Mapping[str, Processor], say: Callable[[str], object]
) -> dict[str, Receiver]:
    """Return a receiver for each processor with a tool that only prints."""
    return {name: PrintingReceiver(name, it.connect, say) for name, it in processors.items() if it.connect}
