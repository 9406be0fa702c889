"""Select what a sweep may delete: rows give the candidates, events decide.

What events contradict is refused, with the reason, and so is what cannot be read. What was skipped over once
in a sweep is not looked at again in it, and keeps nothing else waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from optin.errors import ClockDoubted, StoreBusy
from optin.flows.sweep_context import SweepContext
from optin.flows.unreadable_rows import BROKEN
from optin.store.database_interface import Tx, savepoint

PASSING = (StoreBusy, ClockDoubted)  # they concern all candidates

Item = TypeVar("Item")
Found = TypeVar("Found")


def decide_candidates(
    context: SweepContext,
    find: Callable[[int], Sequence[tuple[bytes, Item]]],
    ground: Callable[[Item], Found | None],
    most: int,
) -> list[tuple[Item, Found]]:
    """Return up to `most` candidates that may be deleted now, each with its ground.

    `find` names the next candidates; `ground` returns None for what is not due. Whatever of BROKEN it raises
    is recorded as the reason to skip this one.
    """
    skipped, rule = context.skipped, context.rule
    while True:
        candidates = find(most + skipped.count(rule))
        fresh = [(name, item) for name, item in candidates if not skipped.over(rule, name)][:most]
        found: list[tuple[Item, Found]] = []
        for name, item in fresh:
            try:
                why = ground(item)
            except PASSING:
                raise
            except BROKEN as problem:
                skipped.refuse(rule, name, problem)
                continue
            if why is None:
                skipped.waiting[rule].add(name)
            else:
                found.append((item, why))
        if found or not fresh:
            return found


def handle_each(
    tx: Tx,
    context: SweepContext,
    find: Callable[[], Sequence[Item]],
    name: Callable[[Item], bytes],
    handle: Callable[[Item], object],
) -> int:
    """Handle the next candidates, each apart; return how many were handled, 0 when none is left.

    Where `handle` raises LogDisagrees, or cannot read what belongs to a candidate, its writes are undone.
    """
    while True:
        found, done = find(), 0
        for item in found:
            try:
                with savepoint(tx):
                    handle(item)
            except PASSING:
                raise
            except BROKEN as problem:
                context.skipped.refuse(context.rule, name(item), problem)
            else:
                done += 1
        if done or not found:
            return done
