"""How a site looks: one colour, one typeface, one logo. Everything else is the theme's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

STACKS = {
    "serif": 'Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif',
    "sans": 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
}
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3: text against its ground
WHITE = (255, 255, 255)
NIGHT = (18, 21, 23)  # the ground of the dark theme; style.css says the same


@dataclass(frozen=True)
class Look:
    """What `[look]` of `optin.toml` says. `logo` is a file name and its bytes."""

    colour: str = "#0b5d4b"
    typeface: str = "sans"
    logo: tuple[str, bytes] | None = None

    @property
    def stack(self) -> str:
        """The typefaces to try, in their order; none is fetched from anywhere."""
        return STACKS.get(self.typeface, self.typeface)

    @cached_property
    def light_colour(self) -> str:
        """The same colour, light enough to be read on a dark ground."""
        rgb = parse_colour(self.colour)
        share = 0.0
        while contrast(mixed(rgb, WHITE, share), NIGHT) < LEAST_CONTRAST + 1.5 and share < 1:
            share += 0.05
        return hexadecimal(mixed(rgb, WHITE, share))

    @property
    def readable(self) -> bool:
        """Whether white words on the colour can be read (WCAG 2.2 AA)."""
        return contrast(parse_colour(self.colour), WHITE) >= LEAST_CONTRAST

    @property
    def nearest_readable(self) -> str:
        """The nearest darker colour on which white words can be read."""
        rgb, share = parse_colour(self.colour), 0.0
        while contrast(mixed(rgb, (0, 0, 0), share), WHITE) < LEAST_CONTRAST:
            share += 0.02
        return hexadecimal(mixed(rgb, (0, 0, 0), share))


def parse_colour(text: str) -> tuple[int, int, int]:
    """Read "#rrggbb". Raises ValueError."""
    if len(text) != 7 or not text.startswith("#"):  # noqa: PLR2004 - "#rrggbb"
        msg = f"{text!r} is no colour; write it as #rrggbb"
        raise ValueError(msg)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def hexadecimal(rgb: tuple[int, int, int]) -> str:
    """Write a colour as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def mixed(colour: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    """Mix a share (0 to 1) of another colour in."""
    red, green, blue = (
        round(mine + (theirs - mine) * min(share, 1.0)) for mine, theirs in zip(colour, other, strict=True)
    )
    return red, green, blue


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2, 1.4.3)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(rgb: tuple[int, int, int]) -> float:
    red, green, blue = (_linear(part / 255) for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004
