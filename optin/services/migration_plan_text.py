"""The plan of a migration in words, for who decides when to make it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum

from optin.store.migration_plan import Effect, MigrationPlan, PlannedChange, Waits

NOTHING_DUE = "No migration is due."
FORM_SECONDS = 5  # about as long as a form waits for the database (QUEUE_SECONDS, and for a connection)


class PlanStatus(IntEnum):
    """Exit status of `optin migrate --plan`; 1 and 2 are those of every command that fails."""

    NOTHING_DUE = 0
    SERVERS_GO_ON = 3
    STOP_SERVERS = 4


def plan_status(plan: MigrationPlan) -> PlanStatus:
    """Return the exit status that tells a script what to do."""
    if not plan.due:
        return PlanStatus.NOTHING_DUE
    return PlanStatus.STOP_SERVERS if plan.obstacles else PlanStatus.SERVERS_GO_ON


def plan_lines(plan: MigrationPlan) -> Iterator[str]:
    """Yield the lines of a plan."""
    if not plan.due:
        yield NOTHING_DUE
        return
    for it in plan.due:
        yield f"{it.name}  due"
        if not plan.new:
            yield from (f"  {line}" for line in _change_lines(it.changes))
    yield _servers(plan)
    if plan.shared and not plan.new:
        yield _duration(plan)
    yield "Nothing was changed."


def _change_lines(changes: Sequence[PlannedChange]) -> Iterator[str]:
    new = [it.table for it in changes if it.effect is Effect.NEW_TABLE]
    if new:
        yield f"new table{'s' if len(new) > 1 else ''} {', '.join(new)}"
    for it in changes:
        if it.effect is not Effect.NEW_TABLE:
            yield _change_line(it)


def _change_line(change: PlannedChange) -> str:
    of = f"{change.name} of " if change.name else ""
    parts = [f"{change.effect} {of}{change.table or 'it'}: {change.rows:,} rows"]
    if change.may_rewrite_table:
        parts.append("may rewrite all of them")
    if change.seconds:
        parts.append(f"about {_seconds(change.seconds)}")
    if change.waits is not Waits.NOTHING:
        parts.append(f"{change.waits} of the table wait")
    return ", ".join(parts)


def _servers(plan: MigrationPlan) -> str:
    if plan.new:
        return "The database is new."
    if not plan.shared:
        return "Stop the server first: SQLite serves one, and its tables are changed at the next start."
    if not plan.obstacles:
        return "Servers of the version before go on meanwhile and afterwards, until you replace them."
    return (
        "Stop every server first. Beside these migrations those of the version before answer forms with 503:"
        f" {', '.join(plan.obstacles)}."
    )


def _duration(plan: MigrationPlan) -> str:
    return (
        f"All of it is one transaction of about {_seconds(plan.seconds)}. A form that waits longer than"
        f" {FORM_SECONDS} seconds for it is answered with 503; nothing of it is stored."
    )


def _seconds(seconds: float) -> str:
    return "a second" if seconds <= 1 else f"{seconds:,.0f} seconds"
