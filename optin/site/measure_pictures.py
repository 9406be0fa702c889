"""Measure pictures, so that a page's layout never shifts while they load."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from optin.site.picture_metadata import without_metadata
from optin.site.referenced_files import read_most

PICTURE_ENDINGS = ("svg", "png", "webp", "jpg", "jpeg")
MOST_BYTES = 2_000_000  # people load pages on a phone
MOST_PIXELS = 40_000_000  # of 4 bytes each in the memory of whoever draws it
MOST_SIDE = 10_000
MOST_ICON_BYTES, MOST_ICON_PIXELS = 300_000, 1_024
_VIEW_BOX = re.compile(
    rb"viewBox\s*=\s*[\"']\s*[-\d.]+[\s,]+[-\d.]+[\s,]+(\d{1,6}(?:\.\d{1,9})?)[\s,]+(\d{1,6}(?:\.\d{1,9})?)\s*[\"']"
)
_ACTIVE = re.compile(
    rb"<script|<!ENTITY|\son\w+\s*=|<foreignObject|javascript:|(?:href|src)\s*=\s*[\"']https?:", re.IGNORECASE
)
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


@dataclass(frozen=True)
class PictureData:
    """A displayable picture: its bytes without metadata, and its size in pixels."""

    data: bytes
    width: int
    height: int


class PictureRefused(ValueError):
    """Why a picture is not displayed, with the cure."""

    def __init__(self, message: str, cure: str) -> None:
        """Take the message, and the `cure` for the author."""
        super().__init__(message)
        self.cure = cure


def read_beginning(path: Path, name: str, most: int) -> bytes:
    """Return the first bytes of a file, which may be huge. Raises PictureRefused."""
    try:
        return read_most(path, most)
    except OSError as problem:
        msg = f"{name} cannot be read ({problem.strerror})."
        raise PictureRefused(msg, "Check its permissions.") from problem


def read_picture(path: Path, name: str) -> PictureData:
    """Read a picture that pages can carry and browsers display safely. Raises PictureRefused."""
    data = read_beginning(path, name, MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        msg = f"{name} is larger than {MOST_BYTES // 1_000_000} MB."
        raise PictureRefused(msg, "Save it smaller; people load pages on phones.")
    size = measure(data)
    if size is None or is_active(data):
        msg = f"{name} is not a picture that can be shown safely."
        raise PictureRefused(msg, "Save it as png, jpg, webp, or a plain svg with a viewBox.")
    if not is_svg(data) and (size[0] * size[1] > MOST_PIXELS or max(size) > MOST_SIDE):
        msg = f"{name} is {size[0]} by {size[1]} pixels, too large for a phone."
        raise PictureRefused(msg, "Save it smaller, such as 2000 pixels wide.")
    return PictureData(without_metadata(data), *size)


def read_icon(path: Path, name: str) -> bytes:
    """Read an icon for browser tabs: a square picture, or an .ico file. Raises PictureRefused."""
    if path.suffix.lower() != ".ico":
        icon = read_picture(path, name)
        large = icon.width > MOST_ICON_PIXELS and path.suffix.lower() != ".svg"
        if icon.width != icon.height or large:
            msg = f"{name} is {icon.width} by {icon.height} pixels; a browser shows a small square."
            raise PictureRefused(msg, "Save it square, such as 512 by 512.")
        return icon.data
    data = read_beginning(path, name, MOST_ICON_BYTES + 1)
    if not data.startswith(b"\0\0\1\0") or len(data) > MOST_ICON_BYTES:
        msg = f"{name} is not an .ico file of at most {MOST_ICON_BYTES // 1000} kB."
        raise PictureRefused(msg, "Save it again, or use an svg or png.")
    return data


def measure(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels; None when browsers do not display the format everywhere."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 24:  # noqa: PLR2004 - the header's length
        width, height = struct.unpack(">II", data[16:24])
        return int(width), int(height)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:2] == b"\xff\xd8":
        return _jpeg(data)
    found = _VIEW_BOX.search(data[:2_000]) if is_svg(data) else None
    return (round(float(found[1])), round(float(found[2]))) if found else None


def is_svg(data: bytes) -> bool:
    """Return whether a file is an SVG: other pictures may have these words in a comment of theirs."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<svg" in data[:2_000]


def needs_font(data: bytes) -> bool:
    """Return whether an SVG has text in a font that it does not bring: a visitor's own may be wider."""
    return is_svg(data) and re.search(rb"<text[\s>]", data) is not None and b"@font-face" not in data


def is_square(data: bytes) -> bool:
    """Return whether a picture is as wide as it is high."""
    size = measure(data)
    return size is not None and size[0] == size[1]


def is_active(data: bytes) -> bool:
    """Return whether an SVG could run or load something, or defines entities."""
    return is_svg(data) and _ACTIVE.search(data) is not None


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[12:16] == b"VP8X" and len(data) >= 30:  # noqa: PLR2004 - the header's length
        return (int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    if data[12:16] == b"VP8 " and len(data) >= 30:  # noqa: PLR2004 - the header's length
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if data[12:16] == b"VP8L" and len(data) >= 25:  # noqa: PLR2004 - the header's length
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:  # noqa: PLR2004 - a marker begins
        if data[at + 1] in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
