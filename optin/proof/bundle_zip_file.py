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
import zlib
from collections.abc import Iterator, Mapping

from optin.proof.commitment import digest
from optin.proof.signed_notes import NoteBroken, VerifierKey, parse_keys

MANIFEST = "manifest.json"
MAX_FILES = 5_000
MAX_BYTES = 100_000_000  # unpacked
MAX_RATIO = 50  # how many times larger it is unpacked
MAX_FILE_BYTES = 25_000_000  # the largest mail
MAX_TEXT_BYTES = {".json": 2_000_000, ".jsonld": 2_000_000, ".html": 4_000_000}  # which is parsed whole
_NAME = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,30}/){0,2}[A-Za-z0-9][A-Za-z0-9._@-]{0,120}")
_MSDOS_FOLDER = 0x10
_HEADER_BYTES = 30
_HEADER = struct.Struct("<4s2x2H4x3L2H")  # a member's own: APPNOTE 4.3.7, without version and time
_WAYS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_NAMES_IN_EXTRA = frozenset({0x0001, 0x7075, 0x6375, 0x9901})  # other sizes, names and ways to read
_END = struct.Struct("<4s4H2LH")  # of the archive: APPNOTE 4.3.16
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
            files = _read(archive, data)
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


def keys_in(files: Mapping[str, bytes]) -> tuple[VerifierKey, ...]:
    """Return the public keys of the log that a bundle or a receipt holds. Raises BundleBroken."""
    try:
        return parse_keys(files.get("log-keys.txt", b"").decode("utf-8", "replace"))
    except NoteBroken:
        msg = "The keys of the log are not in it, or cannot be read."
        raise BundleBroken(msg) from None


def _check_shape(archive: zipfile.ZipFile, data: bytes) -> None:
    """Refuse what another reader might interpret differently: links, folders, bytes outside members."""
    at = 0
    for member in archive.infolist():
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG} or member.is_dir() or member.external_attr & _MSDOS_FOLDER:
            msg = "The archive holds something that is not a plain file."
            raise BundleBroken(msg)
        if member.header_offset != at:
            break
        at += _header_bytes(member, data) + member.compress_size
    else:
        count, directory = len(archive.infolist()), len(data) - at - _END.size
        # one disk, no comment; and as many files as there are, for some readers stop at the number told here
        if data.endswith(_END.pack(b"PK\5\6", 0, 0, count, count, directory, at, 0)):
            return
    msg = "The archive has bytes in it that belong to no file, or miscounts its files."
    raise BundleBroken(msg)


def _header_bytes(member: zipfile.ZipInfo, data: bytes) -> int:
    """Return the length of a member's own header, which some readers believe instead of the directory."""
    said = _HEADER.unpack_from(data, member.header_offset)
    name = member.filename.encode()
    meant = (
        b"PK\3\4", member.flag_bits, member.compress_type, member.CRC, member.compress_size, member.file_size,
        len(name),
    )  # fmt: skip
    begin = member.header_offset + _HEADER_BYTES + len(name)
    extra = data[begin : begin + said[-1]]
    names = {kind for it in (extra, member.extra) for kind in _kinds_of_extra(it)}
    plain = member.compress_type in _WAYS and not member.comment and not names & _NAMES_IN_EXTRA
    if said[:-1] != meant or data[begin - len(name) : begin] != name or not plain:
        msg = "The archive tells one reader something else than another."
        raise BundleBroken(msg)
    return _HEADER_BYTES + len(name) + len(extra)


def _kinds_of_extra(extra: bytes) -> Iterator[int]:
    """Yield what each part of a member's extra field is (APPNOTE 4.5)."""
    while len(extra) >= 4:  # noqa: PLR2004 - kind and length
        kind, length = struct.unpack_from("<HH", extra)
        yield kind
        extra = extra[4 + length :]


def _read(archive: zipfile.ZipFile, data: bytes) -> dict[str, bytes]:
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if len(members) > MAX_FILES or total > MAX_BYTES or total > len(data) * MAX_RATIO:
        msg = "The archive is larger inside than any bundle of evidence."
        raise BundleBroken(msg)
    files: dict[str, bytes] = {}
    seen: set[str] = set()  # a Mac or Windows keeps one of two names that differ in case alone
    for member in members:
        if not _NAME.fullmatch(member.filename) or member.filename.lower() in seen:
            msg = "The archive has a name in it that no bundle has."
            raise BundleBroken(msg)
        seen.add(member.filename.lower())
        if member.file_size > _most(member.filename):
            msg = f"The file {member.filename} is larger than any of its kind."
            raise BundleBroken(msg)
        with archive.open(member) as file:
            files[member.filename] = file.read(member.file_size + 1)
        begin = member.header_offset + _header_bytes(member, data)
        if not _fills(files[member.filename], data[begin : begin + member.compress_size], member):
            msg = "The archive says another size than it has."
            raise BundleBroken(msg)
    return files


def _fills(content: bytes, packed: bytes, member: zipfile.ZipInfo) -> bool:
    """Return whether a file is as large as its archive says, and ends where its packed bytes end."""
    if member.compress_type == zipfile.ZIP_DEFLATED:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        size = len(stream.decompress(packed, member.file_size + 1))
        return size == len(content) == member.file_size and stream.eof and not stream.unused_data
    return len(content) == member.file_size == len(packed)


def _most(name: str) -> int:
    return MAX_TEXT_BYTES.get(name[name.rfind(".") :], MAX_FILE_BYTES)


def _check_manifest(files: dict[str, bytes]) -> None:
    try:
        manifest = json.loads(files.pop(MANIFEST), object_pairs_hook=_once_each)
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


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object of JSON. Raises ValueError for a key that is there twice: readers take either."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
