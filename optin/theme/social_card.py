"""Preview pictures for social sites: one per page, drawn once, named by their content (M8).

A page names its card, so the name must not depend on who draws it: it is a digest of the words and the
colour, not of the picture. The drawing is loaded with the first card that somebody asks for.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import astuple, dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from optin.theme import lettering
from optin.theme.palette import mixed, parse_colour

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

WHITE = "#ffffff"
WIDTH, HEIGHT = 1_200, 630  # pixels, as Open Graph's readers want it
CONTENT_TYPE = "image/png"
_DRAWING = 1  # count on when a card says something else: a new name is a new version of every form
_MARGIN, _FOOT = 80, 120
_TITLE_SIZES = (92, 80, 70, 60, 52, 44)
_MOST_LINES = 4
_KEPT = 512  # pictures in memory, some 15 kB each
_QUIET, _FOOT_TONE = 205, 26  # of 255 between the colour and white


@dataclass(frozen=True)
class SocialCard:
    """The content of a preview picture."""

    kind: str  # in words
    title: str
    name: str  # whose page it is
    colour: str  # of the ground, #rrggbb
    words: str = WHITE  # colours that can be read on it: the title's
    mark: str = ""  # and the kind's; empty: a quieter shade of the title's

    @cached_property
    def url(self) -> str:
        """The address of its picture."""
        said = astuple(self)
        if self.words == WHITE and not self.mark:
            said = said[:4]  # as cards were named before there were looks
        content = json.dumps([_DRAWING, *said], ensure_ascii=False)
        return f"/static/card-{hashlib.sha256(content.encode('utf-8', 'replace')).hexdigest()[:32]}.png"


@lru_cache(maxsize=_KEPT)
def draw_card(card: SocialCard) -> bytes:
    """Return the picture (PNG)."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - a server that draws no card need not load it

    tones = Image.new("L", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(tones)
    draw.rectangle((0, HEIGHT - _FOOT, WIDTH, HEIGHT), _FOOT_TONE)
    room = WIDTH - 2 * _MARGIN
    kind = _cut(card.kind, 38, room)
    if not card.mark:
        draw.text((_MARGIN, 70), kind, _QUIET, lettering.typeface(38))
    size, lines = _fitted(lettering.writable_text(card.title), room)
    for place, line in enumerate(lines):
        at = (_MARGIN, 142 + place * size * 1.2)
        draw.text(at, line, 255, lettering.typeface(size))
    foot = HEIGHT - _FOOT + 38
    draw.text((_MARGIN, foot), _cut(card.name, 38, room), 255, lettering.typeface(38))
    tones.putpalette([part for tone in range(256) for part in _tone(card, tone)])
    picture = tones if not card.mark else _with_mark(tones.convert("RGB"), kind, card.mark)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _with_mark(picture: Picture, kind: str, mark: str) -> Picture:
    """Write the kind in a colour of its own."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - as above

    letters = Image.new("L", picture.size, 0)
    ImageDraw.Draw(letters).text((_MARGIN, 70), kind, 255, lettering.typeface(38))
    picture.paste(mark, mask=letters)
    return picture.quantize(128)


def _tone(card: SocialCard, tone: int) -> tuple[int, int, int]:
    return mixed(parse_colour(card.colour), parse_colour(card.words), tone / 255)


def _fitted(text: str, room: int) -> tuple[int, list[str]]:
    """Return the largest size in which a text fits, and its lines; a text that never fits is cut."""
    for size in _TITLE_SIZES:
        lines = _lines(text, size, room)
        high = len(lines) * size * 1.2 <= HEIGHT - _FOOT - 160 and len(lines) <= _MOST_LINES
        if high and all(lettering.width_of(line, size) <= room for line in lines):
            return size, lines
    size = _TITLE_SIZES[-1]
    lines = _lines(text, size, room)
    kept = [_cut(line, size, room) for line in lines[: _MOST_LINES + 1]]
    return size, kept if len(kept) == len(lines) else [*kept[:-1], _cut(f"{kept[-1]} ...", size, room)]


def _lines(text: str, size: int, room: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and lettering.width_of(longer, size) > room:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]


def _cut(text: str, size: int, room: int) -> str:
    """Return as much of a text as fits on one line."""
    text = lettering.writable_text(text)
    if lettering.width_of(text, size) <= room:
        return text
    while text and lettering.width_of(f"{text}...", size) > room:
        text = text[:-1]
    return f"{text}..."
