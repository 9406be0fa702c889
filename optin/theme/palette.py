"""The colours of pages and mails, in light and dark mode: the one place that defines them.

Templates write these values, and `Look` holds a site's own colour against the same grounds, so that a colour
that passes `optin check` can be read wherever a page puts it.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass

Rgb = tuple[int, int, int]

LEAST_TEXT_CONTRAST = 4.5  # WCAG 2.2, 1.4.3: text against its ground
_BY_NIGHT = 0.62  # the share of its saturation that a colour keeps by night
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


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
    on_accent: str  # text on a button, tick in a checkbox

    @property
    def grounds(self) -> tuple[str, ...]:
        """Every background of text or a focus ring."""
        return self.ground, self.sheet, self.good_ground, self.wrong_ground


LIGHT = Palette(
    ground="#f5f7f4",
    sheet="#ffffff",
    good_ground="#e3ede6",
    wrong_ground="#fdf1ef",
    ink="#16211c",
    quiet="#4c5b54",
    line="#d3dcd6",
    edge="#6c7a73",
    wrong="#a3261b",
    on_accent="#ffffff",
)
DARK = Palette(
    ground="#0f1513",
    sheet="#171f1c",
    good_ground="#1c2a25",
    wrong_ground="#2c1917",
    ink="#e9eeeb",
    quiet="#a9b7b0",
    line="#2e3a35",
    edge="#7c8c85",
    wrong="#ffa093",
    on_accent="#0a1512",
)


@dataclass(frozen=True, order=True)
class Contrast:
    """A pair of colours on a page; sorts by how far it is above the required contrast."""

    margin: float  # measured divided by needed; less than 1 fails
    measured: float
    needed: float
    words: str  # what stands where


def accent_contrasts(accent: str, palette: Palette) -> Iterator[Contrast]:
    """Yield every pair that includes the site's colour."""
    for ground in palette.grounds:
        words = f"this colour as text on {ground}"  # and as focus ring, which needs less
        yield _pair(accent, ground, LEAST_TEXT_CONTRAST, words)
    words = f"{palette.on_accent} on a button of this colour"
    yield _pair(palette.on_accent, accent, LEAST_TEXT_CONTRAST, words)


def _pair(one: str, other: str, needed: float, words: str) -> Contrast:
    measured = contrast(parse_colour(one), parse_colour(other))
    return Contrast(measured / needed, measured, needed, words)


def worst_contrast(accent: str, palette: Palette) -> Contrast:
    """Return the pair in which a site's colour has the lowest contrast."""
    return min(accent_contrasts(accent, palette))


def nearest_readable(colour: str, palette: Palette, towards: Rgb, margin: float = 1.0) -> str:
    """Return a colour that passes everywhere by `margin`, mixed with as little of `towards` as possible."""
    rgb = parse_colour(colour)
    for step in range(101):
        found = hexadecimal(mixed(rgb, towards, step / 100))
        if worst_contrast(found, palette).margin >= margin:
            return found
    return hexadecimal(towards)


def lit(colour: str, palette: Palette, margin: float) -> str:
    """Return a colour of the same hue, lightened until it passes everywhere by `margin`.

    Mixed with white it would turn grey; at its full saturation it would glare by night.
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in parse_colour(colour)))
    for step in range(101):
        light = lightness + (1 - lightness) * step / 100
        red, green, blue = colorsys.hls_to_rgb(hue, light, saturation * _BY_NIGHT)
        found = hexadecimal((round(red * 255), round(green * 255), round(blue * 255)))
        if worst_contrast(found, palette).margin >= margin:
            return found
    return hexadecimal(WHITE)


def parse_colour(text: str) -> Rgb:
    """Read "#rrggbb". Raises ValueError."""
    digits = text[1:]
    if len(text) != 7 or text[0] != "#" or not set(digits) <= _DIGITS:  # noqa: PLR2004 - "#rrggbb"
        msg = f"{text!r} is not a colour; write it as #rrggbb"
        raise ValueError(msg)
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


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


_DIGITS = frozenset("0123456789abcdefABCDEF")
