"""Weekly requests and confirmations as one SVG: no script, no external files, described in words (O4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

from optin.export import variant_intervals_chart
from optin.flows.reports.statistics import WEEK, Statistics
from optin.flows.reports.week_count import week_name

NOBODY = "Nobody has sent a form in this time."
MOST_WEEKS = 53  # a year: the newest are shown
_STEP, _BAR, _GAP = 26, 9, 2
_LEFT, _TOP, _HEIGHT, _BELOW, _RIGHT, _NARROWEST = 52, 72, 200, 48, 20, 520
_LEGEND = (
    '<rect class="asked" x="16.5" y="40.5" width="9" height="11"/><text x="32" y="50">requests</text>',
    '<rect class="yes" x="100" y="40" width="9" height="12"/><text x="115" y="50">confirmed</text>',
)
_LABELS, _LINES, _LETTER = 13, 4, 10

# Light or dark as the reader's screen is; the bars differ by their filling, not by their colour alone.
_STYLE = (
    "svg{color-scheme:light dark;color:#1b1f24;font:12px system-ui,sans-serif}"
    "text{fill:currentColor}.title{font-size:15px;font-weight:600}.end{text-anchor:end}"
    ".middle{text-anchor:middle}.paper{fill:#fff}.line{stroke:currentColor;stroke-opacity:.25}"
    ".asked{fill:currentColor;fill-opacity:.1;stroke:currentColor}"
    ".yes{fill:#1f5fbf}"
    "@media (prefers-color-scheme:dark){svg{color:#e6e9ed}.paper{fill:#16191d}.yes{fill:#7db2ff}}"
)


@dataclass(frozen=True)
class _Week:
    name: str
    requests: int = 0
    confirmed: int = 0

    @property
    def words(self) -> str:
        return f"{self.name}: {self.requests} requests, {self.confirmed} confirmed"


def as_svg(statistics: Statistics) -> bytes:
    """Return the chart; its description contains all that it shows."""
    every = list(_by_week(statistics))
    weeks = every[-MOST_WEEKS:]
    of = "" if statistics.magnet is None else f" of {statistics.magnet}"
    title = f"Requests and confirmations by week{of}"
    sentences = [f"{week.words}." for week in weeks] or [NOBODY]
    if len(weeks) < len(every):
        sentences.insert(0, f"The last {MOST_WEEKS} weeks of {len(every)}.")
    wordings = statistics.comparisons
    sentences += variant_intervals_chart.describe_intervals(wordings)
    plotted = _LEFT + _STEP * len(weeks) + _RIGHT
    width = max(_NARROWEST, plotted, _LETTER * len(title), variant_intervals_chart.intervals_width(wordings))
    below = _TOP + _HEIGHT + _BELOW
    height = below + variant_intervals_chart.intervals_height(wordings)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-labelledby="stats-title stats-desc">',
        f'<title id="stats-title">{escape(title)}</title>',
        f'<desc id="stats-desc">{escape(" ".join([*sentences, *statistics.notes]))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="title" x="16" y="26">{escape(title)}</text>',
        *_LEGEND,
        *(_plot(weeks, width) if weeks else [f'<text x="16" y="{_TOP + 24}">{NOBODY}</text>']),
        *variant_intervals_chart.draw_intervals(wordings, below, width),
        "</svg>",
    ]
    return "\n".join(lines).encode() + b"\n"


def _by_week(statistics: Statistics) -> Iterator[_Week]:
    """Yield each week from the first to the last, all versions together; empty weeks included."""
    monday = None
    for at, group in groupby(statistics.weeks, key=lambda week: week.monday):
        while monday is not None and monday < at:
            yield _Week(week_name(monday))
            monday += WEEK
        counts = list(group)
        yield _Week(
            week_name(at), sum(count.requests for count in counts), sum(count.confirmed for count in counts)
        )
        monday = at + WEEK


def _plot(weeks: list[_Week], width: int) -> Iterator[str]:
    most = max(1, *(max(week.requests, week.confirmed) for week in weeks))
    step = grid_step(most)
    lines = -(-most // step)
    top = step * lines
    for line in range(lines + 1):
        y = _TOP + _HEIGHT - _HEIGHT * line / lines
        yield f'<line class="line" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y:g}" y2="{y:g}"/>'
        yield f'<text class="end" x="{_LEFT - 8}" y="{y + 4:g}">{step * line}</text>'
    every = -(-len(weeks) // _LABELS)
    year = ""
    for place, week in enumerate(weeks):
        x = _LEFT + _STEP * place + (_STEP - 2 * _BAR - _GAP) / 2
        yield f"<g><title>{week.words}</title>"
        yield _bar("asked", x, week.requests / top)
        yield _bar("yes", x + _BAR + _GAP, week.confirmed / top)
        yield "</g>"
        if place % every == 0:
            this, _, name = week.name.partition("-")
            middle = x + _BAR + _GAP / 2
            yield f'<text class="middle" x="{middle:g}" y="{_TOP + _HEIGHT + 18}">{name}</text>'
            if this != year:
                yield f'<text class="middle" x="{middle:g}" y="{_TOP + _HEIGHT + 34}">{this}</text>'
            year = this


def _bar(kind: str, x: float, share: float) -> str:
    high = round(_HEIGHT * share, 2)
    return f'<rect class="{kind}" x="{x:g}" y="{_TOP + _HEIGHT - high:g}" width="{_BAR}" height="{high:g}"/>'


def grid_step(most: int) -> int:
    """Return the distance between grid lines: 1, 2, 5, 10, 20, 50 and so on."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if step * _LINES >= most:
                return step
        size *= 10
