"""The looks to choose from (`[look] theme`): colours by day and by night, typefaces, shapes.

What only its pages have (borders, sizes, places) is in `templates/looks/NAME.css`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from optin.theme.palette import Band, Button, Palette
from optin.theme.typeface import SANS_STACK, SERIF_STACK, FontFile, Typeface

FONTS = Path(__file__).parent / "fonts"


@dataclass(frozen=True)
class StandIn:
    """A font of most devices, resized so that text does not move when the font of the look has loaded.

    Numbers are percent (CSS `size-adjust`, `ascent-override`, `descent-override`), measured on sentences.
    """

    names: tuple[str, ...]
    weights: str
    size: float
    ascent: float
    descent: float

    def rule(self, family: str) -> str:
        """Return the CSS rule that names it `family`."""
        sources = ", ".join(f'local("{name}")' for name in self.names)
        return (
            f'@font-face {{ font-family: "{family}"; font-weight: {self.weights}; src: {sources};'
            f" size-adjust: {self.size}%; ascent-override: {self.ascent}%; descent-override: {self.descent}%;"
            " line-gap-override: 0%; }\n"
        )


@dataclass(frozen=True)
class LookFont:
    """A typeface that comes with a look: a file in `fonts/`, a licence beside it."""

    family: str
    file: str
    weights: tuple[int, int]  # those that the stylesheet may ask for
    fallback: str
    stand_ins: tuple[StandIn, ...]

    @property
    def typeface(self) -> Typeface:
        """The typeface, with what stands in until its file is there."""
        return Typeface((self.family, f"{self.family} meanwhile"), self.fallback)

    @property
    def meanwhile(self) -> str:
        """The CSS rules of what stands in."""
        return "".join(it.rule(f"{self.family} meanwhile") for it in self.stand_ins)

    def font(self) -> FontFile:
        """Return its file."""
        return FontFile(self.file, self.family, *self.weights, italic=False, data=_font_data(self.file))


@lru_cache
def _font_data(name: str) -> bytes:
    return (FONTS / name).read_bytes()


@dataclass(frozen=True)
class Shape:
    """The radii of a look in pixels, on pages and in mails, and what else mails have beside its colours."""

    button: int
    card: int
    part: int  # a note, the next step
    cover: int
    headings: str = ""  # declarations of a heading's typeface
    sender: int = 17  # size of the sender's name
    rule: str = "1px solid"  # under the sender
    banded: bool = False  # the sender stands on a band
    night_sheet: str = ""  # by night, where the page's own is its ground
    night_part: str = ""


@dataclass(frozen=True)
class Design:
    """A look as it comes: a site adds its colour, its typeface, its logo."""

    name: str
    colour: str  # of a site that chose none
    light_colour: str  # the same, by night
    light: Palette
    dark: Palette
    text: LookFont
    display: LookFont
    shape: Shape
    paper: bool = False  # what stands for a picture has the colour of paper, not the site's

    @property
    def fonts(self) -> tuple[LookFont, ...]:
        """The typefaces, each once."""
        return (self.text,) if self.display is self.text else (self.text, self.display)

    @property
    def stylesheet(self) -> str:
        """The template that shapes its pages, joined to `style.css`."""
        return f"looks/{self.name}.css"


_ARIAL = ("Arial", "Roboto", "Liberation Sans")
_ARIAL_BOLD = ("Arial Bold", "Roboto Bold", "Liberation Sans Bold")
_TIMES = ("Times New Roman", "Liberation Serif")
_FIGTREE = LookFont(
    "Figtree",
    "Figtree-Variable.woff2",
    (400, 700),
    SANS_STACK,
    (StandIn(_ARIAL, "400", 100.5, 94.5, 24.9), StandIn(_ARIAL_BOLD, "600 700", 96.6, 98.3, 25.9)),
)
_HANKEN = LookFont(
    "Hanken Grotesk",
    "HankenGrotesk-Variable.woff2",
    (400, 700),
    SANS_STACK,
    (StandIn(_ARIAL, "400", 100.6, 99.4, 30.1), StandIn(_ARIAL_BOLD, "600 700", 97.5, 102.5, 31.0)),
)
# of one weight each: the whole range, so that no browser thickens them
_BRICOLAGE = LookFont(
    "Bricolage Grotesque",
    "BricolageGrotesque-Bold.woff2",
    (100, 900),
    SANS_STACK,
    (StandIn(_ARIAL_BOLD, "100 900", 86.8, 107.1, 31.1),),
)
_NEWSREADER = LookFont(
    "Newsreader",
    "Newsreader-Medium.woff2",
    (100, 900),
    SERIF_STACK,
    (StandIn(_TIMES, "100 900", 106.9, 68.8, 24.8),),
)

CALM = Design(
    name="calm",
    colour="#0b5d4b",
    light_colour="",
    light=Palette(
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
    ),
    dark=Palette(
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
    ),
    text=_FIGTREE,
    display=_FIGTREE,
    shape=Shape(button=12, card=16, part=12, cover=6),
)

_YELLOW, _NAVY = "#ffcf33", "#0e0f2c"
BOLD = Design(
    name="bold",
    colour="#2222c4",
    light_colour="#aeb6ff",
    light=Palette(
        ground="#ffffff",
        sheet="#ffffff",
        good_ground="#eef0ff",
        wrong_ground="#fdf1ef",
        ink=_NAVY,
        quiet="#484a6b",
        line="#d5d8ec",
        edge=_NAVY,
        wrong="#a31717",
        on_accent="#ffffff",
        button=Button(_YELLOW, _NAVY, edge=_NAVY, hover=_NAVY, hover_words=_YELLOW),
        band=Band("#ffffff", "#d9dcff", _YELLOW),
    ),
    dark=Palette(
        ground="#0b0c1e",
        sheet="#15172f",
        good_ground="#1b1e3d",
        wrong_ground="#2c1722",
        ink="#f3f4ff",
        quiet="#b5b8d8",
        line="#31355c",
        edge="#8f94c4",
        wrong="#ffa39b",
        on_accent="#0b0c1e",
        button=Button("#ffd54a", _NAVY, edge="#ffd54a", hover="#ffffff", hover_words=_NAVY),
        band=Band("#ffffff", "#d9dcff", "#ffd54a", shade=0.08),
    ),
    text=_FIGTREE,
    display=_BRICOLAGE,
    shape=Shape(
        button=99, card=22, part=14, cover=8, headings="letter-spacing:-.5px;", rule="0 solid", banded=True
    ),
)

EDITORIAL = Design(
    name="editorial",
    colour="#7a4a00",
    light_colour="#e8b75a",
    light=Palette(
        ground="#faf9f6",
        sheet="#ffffff",
        good_ground="#efebe2",
        wrong_ground="#fbefeb",
        ink="#161410",
        quiet="#575145",
        line="#d5cebf",
        edge="#6b6455",
        wrong="#a3261b",
        on_accent="#faf9f6",
        button=Button("#161410", "#faf9f6", edge="#161410", hover="", hover_words="#faf9f6"),
    ),
    dark=Palette(
        ground="#14120e",
        sheet="#14120e",
        good_ground="#211e17",
        wrong_ground="#2c1917",
        ink="#efebe1",
        quiet="#b6ae9d",
        line="#3d382d",
        edge="#8b8371",
        wrong="#ffa093",
        on_accent="#14120e",
        button=Button("#efebe1", "#14120e", edge="#efebe1", hover="", hover_words="#14120e"),
    ),
    text=_HANKEN,
    display=_NEWSREADER,
    shape=Shape(
        button=2,
        card=0,
        part=0,
        cover=1,
        headings="font-family:Georgia,'Times New Roman',serif;font-weight:normal;",
        sender=22,
        rule="3px solid",
        night_sheet="#1c1913",
        night_part="#29251d",
    ),
    paper=True,
)

LOOKS: Mapping[str, Design] = MappingProxyType({it.name: it for it in (CALM, BOLD, EDITORIAL)})
