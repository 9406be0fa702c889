"""The look of a site: one colour, one typeface, one logo, one icon. Everything else is the theme's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from optin.settings.site import ACCENT
from optin.theme.palette import (
    BLACK,
    DARK,
    LIGHT,
    WHITE,
    Contrast,
    hexadecimal,
    lit,
    mixed,
    nearest_readable,
    parse_colour,
    worst_contrast,
)
from optin.theme.typeface import FontFile, Typeface

NIGHT_MARGIN = 1.8  # a colour that only just passes looks dull by night
HOVER_SHARE = 0.14


@dataclass(frozen=True)
class Look:
    """The `[look]` table of `optin.toml`. `logo` and `favicon` are a file name and its bytes."""

    colour: str = ACCENT
    typeface: Typeface = Typeface()
    logo: tuple[str, bytes] | None = None
    favicon: tuple[str, bytes] | None = None
    fonts: tuple[FontFile, ...] = ()
    initial: str = ""  # of the controller's name, on an icon of our own making

    @property
    def stack(self) -> str:
        """The typefaces to try, in order."""
        return self.typeface.stack

    @property
    def mailed_logo(self) -> bool:
        """Whether mail programs can show the logo; Gmail shows no SVG, Outlook no WebP."""
        return self.logo is not None and self.logo[0].lower().endswith((".png", ".jpg", ".jpeg"))

    @cached_property
    def light_colour(self) -> str:
        """The same colour, light enough to be readable on every dark background."""
        return lit(self.colour, DARK, NIGHT_MARGIN)

    @property
    def hover_colour(self) -> str:
        """The colour of a button under the pointer: darker, for more contrast with its text."""
        return hexadecimal(mixed(parse_colour(self.colour), BLACK, HOVER_SHARE))

    @property
    def light_hover_colour(self) -> str:
        """The hover colour on dark backgrounds, where a button has dark text."""
        return hexadecimal(mixed(parse_colour(self.light_colour), WHITE, HOVER_SHARE))

    @property
    def worst_contrast(self) -> Contrast:
        """The pair of colours with the lowest contrast (WCAG 2.2 AA)."""
        return worst_contrast(self.colour, LIGHT)

    @property
    def readable(self) -> bool:
        """Whether the colour is readable everywhere it is used."""
        return self.worst_contrast.margin >= 1

    @property
    def nearest_readable(self) -> str:
        """The nearest darker colour that is readable everywhere."""
        return nearest_readable(self.colour, LIGHT, BLACK)
