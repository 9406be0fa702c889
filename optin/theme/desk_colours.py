"""Colours that only the desk has: how something stands, bars of charts. The rest is of the site's look.

Status never uses the site's own colour, which may be any.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeskColours:
    """The colours of one mode."""

    good: str  # text: proven, done
    due: str  # text: waits for somebody, soon
    due_ground: str  # of a note about it
    bar: str  # of a chart: what counts
    bar_soft: str  # of a chart: the rest
    rail: str  # ground of the menu


BY_DAY = DeskColours("#17693f", "#7a4700", "#fdf3e0", "#2f7d68", "#bcd4cb", "#f4f2ec")
BY_NIGHT = DeskColours("#86d3a4", "#f0bd68", "#33270f", "#65a392", "#2f4d45", "#14181b")
