"""The roles of staff, and the moments of a sign-in. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Role(StrEnum):
    """What somebody of the staff works on. One person may have several roles."""

    MARKETER = "marketer"  # pages, statistics, exports to registered processors
    SALES = "sales"  # leads of their own magnets, and "may I contact this person?"
    OFFICER = "officer"  # people, their rights, evidence, audit
    ADMIN = "admin"  # staff, and what is set


EVERY_ROLE = frozenset(Role)

LINK_LASTS = timedelta(minutes=10)  # a mailed link to sign in
CHALLENGE_LASTS = timedelta(minutes=5)  # what a passkey signs
IDLE = timedelta(minutes=60)  # without a request, a session ends
LONGEST = timedelta(hours=12)  # then it ends in any case
UNSAVED_KEPT = timedelta(days=1)  # what was typed at the desk and could not be saved
FRESH = timedelta(minutes=10)  # so long a sign-in counts as fresh, for what asks for it again
REASON_LASTS = timedelta(minutes=30)  # why somebody looks at a person, asked once
SEARCH_LASTS = timedelta(minutes=15)  # a search for people, with what it found


def roles_of(text: str) -> frozenset[Role]:
    """Return the roles that are stored as words with spaces; a word that is no role counts for nothing."""
    return frozenset(Role(it) for it in text.split() if it in EVERY_ROLE)


def as_text(roles: Iterable[Role]) -> str:
    """Return roles as they are stored, in the order of their definition."""
    given = frozenset(roles)
    return " ".join(it.value for it in Role if it in given)


@dataclass(frozen=True)
class SessionTimes:
    """When a session began, was last used, and its holder last proved who they are (UTC)."""

    begun: datetime
    seen: datetime
    proved: datetime

    def is_live(self, now: datetime) -> bool:
        """Return whether the session still holds. A clock that went back ends none."""
        return now < self.seen + IDLE and now < self.begun + LONGEST

    def is_fresh(self, now: datetime) -> bool:
        """Return whether its holder proved who they are a moment ago."""
        return now < self.proved + FRESH
