"""An evidence bundle as a file: its files and their digests in one reproducible ZIP.

Reading trusts nothing: names, sizes and digests are checked before anything is believed, and nothing is
ever written to disk.
"""

from __future__ import annotations

import io
import json
import re
import stat
import struct
import zipfile
from collections.abc import Mapping

from optin.proof.commitment import digest

MANIFEST = "manifest.json"
MAX_FILES = 5_000
MAX_BYTES = 100_000_000  # unpacked
MAX_RATIO = 50  # how many times larger it is unpacked
MAX_FILE_BYTES = 25_000_000  # the largest mail
MAX_TEXT_BYTES = {".json": 2_000_000, ".jsonld": 2_000_000, ".html": 4_000_000}  # which is parsed whole
_NAME = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,30}/){0,2}[A-Za-z0-9][A-Za-z0-9._@-]{0,120}")
_MSDOS_FOLDER = 0x10
_HEADER_BYTES, _END_BYTES = 30, 22
_LENGTHS_AT = 26  # of name and extra field, in a member's own header (APPNOTE 4.3.7)
_DIRECTORY_AT = 10  # before the end: size and place of the directory (APPNOTE 4.3.16)
_EPOCH = (1980, 1, 1, 0, 0, 0)


class BundleBroken(ValueError):
    """A file that is not a sound bundle; the message says why, in one sentence."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the bundle of `files` with the manifest of their digests."""
    manifest = {name: digest(data) for name, data in sorted(files.items())}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted([*files.items(), (MANIFEST, _json(manifest))]):
            if not _NAME.fullmatch(name):
                raise BundleBroken(name)
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the files of a bundle, checked against its manifest. Raises BundleBroken."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_shape(archive, data)
            files = _read(archive, len(data))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as problem:
        if isinstance(problem, BundleBroken):
            raise
        msg = "The file is not a complete ZIP archive."
        raise BundleBroken(msg) from None
    except Exception as problem:  # noqa: BLE001 - zlib.error and what else a decoder may raise
        msg = f"The file cannot be unpacked ({type(problem).__name__})."
        raise BundleBroken(msg) from None
    _check_manifest(files)
    return files


def _check_shape(archive: zipfile.ZipFile, data: bytes) -> None:
    """Refuse what another reader might interpret differently: links, folders, bytes outside members."""
    at = 0
    for member in archive.infolist():
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG} or member.is_dir() or member.external_attr & _MSDOS_FOLDER:
            msg = "The archive holds something that is not a plain file."
            raise BundleBroken(msg)
        name, extra = struct.unpack_from("<HH", data, at + _LENGTHS_AT)
        if member.header_offset != at:
            break
        at += _HEADER_BYTES + name + extra + member.compress_size
    else:
        directory, begin = struct.unpack_from("<LL", data, len(data) - _DIRECTORY_AT)
        ends = data.startswith(b"PK\5\6", len(data) - _END_BYTES) and data.endswith(b"\0\0")  # no comment
        if ends and begin == at and begin + directory + _END_BYTES == len(data):
            return
    msg = "The archive has bytes in it that belong to no file."
    raise BundleBroken(msg)


def _read(archive: zipfile.ZipFile, packed: int) -> dict[str, bytes]:
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if len(members) > MAX_FILES or total > MAX_BYTES or total > packed * MAX_RATIO:
        msg = "The archive is larger inside than any bundle of evidence."
        raise BundleBroken(msg)
    files: dict[str, bytes] = {}
    for member in members:
        if not _NAME.fullmatch(member.filename) or member.filename in files:
            msg = "The archive has a name in it that no bundle has."
            raise BundleBroken(msg)
        if member.file_size > _most(member.filename):
            msg = f"The file {member.filename} is larger than any of its kind."
            raise BundleBroken(msg)
        with archive.open(member) as file:
            files[member.filename] = file.read(member.file_size + 1)
        if len(files[member.filename]) != member.file_size:
            msg = "The archive says another size than it has."
            raise BundleBroken(msg)
    return files


def _most(name: str) -> int:
    return MAX_TEXT_BYTES.get(name[name.rfind(".") :], MAX_FILE_BYTES)


def _check_manifest(files: dict[str, bytes]) -> None:
    try:
        manifest = json.loads(files.pop(MANIFEST))
    except (KeyError, ValueError, RecursionError):
        msg = "The manifest is missing or cannot be read."
        raise BundleBroken(msg) from None
    if not isinstance(manifest, dict) or set(manifest) != set(files):
        msg = "The files are not those that the manifest names."
        raise BundleBroken(msg)
    for name, data in files.items():
        if manifest[name] != digest(data):
            msg = f"The file {name} is not what the manifest says; it was changed."
            raise BundleBroken(msg)


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
