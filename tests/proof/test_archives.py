"""An archive of evidence says the same to every reader, or is refused."""

from __future__ import annotations

import binascii
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

import pytest

from optin.proof.bundle_zip_file import MANIFEST, BundleBroken, pack, unpack
from optin.proof.commitment import digest

FILES = {"README.txt": b"read me " * 20, "declaration.json": b"{}"}
METHOD, FLAGS, SUM, PACKED, SIZE = 8, 6, 14, 18, 22  # places in a member's own header (APPNOTE 4.3.7)


def archive(
    change: Callable[[zipfile.ZipInfo], object] = lambda _member: None,
    files: Mapping[str, bytes] = FILES,
    way: int = zipfile.ZIP_DEFLATED,
    manifest: bytes = b"",
) -> bytes:
    """Return an archive with its manifest, whose members were changed before they were written."""
    out = io.BytesIO()
    named = json.dumps({name: digest(data) for name, data in files.items()}).encode()
    with zipfile.ZipFile(out, "w") as whole:
        for name, data in {**files, MANIFEST: manifest or named}.items():
            member = zipfile.ZipInfo(name)
            change(member)
            whole.writestr(member, data, way)
    return out.getvalue()


def named_otherwise(member: zipfile.ZipInfo) -> None:
    """Add the field by which Info-ZIP and Windows read another name."""
    name = b"she-agreed.html"
    checked = struct.pack("<BL", 1, binascii.crc32(member.filename.encode())) + name
    member.extra = struct.pack("<HH", 0x7075, len(checked)) + checked


def timed(member: zipfile.ZipInfo) -> None:
    """Add the field in which zip keeps when a file was changed."""
    member.extra = struct.pack("<HHBL", 0x5455, 5, 1, 1_900_000_000)


def test_another_program_may_pack_it_again() -> None:
    """P6: what is unpacked and packed by other tools proves the same."""
    assert unpack(archive()) == FILES
    assert unpack(archive(timed)) == FILES
    assert unpack(archive(way=zipfile.ZIP_STORED)) == FILES


@pytest.mark.parametrize(
    ("place", "bytes_there"),
    [
        (METHOD, b"\0\0"),
        (FLAGS, b"\1\0"),
        (FLAGS, b"\x08\0"),
        (SUM, bytes(4)),
        (PACKED, b"\1"),
        (SIZE, b"\1"),
    ],
    ids=["method", "encrypted", "sizes behind", "sum", "packed", "size"],
)
def test_a_reader_without_the_directory_reads_the_same(place: int, bytes_there: bytes) -> None:
    """P6, S5: some programs read each member by its own header alone."""
    data = bytearray(archive())
    data[place : place + len(bytes_there)] = bytes_there
    with pytest.raises(BundleBroken, match="one reader something else"):
        unpack(bytes(data))


def hidden_behind() -> bytes:
    """Return an archive with bytes inside a member, behind the end of what is packed there."""
    data = archive(files={"a.txt": b"a" * 50})
    begin = 30 + len("a.txt")
    packed = int.from_bytes(data[PACKED : PACKED + 4], "little")
    more = b"<h1>She agreed to everything</h1>"
    swollen = data[:PACKED] + (packed + len(more)).to_bytes(4, "little") + data[PACKED + 4 : begin + packed]
    rest = bytearray(more + data[begin + packed :])
    directory = rest.index(b"PK\1\2")
    rest[directory + 20 : directory + 24] = (packed + len(more)).to_bytes(4, "little")
    second = rest.index(b"PK\1\2", directory + 4)
    for at in (second + 42, len(rest) - 6):
        rest[at : at + 4] = (int.from_bytes(rest[at : at + 4], "little") + len(more)).to_bytes(4, "little")
    return swollen + bytes(rest)


@pytest.mark.parametrize("place", [4, 6, 8, 10], ids=["disk", "its first disk", "files here", "files"])
def test_the_end_of_an_archive_counts_its_files(place: int) -> None:
    """P6, S5: some programs stop after as many files as the end tells, and would show fewer."""
    data = bytearray(archive())
    data[len(data) - 22 + place] = 1
    with zipfile.ZipFile(io.BytesIO(data)) as whole:  # the library does not look there
        assert whole.testzip() is None
    with pytest.raises(BundleBroken, match="bytes in it that belong to no file"):
        unpack(bytes(data))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (archive(named_otherwise), "one reader something else"),
        (archive(lambda member: setattr(member, "comment", b"she phoned")), "one reader something else"),
        (archive(way=zipfile.ZIP_BZIP2), "one reader something else"),
        (archive(way=zipfile.ZIP_LZMA), "one reader something else"),
        (archive(files={"a.txt": b"yes", "A.txt": b"no"}), "a name in it that no bundle has"),
        (archive(manifest=b'{"README.txt": "x", "README.txt": "y"}'), "manifest"),
        (hidden_behind(), "another size"),
    ],
    ids=["another name", "comment", "bzip2", "lzma", "case", "named twice", "hidden"],
)
def test_what_readers_take_differently_is_refused(data: bytes, told: str) -> None:
    """P6, S5: another name in an extra field, rare ways to pack, two names on a Mac that are one."""
    with zipfile.ZipFile(io.BytesIO(data)) as whole:  # the library reads it
        assert whole.testzip() is None
    with pytest.raises(BundleBroken, match=told):
        unpack(data)


def test_a_file_that_is_packed_smaller_than_nothing_is_whole() -> None:
    """P6: empty files, and those that do not get smaller."""
    files = {"empty.txt": b"", "noise.txt": zlib.compress(b"noise")}
    assert unpack(pack(files)) == files
