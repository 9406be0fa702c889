"""Writing with the one typeface that Pillow brings along, also what it has no letters for.

It knows little more than ASCII. Accents are made from its own signs, put above or below the letter; what
cannot be written at all is left out. Nothing is fetched and no typeface of the machine is used, so that a
card looks the same wherever it is drawn.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from math import cos, pi, sin
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

# written otherwise: signs that are neither in the typeface nor a letter with an accent
_INSTEAD = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l",
        "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "ĳ": "ij", "Ĳ": "IJ", "€": "EUR ", "„": "“", "–": "-",
        "—": "-", "‑": "-", "→": ">", "½": "1/2", "\u00a0": " ", "\u202f": " ", "\u2009": " ",
    }
)  # fmt: skip
# an accent by the sign that it is made from, and the size of that in the letter's
_SIGNS = {
    "\u0303": ("~", 0.7), "\u0307": (".", 0.9), "\u0308": ("..", 0.9), "\u0327": (",", 0.7),
    "\u0328": (",", 0.7),
}  # fmt: skip
# an accent by the stroke that it is: points from the middle of the letter, just above it, in its size
_RING = tuple((0.075 * cos(at * pi / 8), -0.08 + 0.075 * sin(at * pi / 8)) for at in range(17))
_STROKES: dict[str, tuple[tuple[float, float], ...]] = {
    "\u0300": ((0.06, -0.01), (-0.06, -0.13)),
    "\u0301": ((-0.06, -0.01), (0.06, -0.13)),
    "\u0302": ((-0.12, -0.01), (0, -0.12), (0.12, -0.01)),
    "\u0304": ((-0.13, -0.06), (0.13, -0.06)),
    "\u030a": _RING,
    "\u030c": ((-0.12, -0.12), (0, -0.01), (0.12, -0.12)),
}
_MARKS = _SIGNS.keys() | _STROKES.keys()
_BELOW = frozenset("\u0327\u0328")
_STROKE, _FINER = 0.07, 4  # how thick a stroke is; drawn so many times larger for smooth edges
_HEAVY = 0.014  # of the size: how much a stroke is made wider


@lru_cache(maxsize=64)
def typeface(size: int) -> FreeTypeFont:
    """Return the typeface in a size, in pixels."""
    from PIL import ImageFont  # noqa: PLC0415 - a server that draws no card need not load it

    found = ImageFont.load_default(size)
    if not isinstance(found, ImageFont.FreeTypeFont):
        msg = "this Pillow was built without FreeType"
        raise RuntimeError(msg)  # noqa: TRY004 - it is the set-up that is wrong
    return found


def writable(text: str) -> str:
    """Return a text in letters of the typeface and accents that it can be given; the rest is left out."""
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFC", text).translate(_INSTEAD))
    kept = (sign for sign in plain if sign in _MARKS or _is_there(sign))
    return " ".join("".join(kept).split())


@lru_cache(maxsize=4_096)
def _is_there(sign: str) -> bool:
    if sign == " ":
        return True
    if unicodedata.category(sign)[0] in "CZM":
        return False
    face = typeface(32)
    return bytes(face.getmask(sign)) != bytes(face.getmask("\uffff"))


def width_of(text: str, size: int) -> float:
    """Return how wide a writable text is, in pixels."""
    return typeface(size).getlength("".join(sign for sign in text if sign not in _MARKS))


def write(draw: ImageDraw, at: tuple[float, float], text: str, size: int, ink: int, *, bold: bool) -> None:
    """Write a writable text from its upper left corner."""
    face, heavy = typeface(size), round(size * _HEAVY) if bold else 0
    plain = "".join(sign for sign in text if sign not in _MARKS)
    draw.text(at, plain, ink, face, stroke_width=heavy, stroke_fill=ink)
    before = ""
    for sign in text:
        if sign not in _MARKS:
            before += sign
        elif before:
            _mark(draw, at, before, sign, size, ink, heavy)


def _mark(
    draw: ImageDraw, at: tuple[float, float], before: str, mark: str, size: int, ink: int, heavy: int
) -> None:
    """Put an accent above or below the last letter of `before`: in the middle of it, just clear of it."""
    face = typeface(size)
    left, top, right, bottom = face.getbbox(before[-1])
    middle = at[0] + face.getlength(before) - face.getlength(before[-1]) + (left + right) / 2
    if mark in _STROKES:
        _stroke(draw, (middle, at[1] + top - size * 0.06 - heavy), _STROKES[mark], size, ink)
        return
    sign, share = _SIGNS[mark]
    small = typeface(max(8, round(size * share)))
    one, high, two, low = small.getbbox(sign)
    y = bottom - high - size * 0.02 if mark in _BELOW else top - low - size * 0.06 - heavy
    place = (middle - (one + two) / 2, at[1] + y)
    draw.text(place, sign, ink, small, stroke_width=heavy // 2, stroke_fill=ink)


def _stroke(
    draw: ImageDraw,
    at: tuple[float, float],
    points: tuple[tuple[float, float], ...],
    size: int,
    ink: int,
) -> None:
    from PIL import Image, ImageDraw  # noqa: PLC0415 - as above

    room = round(size * 0.4)
    fine = Image.new("L", (2 * room * _FINER, 2 * room * _FINER), 0)
    scaled = [((x * size + room) * _FINER, (y * size + room) * _FINER) for x, y in points]
    ImageDraw.Draw(fine).line(scaled, 255, round(size * _STROKE * _FINER), joint="curve")
    place = (round(at[0] - room), round(at[1] - room))
    draw.bitmap(place, fine.resize((2 * room, 2 * room)), ink)
