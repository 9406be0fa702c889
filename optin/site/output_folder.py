"""A folder that only optin writes: foreign files are not touched, and no file is ever incomplete (M8)."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from optin.errors import RequestRefused

MANIFEST = ".optin-build"  # what was written here, as sha256sum writes it
DRAFT = ".optin-draft"
MOST_SHOWN = 5
# their names hold their digests, and pages in caches refer to them: they stay from earlier builds
_LASTING = re.compile(r"(static|privacy/[0-9a-f]+)/")


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` hold `files` in place of an earlier build's. Raises RequestRefused, OSError.

    1. Refuse a folder with anything in it that no build wrote. 2. Write all files into a draft. 3. Say what
    may stand here while it is moved. 4. Move: first what pages refer to. 5. Remove the pages that are gone.
    """
    # 1
    folder.mkdir(parents=True, exist_ok=True)
    found = _found(folder)
    # 2
    draft, wanted = folder / DRAFT, {(_digest(data), name) for name, data in files.items()}
    if draft.exists():
        shutil.rmtree(draft)  # a build was killed here
    for name, data in files.items():
        _write(draft / name, data)
    # 3
    _write_manifest(folder, wanted | found)
    # 4
    for name in sorted(files, key=lambda name: (_LASTING.match(name) is None, name)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (draft / name).replace(folder / name)
    # 5
    gone = {(digest, name) for digest, name in found if name not in files}
    lasting = {(digest, name) for digest, name in gone if _LASTING.match(name)}
    for _, name in gone - lasting:
        _remove(folder, folder / name)
    _write_manifest(folder, wanted | lasting)
    shutil.rmtree(draft)


def _found(folder: Path) -> set[tuple[str, str]]:
    """Return the digest and name of each existing file. Raises RequestRefused for a foreign one."""
    written, found, foreign = _read_manifest(folder), set(), []
    for name, path in _files(folder):
        mark = ("", name) if path.is_symlink() or not path.is_file() else (_digest(path.read_bytes()), name)
        if mark in written:
            found.add(mark)
        else:
            foreign.append(name)
    if foreign:
        more = f" and {len(foreign) - MOST_SHOWN} more" if len(foreign) > MOST_SHOWN else ""
        msg = (
            f"{folder} holds files that optin build did not write, or that were changed since:"
            f" {', '.join(foreign[:MOST_SHOWN])}{more}. Nothing was written; choose a new folder, or move"
            " these files away."
        )
        raise RequestRefused(msg)
    return found


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] not in {MANIFEST, DRAFT} and (path.is_symlink() or not path.is_dir()):
            yield name, path


def _read_manifest(folder: Path) -> set[tuple[str, str]]:
    path = folder / MANIFEST
    lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
    return {(digest, name) for digest, _, name in (line.partition("  ") for line in lines) if digest}


def _write_manifest(folder: Path, marks: set[tuple[str, str]]) -> None:
    lines = "".join(f"{digest}  {name}\n" for digest, name in sorted(marks, key=lambda mark: mark[::-1]))
    _write(folder / DRAFT / MANIFEST, lines.encode())
    (folder / DRAFT / MANIFEST).replace(folder / MANIFEST)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _remove(folder: Path, path: Path) -> None:
    """Remove a file, and its folder when that is empty."""
    path.unlink()
    if path.parent != folder and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
