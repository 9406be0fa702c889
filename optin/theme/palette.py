"""Colours and their contrast: what a palette holds, and how a site's own colour is fitted into it.

The palettes are in `looks`. `Look` holds a site's own colour against the same grounds as the templates use,
so that a colour that passes `optin check` can be read wherever a page puts it.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

Rgb = tuple[int, int, int]

LEAST_TEXT_CONTRAST = 4.5  # WCAG 2.2, 1.4.3: text against its ground
_BY_NIGHT = 0.62  # the share of its saturation that a colour keeps by night
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
_COLOUR = re.compile("#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Button:
    """The colours of a button that has not the site's own; an empty `hover` is the site's own."""

    fill: str
    words: str
    edge: str
    hover: str  # its fill under the pointer
    hover_words: str


@dataclass(frozen=True)
class Band:
    """What stands on a band of the site's colour, across the page."""

    words: str
    quiet: str
    mark: str  # kind, icons: what is in the site's colour elsewhere
    shade: float = 0.0  # share of black in the band


@dataclass(frozen=True)
class Palette:
    """Every colour of one mode except the site's own."""

    ground: str  # of the page
    sheet: str  # of a card, a form, a mail
    good_ground: str  # of a note
    wrong_ground: str  # of an error
    ink: str  # text
    quiet: str  # text of less weight
    line: str  # ornament: nothing is known by it alone
    edge: str  # border of a field, a checkbox, a radio button
    wrong: str  # text and border of an error
    on_accent: str  # text on the site's colour, tick in a checkbox
    button: Button | None = None  # none: the site's colour
    band: Band | None = None  # none: bands have the ground of a note

    @property
    def grounds(self) -> tuple[str, ...]:
        """Every background of text or a focus ring."""
        return self.ground, self.sheet, self.good_ground, self.wrong_ground


@dataclass(frozen=True, order=True)
class Contrast:
    """A pair of colours on a page; sorts by how far it is above the required contrast."""

    margin: float  # measured divided by needed; less than 1 fails
    measured: float
    needed: float
    words: str  # what stands where


def accent_contrasts(accent: str, palette: Palette) -> Iterator[Contrast]:
    """Yield every pair that includes the site's colour, except those of bands."""
    for ground in palette.grounds:
        words = f"this colour as text on {ground}"  # and as focus ring, which needs less
        yield _pair(accent, ground, LEAST_TEXT_CONTRAST, words)
    words_on_it = {palette.on_accent}
    if palette.button is not None and not palette.button.hover:
        words_on_it.add(palette.button.hover_words)
    for colour in sorted(words_on_it):
        yield _pair(colour, accent, LEAST_TEXT_CONTRAST, f"{colour} on a button of this colour")


def band_contrasts(colour: str, band: Band) -> Iterator[Contrast]:
    """Yield every pair on a band of the site's colour."""
    ground = band_ground(colour, band)
    for part in (band.words, band.quiet, band.mark):
        yield _pair(part, ground, LEAST_TEXT_CONTRAST, f"{part} on a band of this colour")


def band_ground(colour: str, band: Band) -> str:
    """Return the colour of a band."""
    return hexadecimal(mixed(parse_colour(colour), BLACK, band.shade))


def _pair(one: str, other: str, needed: float, words: str) -> Contrast:
    measured = contrast(parse_colour(one), parse_colour(other))
    return Contrast(measured / needed, measured, needed, words)


def own_contrasts(colour: str, palette: Palette) -> Iterator[Contrast]:
    """Yield every pair that includes the colour that a site chose."""
    yield from accent_contrasts(colour, palette)
    if palette.band is not None:
        yield from band_contrasts(colour, palette.band)


def nearest_readable(colour: str, palette: Palette, towards: Rgb) -> str:
    """Return a colour that passes everywhere, mixed with as little of `towards` as possible."""
    rgb = parse_colour(colour)
    for step in range(101):
        found = hexadecimal(mixed(rgb, towards, step / 100))
        if min(own_contrasts(found, palette)).margin >= 1:
            return found
    return hexadecimal(towards)


@lru_cache
def lit(colour: str, palette: Palette, margin: float) -> str:
    """Return a colour of the same hue, lightened until it passes everywhere by `margin`.

    Mixed with white it would turn grey; at its full saturation it would glare by night.
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in parse_colour(colour)))
    for step in range(101):
        light = lightness + (1 - lightness) * step / 100
        red, green, blue = colorsys.hls_to_rgb(hue, light, saturation * _BY_NIGHT)
        found = hexadecimal((round(red * 255), round(green * 255), round(blue * 255)))
        if min(accent_contrasts(found, palette)).margin >= margin:
            return found
    return hexadecimal(WHITE)


def parse_colour(text: str) -> Rgb:
    """Read "#rrggbb". Raises ValueError."""
    if _COLOUR.fullmatch(text) is None:
        msg = f"{text!r} is not a colour; write it as #rrggbb"
        raise ValueError(msg)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:], 16)


def hexadecimal(rgb: Rgb) -> str:
    """Return a colour as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def mixed(colour: Rgb, other: Rgb, share: float) -> Rgb:
    """Return a colour mixed with a share (0 to 1) of another one."""
    red, green, blue = (
        round(mine + (theirs - mine) * min(share, 1.0)) for mine, theirs in zip(colour, other, strict=True)
    )
    return red, green, blue


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2, 1.4.3)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (_linear(part / 255) for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - by WCAG 2
