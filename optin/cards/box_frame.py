"""Find the printed frame of a box near its place: paper bends, and its lines are no ink. Pure."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image, Transpose

_LINE = 0.88  # of the white of the paper: a blurred line is grey
_SEEN = 0.6  # how much of each side must show


def find_frame(around: Image, side: int, white: int) -> tuple[int, int] | None:
    """Return the upper left corner of the frame of `side` pixels in a picture; None where none shows.

    `white`: of the paper. Of several that fit as well, it is the one nearest to the middle.
    """
    rows = _dark_rows(around, white)
    columns = _dark_rows(around.transpose(_transpose()), white)
    room = around.width - side
    middle = room / 2
    best, found = (_SEEN, 0.0), None
    for left, top in product(range(room), repeat=2):
        shown = min(
            rows[top].count(1, left, left + side),
            rows[top + side].count(1, left, left + side),
            columns[left].count(1, top, top + side),
            columns[left + side].count(1, top, top + side),
        )
        score = shown / side, -((left - middle) ** 2) - (top - middle) ** 2
        if score > best if found else score[0] >= _SEEN:
            best, found = score, (left, top)
    return found


def _transpose() -> Transpose:
    from PIL import Image  # noqa: PLC0415 - heavy, and seldom needed

    return Image.Transpose.TRANSPOSE


def _dark_rows(picture: Image, white: int) -> list[bytes]:
    """Return for each row which pixels are dark, as 1 and 0."""
    dark = picture.point([it < white * _LINE for it in range(256)]).tobytes()
    return [dark[begin : begin + picture.width] for begin in range(0, len(dark), picture.width)]
