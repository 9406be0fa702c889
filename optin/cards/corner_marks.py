"""Find the black squares in the corners of a card, in a picture of it that is nearly straight. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from optin.cards.card_geometry import MARK, Point

if TYPE_CHECKING:
    from PIL.Image import Image

_AROUND = 22.0  # mm: as far as the code alone may mislead
_LEAST, _MOST = 0.6, 1.5  # of the side that a mark should have
_FULL = 0.78  # how much of its bounds is dark
_DARK = 0.55  # of what is white around it


def find_mark(straight: Image, scale: float, expected: Point) -> Point | None:
    """Return the middle of the mark nearest to where it should be, in mm; None where there is none.

    `straight`: grey, `scale` pixels a millimetre; `expected`: in mm.
    """
    left = max(0, round((expected[0] - _AROUND) * scale))
    top = max(0, round((expected[1] - _AROUND) * scale))
    right = min(straight.width, round((expected[0] + _AROUND) * scale))
    low = min(straight.height, round((expected[1] + _AROUND) * scale))
    if right - left < MARK * scale or low - top < MARK * scale:
        return None
    window = straight.crop((left, top, right, low))
    found = [
        ((left + x) / scale, (top + y) / scale)
        for x, y in _squares(window.tobytes(), window.size, MARK * scale)
    ]
    return min(found, key=lambda at: _distance(at, expected), default=None)


def _distance(one: Point, other: Point) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def _squares(pixels: bytes, size: tuple[int, int], side: float) -> Iterator[Point]:
    """Yield the middles of the dark patches that are full squares of about this side, in pixels."""
    width, _ = size
    white = sorted(pixels[::7])[len(pixels[::7]) * 3 // 4]
    dark = bytearray(it < white * _DARK for it in pixels)
    for start in range(len(dark)):
        if dark[start]:
            xs, ys = _patch(dark, start, width)
            across, down = max(xs) - min(xs) + 1, max(ys) - min(ys) + 1
            is_square = all(side * _LEAST <= it <= side * _MOST for it in (across, down))
            if is_square and len(xs) >= _FULL * across * down:
                yield sum(xs) / len(xs) + 0.5, sum(ys) / len(ys) + 0.5


def _patch(dark: bytearray, start: int, width: int) -> tuple[list[int], list[int]]:
    """Return the columns and rows of the dark pixels that hang together with one, and clear them."""
    dark[start] = 0
    waiting, xs, ys = [start], [], []
    while waiting:
        at = waiting.pop()
        x = at % width
        xs.append(x)
        ys.append(at // width)
        beside = (at - width, at + width, at - 1 if x else -1, at + 1 if x < width - 1 else -1)
        for it in beside:
            if 0 <= it < len(dark) and dark[it]:
                dark[it] = 0
                waiting.append(it)
    return xs, ys
