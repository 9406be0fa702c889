"""Audit step for due dates: compare a row's dates with its events.

Pure. Moments are milliseconds UTC, as they are stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from optin.consent.status_transitions import Status

MOST_KEPT_MS = timedelta(days=3653) // timedelta(milliseconds=1)  # nobody waits ten years for a yes
_OVER_BY_ITSELF = frozenset({Status.GIVEN, Status.EXPIRED})


@dataclass
class RetentionTimes:
    """The retention of a person's data, computed from the person's events."""

    ends: list[int] = field(default_factory=list)  # of each consent
    confirmed: list[int] = field(default_factory=list)

    def add(self, status: Status | None, since: int | None, until: int) -> None:
        """Add a consent; without an end by events, it expires at `until`."""
        end = until if status in _OVER_BY_ITSELF else since
        if end is not None:
            self.ends.append(end)

    @property
    def idle_from(self) -> int:
        """Since when the person has no live purpose."""
        return max((*self.ends, *self.confirmed), default=0)


def idle_faults(times: RetentionTimes, who: str, idle_from: int, *, consented: bool) -> Iterator[str]:
    """Yield the differences between a person's row and events."""
    if times.idle_from != idle_from:
        yield f"{who} is stored as idle from another moment on than its events say"
    if bool(times.ends) != consented:
        yield f"{who} is stored as {'' if consented else 'not '}having consented, its events say otherwise"


def pending_faults(name: str, asked: set[int], erase_at: int) -> Iterator[str]:
    """Yield the differences between an unconfirmed request's row and events; `asked`: when it was made."""
    if asked and erase_at < min(asked):
        yield f"{name} is to be erased before it was made"
    if asked and erase_at > max(asked) + MOST_KEPT_MS:
        yield f"{name} is kept for years, although nobody confirmed it"
