"""The part of a kind that owns tables in the store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TablesPart:
    """What a kind stores in tables of its own; by default nothing."""
