"""Edit the files of a site from the desk: check the whole site as it would be, then save, commit, undo.

Files stay the truth (K3): what is written is what a person would have written, and a site with a mistake is
not saved. Findings that the rest of the site had before keep nobody from editing.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optin.services.commit_edit import Author, CommitResult, commit_files
from optin.services.installed_kind_parts import KindParts
from optin.services.site_edition import Edition, load_edition
from optin.site.edit_file import (
    EditRefused,
    OpenedMagnet,
    digest_of,
    open_magnet,
    save_magnet,
    with_changes,
    write_whole,
)
from optin.site.findings import Finding
from optin.site.loading_cache import ReadingCache
from optin.site.magnet_folder import INDEX
from optin.site.measure_pictures import MOST_BYTES, PICTURE_ENDINGS, PictureRefused, read_picture
from optin.site.model import Site
from optin.site.picture_cache import PictureCache
from optin.site.resized_pictures import renditions
from optin.site.scaffold import MagnetAnswers, make_magnet, reason_against_slug

UNDO = Path("var", "desk")  # one file for each magnet: its bytes before the last save


@dataclass(frozen=True)
class CheckedEdit:
    """What a site would be with an edit. `edition`: it, drafts included; None when it cannot be loaded.

    `here`: the findings about the edited file; `elsewhere`: new errors that the edit causes in other files;
    `before`: errors that other files had already, for which the server serves no new edition at all.
    """

    edition: Edition | None = field(repr=False)
    here: tuple[Finding, ...] = ()
    elsewhere: tuple[Finding, ...] = ()
    before: tuple[Finding, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps the edit from being saved."""
        return (*(it for it in self.here if it.severity == "error"), *self.elsewhere)


class SiteHasMistakes(Exception):
    """An edit would break the site; nothing was saved."""

    def __init__(self, checked: CheckedEdit) -> None:
        """Take what is wrong."""
        super().__init__("The site would have mistakes.")
        self.checked = checked


class SiteEditor:
    """Edits the files of the site at `root`. Its methods are for threads; one loading runs at a time."""

    def __init__(self, root: Path, kinds: KindParts) -> None:
        """Begin with nothing loaded."""
        self.root = root.resolve()
        self._kinds = kinds
        self._kept = ReadingCache()
        self._lock = threading.Lock()

    def open(self, slug: str) -> OpenedMagnet:
        """Read the file of a magnet. Raises EditRefused."""
        return open_magnet(self.root, slug)

    def check(self, instead: Mapping[Path, bytes]) -> CheckedEdit:
        """Load the whole site as if files held other bytes; nothing is written."""
        with self._lock:
            edition, findings = self._load(instead)
            names = {it.relative_to(self.root).as_posix() for it in instead}
            here = tuple(it for it in findings if it.path in names)
            errors = tuple(it for it in findings if it.path not in names and it.severity == "error")
            known = {_kind_of(it) for it in self._load({})[1]} if errors else frozenset()
        new = tuple(it for it in errors if _kind_of(it) not in known)
        return CheckedEdit(edition, here, new, tuple(it for it in errors if it not in new))

    def save(self, opened: OpenedMagnet, data: bytes, author: Author) -> CommitResult:
        """Check the site with a file's new bytes, write them, commit them.

        Raises SiteHasMistakes, EditRefused, ChangedMeanwhile.
        """
        checked = self.check({opened.path: data})
        if checked.errors:
            raise SiteHasMistakes(checked)
        save_magnet(opened, data)
        return self.commit([opened.path], author, f"Edit {opened.slug}")

    def change(self, slug: str, changes: Mapping[str, Any], author: Author) -> CommitResult:
        """Set keys of a magnet's front matter, such as its status; None removes a key.

        Raises EditRefused, CannotEdit, SiteHasMistakes, ChangedMeanwhile.
        """
        opened = self.open(slug)
        return self.save(opened, with_changes(opened, changes), author)

    def commit(self, paths: list[Path], author: Author, subject: str) -> CommitResult:
        """Commit files to git, where the site is a repository."""
        return commit_files(self.root, paths, author, subject)

    def add_picture(self, opened: OpenedMagnet, name: str, data: bytes) -> tuple[OpenedMagnet, str]:
        """Put a picture beside a magnet's text; return the magnet, and the name of the picture there.

        A magnet without a folder gets one. Raises EditRefused for what pages cannot show.
        """
        stem, _, ending = _file_name(name).rpartition(".")
        if ending not in PICTURE_ENDINGS:
            msg = f"Supported file types: {', '.join(PICTURE_ENDINGS)}."
            raise EditRefused(msg)
        if len(data) > MOST_BYTES:
            most = MOST_BYTES // 1_000_000
            msg = f"{name} is larger than {most} MB. Save it smaller; people load pages on phones."
            raise EditRefused(msg)
        opened = self.with_folder(opened)
        folder = opened.path.parent
        free, number = f"{stem}.{ending}", 1
        while (folder / free).exists() and (folder / free).read_bytes() != data:
            number += 1
            free = f"{stem}-{number}.{ending}"
        path = folder / free
        draft = folder / f".new-{secrets.token_hex(4)}-{free}"
        write_whole(draft, data)
        try:
            found = read_picture(draft, free)
            if ending != "svg":
                renditions(found.data, "text", PictureCache(self.root))
            draft.replace(path)
        except PictureRefused as problem:
            msg = f"{problem} {problem.cure}"
            raise EditRefused(msg) from problem
        except (OSError, ValueError, SyntaxError) as problem:  # as Pillow says of a file that breaks off
            msg = f"{free} is damaged: only its beginning is a picture. Save it again."
            raise EditRefused(msg) from problem
        finally:
            draft.unlink(missing_ok=True)
        return opened, free

    def pictures_of(self, opened: OpenedMagnet) -> tuple[str, ...]:
        """Return the names of the pictures in a magnet's folder; none for a magnet without a folder."""
        if not opened.has_folder:
            return ()
        found = (it.name for it in opened.path.parent.iterdir() if not it.name.startswith("."))
        return tuple(sorted(it for it in found if it.rpartition(".")[2].lower() in PICTURE_ENDINGS))

    def with_folder(self, opened: OpenedMagnet) -> OpenedMagnet:
        """Return a magnet with a folder of its own; its file is moved there when it has none."""
        if opened.has_folder:
            return opened
        folder = self.root / "magnets" / opened.slug
        try:
            folder.mkdir(exist_ok=True)  # left empty by a move that failed
            opened.path.rename(folder / INDEX)
        except OSError as problem:
            msg = f"magnets/{opened.slug} cannot be made ({problem.strerror}); check the permissions."
            raise EditRefused(msg) from problem
        return self.open(opened.slug)

    def duplicate(self, site: Site, slug: str, new: str, author: Author) -> CommitResult:
        """Copy a magnet as a draft at another address, with its files. Raises EditRefused, CannotEdit."""
        opened = self.open(slug)
        if reason := reason_against_slug(site, new):
            raise EditRefused(reason)
        data = with_changes(
            opened, {"status": "draft", "was": None, "group": None, "from": None, "until": None}
        )
        magnets = self.root / "magnets"
        try:
            if not opened.has_folder:
                path = magnets / f"{new}.md"
                write_whole(path, data)
                return self.commit([path], author, f"Copy {slug} to {new}")
            draft = magnets / f".{new}.part"
            shutil.rmtree(draft, ignore_errors=True)  # of a copy that failed
            shutil.copytree(opened.path.parent, draft, symlinks=True)
            (draft / INDEX).write_bytes(data)
            draft.rename(magnets / new)
        except OSError as problem:
            msg = f"magnets/{new} cannot be made ({problem.strerror}); check the permissions."
            raise EditRefused(msg) from problem
        files = sorted(
            it for it in (magnets / new).rglob("*") if it.is_file() and not it.name.startswith(".")
        )
        return self.commit(files, author, f"Copy {slug} to {new}")

    def make(
        self, site: Site, magnet: tuple[str, str, str], answers: MagnetAnswers, author: Author
    ) -> CommitResult:
        """Make a magnet from the starter of its kind, as a draft. `magnet`: kind, slug and language.

        Raises AlreadyThere, EditRefused.
        """
        kind, slug, lang = magnet
        if kind not in self._kinds.files:
            msg = f"The kind {kind!r} is unknown."
            raise EditRefused(msg)
        try:
            made = make_magnet(site, self._kinds.files, kind, slug, lang, answers)
        except OSError as problem:
            msg = f"magnets/{slug} cannot be made ({problem.strerror}); check the permissions."
            raise EditRefused(msg) from problem
        opened = self.open(slug)
        save_magnet(opened, with_changes(opened, {"status": "draft"}))
        return self.commit(made, author, f"Begin {slug}")

    def keep_undo(self, before: OpenedMagnet, after: bytes) -> None:
        """Keep the bytes from before a save, until another save; a disk that takes none keeps nothing."""
        path = self._undo_path(before.slug)
        with suppress(OSError, EditRefused):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(path, f"{digest_of(after)}\n".encode() + before.data)

    def before_last_save(self, opened: OpenedMagnet) -> bytes | None:
        """Return what a file held before the last save in the desk; None when it changed since."""
        try:
            digest, _, data = self._undo_path(opened.slug).read_bytes().partition(b"\n")
        except OSError:
            return None
        return data if digest.decode("ascii", "replace") == opened.digest else None

    def _undo_path(self, slug: str) -> Path:
        return self.root / UNDO / f"{slug}.undo"

    def _load(self, instead: Mapping[Path, bytes]) -> tuple[Edition | None, tuple[Finding, ...]]:
        return load_edition(self.root, self._kinds, self._kept, with_drafts=True, instead=instead)


def _kind_of(finding: Finding) -> tuple[str, str, str]:
    return finding.path, finding.code, finding.message


def _file_name(name: str) -> str:
    """Return a name that every disk and address takes, from the name that a browser gave."""
    last = name.replace("\\", "/").rpartition("/")[2].lower()
    stem, _, ending = last.rpartition(".")
    clean = "-".join("".join(it if it.isascii() and it.isalnum() else " " for it in stem).split())
    return f"{clean[:60] or 'picture'}.{'jpg' if ending == 'jpeg' else ending}"
