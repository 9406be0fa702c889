"""Sweep rules for prize draws: fix lists in time, mail results, delete entries."""

from __future__ import annotations

from datetime import datetime

from optin.kinds.api.errors import LogDisagrees
from optin.kinds.api.event_log import EventKind, History, request_history
from optin.kinds.api.flows import RequestPolicy, open_request, peek_request
from optin.kinds.api.forms import RetentionPeriod
from optin.kinds.api.store import Tx
from optin.kinds.api.sweep import (
    PEOPLE_STEP,
    STEP,
    ErasureGround,
    SweepContext,
    SweepRule,
    decide_candidates,
    forget_request,
    own_ground,
)
from optin.kinds.prize_draw import event_names
from optin.kinds.prize_draw.details import SETTLING
from optin.kinds.prize_draw.draw_winners import drawn_at, fix_entries, note_entries_forgotten, tell_entrants
from optin.kinds.prize_draw.participation import draws_of, promise_of
from optin.kinds.prize_draw.stored_entries import (
    DrawEntry,
    count_entries,
    count_untold,
    drawn_magnets,
    entries_left,
    fixed_at,
    remove_entry,
)


def sweep_draws(tx: Tx, context: SweepContext) -> int:
    """Fix the list of each closed prize draw, before its seed is known."""
    due = draws_to_fix(tx, context)
    for magnet in due:
        fix_entries(tx, context, magnet, draws_of(context.policy)[magnet], context.now)
    return len(due)


def sweep_results(tx: Tx, context: SweepContext) -> int:
    """Queue result mails for the entrants of a draw."""
    for magnet, _, _ in drawn_magnets(tx):
        if told := tell_entrants(tx, context.policy, magnet, STEP, context.now):
            return told
    return 0


def sweep_entries(tx: Tx, context: SweepContext) -> int:
    """Delete entries of draws long past; people without a consent are erased."""
    for magnet in draws_over(tx, context):
        due = _due_entries(tx, context, magnet)
        kept = [entry for entry, ground in due if not _forget_entry(tx, context, entry, ground)]
        if kept:
            note_entries_forgotten(tx, context.vault, magnet, context.now)
        if due:
            return len(due)
    return 0


def _due_entries(tx: Tx, context: SweepContext, magnet: str) -> list[tuple[DrawEntry, ErasureGround]]:
    """Return the next entries of a draw that may be deleted, each with its ground."""
    drawn = drawn_at(tx, context.vault, magnet) if entries_left(tx, magnet, 1) else None
    return decide_candidates(
        context,
        lambda most: [(it.request, it) for it in entries_left(tx, magnet, most)],
        lambda it: _entry_ground(tx, context, it, drawn),
        min(PEOPLE_STEP, context.room),
    )


def _entry_ground(
    tx: Tx, context: SweepContext, entry: DrawEntry, drawn: datetime | None
) -> ErasureGround | None:
    """Return the ground for deleting an entry. Raises LogDisagrees."""
    stored = peek_request(tx, entry.request)
    if stored is None:
        msg = "an entry of a prize draw has no request"
        raise LogDisagrees(msg)
    opened = open_request(tx, context.vault, stored)
    history = request_history(tx, context.vault, entry.request)
    if any(logged.event.declaration_digest != opened.form.declaration_digest for logged in history):
        msg = "what the form of an entry declares was edited"
        raise LogDisagrees(msg)
    promise = promise_of(opened.declaration)
    kept = None if promise is None else promise.keep
    return draw_over(history, drawn, kept, context.now, consented=bool(opened.declared.purposes))


def draw_over(
    history: History, drawn: datetime | None, kept: RetentionPeriod | None, now: datetime, *, consented: bool
) -> ErasureGround | None:
    """Return the ground for deleting an entry: the period its form promised has passed since the draw.

    `drawn`: when, by the event of the draw. `consented`: a box was ticked with the entry.
    """
    if drawn is None or kept is None:
        msg = "a prize draw is stored as drawn, no event says so"
        raise LogDisagrees(msg)
    confirmed = history.of(EventKind.CONFIRMED)
    if not confirmed or (not consented and any(event.purpose for event in confirmed)):
        msg = "an entry of a prize draw is not what its events say"
        raise LogDisagrees(msg)
    return own_ground(event_names.OVER, drawn, kept) if kept.after(drawn) <= now else None


def _forget_entry(tx: Tx, context: SweepContext, entry: DrawEntry, ground: ErasureGround) -> bool:
    """Erase an entry; False when the request proves a consent and stays: then only its ticket is deleted."""
    stored = peek_request(tx, entry.request)
    if stored is None or open_request(tx, context.vault, stored).declared.purposes:
        remove_entry(tx, entry.request)
        return False
    forget_request(tx, context, stored, ground)
    return True


def draws_to_fix(tx: Tx, context: SweepContext) -> list[str]:
    """Return the closed draws whose list must be fixed now, before the seed is known."""
    return [
        magnet
        for magnet, promise in draws_of(context.policy).items()
        if promise.closes + SETTLING <= context.now < promise.seed_at
        and fixed_at(tx, magnet) is None
        and (not context.policy.magnets[magnet].removed or count_entries(tx, magnet))
    ]


def missed_draws(tx: Tx, policy: RequestPolicy, now: datetime) -> list[str]:
    """Return the draws not fixed before their seed was known; they are refused until it is a later one."""
    return [
        magnet
        for magnet, it in draws_of(policy).items()
        if it.seed_at <= now
        and fixed_at(tx, magnet) is None
        and (not policy.magnets[magnet].removed or count_entries(tx, magnet))
    ]


def draws_over(tx: Tx, context: SweepContext) -> list[str]:
    """Return the draws so long past that their entries may be deleted."""
    return [magnet for magnet, at, promise in drawn_magnets(tx) if promise.keep.after(at) <= context.now]


def count_untold_entrants(tx: Tx) -> int:
    """Count the entrants whose result mail is not queued yet."""
    return sum(count_untold(tx, magnet) for magnet, _, _ in drawn_magnets(tx))


RULES = (
    SweepRule(
        name="draws",
        what="prize draws",
        why="closed; their entries are fixed",
        due=lambda tx, context: len(draws_to_fix(tx, context)),
        step=sweep_draws,
        signs=True,  # before the seed is known
    ),
    SweepRule(
        name="results",
        what="mails",
        why="tell entrants the result of a draw",
        due=lambda tx, _context: count_untold_entrants(tx),
        step=sweep_results,
    ),
    SweepRule(
        name="entries",
        what="entries of prize draws",
        why="drawn longer ago than the draw said that it keeps them",
        due=lambda tx, context: sum(count_entries(tx, magnet) for magnet in draws_over(tx, context)),
        step=sweep_entries,
        erases=True,
        takes_people=True,
    ),
)
