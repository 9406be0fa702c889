"""Typefaces: what `[look] typeface` names, the site's font files, and the fallbacks.

A name is written into the stylesheet, so it may hold nothing that could end a string of CSS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SERIF_STACK = 'Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif'
SANS_STACK = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
MONO_STACK = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
_GENERIC = {
    "sans": SANS_STACK,
    "sans-serif": SANS_STACK,
    "system-ui": SANS_STACK,
    "serif": SERIF_STACK,
    "monospace": MONO_STACK,
}
MOST_CHARACTERS = 200
_NAME = re.compile(r"\w[\w .'’-]{0,59}")
# a family with one of these words has serifs, unless it says sans; any other gets the sans stack
_SERIF_WORDS = frozenset(
    [
        "serif",
        "slab",
        "times",
        "roman",
        "antiqua",
        "mincho",
        "alegreya",
        "aleo",
        "arvo",
        "baskerville",
        "bitter",
        "bodoni",
        "bookman",
        "cambria",
        "cardo",
        "caslon",
        "charter",
        "clarendon",
        "constantia",
        "cormorant",
        "crimson",
        "didot",
        "domine",
        "fraunces",
        "garamond",
        "gelasio",
        "georgia",
        "gloock",
        "goudy",
        "hoefler",
        "literata",
        "lora",
        "lusitana",
        "merriweather",
        "neuton",
        "newsreader",
        "palatino",
        "playfair",
        "prata",
        "rockwell",
        "rokkitt",
        "spectral",
        "tinos",
        "vollkorn",
        "volkhov",
    ]
)

WEIGHTS: Mapping[str, int] = {
    "thin": 100,
    "extralight": 200,
    "light": 300,
    "regular": 400,
    "medium": 500,
    "semibold": 600,
    "bold": 700,
    "extrabold": 800,
    "black": 900,
}
REGULAR = WEIGHTS["regular"]
VARIABLE = (WEIGHTS["thin"], WEIGHTS["black"])
_FILE = re.compile(
    rf"(?P<family>.+?)-(?P<weight>{'|'.join(WEIGHTS)}|[1-9]00|variable)?(?P<italic>italic)?", re.IGNORECASE
)


@dataclass(frozen=True)
class FontFile:
    """One font file of the site. `family`: from its name; `lightest` to `heaviest`: CSS weights."""

    name: str
    family: str
    lightest: int
    heaviest: int
    italic: bool
    data: bytes = field(repr=False)

    def css_rule(self, family: str, url: str) -> str:
        """Return the CSS rule that loads it for `family`."""
        weight = self.lightest if self.lightest == self.heaviest else f"{self.lightest} {self.heaviest}"
        style = "italic" if self.italic else "normal"
        return (
            f"@font-face {{ font-family: {quoted(family)}; font-weight: {weight}; font-style: {style};"
            f' font-display: swap; src: url("{url}") format("woff2"); }}\n'
        )


@dataclass(frozen=True)
class Typeface:
    """The families to try, in order, and the final stack of system fonts."""

    families: tuple[str, ...] = ()
    fallback: str = SANS_STACK

    @property
    def stack(self) -> str:
        """The value of font-family."""
        return ", ".join([*(quoted(family) for family in self.families), self.fallback])

    @property
    def is_ours(self) -> bool:
        """Whether it names only families of our own stacks."""
        return all(same_family(family) in _OURS for family in self.families)


def parse_typeface(text: str) -> Typeface:
    """Read serif, sans, or families separated by commas. Raises ValueError.

    What ends the list decides what stands in for a family that a browser does not have: serif or sans.
    Without it a serif family is followed by the serif stack, any other by the sans stack.
    """
    names = [_unquoted(part.strip(" ")) for part in text.split(",")]
    generic = _GENERIC.get(names[-1].lower())
    families = tuple(names if generic is None else names[:-1])
    if len(text) > MOST_CHARACTERS or not all(_NAME.fullmatch(it) for it in families):
        msg = "a typeface is serif, sans, or names with commas between them"
        raise ValueError(msg)
    if generic is None:
        generic = SERIF_STACK if _is_serif(families[0]) else SANS_STACK
    return Typeface(families, generic)


def parse_font_name(stem: str) -> tuple[str, int, int, bool] | None:
    """Return family, lightest and heaviest weight, and italics from a name such as Poppins-SemiBoldItalic."""
    found = _FILE.fullmatch(stem)
    if found is None or not (found["weight"] or found["italic"]):
        return None
    weight = (found["weight"] or "regular").lower()
    lightest, heaviest = VARIABLE if weight == "variable" else (_weight(weight), _weight(weight))
    return found["family"], lightest, heaviest, found["italic"] is not None


def same_family(name: str) -> str:
    """Return a family's name for comparison with file names: "Open Sans" is OpenSans."""
    return re.sub(r"[\W_]", "", name).casefold()


def font_face_rules(typeface: Typeface, addressed: Iterable[tuple[FontFile, str]]) -> str:
    """Return the CSS rules for font files with their addresses, under the family's name in the typeface."""
    by_family = {same_family(family): family for family in typeface.families}
    return "".join(
        font.css_rule(by_family[same_family(font.family)], url)
        for font, url in addressed
        if same_family(font.family) in by_family
    )


def quoted(family: str) -> str:
    """Return a family as a CSS string; `parse_typeface` refused what could end one."""
    return f'"{family}"'


def _weight(text: str) -> int:
    return int(text) if text.isdigit() else WEIGHTS[text]


def _unquoted(name: str) -> str:
    for mark in ("'", '"'):
        if len(name) > 1 and name[0] == name[-1] == mark:
            return name[1:-1].strip(" ")
    return name


def _is_serif(family: str) -> bool:
    words = set(re.split(r"[ _.-]+", family.lower()))
    return "sans" not in words and bool(words & _SERIF_WORDS)


_OURS = frozenset(same_family(name) for name in f"{SERIF_STACK},{SANS_STACK}".split(","))
