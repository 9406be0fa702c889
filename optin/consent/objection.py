"""Objections to advertising, and the company's own do-not-contact list (L7, GDPR 21(2)-(3)). Pure.

A person's objection stands for good. Only what the same person agrees to afterwards may be used besides it.
An entry of the company's list bars every contact until staff remove it, whatever the person agrees to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from optin.consent.channel import MAILBOX, Channel
from optin.consent.event_content import VERSION, rfc3339
from optin.consent.status_transitions import EventKind

EVERY_CHANNEL = ""
NOBODY = b""  # the owner of an entry of the company's list, and of a number whose holder is unknown
DOMAIN = "domain"  # what an entry is about; besides it the form fields of the kinds of addresses


class ObjectedBy(StrEnum):
    """Who does not want the contact."""

    PERSON = "person"
    COMPANY = "company"


@dataclass(frozen=True)
class ContactUse:
    """A planned contact, for the rules on objections: the person's digest, and the channel.

    `person`: keyed digest of the e-mail address; empty when it is unknown. `asked_at`: when the person asked
    for this use with a consent that is proven (UTC); None for every other basis.
    """

    person: bytes
    channel: Channel
    asked_at: datetime | None = None


@dataclass(frozen=True)
class Objection:
    """One objection, or one entry of the company's list.

    `kind`: the form field of its kind of address, or `DOMAIN`. `address`: keyed digest. `owner`: keyed digest
    of the e-mail address of the person who objected. `channel`: a channel's name, or EVERY_CHANNEL.
    """

    id: bytes
    by: ObjectedBy
    kind: str
    address: bytes = field(repr=False)
    owner: bytes = field(repr=False)
    channel: str
    at: datetime

    def bars(self, use: ContactUse) -> bool:
        """Return whether this objection forbids a use.

        A person's objection to a number is about the channels that use numbers; a consent counts against it
        only if its own person asked for it afterwards. Nothing counts against the company's list.
        """
        if self.channel not in {EVERY_CHANNEL, use.channel.value}:
            return False
        if self.by is ObjectedBy.COMPANY:
            return True
        if self.kind not in {MAILBOX.field, use.channel.address.field}:
            return False
        if self.owner not in {NOBODY, use.person}:
            return True
        return use.asked_at is None or use.asked_at <= self.at

    def event(self, reason: str) -> dict[str, Any]:
        """Return the event of this objection. `reason`: the salted digest of who recorded it, and why."""
        return {
            "version": VERSION,
            "kind": EventKind.OBJECTED.value,
            "at": rfc3339(self.at),
            **self.as_line,
            "reason": reason,
        }

    @property
    def as_line(self) -> dict[str, str]:
        """The fields for the event and the journal: digests, and names of kinds and channels."""
        return {
            "entry": self.id.hex(),
            "by": self.by.value,
            "of": self.kind,
            "person": self.address.hex(),
            "owner": self.owner.hex(),
            "channel": self.channel,
        }

    @classmethod
    def of_line(cls, said: Mapping[str, Any], at: datetime) -> Self:
        """Read the fields written by `as_line`. Raises KeyError or ValueError."""
        return cls(
            bytes.fromhex(said["entry"]),
            ObjectedBy(said["by"]),
            str(said["of"]),
            bytes.fromhex(said["person"]),
            bytes.fromhex(said["owner"]),
            str(said["channel"]),
            at,
        )


def removal_event(at: datetime, entry: bytes, reason: str) -> dict[str, Any]:
    """Return the event for an entry that staff removed from the company's list. `reason`: a salted digest."""
    return {
        "version": VERSION,
        "kind": EventKind.UNLISTED.value,
        "at": rfc3339(at),
        "entry": entry.hex(),
        "reason": reason,
    }


def first_objection(objections: Iterable[Objection], use: ContactUse) -> Objection | None:
    """Return the objection that forbids a use, the company's list first; None when none does."""
    barring: Iterator[Objection] = (it for it in objections if it.bars(use))
    return min(barring, key=lambda it: (it.by is ObjectedBy.PERSON, it.at), default=None)
