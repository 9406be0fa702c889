"""Breaches of personal data, with the clock of GDPR 33(1): what happened, who was told, in entries. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta


@dataclass(frozen=True)
class Notification:
    """The authority was told at a moment (UTC). `why_late`: the reasons for the delay, when it was late."""

    at: datetime
    authority: str
    reference: str
    why_late: str
    who: str


@dataclass(frozen=True)
class Correction:
    """An entry that corrects earlier ones. `before`: the values that it replaced, by their names."""

    at: datetime
    why: str
    who: str
    before: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Closing:
    """The end of a breach. `people_told`: on which day (GDPR 34); None: they were not, for a reason."""

    at: datetime
    people_told: date | None
    why_people_not_told: str
    why_not_notified: str  # such as that a risk is unlikely; empty: the authority was told
    who: str


@dataclass(frozen=True)
class Breach:
    """One breach as its entries say. Moments are UTC; `people`: how many it affects, None: not known yet."""

    number: int
    recorded: datetime
    discovered: datetime
    due: datetime  # until when the authority must be told
    people: int | None
    what: str
    effects: str
    measures: str
    who: str
    notifications: tuple[Notification, ...] = ()
    corrections: tuple[Correction, ...] = ()
    closing: Closing | None = None

    @property
    def waits_for_notification(self) -> bool:
        """Whether the authority was not told yet, and nobody gave a reason why it need not be."""
        return not self.notifications and self.closing is None

    @property
    def notified_late(self) -> bool:
        """Whether the authority was first told after the deadline."""
        return bool(self.notifications) and self.notifications[0].at > self.due

    def hours_left(self, now: datetime) -> int:
        """Return the whole hours until the deadline, rounded down: negative once it is past."""
        return (self.due - now) // timedelta(hours=1)
