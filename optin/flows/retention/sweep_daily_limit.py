"""One step of a sweep: only with a trusted clock, and no more people than a day's share (O7).

A wrong setting or a clock that was accepted by mistake would else take everybody at once. Who confirmed is
counted: whoever is erased, and each consent that expires. What people ask for themselves never waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from optin.flows.context import Context
from optin.flows.deletion_clock import trust_clock
from optin.flows.request_policy import RequestPolicy
from optin.flows.retention.sweep_rules import plan
from optin.flows.sweep_context import SweepContext
from optin.flows.sweep_rule import SweepRule
from optin.store.database_interface import Tx
from optin.store.latest_known_time import SweepDay, add_to_day, mark_told, sweep_day
from optin.store.officer_actions import NOBODY, RightsAction, record_action

LEAST = 100  # people: below it a share says nothing


@dataclass(frozen=True)
class Backlog:
    """People or consents that are due beyond the day's share."""

    waiting: int
    share: int

    @property
    def sentence(self) -> str:
        """A sentence for the operator, with the cure."""
        return (
            f"{self.waiting} more people or consents are due, but a sweep takes {self.share} a day at most"
            " ([sweep] share); they wait. If that many are due, run: optin sweep --beyond-share"
            ' --why "…"; see them with: optin sweep --dry-run'
        )


def sweep_step(tx: Tx, context: SweepContext, rule: SweepRule, *, beyond: bool = False) -> int:
    """Do one step of a rule; return how many rows it handled. Raises ClockDoubted.

    `beyond`: an officer said that more than the day's share may go.
    """
    trust_clock(tx, context, context.now)
    if not rule.takes_people:
        return rule.do_step(tx, context)
    day = sweep_day(tx, context.vault, context.now)
    room = share_of(day, context.policy) - day.taken
    if room <= 0 and not beyond:
        return 0
    done = rule.do_step(tx, context if beyond else replace(context, room=room))
    if done:
        add_to_day(tx, context.vault, day, done)
    return done


def share_of(day: SweepDay, policy: RequestPolicy) -> int:
    """Return how many people sweeps may erase on one day."""
    return max(LEAST, day.people * policy.sweep.share // 100)


def share_backlog(tx: Tx, context: SweepContext, rules: Iterable[SweepRule]) -> Backlog | None:
    """Return what is due beyond the rest of the day's share; None when nothing is. Changes nothing."""
    day = sweep_day(tx, context.vault, context.now)
    share = share_of(day, context.policy)
    due = sum(line.count for line in plan(tx, context, rules) if line.rule.takes_people)
    waiting = due - max(0, share - day.taken)
    return Backlog(waiting, share) if waiting > 0 else None


def report_backlog(tx: Tx, context: SweepContext, rules: Iterable[SweepRule]) -> Backlog | None:
    """Return the backlog of a used-up share, once a day; None when there is none, or it was reported."""
    day = sweep_day(tx, context.vault, context.now)
    if day.told or day.taken < share_of(day, context.policy):
        return None
    backlog = share_backlog(tx, context, rules)
    if backlog is not None:
        mark_told(tx, context.vault, day)
    return backlog


def record_beyond(tx: Tx, context: Context, who: str, why: str, now: datetime) -> None:
    """Record that an officer allowed more erasures than a day's share."""
    record_action(tx, context.vault, NOBODY, RightsAction(now, "beyond-share", who, why))
