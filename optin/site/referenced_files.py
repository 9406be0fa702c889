"""Find the files named in a text: only inside their folder, whatever the name (S8, M4)."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from enum import Enum
from pathlib import Path

from optin.site.findings import nearest

FILE_ENDINGS = "pdf epub docx xlsx pptx odt ods odp zip png jpg mp3 mp4 csv txt".split()  # noqa: SIM905 - one line


class FileProblem(Enum):
    """Why a name is not a usable file."""

    MISSING = "missing"
    OUTSIDE = "outside"
    EMPTY = "empty"


def find_inside(folder: Path, name: str) -> Path | FileProblem:
    """Return the file `name` in `folder`, with links resolved, or why there is none."""
    try:
        path, home = (folder / as_on_disk(folder, name)).resolve(), folder.resolve()
        if not path.is_relative_to(home):
            return FileProblem.OUTSIDE
        if not path.is_file():
            return FileProblem.MISSING
        return path if path.stat().st_size else FileProblem.EMPTY
    except (OSError, ValueError, RuntimeError):  # a NUL, a name too long, links that lead in a circle
        return FileProblem.MISSING


def as_on_disk(folder: Path, name: str) -> str:
    """Return `name` as the disk spells it: macOS stores é as two characters, which look like one."""
    if name.isascii() or is_there(folder / name):
        return name
    spelt = Path()
    for part in Path(name).parts:
        spelt /= _spelt_alike(folder / spelt, part)
    return str(spelt)


def _spelt_alike(folder: Path, part: str) -> str:
    """Return the name in `folder` that equals `part` in normal form, or `part`."""
    wanted = unicodedata.normalize("NFC", part)
    try:
        names = sorted(path.name for path in folder.iterdir())
    except (OSError, ValueError):
        return part
    alike = [name for name in names if unicodedata.normalize("NFC", name) == wanted]
    return part if part in alike or not alike else alike[0]


def is_there(path: Path) -> bool:
    """Return whether a file exists, wherever it is; an impossible name is no error."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, a NUL in it
        return False


def absence_in_words(folder: Path, name: str, why: FileProblem, endings: Collection[str]) -> tuple[str, str]:
    """Return why a file is not usable, in words, and the cure."""
    shown, place = name[:100], f"{folder.name}/"
    if why is FileProblem.OUTSIDE:
        return f"The file {shown!r} leads outside {place}.", "Put the file itself into the folder."
    if why is FileProblem.EMPTY:
        return f"The file {shown!r} is empty.", "Put the real file in its place."
    files = [path.name for path in folder.glob("*") if path.suffix[1:].lower() in endings and path.is_file()]
    cure = nearest(name, files) if files else "Put it there, beside this file."
    return f"There is no file {shown!r} in {place}.", cure


def read_most(path: Path, most: int) -> bytes:
    """Return the first bytes of a file, which may be huge. Raises OSError."""
    with path.open("rb") as file:
        return file.read(most)
