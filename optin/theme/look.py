"""The look of a site: a design to start from, and the site's own colour, typeface, logo and icon."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from optin.theme.colours import Colours, colours_of
from optin.theme.looks import CALM, Design
from optin.theme.palette import (
    BLACK,
    WHITE,
    Contrast,
    hexadecimal,
    lit,
    mixed,
    nearest_readable,
    own_contrasts,
    parse_colour,
)
from optin.theme.typeface import FontFile, Typeface

NIGHT_MARGIN = 1.8  # a colour that only just passes looks dull by night
HOVER_SHARE = 0.14


@dataclass(frozen=True)
class Look:
    """The `[look]` table of `optin.toml`. `logo` and `favicon` are a file name and its bytes.

    What a site leaves out is the design's own: `own_colour` empty, `own_typeface` None.
    """

    own_colour: str = ""
    own_typeface: Typeface | None = None
    logo: tuple[str, bytes] | None = None
    favicon: tuple[str, bytes] | None = None
    own_fonts: tuple[FontFile, ...] = ()
    initial: str = ""  # of the controller's name, on an icon of our own making
    design: Design = CALM
    dark_logo: tuple[str, bytes] | None = None  # for dark grounds

    def in_design(self, design: Design) -> Look:
        """Return it in another design; a colour that cannot be read there is darkened."""
        other = replace(self, design=design)
        return other if other.readable else replace(other, own_colour=other.nearest_readable)

    @property
    def colour(self) -> str:
        """The site's colour, else the design's."""
        return self.own_colour or self.design.colour

    @property
    def typeface(self) -> Typeface:
        """The typeface of text."""
        return self.own_typeface or self.design.text.typeface

    @property
    def display(self) -> Typeface:
        """The typeface of headings."""
        return self.own_typeface or self.design.display.typeface

    @cached_property
    def fonts(self) -> tuple[tuple[FontFile, Typeface], ...]:
        """The font files that pages load, each with the typeface that it belongs to."""
        if self.own_typeface is not None:
            return tuple((font, self.own_typeface) for font in self.own_fonts)
        return tuple((font.font(), font.typeface) for font in self.design.fonts)

    @property
    def meanwhile(self) -> str:
        """The CSS rules of fonts of the device that stand in for the design's until they are there."""
        return "" if self.own_typeface else "".join(font.meanwhile for font in self.design.fonts)

    @property
    def stack(self) -> str:
        """The typefaces of text to try, in order."""
        return self.typeface.stack

    @property
    def display_stack(self) -> str:
        """The typefaces of headings to try, in order."""
        return self.display.stack

    @property
    def mailed_logo(self) -> bool:
        """Whether mail programs can show the logo; Gmail shows no SVG, Outlook no WebP."""
        return self.logo is not None and self.logo[0].lower().endswith((".png", ".jpg", ".jpeg"))

    @cached_property
    def light_colour(self) -> str:
        """The same colour, light enough to be readable on every dark background."""
        if not self.own_colour and self.design.light_colour:
            return self.design.light_colour
        return lit(self.colour, self.design.dark, NIGHT_MARGIN)

    @property
    def hover_colour(self) -> str:
        """The colour of a button under the pointer: darker, for more contrast with its text."""
        return hexadecimal(mixed(parse_colour(self.colour), BLACK, HOVER_SHARE))

    @property
    def light_hover_colour(self) -> str:
        """The hover colour on dark backgrounds, where a button has dark text."""
        return hexadecimal(mixed(parse_colour(self.light_colour), WHITE, HOVER_SHARE))

    @cached_property
    def light(self) -> Colours:
        """Every colour by day."""
        return colours_of(self.design.light, self.colour, self.hover_colour, self.colour)

    @cached_property
    def dark(self) -> Colours:
        """Every colour by night."""
        return colours_of(self.design.dark, self.light_colour, self.light_hover_colour, self.colour)

    @property
    def card(self) -> tuple[str, str, str]:
        """The colours of a social card: ground, title, kind; the last empty where it is as the title."""
        band = self.light.band
        if band is not None:
            return self.light.stripe, band.words, band.mark
        if self.design.paper:
            return self.light.good_ground, self.light.ink, self.light.accent
        return self.colour, self.light.on_accent, ""

    @property
    def worst_contrast(self) -> Contrast:
        """The pair of colours with the lowest contrast (WCAG 2.2 AA)."""
        return min(own_contrasts(self.colour, self.design.light))

    @property
    def readable(self) -> bool:
        """Whether the colour is readable everywhere it is used."""
        return self.worst_contrast.margin >= 1

    @property
    def nearest_readable(self) -> str:
        """The nearest darker colour that is readable everywhere."""
        return nearest_readable(self.colour, self.design.light, BLACK)
