"""Orders for the courier: ids, facts and signed tokens. The text is composed when the mail is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from optin.bases.obligation import RequiredDocument
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.event_content import EventBuilder
from optin.consent.form_version import FormDeclaration, FormDigest
from optin.consent.held_basis import BasisEntryId
from optin.consent.purpose import ConsentQuestion
from optin.flows.evidence.receipt import Attachment
from optin.flows.request_policy import LetterText, MailCover, NextStep
from optin.store.legal_holds import LegalHold

REQUESTED_BY = "asker"  # in what a notice is about: who asked for it, where that matters


class MailKind(StrEnum):
    """The mails that optin sends for every magnet; kinds of magnets have mails of their own."""

    CONFIRMATION = "confirmation"
    DELIVERY = "delivery"
    RENEWAL = "renewal"  # a consent ends soon, or is given anew from the personal page: like a confirmation
    PERSONAL = "personal"  # the link to the personal page
    ERASED = "erased"  # the last one
    STAFF = "staff"  # to the company's own people: what was confirmed, in counts
    BASIS = "basis"  # to somebody whom staff put on file: what is kept, why, until when (GDPR 13)
    SIGN_IN = "sign-in"  # to somebody of the staff: a link that opens the desk once
    LETTER = "letter"  # of a purpose's sequence: the one mail that the consent itself is for


@dataclass(frozen=True)
class GivenConsent:
    """One given consent, and until when it is kept."""

    question: ConsentQuestion
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Order:
    """One mail to send now. `number` and `claim` name it to the outbox; `claim` fences (D1)."""

    number: int
    claim: bytes
    message_id: str  # with its angle brackets; the same at every try
    kind: str  # a MailKind, or a mail of the magnet's kind
    recipient: EmailAddress
    asked: bool = True  # somebody waits for it


@dataclass(frozen=True, kw_only=True)
class MailOrder(Order):
    """A mail about one request."""

    form: FormDeclaration
    form_version: FormDigest
    requested_at: datetime
    questions: tuple[ConsentQuestion, ...]  # what was ticked, in the words that were shown
    confirm_token: str = ""
    code: str = ""
    to_call: str = ""  # the number that would be called, by what was ticked (E.164)
    expires_at: datetime | None = None  # of the confirmation link, or of the download link
    ends_at: datetime | None = None  # of the consent that is asked again
    attested: bool = False  # it was given elsewhere or on paper, and is asked to be confirmed
    confirmed_at: datetime | None = None
    receipts: tuple[GivenConsent, ...] = ()
    download_token: str = ""  # empty: nothing to download
    hands_out: bool = True  # not when a consent was only given anew: the magnet was handed out before
    unsubscribe_token: str = ""
    cover: MailCover | None = None
    next_step: NextStep | None = None  # what the magnet's author offers beside it
    first_name: str = ""
    own: Any = None  # what the magnet's kind tells: where the person stands, or its own mail's facts
    attachments: tuple[Attachment, ...] = ()  # of the magnet's kind
    proof: Mapping[str, bytes] = field(default_factory=dict)  # files for the receipt (P5); none: not attached
    event_builder: EventBuilder | None = None  # what the event of its sending says
    salt: bytes = b""


@dataclass(frozen=True, kw_only=True)
class NoticeOrder(Order):
    """A mail about the person's own data, which belongs to no request and is not kept."""

    lang: str
    token: str = ""  # of the personal page
    expires_at: datetime | None = None
    holds: tuple[LegalHold, ...] = ()  # what a law keeps after an erasure
    required: tuple[RequiredDocument, ...] = ()  # the same, by the rules of the site


@dataclass(frozen=True)
class NamedPerson:
    """A person who confirmed and has a consent now, for staff whose site says why. Never log it."""

    email: str = field(repr=False)
    first_name: str = field(repr=False)
    purposes: tuple[str, ...]  # of the consents, by their ids


@dataclass(frozen=True)
class NoticeLine:
    """One magnet in a message to staff: how many people confirmed, how many of them have a consent now."""

    title: str
    url: str
    confirmed: int
    with_consent: int
    people: tuple[NamedPerson, ...] = ()  # where the receiver is told names: those with a consent


@dataclass(frozen=True)
class StaffDigest:
    """The content of one message to staff. `since`: when the first of it was confirmed, or found waiting."""

    lines: tuple[NoticeLine, ...]
    since: datetime
    waiting: tuple[str, ...] = ()  # sentences with a cure, which name nobody
    why: str = ""  # people are named; empty: they are not

    @property
    def confirmed(self) -> int:
        """How many requests were confirmed, of all magnets."""
        return sum(line.confirmed for line in self.lines)

    @property
    def subject(self) -> tuple[str, int]:
        """Which subject tells of it, by the end of its key, and its count."""
        return ("", self.confirmed) if self.lines else ("waits", len(self.waiting))


@dataclass(frozen=True, kw_only=True)
class StaffOrder(Order):
    """A mail to staff about confirmed requests (W12). `batch`: the claim of its notices."""

    lang: str
    digest: StaffDigest | None  # none: a test
    batch: bytes = b""


@dataclass(frozen=True, kw_only=True)
class LetterOrder(Order):
    """A letter of a purpose to somebody whose consent is proven now (W13)."""

    form: FormDeclaration  # by which the consent was given last
    question: ConsentQuestion
    given_at: datetime  # since when the consent holds
    letter: LetterText
    unsubscribe_token: str  # for this purpose alone


@dataclass(frozen=True)
class BasisNotice:
    """The information in the mail about an entry (GDPR 13). `until` None: it has no end.

    `kept`: the fields that hold something, by name, without what they hold. `extended`: it stands longer now
    than when it was recorded.
    """

    basis: str
    article: str
    about: str = field(repr=False)
    recorded_at: datetime
    until: datetime | None
    kept: tuple[str, ...]
    extended: bool = False


@dataclass(frozen=True, kw_only=True)
class BasisOrder(Order):
    """A mail about an entry of the register of bases, composed from the entry as it is now."""

    lang: str
    entry: BasisEntryId
    notice: BasisNotice


class MailState(StrEnum):
    """State of a mail after an attempt to send it."""

    SENT = "sent"
    DEAD = "dead"  # refused, or tried for long enough
    WAITING = "waiting"
    LOST = ""  # another courier has it by now, or it is gone


class Verdict(StrEnum):
    """Result of one attempt to send a mail."""

    SENT = "sent"
    LATER = "later"  # 4xx, no answer, or a refusal because of us: try again with back-off
    REFUSED = "refused"  # the recipient is wrong: no further tries
