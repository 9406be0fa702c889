"""Times between invoices as one SVG, a box for each product line: no script, described in words (L2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import ceil

from optin.bases.life_cycle import DAYS_A_MONTH, LineLifeCycle, Quartiles

NOTHING = "Too few invoices on record for a plot."
TITLE = "Months between two invoices of a customer"
_LEFT, _TOP, _ROW, _BOX, _WIDTH, _RIGHT, _BELOW = 190, 64, 54, 22, 520, 24, 44
_STEPS = (1, 2, 3, 6, 12, 24, 36, 60, 120)
_MOST_TICKS = 12
_NAME = 24  # characters of a product line beside its box

# Light or dark as the reader's screen is.
_STYLE = (
    "svg{color-scheme:light dark;color:#1b1f24;font:12px system-ui,sans-serif}"
    "text{fill:currentColor}.title{font-size:15px;font-weight:600}.end{text-anchor:end}"
    ".middle{text-anchor:middle}.paper{fill:#fff}.line{stroke:currentColor;stroke-opacity:.25}"
    ".box{fill:#1f5fbf;fill-opacity:.25;stroke:#1f5fbf}.median{stroke:#1f5fbf;stroke-width:3}"
    ".reach{stroke:currentColor}"
    "@media (prefers-color-scheme:dark){svg{color:#e6e9ed}.paper{fill:#16191d}"
    ".box{fill:#7db2ff;stroke:#7db2ff}.median{stroke:#7db2ff}}"
)


def months(days: float) -> float:
    """Return a number of days in months of the average length."""
    return days / DAYS_A_MONTH


def as_svg(lines: Sequence[LineLifeCycle]) -> bytes:
    """Return the chart; its description contains all that it shows."""
    shown = [(it, it.quartiles) for it in lines if it.quartiles is not None]
    most = max((months(quartiles.most) for _, quartiles in shown), default=1)
    step = next((it for it in _STEPS if most / it <= _MOST_TICKS), _STEPS[-1])
    end = max(1, ceil(most / step)) * step
    height = _TOP + _ROW * max(1, len(shown)) + _BELOW
    width = _LEFT + _WIDTH + _RIGHT
    sentences = [_words(it, quartiles) for it, quartiles in shown] or [NOTHING]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-labelledby="cycle-title cycle-desc">',
        f'<title id="cycle-title">{TITLE}</title>',
        f'<desc id="cycle-desc">{escape(" ".join(sentences))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="title" x="16" y="26">{TITLE}</text>',
    ]
    if shown:
        scale = _WIDTH / end
        parts += _axis(step, end, scale, height - _BELOW)
        for row, (it, quartiles) in enumerate(shown):
            parts += _box(it, quartiles, _TOP + _ROW * row, scale)
    else:
        parts.append(f'<text x="16" y="{_TOP}">{NOTHING}</text>')
    return "\n".join([*parts, "</svg>"]).encode() + b"\n"


def _words(line: LineLifeCycle, it: Quartiles) -> str:
    return (
        f"{line.product}: half of the {line.gaps} times are at most {months(it.median):.1f} months,"
        f" a quarter at most {months(it.lower):.1f}, three quarters at most {months(it.upper):.1f}; from"
        f" {months(it.least):.1f} to {months(it.most):.1f}."
    )


def _axis(step: int, end: int, scale: float, bottom: int) -> Iterator[str]:
    for month in range(0, end + 1, step):
        x = _LEFT + month * scale
        yield f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 14}" y2="{bottom}"/>'
        yield f'<text class="middle" x="{x:.1f}" y="{bottom + 18}">{month}</text>'


def _box(line: LineLifeCycle, it: Quartiles, top: int, scale: float) -> Iterator[str]:
    least, lower, median, upper, most = (
        _LEFT + months(days) * scale for days in (it.least, it.lower, it.median, it.upper, it.most)
    )
    middle, name = top + _BOX / 2, line.product
    short = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
    yield f'<text class="end" x="{_LEFT - 12}" y="{middle + 4}">{escape(short)}</text>'
    yield f'<line class="reach" x1="{least:.1f}" x2="{most:.1f}" y1="{middle}" y2="{middle}"/>'
    wide = max(1.0, upper - lower)
    yield f'<rect class="box" x="{lower:.1f}" y="{top}" width="{wide:.1f}" height="{_BOX}"/>'
    yield f'<line class="median" x1="{median:.1f}" x2="{median:.1f}" y1="{top}" y2="{top + _BOX}"/>'
    yield f'<text class="middle" x="{median:.1f}" y="{top - 4}">{months(it.median):.1f}</text>'
