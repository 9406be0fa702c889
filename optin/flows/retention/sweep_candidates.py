"""Picking what a sweep may act on: rows say where to look, events decide.

What events contradict is refused, with the reason. What was skipped over once in a sweep is not looked at
again in it, and keeps nothing else waiting.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from optin.errors import LogDisagrees

Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Skipped:
    """What one sweep skipped over, by rule: what is not due by its events, and what was refused, with why."""

    waiting: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    refused: dict[str, dict[bytes, str]] = field(default_factory=lambda: defaultdict(dict))

    def refuse(self, rule: str, name: bytes, problem: LogDisagrees) -> None:
        """Note that the database and the log disagree about something."""
        self.refused[rule][name] = str(problem)

    def over(self, rule: str, name: bytes) -> bool:
        """Tell whether something was skipped over already."""
        return name in self.waiting[rule] or name in self.refused[rule]

    def count(self, rule: str) -> int:
        """Return how many things a rule skipped over."""
        return len(self.waiting[rule]) + len(self.refused[rule])

    @property
    def reasons(self) -> Counter[str]:
        """What was refused, by why; names nobody."""
        return Counter(why for found in self.refused.values() for why in found.values())


def decide(
    skipped: Skipped,
    rule: str,
    find: Callable[[int], Sequence[tuple[bytes, Item]]],
    ground: Callable[[Item], Found | None],
    most: int,
) -> list[tuple[Item, Found]]:
    """Return up to `most` things that may go now, each with its ground.

    `find` names the next candidates; `ground` returns None for what is not due, and raises LogDisagrees.
    """
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
