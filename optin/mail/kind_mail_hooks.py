"""The hooks of a kind for its mails: attachments, and mails of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from optin.flows.delivery.mail_order import MailOrder
from optin.flows.evidence.receipt import Attachment


@dataclass(frozen=True)
class MailSender:
    """The sender of the mails."""

    name: str
    address: str
    reply_to: str = ""


def no_attachments(
    _order: MailOrder, _sender: MailSender, _words: Callable[..., str], _now: datetime
) -> tuple[Attachment, ...]:
    """Attach nothing."""
    return ()


@dataclass(frozen=True)
class MailPart:
    """The attachments and mails of a kind; by default none.

    `templates`: for each of the kind's own mails (`FlowPart.mails`), its template below
    `templates/kinds/<kind>/`, without `.html` and `.txt`; its subject is the text `mail.<name>.subject`.
    `modules`: what it imports only when a mail needs it; a server with such a magnet imports it at its start.
    `attach`: files for a mail, beside the receipt's; `order.own` is what the kind's flows told, `words`
    returns a text in the mail's language. A mail for which it raises waits, and is given up after a week.
    """

    templates: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    attach: Callable[[MailOrder, MailSender, Callable[..., str], datetime], tuple[Attachment, ...]] = (
        no_attachments
    )
