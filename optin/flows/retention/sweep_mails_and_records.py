"""Sweep rules for records apart from people: mails, officers' actions, counts, the journal."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta

from optin.consent.event_content import LINES, MEMBERS, forgotten, rfc3339
from optin.consent.staff_role import SEARCH_LASTS
from optin.consent.status_transitions import EventKind
from optin.errors import LogDisagrees
from optin.flows.request_policy import RequestPolicy
from optin.flows.sweep_context import STEP, SweepContext, ago
from optin.store.contact_questions import count_old_questions, forget_questions
from optin.store.database_interface import Tx
from optin.store.events import add_events, contents_about_nobody
from optin.store.export_records import delete_unrecorded_members, forget_exports, recorded_exports
from optin.store.journal_lines import forget_lines
from optin.store.limit_counters import forget_counts
from optin.store.mail_outbox import forget_settled
from optin.store.objections import count_removed, forget_removed
from optin.store.officer_actions import forget_actions
from optin.store.past_retention import (
    count_actions,
    count_erased_members,
    count_settled,
    count_unrecorded_members,
    forget_notices,
)
from optin.store.person_searches import forget_searches
from optin.store.unreachable_addresses import (
    count_old_delayed,
    count_unreachable_nobody,
    forget_delayed,
    forget_unreachable_nobody,
)
from optin.store.webhook_outbox import count_given_up, forget_given_up

LINES_STEP = 500
SETTLED_KEPT = timedelta(days=30)
NOTICES_KEPT = timedelta(days=1)
STRAYS_KEPT = timedelta(days=7)  # longer than any export takes
FILE_FIRST = timedelta(hours=1)  # a line that the journal's file tells a backup is known in the database


def sweep_mails(tx: Tx, context: SweepContext) -> int:
    """Delete mails that were sent or abandoned long ago."""
    before = context.now - SETTLED_KEPT
    return forget_settled(tx, before, STEP) + forget_given_up(tx, before, STEP)


def count_mails(tx: Tx, context: SweepContext) -> int:
    """Count mails that were sent or abandoned long ago."""
    before = context.now - SETTLED_KEPT
    return count_settled(tx, before) + count_given_up(tx, before)


def sweep_notices(tx: Tx, context: SweepContext) -> int:
    """Delete links to personal pages a day after their mail."""
    return forget_notices(tx, context.now - NOTICES_KEPT, STEP)


def sweep_records(tx: Tx, context: SweepContext) -> int:
    """Delete officers' actions, erased members of exports, and entries removed from the company's own list.

    Once their proof is not needed any more.
    """
    before = ago(context.policy.retention.proof, context.now)
    gone = forget_exports(tx, before, STEP)
    told = [forgotten(context.now, MEMBERS, run.hex(), count) for run, count in sorted(gone.items())]
    add_events(tx, context.vault, None, told)
    return forget_actions(tx, before, STEP) + forget_removed(tx, before, STEP) + gone.total()


def count_records(tx: Tx, context: SweepContext) -> int:
    """Count the rows that `sweep_records` would delete."""
    before = ago(context.policy.retention.proof, context.now)
    return count_actions(tx, before) + count_removed(tx, before) + count_erased_members(tx, before)


def sweep_questions(tx: Tx, context: SweepContext) -> int:
    """Delete notes of who asked about people, once nobody needs them to show a use of a consent."""
    return forget_questions(tx, ago(context.policy.retention.proof, context.now), STEP)


def count_questions(tx: Tx, context: SweepContext) -> int:
    """Count the rows that `sweep_questions` would delete."""
    return count_old_questions(tx, ago(context.policy.retention.proof, context.now))


def sweep_unrecorded_exports(tx: Tx, context: SweepContext) -> int:
    """Delete members of exports that were never recorded."""
    return delete_unrecorded_members(tx, context.now - STRAYS_KEPT, STEP) if _all_recorded(tx, context) else 0


def _all_recorded(tx: Tx, context: SweepContext) -> bool:
    """Return whether every export's record is there: otherwise its members would look unrecorded."""
    if not count_unrecorded_members(tx, context.now - STRAYS_KEPT):
        return True
    told = Counter(
        str(body.get("run")) for body in contents_about_nobody(tx, context.vault, EventKind.EXPORTED)
    )
    if told == Counter(export.digest for export in recorded_exports(tx)):
        return True
    context.skipped.refuse(context.rule, b"exports", LogDisagrees("an export is gone from the list"))
    return False


def sweep_limits(tx: Tx, context: SweepContext) -> int:
    """Delete counts of limits whose window is over."""
    return forget_counts(tx, context.now, STEP)


def sweep_searches(tx: Tx, context: SweepContext) -> int:
    """Delete searches of staff for people whose time is over."""
    return forget_searches(tx, context.now - SEARCH_LASTS)


def sweep_returned(tx: Tx, context: SweepContext) -> int:
    """Delete what came back from mailboxes of nobody on file, and delays too old to be counted."""
    before = ago(context.policy.bounces.soft_within, context.now)
    return forget_unreachable_nobody(tx, STEP) + forget_delayed(tx, before)


def count_returned(tx: Tx, context: SweepContext) -> int:
    """Count the rows that `sweep_returned` would delete."""
    before = ago(context.policy.bounces.soft_within, context.now)
    return count_unreachable_nobody(tx) + count_old_delayed(tx, before)


def sweep_journal(tx: Tx, context: SweepContext) -> int:
    """Delete journal lines that no backup needs any more."""
    before = lines_before(context)
    count = forget_lines(tx, before, LINES_STEP)
    told = [forgotten(context.now, LINES, rfc3339(before), count)] if count else []
    add_events(tx, context.vault, None, told)
    return count


def lines_before(context: SweepContext) -> datetime:
    """Return before when journal lines are deleted: whole days, since each deletion logs an event."""
    return datetime.combine((journal_from(context.policy, context.now) - FILE_FIRST).date(), time(), UTC)


def journal_from(policy: RequestPolicy, now: datetime) -> datetime:
    """Return how far the journal goes back: to the oldest backup that may be restored."""
    return ago(policy.retention.backups, now)
