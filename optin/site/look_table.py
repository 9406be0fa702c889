"""Read `[look]`: colour, typeface with its font files, logo, icon; each finding at its key."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from optin.settings.site import LookTable
from optin.site.fonts import read_fonts
from optin.site.law_lint import Objection
from optin.site.measure_pictures import PICTURE_ENDINGS, PictureRefused, is_square, read_icon, read_picture
from optin.site.referenced_files import FileProblem, find_inside
from optin.theme.icon import ICON_ENDINGS
from optin.theme.look import Look
from optin.theme.looks import LOOKS
from optin.theme.palette import parse_colour
from optin.theme.typeface import Typeface, parse_typeface

At = tuple[str, Objection]  # the key, and what there is to say about it


def read_look(root: Path, table: LookTable, controller: str) -> tuple[Look, tuple[At, ...]]:
    """Return the look of a site; placeholders replace broken parts."""
    look, objections = Look(initial=initial_of(controller), design=LOOKS[table.theme]), list[At]()
    try:
        look = replace(look, own_colour=_colour(table.colour))
        objections += [("colour", it) for it in _unreadable(look)]
    except ValueError:
        message = f"{table.colour!r} is not a colour."
        objections.append(("colour", Objection("colour", message, "Write it as #rrggbb.")))
    try:
        typeface = parse_typeface(table.typeface) if table.typeface else None
    except ValueError:
        cure = "Write serif, sans, or names with commas between them."
        objections.append(("typeface", Objection("typeface", "This is not a list of typefaces.", cure)))
    else:
        fonts, said = read_fonts(root, typeface or Typeface())
        look = replace(look, own_typeface=typeface, own_fonts=fonts)
        objections += [("typeface", it) for it in said]
    for key in ("logo", "dark_logo"):
        name = getattr(table, key)
        logo = _logo(root, name) if name else None
        if isinstance(logo, Objection):
            objections.append((key, logo))
        elif logo is not None:
            look = replace(look, logo=logo) if key == "logo" else replace(look, dark_logo=logo)
    if table.favicon:
        icon = _favicon(root, table.favicon)
        if isinstance(icon, Objection):
            objections.append(("favicon", icon))
        else:
            look = replace(look, favicon=icon)
    elif look.logo is not None and is_square(look.logo[1]):
        look = replace(look, favicon=look.logo)
    return look, tuple(objections)


def _colour(text: str) -> str:
    """Return a colour as it was written; empty when the look's own is meant. Raises ValueError."""
    if text:
        parse_colour(text)
    return text


def initial_of(name: str) -> str:
    """Return the first letter or digit of a name, in upper case; empty when there is none."""
    signs = (sign for sign in unicodedata.normalize("NFC", name) if sign.isalnum())
    return next(signs, "").upper()[:1]


def _unreadable(look: Look) -> Iterator[Objection]:
    worst = look.worst_contrast
    if worst.margin < 1:
        measured = int(worst.measured * 100) / 100  # never rounded up to what is needed
        message = f"{look.colour} cannot be read everywhere: {worst.words} has a contrast of {measured}:1."
        cure = f"WCAG 2.2 asks for {worst.needed}:1. Use {look.nearest_readable}."
        yield Objection("contrast", message, cure)


def _logo(root: Path, name: str) -> tuple[str, bytes] | Objection:
    path = find_inside(root, name)
    if isinstance(path, FileProblem) or path.suffix[1:].lower() not in PICTURE_ENDINGS:
        cure = f"Put a picture beside optin.toml ({', '.join(PICTURE_ENDINGS)})."
        return Objection("logo", f"There is no picture {name!r}.", cure)
    try:
        return path.name, read_picture(path, name).data
    except PictureRefused as problem:
        return Objection("logo", str(problem), problem.cure)


def _favicon(root: Path, name: str) -> tuple[str, bytes] | Objection:
    path = find_inside(root, name)
    if isinstance(path, FileProblem) or path.suffix[1:].lower() not in ICON_ENDINGS:
        cure = f"Put a square picture beside optin.toml ({', '.join(ICON_ENDINGS)})."
        return Objection("favicon", f"There is no icon {name!r}.", cure)
    try:
        return path.name, read_icon(path, name)
    except PictureRefused as problem:
        return Objection("favicon", str(problem), problem.cure)
