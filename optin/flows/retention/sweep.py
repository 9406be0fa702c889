"""Delete or expire data past its retention, in small steps beside live traffic (D6, R8).

Each rule is one function that does one step in a transaction of its own: killed between two, a sweep goes on
where it was. `plan` says beforehand what would go, and why.
"""

from __future__ import annotations

from dataclasses import dataclass

from optin.flows.retention.sweep_consents import (
    sweep_ending,
    sweep_expired,
    sweep_holds,
    sweep_leads,
    sweep_magnets,
    sweep_unconfirmed,
)
from optin.flows.retention.sweep_context import Rule, SweepContext, ago
from optin.flows.retention.sweep_records import (
    NOTICES_KEPT,
    SETTLED_KEPT,
    STRAYS_KEPT,
    lines_before,
    sweep_journal,
    sweep_limits,
    sweep_mails,
    sweep_records,
)
from optin.flows.sweep_draws import (
    count_untold_entrants,
    draws_over,
    draws_to_fix,
    sweep_draws,
    sweep_entries,
    sweep_results,
)
from optin.flows.webinar_seats import count_due, keep_up
from optin.store.draws import count_entries
from optin.store.journal_lines import count_lines
from optin.store.limits import count_counts_over
from optin.store.past_retention import (
    Due,
    count_actions,
    count_ending,
    count_gone,
    count_holds_over,
    count_idle,
    count_notices_over,
    count_over,
    count_settled,
    count_strays,
    count_unconfirmed,
)
from optin.store.transaction import Tx

JOURNAL = "journal"
DRAWS = "draws"


def sweep_webinars(tx: Tx, context: SweepContext) -> int:
    """Tell people of webinars that moved or were cancelled, fill free seats, say where recordings are."""
    for magnet, webinar in context.policy.webinars.items():
        if done := keep_up(tx, magnet, webinar, context.policy, context.now):
            return done
    return 0


RULES: dict[str, Rule] = {
    "webinars": sweep_webinars,
    "unconfirmed": sweep_unconfirmed,
    DRAWS: sweep_draws,
    "results": sweep_results,
    "entries": sweep_entries,
    "ending": sweep_ending,
    "expired": sweep_expired,
    "magnets": sweep_magnets,
    "leads": sweep_leads,
    "holds": sweep_holds,
    "mails": sweep_mails,
    "records": sweep_records,
    "limits": sweep_limits,
    JOURNAL: sweep_journal,
}


ERASING = frozenset({"unconfirmed", "entries", "magnets", "leads", "holds", "mails"})


@dataclass(frozen=True)
class Planned:
    """What one rule would do now: how many rows, what they are, and why they go."""

    rule: str
    count: int
    what: str
    why: str


def plan(tx: Tx, context: SweepContext) -> list[Planned]:
    """Return what a sweep would do now; changes nothing."""
    policy, now = context.policy, context.now
    magnets = Due(consented=False, before=ago(policy.keep_magnet, now))
    proof = ago(policy.keep_proof, now)
    leads = Due(consented=True, before=proof)
    ending = sum(
        count_ending(tx, purpose, now, before.after(now)) for purpose, before in policy.ask_again.items()
    )
    return [
        Planned(
            "unconfirmed", count_unconfirmed(tx, now), "requests", f"not confirmed within {policy.keep.text}"
        ),
        Planned(DRAWS, len(draws_to_fix(tx, context)), "prize draws", "closed; their entries are fixed"),
        Planned("results", count_untold_entrants(tx), "mails", "tell entrants the result of a draw"),
        Planned(
            "entries",
            sum(count_entries(tx, magnet) for magnet in draws_over(tx, context)),
            "entries of prize draws",
            "drawn longer ago than the draw said that it keeps them",
        ),
        Planned("ending", ending, "consents", "end soon; their people are asked once more by mail"),
        Planned("expired", count_over(tx, now), "consents", "past the retention of their purpose"),
        Planned(
            "magnets",
            count_idle(tx, magnets),
            "people",
            f"no consent, asked over {policy.keep_magnet.text} ago",
        ),
        Planned(
            "leads", count_idle(tx, leads), "people", f"last consent ended over {policy.keep_proof.text} ago"
        ),
        Planned(
            "webinars",
            sum(count_due(tx, magnet, webinar, now) for magnet, webinar in policy.webinars.items()),
            "people",
            "are told by mail of another time, a seat that is free, or the recording",
        ),
        Planned("holds", count_holds_over(tx, now), "legal holds", "their date is past"),
        Planned(
            "mails",
            count_settled(tx, now - SETTLED_KEPT),
            "deliveries",
            f"settled over {SETTLED_KEPT.days} days ago",
        ),
        Planned(
            "mails",
            count_notices_over(tx, now - NOTICES_KEPT),
            "links to personal pages",
            f"mailed over {NOTICES_KEPT.days} day ago",
        ),
        Planned(
            "records",
            count_actions(tx, proof) + count_gone(tx, proof),
            "records of what officers did, and of erased people in exports",
            f"older than {policy.keep_proof.text}",
        ),
        Planned(
            "records", count_strays(tx, now - STRAYS_KEPT), "people", "read for exports that came to nothing"
        ),
        Planned("limits", count_counts_over(tx, now), "counts of limits", "their window is over"),
        Planned(
            JOURNAL,
            count_lines(tx, lines_before(context)),
            "lines of the journal: withdrawals and erasures",
            f"no backup is older than {policy.keep_backups.text}",
        ),
    ]
