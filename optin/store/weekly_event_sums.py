"""Anonymous sums by week, form version and kind, which outlive the counted rows (O4).

Downloads are counted here and nowhere else; requests when they are erased, so that old weeks stay whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from optin.consent.status_transitions import EventKind, RequestId
from optin.proof.canonical_json import parse
from optin.store.database_interface import Tx, from_ms
from optin.store.row_queries import add_to_sums

DOWNLOADED = "downloaded"
ANSWERED = "answered"  # of those requested in that week, those that were confirmed, whenever

WeeklySumKey = tuple[date, str, str]  # Monday of the week in UTC, form version, what happened


def monday_of(day: date) -> date:
    """Return the first day of the ISO week that a day is in."""
    return day - timedelta(days=day.weekday())


def add_to_weekly_sums(tx: Tx, counts: Mapping[WeeklySumKey, int]) -> None:
    """Add events to the sums of their weeks."""
    add_to_sums(tx, "tally", ("monday", "form", "kind"), counts)


def all_weekly_sums(tx: Tx) -> dict[WeeklySumKey, int]:
    """Return every sum."""
    rows = tx.all("SELECT monday, form, kind, count FROM tally")
    return {(date.fromisoformat(row[0]), row[1], row[2]): row[3] for row in rows}


def sum_before_erasure(tx: Tx, requests: Sequence[RequestId]) -> None:
    """Add requests about to be erased to the sums; requests made without a form are left out."""
    counts: dict[WeeklySumKey, int] = {}
    for request in requests:
        row = tx.one("SELECT form, created_at, confirmed_at FROM request WHERE id = :id", id=request)
        first = tx.one(
            "SELECT body FROM event WHERE request_id = :id AND body IS NOT NULL ORDER BY id LIMIT 1",
            id=request,
        )
        if row is None or first is None or "through" in parse(first[0]):
            continue
        asked, confirmed = row[1], row[2]
        moments = {EventKind.REQUESTED.value: asked}
        if confirmed is not None:
            moments |= {EventKind.CONFIRMED.value: confirmed, ANSWERED: asked}
        for kind, moment in moments.items():
            place = (monday_of(from_ms(moment).date()), str(row[0]), kind)
            counts[place] = counts.get(place, 0) + 1
    if counts:
        add_to_weekly_sums(tx, counts)
