"""How a site looks: one colour, one typeface, one logo, one icon. Everything else is the theme's."""

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
    mixed,
    nearest_readable,
    parse_colour,
    worst_contrast,
)
from optin.theme.typeface import FontFile, Typeface

NIGHT_MARGIN = 1.3  # a colour that only just passes looks dull by night
HOVER_SHARE = 0.14


@dataclass(frozen=True)
class Look:
    """What `[look]` of `optin.toml` says. `logo` and `favicon` are a file name and its bytes."""

    colour: str = ACCENT
    typeface: Typeface = Typeface()
    logo: tuple[str, bytes] | None = None
    favicon: tuple[str, bytes] | None = None
    fonts: tuple[FontFile, ...] = ()
    initial: str = ""  # of the controller's name, on an icon of our own making

    @property
    def stack(self) -> str:
        """The typefaces to try, in their order."""
        return self.typeface.stack

    @cached_property
    def light_colour(self) -> str:
        """The same colour, light enough to be read on every dark ground."""
        return nearest_readable(self.colour, DARK, WHITE, NIGHT_MARGIN)

    @property
    def hover_colour(self) -> str:
        """The colour of a button under the pointer: darker, so that its words are read better still."""
        return hexadecimal(mixed(parse_colour(self.colour), BLACK, HOVER_SHARE))

    @property
    def light_hover_colour(self) -> str:
        """The same on dark grounds, where a button has dark words."""
        return hexadecimal(mixed(parse_colour(self.light_colour), WHITE, HOVER_SHARE))

    @property
    def worst_contrast(self) -> Contrast:
        """The place where the colour is read worst (WCAG 2.2 AA)."""
        return worst_contrast(self.colour, LIGHT)

    @property
    def readable(self) -> bool:
        """Whether the colour can be read wherever it stands."""
        return self.worst_contrast.margin >= 1

    @property
    def nearest_readable(self) -> str:
        """The nearest darker colour that can be read wherever it stands."""
        return nearest_readable(self.colour, LIGHT, BLACK)
