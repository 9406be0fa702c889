"""Select what a sweep may delete: rows give the candidates, events decide.

What events contradict is refused, with the reason. What was skipped over once in a sweep is not looked at
again in it, and keeps nothing else waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from optin.errors import LogDisagrees
from optin.flows.sweep_context import SweepContext

Item = TypeVar("Item")
Found = TypeVar("Found")


def decide_candidates(
    context: SweepContext,
    find: Callable[[int], Sequence[tuple[bytes, Item]]],
    ground: Callable[[Item], Found | None],
    most: int,
) -> list[tuple[Item, Found]]:
    """Return up to `most` candidates that may be deleted now, each with its ground.

    `find` names the next candidates; `ground` returns None for what is not due, and raises LogDisagrees.
    """
    skipped, rule = context.skipped, context.rule
    while True:
        candidates = find(most + skipped.count(rule))
        fresh = [(name, item) for name, item in candidates if not skipped.over(rule, name)][:most]
        found: list[tuple[Item, Found]] = []
        for name, item in fresh:
            try:
                why = ground(item)
            except LogDisagrees as problem:
                skipped.refuse(rule, name, problem)
                continue
            if why is None:
                skipped.waiting[rule].add(name)
            else:
                found.append((item, why))
        if found or not fresh:
            return found
