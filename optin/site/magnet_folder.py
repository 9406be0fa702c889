"""Read `magnets/`: find the magnets, and files that look like one and are not read (M1, M4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from optin.consent.form_version import Slug
from optin.site.findings import Finding, shown_path
from optin.site.loading_cache import ReadingCache
from optin.site.magnet_conflicts import MagnetReading, combine_magnets
from optin.site.magnet_reader import KnownReferences, MagnetReader
from optin.site.model import Magnet
from optin.site.referenced_files import read_most

INDEX = "index.md"
_ENDING = ".md"
# as Markdown is called elsewhere, and as it ends when a program adds an ending of its own
_LIKE_MARKDOWN = re.compile(
    r"(.+?)\.(?:md|mdx|mkdn?|mdwn|mdown|mdtxt|mdtext|markdown)(?:\.\w{1,8})?[ .]*", re.IGNORECASE
)
_LEFT_BY_AN_EDITOR = re.compile(r"#.*#|.*(?:~|\.(?:bak|old|orig|part|rej|save|swo|swp|tmp))", re.IGNORECASE)
_FRONT_MATTER = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n(?:.*\n)*?kind[ \t]*:")
_SNIFFED_BYTES = 2_000


@dataclass(frozen=True)
class MagnetFolder:
    """The magnets of a site, without broken ones; which files are drafts, broken or not; every finding."""

    magnets: Mapping[Slug, Magnet]
    drafts: frozenset[Slug]
    findings: Sequence[Finding]


def read_magnets(
    root: Path, around: KnownReferences, kept: ReadingCache, instead: Mapping[Path, bytes] | None = None
) -> MagnetFolder:
    """Read every magnet of the site at `root`; `instead`: bytes to read in place of those of a file."""
    paths, findings = _magnet_files(root)
    instead = instead or {}
    known = around.known
    readings = [
        kept.once(
            ("magnet", path),
            (known, kept.stamp(path.parent if path.name == INDEX else path), instead.get(path)),
            partial(_reading, root, path, around, instead.get(path)),
        )
        for path in paths
    ]
    findings += [finding for reading in readings for finding in reading.findings]
    magnets, more = combine_magnets(readings)
    drafts = frozenset(reading.slug for reading in readings if reading.is_draft)
    return MagnetFolder(magnets, drafts, [*findings, *more])


def _reading(root: Path, path: Path, around: KnownReferences, data: bytes | None) -> MagnetReading:
    return MagnetReader(root, path, around, data).reading


def _magnet_files(root: Path) -> tuple[list[Path], list[Finding]]:
    try:
        entries = _listed(root / "magnets")
    except FileNotFoundError:
        return [], []
    except OSError as problem:
        return [], [_unlisted("magnets", problem)]
    paths: list[Path] = []
    findings: list[Finding] = []
    for entry in entries:
        name = shown_path(entry, root)
        if not entry.is_dir() or entry.name.endswith(_ENDING):
            if entry.name.endswith(_ENDING):
                paths.append(entry)
            elif (stem := _almost_magnet(entry)) is not None:
                findings.append(_unread(root, entry, f"{stem}{_ENDING}"))
            continue
        try:
            files = _listed(entry)
        except OSError as problem:
            findings.append(_unlisted(name, problem))
            continue
        read = [file for file in files if file.name == INDEX]
        paths += read
        findings += _unread_in_folder(root, files, alone=not read)
    return paths, findings


def _unread_in_folder(root: Path, files: list[Path], *, alone: bool) -> Iterator[Finding]:
    """Yield what looks like a magnet in a folder; `alone`: the folder has no other, so any name counts."""
    for file in files:
        if alone and file.is_dir() and (file / INDEX).is_file():
            name = shown_path(file / INDEX, root)
            cure = f"Move its folder up to magnets/{file.name}/{INDEX}; otherwise it is not read as a magnet."
            yield Finding(name, 1, 1, "This file is not read.", cure, "warning", "not-read")
        elif (
            file.name != INDEX
            and (alone or file.name.split(".")[0].lower() == "index")
            and _almost_magnet(file) is not None
        ):
            yield _unread(root, file, INDEX)


def _almost_magnet(file: Path) -> str | None:
    """Return the stem of a file meant as a magnet, by its name or its beginning; else None."""
    if not file.is_file() or _LEFT_BY_AN_EDITOR.fullmatch(file.name):
        return None
    named = _LIKE_MARKDOWN.fullmatch(file.name)
    if named is not None:
        return named[1].lower()
    try:
        begins = _FRONT_MATTER.match(read_most(file, _SNIFFED_BYTES))
    except OSError:
        return None
    return None if begins is None else file.stem.lower()


def _listed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_")))


def _unlisted(name: str, problem: OSError) -> Finding:
    message = f"This folder cannot be listed ({problem.strerror})."
    return Finding(name, 1, 1, message, "Make it a folder, and check its permissions.")


def _unread(root: Path, file: Path, wanted: str) -> Finding:
    name = shown_path(file, root)
    cure = f"Rename it {wanted}; otherwise it is not read as a magnet."
    return Finding(name, 1, 1, "This file is not read.", cure, "warning", "not-read")
