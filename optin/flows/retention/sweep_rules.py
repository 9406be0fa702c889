"""The rules of the sweep: what is deleted or expires, in order (D6, R8).

One table: the sweep, its dry run and the documentation are made from it. Each step is a transaction of its
own, in small steps beside live traffic. Kinds of magnets add rules of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.staff_role import SEARCH_LASTS
from optin.flows.kind_flow_hooks import FlowPart
from optin.flows.retention.sweep_bases import sweep_bases
from optin.flows.retention.sweep_consents import (
    count_asked_again,
    count_idle_with_proof,
    count_idle_without_consent,
    sweep_expired,
    sweep_holds,
    sweep_leads,
    sweep_magnets,
    sweep_renewals,
    sweep_unconfirmed,
)
from optin.flows.retention.sweep_mails_and_records import (
    NOTICES_KEPT,
    SETTLED_KEPT,
    STRAYS_KEPT,
    count_mails,
    count_questions,
    count_records,
    count_returned,
    lines_before,
    sweep_journal,
    sweep_limits,
    sweep_mails,
    sweep_notices,
    sweep_questions,
    sweep_records,
    sweep_returned,
    sweep_searches,
    sweep_unrecorded_exports,
)
from optin.flows.retention.sweep_rights_requests import count_requests, sweep_requests
from optin.flows.retention.sweep_staff import (
    count_sign_ins,
    count_staff_trail,
    sweep_sign_ins,
    sweep_staff_trail,
)
from optin.flows.sweep_context import SweepContext
from optin.flows.sweep_rule import SweepRule
from optin.store.database_interface import Tx
from optin.store.held_bases import count_entries_over
from optin.store.journal_lines import count_lines
from optin.store.limit_counters import count_counts_over
from optin.store.past_retention import (
    count_holds_over,
    count_notices_over,
    count_over,
    count_unconfirmed,
    count_unrecorded_members,
)
from optin.store.person_searches import count_searches

# before the rules of kinds: they look whether a person has other requests
UNCONFIRMED = SweepRule(
    name="unconfirmed",
    what="requests",
    why="not confirmed within {policy.unconfirmed.keep.text}",
    due=lambda tx, context: count_unconfirmed(tx, context.now),
    step=sweep_unconfirmed,
    erases=True,
)

RULES = (
    SweepRule(
        name="ending",
        what="consents",
        why="end soon; their people are asked once more by mail",
        due=count_asked_again,
        step=sweep_renewals,
    ),
    SweepRule(
        name="expired",
        what="consents",
        why="past the retention of their purpose",
        due=lambda tx, context: count_over(tx, context.now),
        step=sweep_expired,
        takes_people=True,
    ),
    SweepRule(
        name="magnets",
        what="people",
        why="no consent, asked over {policy.retention.magnet.text} ago",
        due=count_idle_without_consent,
        step=sweep_magnets,
        erases=True,
        takes_people=True,
    ),
    SweepRule(
        name="leads",
        what="people",
        why="last consent ended over {policy.retention.proof.text} ago",
        due=count_idle_with_proof,
        step=sweep_leads,
        erases=True,
        takes_people=True,
    ),
    SweepRule(
        name="bases",
        what="entries of the register of bases",
        why="their term is over",
        due=lambda tx, context: count_entries_over(tx, context.now),
        step=sweep_bases,
        erases=True,
        takes_people=True,
    ),
    SweepRule(
        name="holds",
        what="legal holds",
        why="their date is past",
        due=lambda tx, context: count_holds_over(tx, context.now),
        step=sweep_holds,
        erases=True,
    ),
    SweepRule(
        name="mails",
        what="deliveries",
        why=f"settled over {SETTLED_KEPT.days} days ago",
        due=count_mails,
        step=sweep_mails,
        erases=True,
    ),
    SweepRule(
        name="notices",
        what="links to personal pages",
        why=f"mailed over {NOTICES_KEPT.days} day ago",
        due=lambda tx, context: count_notices_over(tx, context.now - NOTICES_KEPT),
        step=sweep_notices,
        erases=True,
    ),
    SweepRule(
        name="records",
        what="records of what officers did, and of erased people in exports",
        why="older than {policy.retention.proof.text}",
        due=count_records,
        step=sweep_records,
    ),
    SweepRule(
        name="requests",
        what="requests of people about their data",
        why="answered over {policy.retention.requests.text} ago",
        due=count_requests,
        step=sweep_requests,
        erases=True,
    ),
    SweepRule(
        name="sign-ins",
        what="links, challenges, ended sessions and unsaved texts of staff",
        why="their time is over",
        due=count_sign_ins,
        step=sweep_sign_ins,
    ),
    SweepRule(
        name="staff-trail",
        what="acts in the audit trail of staff",
        why="older than {policy.retention.staff_trail.text}",
        due=count_staff_trail,
        step=sweep_staff_trail,
        erases=True,
    ),
    SweepRule(
        name="questions",
        what="notes of who asked whether a person may be contacted",
        why="older than {policy.retention.proof.text}",
        due=count_questions,
        step=sweep_questions,
    ),
    SweepRule(
        name="strays",
        what="members of exports",
        why="their export was never recorded",
        due=lambda tx, context: count_unrecorded_members(tx, context.now - STRAYS_KEPT),
        step=sweep_unrecorded_exports,
    ),
    SweepRule(
        name="limits",
        what="counts of limits",
        why="their window is over",
        due=lambda tx, context: count_counts_over(tx, context.now),
        step=sweep_limits,
    ),
    SweepRule(
        name="searches",
        what="searches of staff for people",
        why="a quarter of an hour is over",
        due=lambda tx, context: count_searches(tx, context.now - SEARCH_LASTS),
        step=sweep_searches,
    ),
    SweepRule(
        name="returned-mails",
        what="notes of mails that came back",
        why="nobody of their address is on file, or they are too old to count",
        due=count_returned,
        step=sweep_returned,
    ),
    SweepRule(
        name="journal",
        what="lines of the journal: withdrawals and erasures",
        why="no backup is older than {policy.retention.backups.text}",
        due=lambda tx, context: count_lines(tx, lines_before(context)),
        step=sweep_journal,
        in_journal=True,
    ),
)


def sweep_rules(kinds: PartsByKind[FlowPart]) -> tuple[SweepRule, ...]:
    """Return every rule, in the order of a sweep."""
    return (UNCONFIRMED, *(rule for _, part in kinds.items() for rule in part.sweep_rules), *RULES)


@dataclass(frozen=True)
class PlannedDeletion:
    """One rule and the number of rows it would delete or change now."""

    rule: SweepRule
    count: int


def plan(tx: Tx, context: SweepContext, rules: Iterable[SweepRule]) -> list[PlannedDeletion]:
    """Return what a sweep would do now; changes nothing."""
    return [PlannedDeletion(rule, rule.count(tx, context)) for rule in rules]
