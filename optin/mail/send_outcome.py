"""Result of one attempt to send a mail."""

from __future__ import annotations

from dataclasses import dataclass, field

from optin.flows.delivery.mail_order import Verdict
from optin.mail.smtp_refusals import MailTrouble


@dataclass(frozen=True)
class SendOutcome:
    """A verdict with its reason. `reply` is a code, never the server's text, which may name people (S4)."""

    verdict: Verdict
    reply: str
    server_down: bool = False  # no use in trying other mails just now
    trouble: MailTrouble | None = None  # on our side, not with this mail
    # of a refusal about the recipient: the same for the same words to somebody else
    likeness: bytes = field(default=b"", compare=False)
