"""Every colour of one mode of a look: a palette into which the site's own colour was put."""

from __future__ import annotations

from dataclasses import dataclass

from optin.theme.palette import Band, Button, Palette, band_ground


@dataclass(frozen=True, kw_only=True)
class Colours(Palette):
    """The colours that templates write, by day or by night. Each is #rrggbb."""

    accent: str  # the site's colour: links, ticks, focus rings
    accent_hover: str
    chosen: str  # the same by day: bands have it by night, too

    @property
    def press(self) -> Button:
        """The colours of a button."""
        if self.button is None:
            return Button(self.accent, self.on_accent, self.accent, self.accent_hover, self.on_accent)
        hover = self.button.hover or self.accent
        return Button(self.button.fill, self.button.words, self.button.edge, hover, self.button.hover_words)

    @property
    def stripe(self) -> str:
        """The ground of a band."""
        return self.good_ground if self.band is None else band_ground(self.chosen, self.band)

    @property
    def on_stripe(self) -> Band:
        """What stands on a band."""
        return self.band or Band(self.ink, self.quiet, self.accent)


def colours_of(palette: Palette, accent: str, accent_hover: str, chosen: str) -> Colours:
    """Return the colours of a palette with the site's own."""
    return Colours(**vars(palette), accent=accent, accent_hover=accent_hover, chosen=chosen)
