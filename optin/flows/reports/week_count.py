"""Weekly counts of one form version (O4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class ConsentCount:
    """One week's counts of the consents for one purpose and channel."""

    purpose: str
    channel: str
    asked: int
    confirmed: int
    withdrawn: int


@dataclass(frozen=True)
class WeekCount:
    """One week's counts of one form version."""

    week: str  # as 2026-W48
    monday: date
    magnet: str
    version: str
    requests: int
    confirmed: int
    downloads: int  # of the file; a person may fetch it twice
    consents: tuple[ConsentCount, ...]
    variant: str = ""  # which of several wordings; empty for a magnet as it is written


def week_name(monday: date) -> str:
    """Return the ISO 8601 name of a week: 2026-W53 extends into January 2027."""
    year, week, _ = monday.isocalendar()
    return f"{year:04}-W{week:02}"
