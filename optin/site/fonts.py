"""The font files of a site: `fonts/FAMILY-WEIGHT.woff2`, as named by `[look] typeface`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from optin.site.findings import nearest
from optin.site.law_lint import Objection
from optin.site.referenced_files import FileProblem, find_inside, read_most
from optin.theme.typeface import REGULAR, FontFile, Typeface, parse_font_name, same_family

FOLDER = "fonts"
MOST_BYTES = 2_000_000
HEAVY_BYTES = 100_000  # about a third of a second on a slow telephone; one Latin weight has some 20 kB
_MAGIC = b"wOF2"  # W3C WOFF2, 4: signature, flavour, then the length of the file
_HEADER_BYTES = 48
_OTHER_ENDINGS = {".ttf", ".otf", ".woff", ".eot"}


def read_fonts(root: Path, typeface: Typeface) -> tuple[tuple[FontFile, ...], tuple[Objection, ...]]:
    """Return the font files of a typeface, and the findings about them."""
    objections: list[Objection] = []
    fonts = [it for name in _names(root) if (it := _font(root, name, typeface, objections)) is not None]
    objections += _missing(typeface, fonts)
    return tuple(fonts), tuple(objections)


def _names(root: Path) -> list[str]:
    try:
        with os.scandir(root / FOLDER) as entries:
            return sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError:  # no folder
        return []


def _font(root: Path, name: str, typeface: Typeface, objections: list[Objection]) -> FontFile | None:
    """Read a file of the folder; None when it is no font of this typeface, or cannot be served."""
    stem, ending = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
    shown = f"{FOLDER}/{name}"[:100]
    if ending.lower() != ".woff2":
        if ending.lower() in _OTHER_ENDINGS:
            message = f"{shown} is not used: browsers get woff2 files only."
            objections.append(Objection("font", message, "Save it as woff2.", warning=True))
        return None  # a licence, a note
    name_parts = parse_font_name(stem)
    if name_parts is None:
        message = f"{shown} has no weight in its name."
        cure = f"Name it like {_example(typeface)}."
        objections.append(Objection("font", message, cure, warning=True))
        return None
    family, lightest, heaviest, italic = name_parts
    if same_family(family) not in {same_family(it) for it in typeface.families}:
        message = f"{shown} is not used: the typeface does not name {family!r}."
        cure = (
            nearest(family, typeface.families)
            if typeface.families
            else "Add it to typeface, or remove the file."
        )
        objections.append(Objection("font", message, cure, warning=True))
        return None
    data = _data(root, name, objections)
    return None if data is None else FontFile(name, family, lightest, heaviest, italic, data)


def _data(root: Path, name: str, objections: list[Objection]) -> bytes | None:
    shown = f"{FOLDER}/{name}"[:100]
    path = find_inside(root, f"{FOLDER}/{name}")
    if isinstance(path, FileProblem):
        message = f"{shown} is not a file that can be served."
        objections.append(Objection("font", message, "Put the font file itself there."))
        return None
    try:
        data = read_most(path, MOST_BYTES + 1)
    except OSError as problem:
        message = f"{shown} cannot be read ({problem.strerror})."
        objections.append(Objection("font", message, "Check its permissions."))
        return None
    if len(data) > MOST_BYTES:
        message = f"{shown} is larger than {MOST_BYTES // 1_000_000} MB."
        objections.append(Objection("font", message, "Keep only the letters of your languages in it."))
        return None
    if not is_woff2(data):
        message = f"{shown} is not a complete woff2 file."
        objections.append(Objection("font", message, "Download it again, or save the font as woff2."))
        return None
    if len(data) > HEAVY_BYTES:
        message = f"{shown} has {len(data) // 1000} kB; text appears late on a phone."
        cure = f"Keep only the letters of your languages in it, below {HEAVY_BYTES // 1000} kB."
        objections.append(Objection("font-heavy", message, cure, warning=True))
    return data


def is_woff2(data: bytes) -> bool:
    """Return whether these are the bytes of a complete woff2 file, by its header."""
    whole = len(data) >= _HEADER_BYTES and int.from_bytes(data[8:12], "big") == len(data)
    return whole and data[:4] == _MAGIC


def _missing(typeface: Typeface, fonts: Sequence[FontFile]) -> Iterator[Objection]:
    for family in typeface.families:
        own = [it for it in fonts if same_family(it.family) == same_family(family)]
        if not own and not typeface.is_ours:
            message = f"There is no font file of {family!r}: most visitors see another typeface."
            cure = f"Put {_example(typeface, family)} there, or write sans or serif."
            yield Objection("typeface", message, cure, warning=True)
        elif own and not any(it.lightest <= REGULAR <= it.heaviest and not it.italic for it in own):
            message = f"There is no regular font file of {family!r}: all text is set in another weight."
            cure = f"Put {FOLDER}/{_stem(family)}-Regular.woff2 there."
            yield Objection("typeface", message, cure, warning=True)


def _example(typeface: Typeface, family: str = "") -> str:
    stem = _stem(family or next(iter(typeface.families), "Poppins"))
    return f"{FOLDER}/{stem}-Regular.woff2 and {FOLDER}/{stem}-Bold.woff2"


def _stem(family: str) -> str:
    return family.replace(" ", "")
