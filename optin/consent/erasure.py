"""Why something may be erased, and what an erasure may blank for that reason (GDPR 17, 5(1)(e)). Pure.

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

from optin.consent.consent_record import EventKind
from optin.consent.retention_period import RetentionPeriod

SAYS_KINDS = 2  # the version of events since which an erasure does
FOREIGN = "not written by optin"  # in place of a kind: what such an event says is not believed
_WITH_CONSENT = "confirmed consent"
_BEFORE_CONFIRMING = frozenset(
    kind.value for kind in (EventKind.REQUESTED, EventKind.MAILED, EventKind.ACCESSED, EventKind.NOTED)
)
_WITHOUT_CONSENT = _BEFORE_CONFIRMING | {EventKind.CONFIRMED.value, EventKind.CORRECTED.value}


class Reason(StrEnum):
    """Why events were blanked, as the event of the erasure says it."""

    UNCONFIRMED = "unconfirmed"  # a request that nobody confirmed in its time
    NO_CONSENT = "no consent"  # a person who never gave one, and asked long ago
    ENDED = "consents ended"  # a person whose last consent ended so long ago that nobody needs its proof
    DRAW = "prize draw over"  # an entry without a consent, long after the draw
    PERSON = "asked by the person"
    OFFICER = "asked by letter or telephone"
    RESTORE = "erased since the backup"


# what each reason may blank; a reason that is not here may blank everything
_ALLOWED: dict[str, frozenset[str]] = {
    Reason.UNCONFIRMED: _BEFORE_CONFIRMING,
    Reason.NO_CONSENT: _WITHOUT_CONSENT,
    Reason.DRAW: _WITHOUT_CONSENT,
}
_TIMED = frozenset({Reason.UNCONFIRMED, Reason.NO_CONSENT, Reason.ENDED, Reason.DRAW})


@dataclass(frozen=True)
class Ground:
    """Why an erasure is allowed. `since`: the moment from which data were kept for the period `kept`.

    An erasure that somebody asked for has neither.
    """

    reason: Reason
    since: datetime | None = None
    kept: RetentionPeriod | None = None

    def said(self) -> dict[str, str]:
        """Return what the event says of it. The day is enough, and tells less of a person than a moment."""
        if self.since is None or self.kept is None:
            return {"reason": self.reason.value}
        return {
            "reason": self.reason.value,
            "since": self.since.astimezone(UTC).date().isoformat(),
            "kept": self.kept.text,
        }


BY_PERSON = Ground(Reason.PERSON)
BY_OFFICER = Ground(Reason.OFFICER)
BY_RESTORE = Ground(Reason.RESTORE)


def kind_of(body: Mapping[str, Any]) -> str:
    """Return how an erasure counts an event: by its kind, and apart where a consent was confirmed."""
    kind = EventKind.of(body["kind"]).value
    return _WITH_CONSENT if kind == EventKind.CONFIRMED and body.get("purpose") else kind


def kinds_of(bodies: Iterable[Mapping[str, Any] | None]) -> dict[str, int]:
    """Count events by their kinds; None: an event that optin did not write."""
    return dict(Counter(FOREIGN if body is None else kind_of(body) for body in bodies))


def faults(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an erasure blanked without being allowed to. An event of an older version says no kinds."""
    kinds, numbers = body.get("kinds"), body.get("events")
    if kinds is None:
        if int(body.get("version") or 0) >= SAYS_KINDS:
            yield "does not say which kinds of events it blanked"
        return
    reason = str(body.get("reason"))
    if not isinstance(kinds, dict) or not isinstance(numbers, list) or sum(kinds.values()) != len(numbers):
        yield "names other events than it counts"
        return
    if reason not in set(Reason):
        yield f"has a reason that is none: {reason}"
    for kind in sorted(kinds.keys() - _ALLOWED.get(reason, kinds.keys())):
        yield f"is called {reason!r}, but blanked events of the kind {kind!r}"
    if reason in _TIMED and not _in_time(body):
        yield f"is called {reason!r}, but came before the time was over"


def _in_time(body: Mapping[str, Any]) -> bool:
    try:
        day = date.fromisoformat(str(body["since"]))
        over = RetentionPeriod.parse(str(body["kept"])).after(datetime.combine(day, time(), UTC))
        return over <= datetime.fromisoformat(str(body["at"]))
    except (KeyError, ValueError, OverflowError):
        return False
