"""Counters behind the limits: shared by all processes, and kept across restarts (D8, O8).

A row knows whom it counts by a keyed digest with the window in it: nothing links it to an address or a
network, nor to another window. It goes with its window. What processes count together is counted in one
statement that refuses what is too much; mails to one mailbox under a lock that the transaction holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from optin.store.database_interface import Tx, to_ms
from optin.store.row_queries import count_rows

DAY = timedelta(days=1)


class CounterTable(StrEnum):
    """What is counted, by the name of its table."""

    SITE = "limit_site"  # survives a crash of the database
    NETWORK = "limit_network"  # a crash of PostgreSQL empties it: it is not written to its log


@dataclass(frozen=True)
class LimitedCount:
    """How many to count in one window, and at most; `until`: the end of the window."""

    count: int
    most: int
    until: datetime


def take_amount(tx: Tx, where: CounterTable, key: bytes, amount: LimitedCount) -> bool:
    """Count `amount` for `key`, all or nothing; False above the window's limit."""
    if amount.count > amount.most:
        return False
    row = tx.one(
        f"INSERT INTO {where}(key, n, until) VALUES (:key, :count, :until)"
        f" ON CONFLICT (key) DO UPDATE SET n = {where}.n + :count WHERE {where}.n + :count <= :most"
        " RETURNING n",
        key=key,
        count=amount.count,
        most=amount.most,
        until=to_ms(amount.until),
    )
    return row is not None


def take_amounts(tx: Tx, where: CounterTable, amounts: Sequence[tuple[bytes, LimitedCount]]) -> int:
    """Count one after the other until one is above its limit; return how many were counted."""
    for place, (key, amount) in enumerate(amounts):
        if not take_amount(tx, where, key, amount):
            return place
    return len(amounts)


@dataclass(frozen=True)
class MailboxDigests:
    """Digests of one mailbox for the previous day, this day and the next: any 24 hours lie in them.

    The day after is there for a process whose clock is behind. `marks`: what tells some of its mails from
    the others, in the same days, where that is asked; `mark`: that of this day.
    """

    key: bytes
    before: bytes
    after: bytes
    mark: bytes
    marks: tuple[bytes, ...] = ()


_SAME = "FROM limit_mail WHERE key IN (:key, :before, :after) AND at > :since"
_MARKED = f"{_SAME} AND mark IN (:mark, :mark_before, :mark_after)"
_TAKE = (
    f"INSERT INTO limit_mail(key, at, mark) SELECT :key, :now, :mark WHERE (SELECT COUNT(*) {_SAME}) < :most"
)
_TAKE_SHARE = f"{_TAKE} AND (SELECT COUNT(*) {_MARKED}) < :most_marked"


def take_mail(tx: Tx, day: MailboxDigests, most: int, now: datetime) -> bool:
    """Count one mail to a mailbox; False when it got `most` in 24 hours.

    Hold the mailbox first: two transactions at once would not see each other.
    """
    return tx.run(_TAKE, **_named(day, now), now=to_ms(now), most=most) == 1


def take_share(tx: Tx, day: MailboxDigests, most: int, most_marked: int, now: datetime) -> bool:
    """Count one mail to a mailbox; False also when `most_marked` of them had the same mark."""
    named = {**_named(day, now), **_marks(day)}
    return tx.run(_TAKE_SHARE, **named, now=to_ms(now), most=most, most_marked=most_marked) == 1


def has_mark(tx: Tx, day: MailboxDigests, now: datetime) -> bool:
    """Return whether the mailbox got a mail with this mark in the last 24 hours."""
    named = {**_named(day, now), **_marks(day)}
    return tx.one(f"SELECT 1 {_MARKED} LIMIT 1", **named) is not None


def _named(day: MailboxDigests, now: datetime) -> dict[str, bytes | int]:
    since = to_ms(now - DAY)
    return {"key": day.key, "before": day.before, "after": day.after, "mark": day.mark, "since": since}


def _marks(day: MailboxDigests) -> dict[str, bytes]:
    before, after = day.marks
    return {"mark_before": before, "mark_after": after}


def forget_counts(tx: Tx, now: datetime, most: int) -> int:
    """Remove counts of past windows, up to `most` windows of each kind; return how many."""
    return sum(
        tx.run(
            f"DELETE FROM {table} WHERE key IN (SELECT key FROM {table} {over} LIMIT :most)",
            **values,
            most=most,
        )
        for table, over, values in _over(now)
    )


def count_counts_over(tx: Tx, now: datetime) -> int:
    """Count the counts of past windows."""
    return sum(
        count_rows(tx, f"{table} WHERE key IN (SELECT key FROM {table} {over})", **values)
        for table, over, values in _over(now)
    )


def _over(now: datetime) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Yield each counter table with the condition for counts to remove: past, or of a fast clock."""
    days = {"past": to_ms(now - DAY), "ahead": to_ms(now + DAY)}
    yield "limit_mail", "GROUP BY key HAVING MAX(at) <= :past OR MIN(at) > :ahead", days
    ends = {"past": to_ms(now), "ahead": to_ms(now + 2 * DAY)}  # no window ends later than that
    for where in CounterTable:
        yield where, "WHERE until <= :past OR until > :ahead", ends
