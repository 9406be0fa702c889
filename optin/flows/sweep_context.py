"""Context of a sweep: time, skipped candidates, and how many people may still be erased."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.retention_period import RetentionPeriod
from optin.errors import LogDisagrees
from optin.flows.context import Context
from optin.flows.unreadable_rows import error_name_of

STEP = 40  # rows that only go; measured: larger steps make live sign-ups wait
PEOPLE_STEP = 20  # people with all that belongs to them


@dataclass(frozen=True)
class SkippedCandidates:
    """Candidates that one sweep skipped, by rule: not due by their events, or refused, with the reason."""

    waiting: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    refused: dict[str, dict[bytes, str]] = field(default_factory=lambda: defaultdict(dict))

    def refuse(self, rule: str, name: bytes, problem: Exception) -> None:
        """Record that the database and the log disagree about a candidate, or that it cannot be read."""
        disagrees = isinstance(problem, LogDisagrees)
        why = f"the database and the log disagree ({problem})" if disagrees else error_name_of(problem)
        self.refused[rule][name] = why

    def over(self, rule: str, name: bytes) -> bool:
        """Return whether a candidate was skipped already."""
        return name in self.waiting[rule] or name in self.refused[rule]

    def count(self, rule: str) -> int:
        """Return the number of candidates that a rule skipped."""
        return len(self.waiting[rule]) + len(self.refused[rule])

    @property
    def reasons(self) -> Counter[str]:
        """The numbers of refused candidates by reason; names nobody."""
        return Counter(why for found in self.refused.values() for why in found.values())


@dataclass(frozen=True)
class SweepContext(Context):
    """Context of one sweep. `now` is an argument: the clock is never read here."""

    now: datetime
    skipped: SkippedCandidates = field(default_factory=SkippedCandidates)
    room: int = sys.maxsize  # so many people may lose something in this step
    rule: str = ""  # the name of the rule whose step this is


def ago(period: RetentionPeriod, now: datetime) -> datetime:
    """Return the start of a period that ends now: what began earlier is past its retention."""
    return RetentionPeriod(period.text, -period.months, -period.hours).after(now)
