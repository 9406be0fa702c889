"""The part of an audit about what was done with many people at once: erasures and exports. Pure.

`events` are those about nobody, each with its number, as optin wrote them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optin.consent.erasure import faults
from optin.consent.event import MEMBERS
from optin.consent.record import EventKind
from optin.store.exports import RecordedExport

Said = tuple[int, Mapping[str, Any]]


def audit_erasures(events: Sequence[Said]) -> Iterator[str]:
    """Yield which erasures blanked what their reason does not allow."""
    for number, body in events:
        if body.get("kind") == EventKind.ERASED:
            for fault in faults(body):
                yield f"the erasure of event {number} {fault}"


def audit_exports(events: Sequence[Said], exports: Sequence[RecordedExport]) -> Iterator[str]:
    """Yield which exports are not those that were recorded, or have other people than they had."""
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
