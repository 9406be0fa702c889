"""Take out of a picture what a camera or program wrote beside it: where, when and by whom it was made.

The pixels stay as they are, and with them their colour profile and which side is up. What comes after the
picture (films of a phone, maps of brightness) goes too. A drawing (SVG) is text, and stays as it is.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PNG_CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP sBIT bKGD pHYs acTL fcTL fdAT".split()
)
_WEBP_CHUNKS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"})
_HAS_EXIF, _HAS_XMP = 0x08, 0x04  # in the flags of a WebP
_MARKER, _SCAN, _END, _COMMENT = 0xFF, 0xDA, 0xD9, 0xFE  # of a JPEG; the first begins each of the others
_OF_PROGRAMS = range(0xE0, 0xF0)  # APP0 to APP15
_WEBP_HEAD_BYTES = 8  # of a chunk: name and length
_JFIF_BYTES = 16  # of its segment, without a thumbnail
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")  # all others are part of the pixels
_EXIF = b"Exif\0\0"
ORIENTATION = 0x0112  # of EXIF: which side is up, 1 to 8


def without_metadata(data: bytes) -> bytes:
    """Return a PNG, JPEG or WebP with its pixels, colours and orientation alone; other files unchanged.

    Of a damaged picture what comes before the damage.
    """
    if data.startswith(_PNG):
        return _PNG + b"".join(_png(data))
    if data.startswith(_JPEG):
        return _JPEG + b"".join(_jpeg(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return data


def _png(data: bytes) -> Iterator[bytes]:
    at = len(_PNG)
    while at < len(data):
        kind, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")
        if kind in _PNG_CHUNKS:
            yield data[at:end]
        elif kind == b"eXIf" and (turned := _orientation(data[at + 8 : end - 4])):
            body = kind + turned
            yield len(turned).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        if kind == b"IEND":
            return
        at = end


def _jpeg(data: bytes) -> Iterator[bytes]:
    at, is_turned = len(_JPEG), False
    while at + 2 <= len(data) and data[at] == _MARKER:
        marker = data[at + 1]
        if marker == _MARKER:  # it may be repeated
            at += 1
            continue
        if marker == _END:
            yield data[at : at + 2]
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : end]
        if _is_shown(marker, body):
            yield data[at:end]
        elif body.startswith(_EXIF) and not is_turned and (turned := _orientation(body[len(_EXIF) :])):
            is_turned = True
            yield b"\xff\xe1" + (2 + len(_EXIF) + len(turned)).to_bytes(2, "big") + _EXIF + turned
        if marker == _SCAN:
            found = _NEXT_MARKER.search(data, end)
            begin, end = end, len(data) if found is None else found.start()
            yield data[begin:end]
        at = end


def _is_shown(marker: int, body: bytes) -> bool:
    """Return whether a segment of a JPEG says how its pixels look."""
    match marker:
        case 0xE0:
            return body.startswith(b"JFIF\0") and len(body) + 2 == _JFIF_BYTES
        case 0xE2:
            return body.startswith(b"ICC_PROFILE\0")
        case 0xEE:
            return body.startswith(b"Adobe")
        case _:
            return marker not in _OF_PROGRAMS and marker != _COMMENT


def _webp(data: bytes) -> bytes:
    at, parts, turned = 12, list[bytes](), b""
    while at + _WEBP_HEAD_BYTES <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        if kind in _WEBP_CHUNKS:
            parts.append(data[at:end])
        elif kind == b"EXIF":
            turned = _orientation(data[at + 8 : at + 8 + size].removeprefix(_EXIF))
        at = end
    if turned:
        parts.append(b"EXIF" + len(turned).to_bytes(4, "little") + turned + bytes(len(turned) % 2))
    if parts and parts[0].startswith(b"VP8X") and len(parts[0]) > _WEBP_HEAD_BYTES:
        first = bytearray(parts[0])
        first[8] = first[8] & ~(_HAS_EXIF | _HAS_XMP) | (_HAS_EXIF if turned else 0)
        parts[0] = bytes(first)
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _orientation(exif: bytes) -> bytes:
    """Return EXIF with nothing but which side is up; empty where that is the upper one, or not said."""
    from PIL import Image  # noqa: PLC0415 - Pillow takes long to import, and few pictures have any

    found, plain = Image.Exif(), Image.Exif()
    try:
        found.load(exif)
        side = found.get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - whatever a parser says of bytes that are no EXIF
        return b""
    if side not in range(2, 9):
        return b""
    plain[ORIENTATION] = side
    return plain.tobytes().removeprefix(_EXIF)
