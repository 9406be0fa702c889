"""The part of a kind that renders its pages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PagesPart:
    """What a kind shows that other kinds do not; by default nothing."""
