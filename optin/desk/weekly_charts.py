"""Charts as numbers for a drawing: widths in percent and heights in pixels, so that words never shrink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optin.export.weekly_chart import grid_step
from optin.flows.reports.recent_weeks import WeekSums

HEIGHT = 180  # pixels of the tallest bar
ABOVE, BELOW = 8, 22  # pixels for the words
LEFT = 8.0  # percent for the numbers of the lines
SMALL_HEIGHT, SMALL_BAR, SMALL_GAP = 20, 9, 2


@dataclass(frozen=True)
class Piece:
    """A part of a bar. `kind`: confirmed, waiting or never."""

    kind: str
    top: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One week."""

    name: str
    left: float
    width: float
    middle: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Chart:
    """A chart with its lines: where each is, and the number beside it."""

    height: int
    lines: tuple[tuple[float, int], ...]
    bars: tuple[Bar, ...]
    foot: float  # where the names of the weeks stand


def stacked(weeks: Sequence[tuple[str, WeekSums]]) -> Chart:
    """Return the chart of sign-ups by week, by what became of them."""
    most = max(1, *(it.sign_ups for _, it in weeks))
    step = grid_step(most)
    top = step * -(-most // step)
    ground = ABOVE + HEIGHT
    slot = (100 - LEFT) / len(weeks)
    bars = []
    for place, (name, it) in enumerate(weeks):
        left, at, pieces = LEFT + slot * (place + 0.16), float(ground), []
        for kind, count in (("confirmed", it.confirmed), ("waiting", it.waiting), ("never", it.never)):
            high = HEIGHT * count / top
            at -= high
            pieces += [Piece(kind, round(at, 1), round(high, 1))] if count else []
        bars.append(
            Bar(
                name,
                round(left, 2),
                round(slot * 0.68, 2),
                round(LEFT + slot * (place + 0.5), 2),
                tuple(pieces),
            )
        )
    lines = tuple((ground - HEIGHT * step * line / top, step * line) for line in range(top // step + 1))
    return Chart(ground + BELOW, lines, tuple(bars), ground + BELOW - 6)


def small_bars(counts: Sequence[int]) -> str:
    """Return the path of small bars, one for each count."""
    most = max(1, *counts)
    path = []
    for place, count in enumerate(counts):
        high = max(1, round(SMALL_HEIGHT * count / most)) if count else 0
        if high:
            path.append(f"M{place * (SMALL_BAR + SMALL_GAP)} {SMALL_HEIGHT}v-{high}h{SMALL_BAR}v{high}z")
    return "".join(path)
