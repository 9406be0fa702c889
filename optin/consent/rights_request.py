"""Requests that people make about their data, with deadline and answer (GDPR 12(3)-(4), 15-21). Pure.

A rights request is not a sign-up: it is a letter, a call or a mail in which a person uses a right. Days are
calendar days in the controller's time zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Right(StrEnum):
    """The right that a person uses. A comment names the GDPR article."""

    ACCESS = "access"  # 15
    RECTIFICATION = "rectification"  # 16
    ERASURE = "erasure"  # 17
    RESTRICTION = "restriction"  # 18
    PORTABILITY = "portability"  # 20
    OBJECTION = "objection"  # 21
    WITHDRAWAL = "withdrawal"  # 7(3)


class ArrivalWay(StrEnum):
    """The way by which a request came."""

    LETTER = "letter"
    PHONE = "phone"
    MAIL = "mail"
    PAGE = "page"  # a form or account of the company's own


class Outcome(StrEnum):
    """What an answer says."""

    DONE = "done"
    REFUSED = "refused"  # with its reasons, 12(4)


@dataclass(frozen=True)
class Extension:
    """A longer term, which the person was told of on a day, within the first month. `due`: its last day."""

    told_on: date
    due: date
    who: str
    why: str


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    on: date  # the day on which it went to the person
    recorded: date  # the day on which it was written down here
    outcome: Outcome
    who: str
    what: str
    why: str


@dataclass(frozen=True)
class RightsRequest:
    """One request. `first_due`: the last day of the first month. Texts are empty once they were removed."""

    number: int
    person: bytes  # keyed digest of the address
    right: Right
    arrived: date
    first_due: date
    via: ArrivalWay
    who: str  # who wrote it down
    address: str = field(default="", repr=False)
    note: str = field(default="", repr=False)
    extension: Extension | None = field(default=None, repr=False)
    answer: Answer | None = field(default=None, repr=False)

    @property
    def due(self) -> date:
        """The last day on which it may be answered."""
        return self.first_due if self.extension is None else self.extension.due

    def days_left(self, today: date) -> int:
        """Return the days until the last day; 0 on that day, negative after it."""
        return (self.due - today).days

    @property
    def answered_late(self) -> bool:
        """Whether the answer went out after the last day."""
        return self.answer is not None and self.answer.on > self.due
