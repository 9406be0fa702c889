"""Audit step for operations on many people at once: erasures and exports. Pure.

`events` are those about nobody, each with its number, as optin wrote them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from optin.consent.erasure_grounds import ErasureReason, erasure_faults
from optin.consent.event_content import LINES, MEMBERS
from optin.consent.status_transitions import EventKind
from optin.store.database_interface import to_ms
from optin.store.export_records import RecordedExport

_OF_PEOPLE = frozenset(
    {
        ErasureReason.PERSON,
        ErasureReason.OFFICER,
        ErasureReason.RESTORE,
        ErasureReason.ENDED,
        ErasureReason.NO_CONSENT,
    }
)  # erasures of whole people
Said = tuple[int, Mapping[str, Any]]


def audit_erasures(events: Sequence[Said]) -> Iterator[str]:
    """Yield the erasures that blanked events which their reason does not cover."""
    for number, body in events:
        if body.get("kind") == EventKind.ERASED:
            for fault in erasure_faults(body):
                yield f"the erasure of event {number} {fault}"


def lines_from(bodies: Iterable[Mapping[str, Any]]) -> str:
    """Return before which moment journal lines for restored backups were removed (RFC 3339)."""
    forgotten = (body for body in bodies if body.get("kind") == EventKind.FORGOTTEN)
    return max((str(body.get("of")) for body in forgotten if body.get("what") == LINES), default="")


def audit_lines(events: Sequence[Said], told: Collection[int]) -> Iterator[str]:
    """Yield the erasures of people that a restored backup would not replay.

    `told`: the moments of those that it would be told of, in milliseconds UTC.
    """
    since = lines_from(body for _, body in events)
    for number, body in events:
        if body.get("kind") == EventKind.ERASED and body.get("reason") in _OF_PEOPLE and "kinds" in body:
            at = str(body["at"])
            if at >= since and to_ms(datetime.fromisoformat(at)) not in told:
                yield f"event {number}: a restored backup would not replay this erasure"


def audit_exports(events: Sequence[Said], exports: Sequence[RecordedExport]) -> Iterator[str]:
    """Yield the exports that differ from their event, or from the people recorded for them."""
    told = Counter(str(body.get("run")) for _, body in events if body.get("kind") == EventKind.EXPORTED)
    gone: Counter[str] = Counter()
    for _, body in events:
        if body.get("kind") == EventKind.FORGOTTEN and body.get("what") == MEMBERS:
            gone[str(body.get("of"))] += int(body.get("count") or 0)
    for export in exports:
        if told[export.digest] < 1:
            yield f"export {export.number} is not the one that was recorded: it was edited"
        elif export.run and export.known + gone[export.run] != export.exported:
            yield (
                f"export {export.number} had {export.exported} people, but"
                f" {export.known + gone[export.run]} are known of it"
            )
        told[export.digest] -= 1
    for _ in (+told).elements():
        yield "an export that was recorded is gone from the list"
