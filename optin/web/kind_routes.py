"""The part of a kind that answers requests below a magnet's address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RoutesPart:
    """What a kind answers at addresses of its own; by default nothing."""
