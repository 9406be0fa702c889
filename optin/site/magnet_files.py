"""Files of a magnet, its download and its pictures, all in the magnet's own folder (S8)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from optin.site.front_matter import FOCUS, MagnetFile, PictureEntry
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.magnet_findings import MagnetFindings
from optin.site.measure_pictures import PICTURE_ENDINGS, PictureRefused, read_picture
from optin.site.model import PictureFile
from optin.site.pdf_pages import pages_of
from optin.site.picture_cache import FOLDER, PictureCache
from optin.site.referenced_files import FILE_ENDINGS, FileProblem, absence_in_words, find_inside, read_most
from optin.site.resized_pictures import mail_rendition, renditions, shared_rendition
from optin.site.toml_and_markdown_reader import Path_

MAILED = frozenset({"cover", "next"})  # where a picture stands that mails show too
PLACEHOLDER = b"optin placeholder"
PLACEHOLDER_WITHIN_BYTES = 2_000


class MagnetFiles:
    """Finds the files named by a magnet, and reports what is wrong with them."""

    def __init__(self, path: Path, findings: MagnetFindings, drawn: PictureCache) -> None:
        """Search beside the magnet's Markdown file at `path`; keep what is drawn in `drawn`."""
        self._drawn = drawn
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

    def cover(self, entry: PictureEntry | None) -> PictureFile | None:
        """Return the picture of the front matter; None when there is none, or it is not usable."""
        if entry is None:
            return None
        found = self.picture(("picture", "file"), entry.file, entry.alt, "cover")
        if entry.focus and re.fullmatch(FOCUS, entry.focus) is None:
            message = f"The focus {entry.focus[:40]!r} is no point of a picture."
            cure = "Write how far across and down it is, such as: focus: 50% 30%"
            self._findings.say(("picture", "focus"), message, cure, code="picture")
            return None
        return None if found is None else replace(found, focus=entry.focus)

    def picture(self, where: Path_ | int, name: str, alt: str, use: str) -> PictureFile | None:
        """Return a picture named at `where`, in the widths of its `use`; None when it is not usable."""
        if not self._has_folder(where):
            return None
        path = self._inside(where, name, PICTURE_ENDINGS)
        if path is None:
            return None
        try:
            found = read_picture(path, name)
            is_drawn = path.suffix.lower() == ".svg"
            drawn = () if is_drawn else renditions(found.data, use, self._drawn)
            mailed = None if is_drawn or use not in MAILED else mail_rendition(found.data, self._drawn)
            shared = None if is_drawn or use != "cover" else shared_rendition(found.data, self._drawn)
        except PictureRefused as problem:
            self._findings.say(where, str(problem), problem.cure, code="picture")
            return None
        except (OSError, ValueError, SyntaxError):  # as Pillow says of a file that breaks off, or lies
            message = f"{name} is damaged: only its beginning is a picture."
            self._findings.say(where, message, "Save it again.", code="picture")
            return None
        width, height = found.width, found.height
        if drawn and (drawn[0].width > drawn[0].height) != (width > height):  # a camera held on its side
            width, height = height, width
        return PictureFile(path, alt, width, height, drawn=drawn, mailed=mailed, shared=shared)

    def pages(self, line: int, name: str, numbers: tuple[int, ...]) -> tuple[PictureFile, ...]:
        """Return pages of a PDF of the folder; none where it is not usable, which is said at `line`."""
        path = self._inside(line, name, ("pdf",)) if self._has_folder(line) else None
        if path is None:
            return ()
        try:
            return tuple(self._page(path, page) for page in pages_of(path, numbers, self._drawn))
        except PictureRefused as problem:
            self._findings.say(line, str(problem), problem.cure, code="picture")
        except (OSError, ValueError, SyntaxError):  # we drew it: it was damaged since
            message = f"A page of {name} that is kept in {FOLDER.as_posix()} is damaged."
            self._findings.say(line, message, "Remove that folder; it is drawn again.", code="picture")
        return ()

    def _page(self, path: Path, page: bytes) -> PictureFile:
        drawn = renditions(page, "page", self._drawn)
        return PictureFile(path, "", drawn[-1].width, drawn[-1].height, drawn=drawn)

    def _has_folder(self, where: Path_ | int) -> bool:
        if not self._own_folder:
            cure = f"Move this file to magnets/{self._findings.slug}/index.md, and the picture beside it."
            message = "A magnet with pictures needs a folder of its own."
            self._findings.say(where, message, cure, code="picture")
        return self._own_folder

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
        if isinstance(path, FileProblem):
            message, cure = absence_in_words(folder, name, path, endings)
            self._findings.say(where, message, cure, code="file")
            return None
        if path.suffix[1:].lower() not in endings:
            cure = f"Supported file types: {', '.join(endings)}."
            self._findings.say(where, f"{name!r} has a file type that is not supported.", cure, code="file")
            return None
        return path
