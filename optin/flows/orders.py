"""What the courier is asked to send: ids, facts and signed tokens. The words are made when it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from optin.consent.address import EmailAddress
from optin.consent.event import Circumstances
from optin.consent.form import FormDeclaration, FormDigest
from optin.consent.purpose import ConsentQuestion
from optin.flows.receipt import Attachment


class MailKind(StrEnum):
    """The mails that optin sends."""

    CONFIRMATION = "confirmation"
    DELIVERY = "delivery"


@dataclass(frozen=True)
class Receipt:
    """One consent that a delivery mail speaks of."""

    question: ConsentQuestion
    until: datetime


@dataclass(frozen=True)
class MailOrder:
    """One mail to compose and send now. `number` and `claim` name it to the outbox; `claim` fences (D1)."""

    number: int
    claim: bytes
    message_id: str  # with its angle brackets; the same at every try
    kind: MailKind
    recipient: EmailAddress
    form: FormDeclaration
    form_version: FormDigest
    requested_at: datetime
    questions: tuple[ConsentQuestion, ...]  # what was ticked, in the words that were shown
    confirm_token: str = ""
    code: str = ""
    expires_at: datetime | None = None  # of the confirmation link, or of the download link
    confirmed_at: datetime | None = None
    receipts: tuple[Receipt, ...] = ()
    download_token: str = ""  # empty: nothing to download
    unsubscribe_token: str = ""
    first_name: str = ""
    attachments: tuple[Attachment, ...] = ()  # of the receipt (P5)
    circumstances: Circumstances | None = None  # what the event of its sending says
    salt: bytes = b""


class Verdict(StrEnum):
    """What became of one try to send."""

    SENT = "sent"
    LATER = "later"  # 4xx, greylisting, no answer, no connection: try again with back-off
    REFUSED = "refused"  # 5xx: never again
