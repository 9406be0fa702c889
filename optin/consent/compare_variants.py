"""Compare the variants of a magnet, without claiming more than the numbers support (O4).

Every visitor drew one of them by lot, so they may be compared from the moment on when all were served:
1. How many of those who asked confirmed: two wordings differ where their intervals (Wilson, two-sided)
   have nothing in common.
2. How many confirmed sign-ups each brought: as all are shown equally often, of two wordings each would
   bring half; they differ where the interval of the larger part lies above a half. Half a sign-up is taken
   off it first, so that few sign-ups do not count for much.

The intervals hold with 95 % confidence for all pairs of a magnet together (Bonferroni): with more wordings
they are wider, since one of many is ahead by chance more easily.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from statistics import NormalDist

RISK = 0.05  # of finding a difference where there is none, for all pairs together
SCORE_95 = 1.959963984540054  # of the normal distribution, two-sided
METHOD = (
    "Method: intervals of Wilson, two-sided, 95 % for all pairs of wordings together. A share differs from"
    " another where their intervals do not overlap; a wording brought more where the interval of its part of"
    " each pair lies above a half. It holds where the app serves the page, as each visitor then draws a"
    " wording by lot. Decide beforehand when you look: whoever looks until there is a difference finds one."
)


@dataclass(frozen=True)
class ObservedVariant:
    """One variant since all of them are served. `variant` is empty for the magnet as written."""

    variant: str
    version: str
    asked: int
    confirmed: int  # of those
    share: float | None  # None: nobody was asked
    low: float
    high: float

    @property
    def name(self) -> str:
        """Its name for readers."""
        return self.variant or "as written"


@dataclass(frozen=True)
class Comparison:
    """The variants of one magnet compared. `said`: the conclusions, and what cannot be concluded."""

    magnet: str
    since: datetime
    wordings: tuple[ObservedVariant, ...]
    shares_differ: bool  # after one of them more confirm than after each of the others
    numbers_differ: bool  # one brought more confirmed sign-ups than each of the others
    said: tuple[str, ...]
    method: str = METHOD


@dataclass(frozen=True)
class WordingCounts:
    """The counts of one variant."""

    variant: str
    version: str
    asked: int
    confirmed: int


def compare(magnet: str, since: datetime, tried: Sequence[WordingCounts]) -> Comparison:
    """Compare at least two variants."""
    score = z_score_for(len(tried))
    wordings = tuple(
        ObservedVariant(
            it.variant,
            it.version,
            it.asked,
            it.confirmed,
            it.confirmed / it.asked if it.asked else None,
            *wilson_interval(it.confirmed, it.asked, score),
        )
        for it in tried
    )
    surest = _ahead_of_all(wordings, lambda one, other: one.low > other.high)
    fullest = _ahead_of_all(wordings, lambda one, other: brings_more(one.confirmed, other.confirmed, score))
    return Comparison(
        magnet,
        since,
        wordings,
        surest is not None,
        fullest is not None,
        tuple(_said(wordings, surest, fullest)),
    )


def _said(
    wordings: tuple[ObservedVariant, ...], surest: ObservedVariant | None, fullest: ObservedVariant | None
) -> Iterator[str]:
    if surest is None:
        yield "How many confirm: the wordings cannot be told from chance."
    else:
        yield (
            f"How many confirm: after {surest.name!r} more do than after any other"
            f" ({surest.low:.0%} to {surest.high:.0%}); chance alone hardly makes such a difference."
        )
    counts = ", ".join(f"{it.name!r} {it.confirmed}" for it in wordings)
    if fullest is None:
        yield f"Confirmed sign-ups ({counts}): the wordings cannot be told from chance."
    else:
        yield (
            f"Confirmed sign-ups ({counts}): {fullest.name!r} brought more than any other;"
            " chance alone hardly makes such a difference."
        )


def _ahead_of_all(
    wordings: tuple[ObservedVariant, ...], beats: Callable[[ObservedVariant, ObservedVariant], bool]
) -> ObservedVariant | None:
    return next(
        (one for one in wordings if all(beats(one, other) for other in wordings if other is not one)), None
    )


def brings_more(one: int, other: int, score: float = SCORE_95) -> bool:
    """Return whether `one` of two equally likely variants is ahead by more than chance explains."""
    low, _ = wilson_interval(one - 0.5, one + other, score) if one else (0.0, 1.0)
    return low > 0.5  # noqa: PLR2004 - a half


def z_score_for(wordings: int) -> float:
    """Return the z-score with which all pairs of this many variants together have 95 % confidence."""
    pairs = wordings * (wordings - 1) // 2
    return SCORE_95 if pairs <= 1 else NormalDist().inv_cdf(1 - RISK / (2 * pairs))


def wilson_interval(successes: float, tries: int, score: float = SCORE_95) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson 1927).

    It holds for few tries and for shares near nothing and all, where the usual formula does not.
    `score`: of the normal distribution, for another confidence.
    """
    if not tries:
        return 0.0, 1.0
    share, square = successes / tries, score**2
    centre = share + square / (2 * tries)
    half = score * sqrt(share * (1 - share) / tries + square / (4 * tries**2))
    whole = 1 + square / tries
    return max(0.0, (centre - half) / whole), min(1.0, (centre + half) / whole)
