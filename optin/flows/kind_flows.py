"""The part of a kind that the flows call, most of it inside their transaction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FlowPart:
    """What a kind does when something happens to a request; by default nothing."""
