"""Correct times in the far future, written by a wrong clock, so that nothing waits for years (D1, D6, E7).

Only what tells when something is due, or how long it is kept. Evidence keeps the moments that it has.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from optin.store.database_interface import Tx, Value, to_ms


@dataclass(frozen=True)
class FutureLimits:
    """How far in the future each time may normally lie."""

    skew: timedelta  # between clocks that are right
    mail_lease: timedelta
    mail_wait: timedelta  # before the next try
    webhook_lease: timedelta
    webhook_wait: timedelta
    keep: timedelta  # of an unconfirmed request
    link: timedelta
    deliverable: timedelta  # of a file that was promised
    timed: Collection[str]  # kinds of mails that are queued for a day to come


def correct_future_times(tx: Tx, future_limits: FutureLimits, now: datetime) -> int:
    """Bring times beyond the horizon back; return how many rows were changed.

    A mail for a day to come may be made due at once: whoever claims it sees that, and puts it back.
    """
    names = {f"kind_{kind.replace('-', '_')}": str(kind) for kind in sorted(future_limits.timed)}
    timed = ", ".join(f":{name}" for name in names)
    moments = {name: to_ms(moment) for name, moment in _moments(future_limits, now).items()}
    changed = 0
    for statement in _STATEMENTS:
        values: dict[str, Value] = {**moments, **(names if "{timed}" in statement else {})}
        sql = statement.format(timed=timed)
        changed += tx.run(sql, **{name: value for name, value in values.items() if f":{name}" in sql})
    return changed


def _moments(it: FutureLimits, now: datetime) -> dict[str, datetime]:
    late = now + it.skew
    return {
        "now": now,
        "late": late,
        "leased": now + it.mail_lease,
        "too_leased": late + it.mail_lease,
        "too_waiting": late + it.mail_wait,
        "told_leased": now + it.webhook_lease,
        "told_too_leased": late + it.webhook_lease,
        "told_too_waiting": late + it.webhook_wait,
        "kept": now + it.keep,
        "too_kept": late + it.keep,
        "linked": now + it.link,
        "too_linked": late + it.link,
        "handed": now + it.deliverable,
        "too_handed": late + it.deliverable,
    }


_EARLY = "(kind NOT IN ({timed}) OR next_at <> created_at)"  # a reminder is queued as of the day it is for
_STATEMENTS = (
    "UPDATE outbox SET next_at = :now WHERE state = 'queued' AND claim IS NULL"
    f" AND next_at > CASE WHEN attempts > 0 THEN :too_waiting ELSE :late END AND {_EARLY}",
    "UPDATE outbox SET next_at = :leased"
    " WHERE state = 'queued' AND claim IS NOT NULL AND next_at > :too_leased",
    "UPDATE outbox SET created_at = :now WHERE created_at > :late AND kind NOT IN ({timed})",
    "UPDATE outbox SET settled_at = :now WHERE state <> 'queued' AND settled_at > :late",
    "UPDATE webhook_outbox SET next_at = :now WHERE state = 'queued' AND claim IS NULL"
    " AND next_at > CASE WHEN attempts > 0 THEN :told_too_waiting ELSE :told_too_leased END",
    "UPDATE webhook_outbox SET next_at = :told_leased"
    " WHERE state = 'queued' AND claim IS NOT NULL AND next_at > :told_too_leased",
    "UPDATE webhook_outbox SET created_at = :now WHERE created_at > :late",
    "UPDATE webhook_outbox SET settled_at = :now WHERE state = 'dead' AND settled_at > :late",
    "UPDATE notice_receiver SET next_at = :now WHERE next_at > :told_too_waiting",
    "UPDATE notice SET at = :now WHERE at > :late",
    "UPDATE request SET erase_at = :kept WHERE confirmed_at IS NULL AND erase_at > :too_kept",
    "UPDATE request SET link_until = :linked WHERE confirmed_at IS NULL AND link_until > :too_linked",
    "UPDATE suppression SET at = :now WHERE at > :late",
    "UPDATE number_objection SET at = :now WHERE at > :late",
    "UPDATE objection SET at = :now WHERE at > :late",
    "UPDATE rights_action SET at = :now WHERE at > :late",
    "UPDATE export_gone SET at = :now WHERE at > :late",
    "UPDATE promise SET served_at = :now WHERE served_at > :late",
    "UPDATE promise SET until = :handed WHERE until > :too_handed",
)
