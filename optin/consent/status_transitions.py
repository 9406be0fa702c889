"""The consent record: a consent's status, derived from its events by a table of transitions.

Rules for the next editor:
1. Everything that changes a status stands in TRANSITIONS. What is absent is refused.
2. Nothing here reads a clock or a store. A stored status is a cache of
   `record_from_events`, never its source.
3. A stranger can cause `REQUESTED` and nothing else. No row may let it change what a known person chose (D7).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType

from optin.consent.channel import Channel
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.wrong_clock import CLOCKS_DIFFER

ID_BYTES = 16
RequestId = NewType("RequestId", bytes)  # ID_BYTES random ones
SubjectId = NewType("SubjectId", bytes)  # ID_BYTES random ones


class EventKind(StrEnum):
    """What happened to a consent. A comment names the GDPR article that requires the event."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"  # by the data subject, 7(3)
    REVOKED = "revoked"  # by the controller
    EXPIRED = "expired"  # 5(1)(e)
    ERASED = "erased"  # evidence only: so many events were blanked, and why (17, 5(1)(e))
    CORRECTED = "corrected"  # evidence only: the person put name or number right (16)
    HELD = "held"  # evidence only: a law keeps data of the person until a day (17(3)(b))
    ACCESSED = "accessed"  # evidence only: what is kept was shown or handed over (15, 20)
    RESTORED = "restored"  # evidence only: a backup was put back; what came after it is lost
    EXPORTED = "exported"  # evidence only: proven consents left for a processor
    HANDED = "handed"  # evidence only: a processor was told of a proven consent by webhook
    CLOCK_DOUBTED = "clock-doubted"  # evidence only: from here on moments may be wrong
    CLOCK_ACCEPTED = "clock-accepted"  # evidence only: an officer said that the clock is right
    CLOCK_SET_BACK = "clock-set-back"  # evidence only: events before it bear later moments
    MAILED = "mailed"  # evidence only: a mail was sent; changes no status
    KEPT = "kept"  # evidence only: what stays known of the person when another of its requests goes
    ASKED = "asked"  # evidence only: somebody was told whether the person may be contacted, by which basis
    FORGOTTEN = "forgotten"  # evidence only: what was kept beside the log had its time
    BASIS_RECORDED = (
        "basis-recorded"  # evidence only: staff recorded a basis that is no consent (6(1)(b)-(f))
    )
    BASIS_EXTENDED = "basis-extended"  # evidence only: it stands longer, with a reason
    RIGHTS_REQUEST = "rights-request"  # evidence only: a person's request, its extension or answer (12(3))
    BREACH_ENTRY = "breach-entry"  # evidence only: a breach was found, notified, corrected or closed (33(5))
    BASIS_NOTIFIED = "basis-told"  # evidence only: its person was told what is kept, why, until when (13, 14)
    OBJECTED = "objected"  # evidence only: a person, or the company's own list, wants no contact (21(2)-(3))
    UNLISTED = "unlisted"  # evidence only: staff removed an entry of that list, with a reason
    STAFF_ACT = "staff-act"  # evidence only: somebody of the staff signed in, looked at a person, or acted
    NOTED = "noted"  # evidence only: what a kind of magnet notes; every kind of event not known here

    @classmethod
    def of(cls, name: object) -> EventKind:
        """Return the kind of an event by its name; NOTED for one that this version does not know.

        Raises ValueError for what is no name.
        """
        if not isinstance(name, str):
            msg = "no name of a kind of event"
            raise ValueError(msg)  # noqa: TRY004 - what is stored is wrong, not what was called
        return _KNOWN_KINDS.get(name, cls.NOTED)


_KNOWN_KINDS = {kind.value: kind for kind in EventKind}


CLOCK_EVENTS = frozenset({EventKind.CLOCK_DOUBTED, EventKind.CLOCK_ACCEPTED, EventKind.CLOCK_SET_BACK})


# of the register of bases: never of a consent
BASIS_EVENTS = frozenset({EventKind.BASIS_RECORDED, EventKind.BASIS_EXTENDED, EventKind.BASIS_NOTIFIED})

ABOUT_ENTRIES = BASIS_EVENTS | {EventKind.ASKED}  # the events that an entry of that register may have

# what people chose and what was taken from the store: held by the journal outside the database, too
IN_JOURNAL = frozenset(
    {
        EventKind.WITHDRAWN,
        EventKind.REVOKED,
        EventKind.ERASED,
        EventKind.CORRECTED,
        EventKind.HELD,
        EventKind.RESTORED,
        EventKind.OBJECTED,
        EventKind.UNLISTED,
    }
)


class Status(StrEnum):
    """The status of one person's consent for one purpose and channel, after W3C DPV."""

    PENDING = "pending"
    GIVEN = "given"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    EXPIRED = "expired"


# status -> event -> status. Each status keeps itself on REQUESTED but the first: see rule 3.
TRANSITIONS: dict[Status | None, dict[EventKind, Status]] = {
    None: {EventKind.REQUESTED: Status.PENDING},
    Status.PENDING: {
        EventKind.REQUESTED: Status.PENDING,
        EventKind.CONFIRMED: Status.GIVEN,
        EventKind.WITHDRAWN: Status.WITHDRAWN,
        EventKind.EXPIRED: Status.EXPIRED,
    },
    Status.GIVEN: {
        EventKind.REQUESTED: Status.GIVEN,
        EventKind.CONFIRMED: Status.GIVEN,
        EventKind.WITHDRAWN: Status.WITHDRAWN,
        EventKind.REVOKED: Status.REVOKED,
        EventKind.EXPIRED: Status.EXPIRED,
    },
    Status.WITHDRAWN: {
        EventKind.REQUESTED: Status.WITHDRAWN,
        EventKind.CONFIRMED: Status.GIVEN,
        EventKind.WITHDRAWN: Status.WITHDRAWN,
    },
    Status.REVOKED: {
        EventKind.REQUESTED: Status.REVOKED,
        EventKind.CONFIRMED: Status.GIVEN,
        EventKind.WITHDRAWN: Status.WITHDRAWN,
    },
    Status.EXPIRED: {
        EventKind.REQUESTED: Status.EXPIRED,
        EventKind.CONFIRMED: Status.GIVEN,
        EventKind.WITHDRAWN: Status.WITHDRAWN,
    },
}


class TransitionRefused(ValueError):
    """An event that cannot follow the status: the evidence contradicts itself."""


class StatusEvent(NamedTuple):
    """An event as far as the status depends on it. `asked_at`: when its request was made."""

    kind: EventKind
    at: datetime
    request: RequestId | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True)
class ConsentRecord:
    """The status of one consent, and since when."""

    status: Status | None = None
    since: datetime | None = None
    request: RequestId | None = None
    withdrawn_at: datetime | None = None
    # requests that follow the withdrawal in the log
    asked_since: frozenset[RequestId | None] = field(default=frozenset(), compare=False)
    # when it was given first, and held ever since; None: it does not hold, or nobody knows
    begun_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class ConsentState:
    """One consent of a person: its status, and when it expires."""

    key: ConsentKey
    record: ConsentRecord
    expires_at: datetime

    @property
    def purpose(self) -> PurposeId:
        """Its purpose."""
        return self.key.purpose

    @property
    def channel(self) -> Channel:
        """Its channel."""
        return self.key.channel


def apply_event(record: ConsentRecord, happening: StatusEvent) -> ConsentRecord:
    """Return the record after another event. Raises TransitionRefused.

    A confirmation of something asked before a withdrawal revives nothing: who withdrew must ask again (D4).
    """
    if happening.kind is EventKind.CONFIRMED and not may_confirm(record, happening):
        msg = "a confirmation of a request made before the withdrawal"
        raise TransitionRefused(msg)
    status = TRANSITIONS[record.status].get(happening.kind)
    if status is None:
        msg = f"{happening.kind} cannot follow on {record.status}"
        raise TransitionRefused(msg)
    if happening.kind is EventKind.REQUESTED:
        if record.withdrawn_at is not None:
            record = replace(record, asked_since=record.asked_since | {happening.request})
        if record.status is not None:
            return record
    at, request = happening.at, happening.request
    if happening.kind is EventKind.WITHDRAWN:
        return ConsentRecord(status, at, request, withdrawn_at=at)
    begun = (record.begun_at if record.status is Status.GIVEN else at) if status is Status.GIVEN else None
    return ConsentRecord(status, at, request, record.withdrawn_at, record.asked_since, begun)


def may_confirm(record: ConsentRecord, confirmation: StatusEvent) -> bool:
    """Return whether a request may still be confirmed: it was made after the last withdrawal.

    A withdrawal that bears a later moment than the confirmation that follows it is of a clock that was ahead:
    there the order of the log tells what came first.
    """
    withdrawn, asked = record.withdrawn_at, confirmation.asked_at
    if withdrawn is None or (asked is not None and asked > withdrawn):
        return True
    return withdrawn > confirmation.at + CLOCKS_DIFFER and confirmation.request in record.asked_since


_NOTHING = ConsentRecord()


def record_from_events(happenings: Iterable[StatusEvent]) -> ConsentRecord:
    """Derive the record from its events, oldest first. Raises TransitionRefused."""
    record = _NOTHING
    for happening in happenings:
        record = apply_event(record, happening)
    return record
