"""Files of a magnet, its download and its pictures, all in the magnet's own folder (S8)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from optin.site.documents import Path_
from optin.site.files import FILE_ENDINGS, Absence, absence_in_words, find_inside, read_most
from optin.site.front_matter import MagnetFile
from optin.site.kind_file import FilePart
from optin.site.magnet_findings import MagnetFindings
from optin.site.model import PictureFile
from optin.site.pictures import PICTURE_ENDINGS, PictureRefused, read_picture

PLACEHOLDER = b"optin placeholder"
PLACEHOLDER_WITHIN_BYTES = 2_000


class MagnetFiles:
    """Finds the files named by a magnet, and reports what is wrong with them."""

    def __init__(self, path: Path, findings: MagnetFindings) -> None:
        """Search beside the magnet's Markdown file at `path`."""
        self._path = path
        self._own_folder = path.name == "index.md"
        self._findings = findings

    def file(self, written: MagnetFile, kind: FilePart | None) -> Path | None:
        """Return the file for download; None when there is none, or it is not usable."""
        where: Path_ = ("file",)
        if kind is not None and not kind.hands_out_file:
            if written.file:
                message = f"A {written.kind} hands out no file."
                self._findings.say(where, message, "Remove file, or choose another kind.", code="file")
            return None
        if not written.file:
            if kind is not None:
                message = f"A {written.kind} hands out a file; file is missing."
                self._findings.say(where, message, "Add file.", code="file")
            return None
        if not self._own_folder:
            cure = f"Move this file to magnets/{self._findings.slug}/index.md, and the file beside it."
            self._findings.say(where, "A magnet with a file needs a folder of its own.", cure, code="file")
            return None
        path = self._inside(where, written.file, FILE_ENDINGS)
        if path is not None and self._is_placeholder(where, path):
            message = f"{written.file} is still the placeholder that optin new made."
            self._findings.say(where, message, "Put the real file in its place.", "warning", "placeholder")
        return path

    def picture(self, where: Path_ | int, name: str, alt: str) -> PictureFile | None:
        """Return a picture named at `where`; None when it is not usable."""
        if not self._own_folder:
            cure = f"Move this file to magnets/{self._findings.slug}/index.md, and the picture beside it."
            self._findings.say(
                where, "A magnet with pictures needs a folder of its own.", cure, code="picture"
            )
            return None
        path = self._inside(where, name, PICTURE_ENDINGS)
        if path is None:
            return None
        try:
            drawn = read_picture(path, name)
        except PictureRefused as problem:
            self._findings.say(where, str(problem), problem.cure, code="picture")
            return None
        return PictureFile(path, alt, drawn.width, drawn.height)

    def _is_placeholder(self, where: Path_, path: Path) -> bool:
        try:
            return PLACEHOLDER in read_most(path, PLACEHOLDER_WITHIN_BYTES)
        except OSError as problem:
            message = f"{path.name} cannot be read ({problem.strerror})."
            self._findings.say(where, message, "Check its permissions.", code="file")
            return False

    def _inside(self, where: Path_ | int, name: str, endings: Collection[str]) -> Path | None:
        """Return a file in the magnet's own folder, whatever the name (S8)."""
        folder = self._path.parent
        path = find_inside(folder, name)
        if isinstance(path, Absence):
            message, cure = absence_in_words(folder, name, path, endings)
            self._findings.say(where, message, cure, code="file")
            return None
        if path.suffix[1:].lower() not in endings:
            cure = f"Supported file types: {', '.join(endings)}."
            self._findings.say(where, f"{name!r} has a file type that is not supported.", cure, code="file")
            return None
        return path
