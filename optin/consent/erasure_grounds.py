"""Grounds for an erasure, and what each allows to blank (GDPR 17, 5(1)(e)). Pure.

The event of an erasure says its reason and how many events of each kind it blanked. Whoever reads the log can
so tell an erasure that was allowed from one that hides a withdrawal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any

from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import ABOUT_ENTRIES, EventKind

SAYS_KINDS = 2  # the version of events since which an erasure does
FOREIGN = "not written by optin"  # in place of a kind: what such an event says is not believed
_WITH_CONSENT = "confirmed consent"
_BEFORE_CONFIRMING = frozenset(
    kind.value
    for kind in (EventKind.REQUESTED, EventKind.MAILED, EventKind.ACCESSED, EventKind.ASKED, EventKind.NOTED)
)
_WITHOUT_CONSENT = _BEFORE_CONFIRMING | {
    kind.value for kind in (EventKind.CONFIRMED, EventKind.CORRECTED, EventKind.KEPT, EventKind.HELD)
}


class ErasureReason(StrEnum):
    """Why events were blanked, as the event of the erasure states it."""

    UNCONFIRMED = "unconfirmed"  # a request that nobody confirmed in its time
    NO_CONSENT = "no consent"  # a person who never gave one, and asked long ago
    ENDED = "consents ended"  # a person whose last consent ended so long ago that nobody needs its proof
    PERSON = "asked by the person"
    OFFICER = "asked by letter or telephone"
    RESTORE = "erased since the backup"
    BASIS_OVER = "basis over"  # an entry of the register of bases whose term is over
    BASIS_ENDED = "basis ended"  # such an entry, ended by staff before


_OF_PERSON = frozenset({ErasureReason.PERSON, ErasureReason.OFFICER, ErasureReason.RESTORE})
_WISHED = _OF_PERSON | {ErasureReason.BASIS_ENDED}  # of all others the time must be over
_OF_EVERYTHING = _OF_PERSON | {ErasureReason.ENDED}  # may blank everything
_OF_BASES = frozenset({ErasureReason.BASIS_OVER, ErasureReason.BASIS_ENDED})


@dataclass(frozen=True)
class ErasureGround:
    """Why an erasure is allowed. `since`: the start of the period `kept`.

    An erasure that somebody asked for has neither.
    """

    reason: str  # a Reason, or a kind's own
    since: datetime | None = None
    kept: RetentionPeriod | None = None

    def said(self) -> dict[str, str]:
        """Return the fields of the event. A day is enough, and says less about a person than a moment."""
        if self.since is None or self.kept is None:
            return {"reason": str(self.reason)}
        return {
            "reason": str(self.reason),
            "since": self.since.astimezone(UTC).date().isoformat(),
            "kept": self.kept.text,
        }


BY_PERSON = ErasureGround(ErasureReason.PERSON)
BY_OFFICER = ErasureGround(ErasureReason.OFFICER)
BY_RESTORE = ErasureGround(ErasureReason.RESTORE)
BASIS_ENDED = ErasureGround(ErasureReason.BASIS_ENDED)


def own_ground(reason: str, since: datetime, kept: RetentionPeriod) -> ErasureGround:
    """Return a ground that a kind of magnets has for requests without a consent, once their time is over.

    Raises ValueError for a reason of optin's own: it may allow more.
    """
    if not reason or reason in set(ErasureReason):
        msg = f"{reason!r} is not a kind's to give"
        raise ValueError(msg)
    return ErasureGround(reason, since, kept)


def kind_of(body: Mapping[str, Any]) -> str:
    """Return the name under which an erasure counts an event: its kind, and if a consent was confirmed."""
    kind = EventKind.of(body["kind"]).value
    return _WITH_CONSENT if kind == EventKind.CONFIRMED and body.get("purpose") else kind


def kinds_of(bodies: Iterable[Mapping[str, Any] | None]) -> dict[str, int]:
    """Count events by kind; None when optin did not write one of them."""
    return dict(Counter(FOREIGN if body is None else kind_of(body) for body in bodies))


def erasure_faults(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield, in sentences, the events that an erasure blanked without permission."""
    kinds, numbers = body.get("kinds"), body.get("events")
    if kinds is None:
        if int(body.get("version") or 0) >= SAYS_KINDS:
            yield "does not say which kinds of events it blanked"
        return
    reason = body.get("reason")
    if not isinstance(kinds, dict) or not isinstance(numbers, list) or sum(kinds.values()) != len(numbers):
        yield "names other events than it counts"
        return
    if not isinstance(reason, str) or not reason:
        yield f"has a reason that is none: {reason!r}"
        return
    for kind in sorted(kinds.keys() - _may_blank(reason, kinds)):
        yield f"is called {reason!r}, but blanked events of the kind {kind!r}"
    if reason not in _WISHED and not _in_time(body):
        yield f"is called {reason!r}, but came before the time was over"


def _may_blank(reason: str, kinds: Mapping[str, Any]) -> frozenset[str]:
    """Return which kinds of events a reason may blank; one that is not known here, no confirmed consent.

    So an erasure by a kind of magnets is judged alike when that kind is not installed.
    """
    if reason in _OF_EVERYTHING:
        return frozenset(kinds)
    if reason in _OF_BASES:
        return frozenset(kind.value for kind in ABOUT_ENTRIES)
    return _BEFORE_CONFIRMING if reason == ErasureReason.UNCONFIRMED else _WITHOUT_CONSENT


def _in_time(body: Mapping[str, Any]) -> bool:
    try:
        day = date.fromisoformat(str(body["since"]))
        over = RetentionPeriod.parse(str(body["kept"])).after(datetime.combine(day, time(), UTC))
        return over <= datetime.fromisoformat(str(body["at"]))
    except (KeyError, ValueError, OverflowError):
        return False
