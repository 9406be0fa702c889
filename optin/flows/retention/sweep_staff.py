"""Sweep rules of the desk: old links and ended sessions, and the audit trail of staff after its time."""

from __future__ import annotations

from datetime import timedelta

from optin.consent.staff_role import CHALLENGE_LASTS, IDLE, LINK_LASTS, LONGEST, UNSAVED_KEPT
from optin.errors import LogDisagrees
from optin.flows.retention.sweep_candidates import decide_candidates
from optin.flows.sweep_context import STEP, SweepContext, ago
from optin.store.database_interface import Row, Tx, from_ms
from optin.store.staff_openid import count_requests_to_forget, forget_requests
from optin.store.staff_passkeys import count_challenges_to_forget, forget_challenges
from optin.store.staff_sessions import (
    blank_notes,
    count_notes_to_blank,
    count_sign_ins_to_forget,
    forget_sign_ins,
)
from optin.store.staff_trail import (
    StoredAct,
    acts_to_forget,
    count_acts_to_forget,
    forget_act,
    open_act,
)
from optin.store.unsaved_texts import count_texts_to_forget, forget_texts

LINKS_KEPT = timedelta(days=1)  # longer than they last: the limit of links in an hour counts them, too


def sweep_sign_ins(tx: Tx, context: SweepContext) -> int:
    """Delete old links, challenges, questions to a provider and unsaved texts, and sessions long ended."""
    now = context.now
    seen, begun = now - IDLE - UNSAVED_KEPT, now - LONGEST - UNSAVED_KEPT
    gone = forget_sign_ins(tx, now - LINKS_KEPT, seen, begun)  # an ended one tells whose text came late
    gone += blank_notes(tx, context.vault, now - IDLE, now - LONGEST)  # they say why somebody looked at whom
    gone += forget_texts(tx, now - UNSAVED_KEPT)
    gone += forget_requests(tx, now - LINK_LASTS)
    return gone + forget_challenges(tx, now - CHALLENGE_LASTS)


def count_sign_ins(tx: Tx, context: SweepContext) -> int:
    """Count the rows that `sweep_sign_ins` would delete."""
    now = context.now
    seen, begun = now - IDLE - UNSAVED_KEPT, now - LONGEST - UNSAVED_KEPT
    count = count_sign_ins_to_forget(tx, now - LINKS_KEPT, seen, begun)
    count += count_notes_to_blank(tx, now - IDLE, now - LONGEST)
    count += count_texts_to_forget(tx, now - UNSAVED_KEPT)
    count += count_requests_to_forget(tx, now - LINK_LASTS)
    return count + count_challenges_to_forget(tx, now - CHALLENGE_LASTS)


def sweep_staff_trail(tx: Tx, context: SweepContext) -> int:
    """Delete acts of staff whose time is over, each with an event."""
    before = ago(context.policy.retention.staff_trail, context.now)

    def decide(row: Row) -> StoredAct:
        stored = open_act(context.vault, row)
        if list(stored.faults(row)) or stored.act.at >= before:
            msg = f"an act of staff is filed under {from_ms(row[1]):%Y-%m-%d}, but its entry says otherwise"
            raise LogDisagrees(msg)
        return stored

    due = decide_candidates(
        context,
        lambda most: [(str(row[0]).encode(), row) for row in acts_to_forget(tx, before, most)],
        decide,
        STEP,
    )
    for _, stored in due:
        forget_act(tx, context.vault, stored, context.now)
    return len(due)


def count_staff_trail(tx: Tx, context: SweepContext) -> int:
    """Count the acts that `sweep_staff_trail` would delete."""
    return count_acts_to_forget(tx, ago(context.policy.retention.staff_trail, context.now))
