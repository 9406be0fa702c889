"""Text in pictures, in the one typeface that we ship: Source Sans (SIL Open Font License, beside it).

It has the letters of Latin, Greek and Cyrillic; what it lacks is left out. No typeface of the machine is
used, so that a card looks the same wherever it is drawn.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

FONT = Path(__file__).parent / "fonts" / "SourceSansPro-Semibold.otf"


@lru_cache(maxsize=64)
def typeface(size: int) -> FreeTypeFont:
    """Return the typeface at a size, in pixels."""
    from PIL import ImageFont  # noqa: PLC0415 - a server that draws no card need not load it

    return ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)  # in every build of Pillow


def writable_text(text: str) -> str:
    """Return a text reduced to the letters of the typeface, on one line."""
    kept = (sign if _is_there(sign) else _nearest(sign) for sign in unicodedata.normalize("NFC", text))
    return " ".join("".join(kept).split())


def _nearest(sign: str) -> str:
    """Return the nearest characters that the typeface has: a non-breaking hyphen as a hyphen."""
    return "".join(it for it in unicodedata.normalize("NFKC", sign).replace("\u2010", "-") if _is_there(it))


@lru_cache(maxsize=4_096)
def _is_there(sign: str) -> bool:
    if sign == " ":
        return True
    if unicodedata.category(sign)[0] in "CZM":
        return False
    font = typeface(32)
    return bytes(font.getmask(sign)) != bytes(font.getmask("\uffff"))


def width_of(text: str, size: int) -> float:
    """Return how wide a writable text is, in pixels."""
    return typeface(size).getlength(text)
