"""Say whether a count differs from an earlier one by more than chance explains (O4).

Of two counts of independent events over equally long times, each event is in either with the same chance: a
share of a half, where nothing changed. They differ where Wilson's interval of that share leaves a half out.
"""

from __future__ import annotations

from enum import StrEnum

from optin.consent.compare_variants import brings_more

TOO_FEW = 20  # events: below, a page says so instead of a share or a verdict


class Verdict(StrEnum):
    """How a count stands to the one before."""

    FEW = "few"
    SAME = "same"
    UP = "up"
    DOWN = "down"


def verdict(now: int, before: int) -> Verdict:
    """Return how a count stands to that of an equally long time before."""
    if now + before < TOO_FEW:
        return Verdict.FEW
    if brings_more(now, before):
        return Verdict.UP
    return Verdict.DOWN if brings_more(before, now) else Verdict.SAME
