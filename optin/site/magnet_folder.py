"""Reading `magnets/`: which files are magnets, and which look like one and are not read (M1, M4)."""

from __future__ import annotations

from pathlib import Path

from optin.consent.form import Slug
from optin.site.findings import Finding, shown_path
from optin.site.kept import Kept
from optin.site.magnets import MagnetReader, Surroundings
from optin.site.model import Magnet
from optin.site.together import put_together

INDEX = "index.md"
_ENDING = ".md"
_LIKE_MARKDOWN = frozenset({_ENDING, ".markdown"})


def read_magnets(root: Path, around: Surroundings, kept: Kept) -> tuple[dict[Slug, Magnet], list[Finding]]:
    """Read every magnet of the site at `root`; broken ones are left out."""
    paths, findings = _magnet_files(root)
    known = around.known
    readings = [
        kept.once(
            ("magnet", path),
            (known, kept.stamp(path.parent if path.name == INDEX else path)),
            lambda path=path: MagnetReader(root, path, around).reading,  # type: ignore[misc]
        )
        for path in paths
    ]
    findings += [finding for reading in readings for finding in reading.findings]
    magnets, more = put_together(readings)
    return magnets, [*findings, *more]


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
            files, index = [entry], ""
        else:
            index = INDEX
            try:
                files = _listed(entry)
            except OSError as problem:
                findings.append(_unlisted(name, problem))
                continue
        read = [file for file in files if (file.name == index if index else file.name.endswith(_ENDING))]
        paths += read
        if not read:
            findings += [
                _unread(root, file, index) for file in files if file.suffix.lower() in _LIKE_MARKDOWN
            ]
    return paths, findings


def _listed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_")))


def _unlisted(name: str, problem: OSError) -> Finding:
    message = f"This folder cannot be listed ({problem.strerror})."
    return Finding(name, 1, 1, message, "Make it a folder, and see its rights.")


def _unread(root: Path, file: Path, index: str) -> Finding:
    name = shown_path(file, root)
    cure = f"Rename it {index or file.stem.lower() + _ENDING}; only then it is a magnet."
    return Finding(name, 1, 1, "This file is not read.", cure, "warning", "not-read")
