"""What a sweep would delete or expire now, without doing it (D6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optin.flows.retention.sweep_rules import PlannedDeletion, plan, sweep_rules
from optin.flows.sweep_context import SweepContext
from optin.services.installation import Installation


@dataclass(frozen=True)
class DueDeletion:
    """One rule of the sweep: rows of what, how many are due, and why, in English."""

    name: str
    what: str
    why: str
    count: int


def due_deletions(installation: Installation) -> list[DueDeletion]:
    """Return what a sweep would do now, rule by rule; changes nothing."""
    context = SweepContext(installation.vault, installation.policy, installation.clock())
    rules = sweep_rules(installation.kinds.flows)
    planned: Sequence[PlannedDeletion] = installation.store.read(plan, context=context, rules=rules)
    return [
        DueDeletion(it.rule.name, it.rule.what, it.rule.reason(installation.policy), it.count)
        for it in planned
    ]
