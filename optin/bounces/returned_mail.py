"""What a message that came back means, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    """What a message says about the mail that was sent, or about one of its recipients."""

    HARD = "hard"  # the address does not exist, or cannot be reached for good
    SOFT = "soft"  # not delivered, for now or for a reason that is not told: full, expired, busy, disabled
    REFUSED = (
        "refused"  # not delivered because of the mail, its sender or a rule; says nothing of the address
    )
    DELAYED = "delayed"  # still being tried
    DELIVERED = "delivered"  # arrived, or was passed on
    COMPLAINT = "complaint"  # the person called the mail abuse
    OPT_OUT = "opt-out"  # the person wants no more mail: a withdrawal
    OTHER_FEEDBACK = "other-feedback"  # about signatures, or to say that it was no spam
    AUTO_REPLY = "auto-reply"  # somebody is away, or a machine confirms that it read the mail
    ORDINARY = "ordinary"  # none of these


# A delivery report that speaks of several recipients means the first of these that one of them has.
DELIVERY_MEANINGS = (Meaning.HARD, Meaning.SOFT, Meaning.REFUSED, Meaning.DELAYED, Meaning.DELIVERED)


@dataclass(frozen=True, slots=True)
class NamedRecipient:
    """One recipient of the mail that was sent, as the message names it. A text that is absent is empty."""

    address: str  # as written, without its type: the last one known, which may be behind a forwarding
    original_address: str  # to which the mail was sent, where the report tells it
    meaning: Meaning
    status: str  # RFC 3463, such as 5.1.1
    diagnostic: str  # the words of the mail server, in one line of at most 500 characters
    remote_mta: str  # the mail server that answered


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """One message, read. A text that is absent is empty. Everything in it was written by a stranger."""

    meaning: Meaning
    recipients: tuple[NamedRecipient, ...] = ()
    arrived_at: tuple[str, ...] = ()  # addresses it was sent to: one may be our envelope sender (VERP)
    original_senders: tuple[str, ...] = ()  # from which the mail had come, by its copy: may be that one too
    original_message_id: str = ""  # Message-ID of the mail that was sent, without its angle brackets
    original_envelope_id: str = ""  # ENVID (RFC 3461, section 4.4)
    reporting_mta: str = ""
    feedback_type: str = ""  # RFC 5965, section 7.3, in lower case
