"""Recognise files that are not lists, each with a sentence that names the format and the cure."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

_BEGIN_BYTES = 4_096
_CHUNK_BYTES = 1_000_000
_SAVE_AS = "open it in a spreadsheet program and save it as CSV or .xlsx"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ZIP = b"PK\x03\x04"
_SAVE_CSV = "save what it holds as CSV"

_BY_BEGINNING: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"%PDF"), f"a PDF; {_SAVE_CSV}, where it came from"),
    (re.compile(rb"\{\\rtf"), f"a text of a word processor; {_SAVE_CSV}"),
    (re.compile(rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!"), "packed; unpack it and give the list itself"),
    (re.compile(rb"SQLite format 3\0"), f"a database; {_SAVE_CSV}"),
    (re.compile(rb"BEGIN:VCARD", re.IGNORECASE), f"a file of business cards; {_SAVE_CSV}"),
    (re.compile(rb'\{\s*"|\[\s*[\[{"\]]'), f"JSON; {_SAVE_CSV}"),
    (re.compile(rb"<\?xml", re.IGNORECASE), f"XML; {_SAVE_AS}"),
    (
        re.compile(rb"<(?:!doctype|html|head|meta|style|body|table|div|!--)", re.IGNORECASE),
        f"a web page, whatever its name says; {_SAVE_AS}",
    ),
)
_BY_MEMBER: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda name: name == "xl/workbook.bin", f"a binary Excel file (.xlsb); {_SAVE_AS}"),
    (lambda name: name.endswith(".iwa") or name == "Index.zip", f"a Numbers file; {_SAVE_AS}"),
    (lambda name: name.startswith("word/"), f"a text of a word processor; {_SAVE_CSV}"),
)


def foreign_format(path: Path) -> str:
    """Return a file's format and the cure; empty when it may be a list. Raises OSError."""
    with path.open("rb") as file:
        begin = file.read(_BEGIN_BYTES)
    if begin.startswith(_OLE):
        if _holds(path, _ENCRYPTED):
            return "protected by a password; save it without one"
        return f"an Excel file of before 2007 (.xls), or of another old program; {_SAVE_AS}"
    if zipfile.is_zipfile(path) and begin.startswith(b"PK"):
        return _packed(path)
    if begin.startswith(_ZIP):
        return "damaged or was cut off; get it again"
    text = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((what for pattern, what in _BY_BEGINNING if pattern.match(text)), "")


def is_spreadsheet(path: Path) -> bool:
    """Return whether the content of a file is XLSX, whatever its name. Raises OSError."""
    with path.open("rb") as file:
        return file.read(2) == b"PK" and zipfile.is_zipfile(path)


def _packed(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            kind = _begin_of(archive, "mimetype") if "mimetype" in names else b""
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        return "damaged or was cut off; get it again"
    if b"opendocument" in kind:
        return f"an OpenDocument file (.ods); {_SAVE_AS}"
    for is_so, what in _BY_MEMBER:
        if any(map(is_so, names)):
            return what
    is_workbook = any(name.startswith("xl/") for name in names)
    return "" if is_workbook else "a ZIP; unpack it and give the list itself"


def _begin_of(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(_BEGIN_BYTES)


def _holds(path: Path, sign: bytes) -> bool:
    with path.open("rb") as file:
        before = b""
        while chunk := file.read(_CHUNK_BYTES):
            if sign in before + chunk:
                return True
            before = chunk[-len(sign) :]
    return False
