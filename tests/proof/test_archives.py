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


def named_otherwise_once(*, in_directory: bool) -> bytes:
    """Return an archive whose members are named otherwise in their own headers alone, or in the directory."""
    data, field = archive(named_otherwise), struct.pack("<H", 0x7075)
    place = data.index(b"PK\1\2")
    own, directory = data[:place], data[place:]
    plain = struct.pack("<H", 0x5455)
    return own.replace(field, plain) + directory if in_directory else own + directory.replace(field, plain)


def one_inside_another() -> bytes:
    """Return an archive with bytes of nobody, and as many that two of its members share."""
    record = archive(files={"b.txt": b"no"}, way=zipfile.ZIP_STORED)[: 30 + len("b.txt") + len(b"no")]
    data = bytearray(archive(files={"a.txt": record, "b.txt": b"no"}, way=zipfile.ZIP_STORED))
    inside, behind = 30 + len("a.txt"), 30 + len("a.txt") + len(record)
    data[behind : behind + len(record)] = b"x" * len(record)
    second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)
    data[second + 42 : second + 46] = inside.to_bytes(4, "little")
    return bytes(data)


def named_twice() -> bytes:
    """Return a manifest that names a file twice: rightly for readers who take the last, which most do."""
    named = json.dumps({name: digest(data) for name, data in FILES.items()})
    return f'{{"README.txt": "x", {named[1:]}'.encode()


def repacked(change: Callable[[bytes], bytes], way: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive whose first member has other packed bytes, and says how many they are."""
    data = archive(files={"a.txt": b"a" * 50}, way=way)
    begin = 30 + len("a.txt")
    end = begin + int.from_bytes(data[PACKED : PACKED + 4], "little")
    packed = change(data[begin:end])
    size, more = len(packed).to_bytes(4, "little"), begin + len(packed) - end
    rest = bytearray(data[end:])
    directory = rest.index(b"PK\1\2")
    rest[directory + 20 : directory + 24] = size
    second = rest.index(b"PK\1\2", directory + 4)
    for at in (second + 42, len(rest) - 6):
        rest[at : at + 4] = (int.from_bytes(rest[at : at + 4], "little") + more).to_bytes(4, "little")
    return data[:PACKED] + size + data[PACKED + 4 : begin] + packed + bytes(rest)


def hidden_behind(packed: bytes) -> bytes:
    """Add bytes behind the end of what is packed."""
    return packed + b"<h1>She agreed to everything</h1>"


def unfinished(_packed: bytes) -> bytes:
    """Pack what is there, and do not say that it ends."""
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(b"a" * 50) + packing.flush(zlib.Z_SYNC_FLUSH)


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
        (named_otherwise_once(in_directory=False), "one reader something else"),
        (named_otherwise_once(in_directory=True), "one reader something else"),
        (one_inside_another(), "belong to no file"),
        (archive(lambda member: setattr(member, "comment", b"she phoned")), "one reader something else"),
        (archive(way=zipfile.ZIP_BZIP2), "one reader something else"),
        (archive(way=zipfile.ZIP_LZMA), "one reader something else"),
        (archive(files={"a.txt": b"yes", "A.txt": b"no"}), "a name in it that no bundle has"),
        (archive(manifest=named_twice()), "manifest is missing or cannot be read"),
        (repacked(hidden_behind), "another size"),
        (repacked(hidden_behind, zipfile.ZIP_STORED), "another size"),
        (repacked(unfinished), "another size"),
    ],
    ids=[
        "another name", "in its header", "in the directory", "inside", "comment", "bzip2", "lzma", "case",
        "named twice", "hidden", "hidden in plain", "unfinished",
    ],
)  # fmt: skip
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
