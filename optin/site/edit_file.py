"""Edit the file of a magnet as a person would: read it, change keys or its text, save it whole.

How others use it, such as for a change of status:

    opened = open_magnet(root, slug)                                   # EditRefused
    data = with_changes(opened, {"status": "archived"})                # CannotEdit; None removes a key
    # look at the site as it would be: services.edit_site.SiteEditor.check({opened.path: data})
    save_magnet(opened, data)                                          # EditRefused, ChangedMeanwhile

`services.edit_site.SiteEditor.save` does all of it, with the check, and commits to git.

Everything that is not changed stays byte for byte: comments, order, quotes, line ends, a byte order mark. A
file that somebody else saved meanwhile is never overwritten.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Literal

from optin.site.findings import Finding
from optin.site.front_matter_edit import CannotEdit, TextEdit, edits_of
from optin.site.magnet_conflicts import SLUG
from optin.site.magnet_folder import INDEX
from optin.site.toml_and_markdown_reader import Document, parse_front_matter, text_of

MARK = b"\xef\xbb\xbf"  # some editors begin a file with it
MOST_LINES = 20_000  # more are compared from their first to their last difference


class EditRefused(ValueError):
    """A file is not edited here; the message says why, with the cure."""


class ChangedMeanwhile(Exception):
    """The file is no longer as the editor saw it: `now` are its bytes. Nothing was written."""

    def __init__(self, now: bytes) -> None:
        """Take the bytes of the file."""
        super().__init__("This file was changed meanwhile.")
        self.now = now


@dataclass(frozen=True)
class OpenedMagnet:
    """The file of a magnet as it was read. `digest`: of its bytes, by which a change of it is noticed."""

    root: Path
    slug: str
    path: Path
    data: bytes
    document: Document | Finding

    @property
    def digest(self) -> str:
        """The SHA-256 of the bytes, in hexadecimal digits."""
        return digest_of(self.data)

    @property
    def name(self) -> str:
        """The path of the file below the site's folder."""
        return self.path.relative_to(self.root).as_posix()

    @property
    def has_folder(self) -> bool:
        """Whether the magnet has a folder of its own, where pictures can lie."""
        return self.path.name == INDEX

    @property
    def text(self) -> str:
        """What is in the file, with line feeds between its lines; empty when it cannot be read."""
        text = text_of(self.data, self.name)
        return "" if isinstance(text, Finding) else text


@dataclass(frozen=True)
class ChangedLine:
    """A line of a comparison: gone, new, or the same on both sides. Numbers count from 1; 0: not there."""

    kind: Literal["gone", "new", "same"]
    before: int
    after: int
    text: str


def digest_of(data: bytes) -> str:
    """Return the digest of a file's bytes."""
    return hashlib.sha256(data).hexdigest()


def open_magnet(root: Path, slug: str) -> OpenedMagnet:
    """Read the file of a magnet. Raises EditRefused for one that is missing, a link, or elsewhere."""
    root = root.resolve()
    if SLUG.fullmatch(slug) is None:
        msg = "This is no address of a magnet."
        raise EditRefused(msg)
    magnets = root / "magnets"
    path = next((it for it in (magnets / slug / INDEX, magnets / f"{slug}.md") if os.path.lexists(it)), None)
    if path is None:
        msg = f"There is no magnet {slug}."
        raise EditRefused(msg)
    return opened_as(root, slug, path, _read(root, path))


def opened_as(root: Path, slug: str, path: Path, data: bytes) -> OpenedMagnet:
    """Return a magnet as if its file held these bytes."""
    name = path.relative_to(root).as_posix()
    text = text_of(data, name)
    document = text if isinstance(text, Finding) else parse_front_matter(text, name)
    return OpenedMagnet(root, slug, path, data, document)


def with_changes(opened: OpenedMagnet, changes: Mapping[str, Any], body: str | None = None) -> bytes:
    """Return the bytes of a file with keys of its front matter changed, and its text below.

    `changes`: plain values by key, None to remove the key. `body`: None to keep it. Raises CannotEdit.
    """
    text = text_of(opened.data, opened.name)
    if isinstance(text, Finding):
        raise CannotEdit(text.message)
    if isinstance(opened.document, Document) and body is not None:
        body = _as_before(body, opened.document.body)
    return _with_edits(opened.data, edits_of(text, opened.name, changes, body))


def with_text(opened: OpenedMagnet, text: str) -> bytes:
    """Return the bytes of a file whose whole text somebody wrote anew, with line ends as they were."""
    before = opened.text
    after = _as_before(text, before)
    if after == before and before:
        return opened.data
    mark = MARK if opened.data.startswith(MARK) else b""
    return mark + after.replace("\n", _line_end(opened.data)).encode()


def save_magnet(opened: OpenedMagnet, data: bytes) -> None:
    """Write a file, unless it changed meanwhile; a reader gets the whole old or the whole new one.

    Raises EditRefused where it cannot be written, ChangedMeanwhile.
    """
    with _alone(opened.path.parent):
        now = _read(opened.root, opened.path)
        if now != opened.data:
            raise ChangedMeanwhile(now)
        write_whole(opened.path, data)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step, in the mode that it has. Raises EditRefused."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            mode = 0o644
        with draft.open("xb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _settle(path.parent)
    except OSError as problem:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        msg = f"{path.name} cannot be written ({problem.strerror}); check the permissions of its folder."
        raise EditRefused(msg) from problem


def compare(before: bytes, after: bytes) -> list[ChangedLine]:
    """Return the lines that differ between two versions of a file, with one line around each place."""
    old, new = (data.decode("utf-8-sig", "replace").splitlines() for data in (before, after))
    if max(len(old), len(new)) > MOST_LINES:
        return _whole_difference(old, new)
    found: list[ChangedLine] = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(1):
        for what, a, b, c, d in group:
            if what == "equal":
                found += [
                    ChangedLine("same", at + 1, to + 1, old[at])
                    for at, to in zip(range(a, b), range(c, d), strict=True)
                ]
                continue
            found += [ChangedLine("gone", at + 1, 0, old[at]) for at in range(a, b)]
            found += [ChangedLine("new", 0, to + 1, new[to]) for to in range(c, d)]
    return found


def _whole_difference(old: Sequence[str], new: Sequence[str]) -> list[ChangedLine]:
    same = next(
        (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )
    gone = [ChangedLine("gone", at + 1, 0, old[at]) for at in range(same, len(old))]
    return [*gone, *(ChangedLine("new", 0, at + 1, new[at]) for at in range(same, len(new)))]


def _read(root: Path, path: Path) -> bytes:
    """Return the bytes of a file, which no link leads to. Raises EditRefused."""
    parts = [path, *(it for it in path.parents if it != root and it.is_relative_to(root))]
    if any(it.is_symlink() for it in parts) or not path.is_file():
        msg = f"{path.name} is a link, or no file; it is not edited here. Edit the file itself."
        raise EditRefused(msg)
    try:
        return path.read_bytes()
    except OSError as problem:
        msg = f"{path.name} cannot be read ({problem.strerror}); check its permissions."
        raise EditRefused(msg) from problem


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other servers of the desk from writing in a folder meanwhile."""
    try:
        held = os.open(folder, os.O_RDONLY)
    except OSError as problem:
        msg = f"{folder.name} cannot be opened ({problem.strerror}); check its permissions."
        raise EditRefused(msg) from problem
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _settle(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def _line_end(data: bytes) -> str:
    """Return how most lines of a file end."""
    return "\r\n" if data.count(b"\r\n") * 2 > data.count(b"\n") else "\n"


def _as_before(typed: str, before: str) -> str:
    """Return a typed text; the one before when only its line ends differ, as browsers send all alike."""
    typed = typed.replace("\r\n", "\n")
    return before if typed.replace("\r", "\n") == before.replace("\r", "\n") else typed


def _with_edits(data: bytes, edits: Sequence[TextEdit]) -> bytes:
    """Return bytes with edits made in a text of theirs that has one sign between all lines."""
    mark = MARK if data.startswith(MARK) else b""
    written, end = data[len(mark) :].decode(), _line_end(data)
    # where each character of the text stands in what is written
    ends: list[int] = []
    at = written.find("\r\n")
    while at >= 0:
        ends.append(at - len(ends))
        at = written.find("\r\n", at + 2)
    for it in sorted(edits, key=lambda it: (it.start, it.end), reverse=True):
        start, stop = (place + bisect_left(ends, place) for place in (it.start, it.end))
        written = written[:start] + it.text.replace("\n", end) + written[stop:]
    return mark + written.encode()
