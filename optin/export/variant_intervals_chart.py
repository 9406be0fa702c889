"""The chart's comparison of variants: a bar for each interval, a tick at its share (O4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from optin.consent.compare_variants import Comparison, ObservedVariant

_ROW, _HEAD, _GAP, _BAR = 24, 26, 18, 10
_LEFT, _SCALE, _LETTER = 16, 160, 8


def intervals_height(comparisons: Sequence[Comparison]) -> int:
    """Return the height of the comparisons, in pixels."""
    return sum(_GAP + _HEAD + _ROW * len(it.wordings) for it in comparisons)


def intervals_width(comparisons: Sequence[Comparison]) -> int:
    """Return the width of the comparisons with their labels, in pixels."""
    words = [_words(it) for comparison in comparisons for it in comparison.wordings]
    titles = [_LETTER * len(_title(it)) for it in comparisons]
    return max([0, *titles, *(_LETTER * len(it) + _SCALE + 3 * _LEFT for it in words)])


def describe_intervals(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Yield the drawing and its conclusion in words."""
    for comparison in comparisons:
        yield f"{_title(comparison)}:"
        yield from (f"{_words(it)}." for it in comparison.wordings)
        yield from comparison.said
        yield comparison.method


def draw_intervals(comparisons: Sequence[Comparison], top: int, width: int) -> Iterator[str]:
    """Draw the comparisons one below the other, from `top` down; shares run from 0 to 100 %."""
    x, y = width - _SCALE - _LEFT, top
    for comparison in comparisons:
        y += _GAP
        yield f'<text class="title" x="{_LEFT}" y="{y + 12}">{escape(_title(comparison))}</text>'
        y += _HEAD
        for it in comparison.wordings:
            yield f"<g><title>{escape(_words(it))}</title>"
            yield f'<text x="{_LEFT}" y="{y + 12}">{escape(_words(it))}</text>'
            yield f'<line class="line" x1="{x}" x2="{x + _SCALE}" y1="{y + 8}" y2="{y + 8}"/>'
            if it.share is not None:
                left, right, at = (x + _SCALE * share for share in (it.low, it.high, it.share))
                yield (
                    f'<rect class="asked" x="{left:.1f}" y="{y + 3}" width="{right - left:.1f}"'
                    f' height="{_BAR}"/>'
                )
                yield f'<rect class="yes" x="{at - 1.5:.1f}" y="{y}" width="3" height="{_BAR + 6}"/>'
            yield "</g>"
            y += _ROW


def _title(comparison: Comparison) -> str:
    apart = comparison.shares_differ or comparison.numbers_differ
    return f"Wordings of {comparison.magnet}: {'told apart' if apart else 'not told from chance'}"


def _words(it: ObservedVariant) -> str:
    if it.share is None:
        return f"{it.name} {it.version}: nobody asked"
    return f"{it.name} {it.version}: {it.confirmed} of {it.asked} confirmed, {it.low:.0%} to {it.high:.0%}"
