"""A message taken apart: header fields and parts, within fixed bounds. Never raises. Pure.

The parser of the standard library goes down one call for each level of parts and compares each line with the
boundary of every level; a hostile message of some hundred kilobytes stops it for seconds, or at the limit of
calls. What is needed here is small: the first parts of a message, wherever their boundaries are.
"""

from __future__ import annotations

import binascii
import html
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header

MOST_BYTES = 1 << 20  # of a message; reports stand before the copy of the mail that they are about
_DEEPEST = 6  # parts within parts
_MOST_PARTS = 50
_MOST_FIELDS = 500
_MOST_CHARACTERS = 1 << 16  # of the text of a part
_MOST_OF_A_FIELD = 8000  # characters

_NAME = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100})[ \t]*:")  # RFC 5322, section 3.6.8
_WORD = re.compile(r"=\?[^?]{1,60}\?[bBqQ]\?")
_PARAMETER = re.compile(r';\s*([\w.*-]{1,40})\s*=\s*(?:"([^"]{0,300})"|([^\s;"]{1,300}))')
_MEDIA_TYPE = re.compile(r"\s*([\w.+-]{1,40}/[\w.+-]{1,80})")
_TAG_THAT_BREAKS = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/?h\d|/?table)\b[^<>]{0,2000}>", re.IGNORECASE)
_HIDDEN = re.compile(r"<(?:style|script|head)\b[^<>]{0,2000}>[^<]{0,20000}<", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,2000}>")
# Names of codecs that are character sets: Python knows others, such as zip and punycode.
_CHARSET = re.compile(
    r"(?:us-ascii|ascii|utf-?(?:7|8|16|32)|iso-?(?:8859|2022)|latin|windows-|cp\d|koi8|big5|gb[1k2]|euc"
    r"|shift|sjis|ks_c|tis)",
)

COPIES_OF_THE_ORIGINAL = frozenset(
    {
        "message/rfc822",
        "text/rfc822-headers",
        "text/rfc822-header",  # seen in reports of 2006
        "message/rfc822-headers",
        "message/global",  # RFC 6533
        "message/global-headers",
    }
)


class Fields:
    """Header fields, by name in any case. Of a repeated one, the values in their order."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(value)

    def first(self, *names: str) -> str:
        """Return the value of the first of these that is there and not empty; empty when none is."""
        return next((value for name in names for value in self._values.get(name, ()) if value), "")

    def every(self, name: str) -> list[str]:
        """Return all values of a name, in lower case."""
        return self._values.get(name, [])

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __bool__(self) -> bool:
        return bool(self._values)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message that holds no others."""

    media_type: str  # in lower case
    fields: Fields
    text: str  # decoded; of a copy of the original mail, its header fields and more
    level: int  # 0: the message itself


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its header fields, its media type with the type of report, its parts."""

    fields: Fields
    media_type: str
    report_type: str  # RFC 6522, in lower case
    parts: tuple[Part, ...]


def take_apart(raw: bytes) -> Message:
    """Return the header fields and the parts of a message. Of a longer one, the first MOST_BYTES count."""
    seen = raw[:MOST_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"").lstrip(b"\n ")
    if seen.startswith((b"From ", b">From ")):  # how a mailbox in one file separates its messages
        seen = seen.partition(b"\n")[2]
    fields, body = split_fields(seen)
    media_type, parameters = _media_type(fields)
    walk = _Walk()
    return Message(
        fields, media_type, parameters.get("report-type", "").lower(), tuple(walk.parts(fields, body, 0))
    )


def split_fields(seen: bytes) -> tuple[Fields, bytes]:
    """Return the header fields before the first empty line, and what follows it."""
    head, found, body = (seen.partition(b"\n\n")) if not seen.startswith(b"\n") else (b"", b"\n", seen[1:])
    if not found:
        head, body = seen, b""
    return read_fields(decode(head[:_MOST_CHARACTERS], "utf-8")), body


def read_fields(head: str) -> Fields:
    """Return the fields of lines; one that begins with a space or no name goes on with the one before."""
    pairs: list[tuple[str, str]] = []
    for line in head.split("\n")[: _MOST_FIELDS * 4]:
        named = _NAME.match(line)
        if named and len(pairs) < _MOST_FIELDS:
            pairs.append((named[1], line[named.end() :].strip()[:_MOST_OF_A_FIELD]))
        elif pairs and not named and len(pairs[-1][1]) < _MOST_OF_A_FIELD:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {line.strip()}"[:_MOST_OF_A_FIELD])
    return Fields(pairs)


def plain_words(value: str) -> str:
    """Return the value of a field with its encoded words decoded (RFC 2047), as far as they can be."""
    if not _WORD.search(value):
        return value
    try:
        pieces = decode_header(value[:4000])
    except (HeaderParseError, ValueError, binascii.Error):
        return value
    return "".join(
        piece if isinstance(piece, str) else decode(piece, charset or "utf-8") for piece, charset in pieces
    )


def decode(content: bytes, charset: str) -> str:
    """Return bytes as text; in a character set that is unknown or wrong, as UTF-8 or else Latin-1."""
    name = charset.strip().lower()
    if name and not name.startswith("utf-8") and _CHARSET.match(name):
        try:
            return content.decode(name, "replace")
        except (LookupError, ValueError):
            pass
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def text_of_html(source: str) -> str:
    """Return the words of a page, a line for each block."""
    words = _TAG_THAT_BREAKS.sub("\n", _HIDDEN.sub("<", source))
    return html.unescape(_TAG.sub(" ", words)).replace("\xa0", " ")


def _media_type(fields: Fields) -> tuple[str, dict[str, str]]:
    value = fields.first("content-type")
    found = _MEDIA_TYPE.match(value)
    parameters = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(value)}
    return (found[1].lower() if found else "text/plain"), parameters


class _Walk:
    """One walk through the parts of a message, which counts them."""

    def __init__(self) -> None:
        self._left = _MOST_PARTS

    def parts(self, fields: Fields, body: bytes, level: int) -> Iterator[Part]:
        media_type, parameters = _media_type(fields)
        if media_type.startswith("multipart/") and level < _DEEPEST:
            pieces = _split_body(body, parameters.get("boundary", ""))
            for piece in pieces[1:]:
                if self._left <= 0:
                    return
                self._left -= 1
                yield from self.parts(*split_fields(piece), level + 1)
            if len(pieces) > 1:
                return
            media_type = "text/plain"
        if media_type.startswith(("text/", "message/")):
            content = _transfer_decoded(fields, body[: _MOST_CHARACTERS * 3])
            text = decode(content, parameters.get("charset", ""))[:_MOST_CHARACTERS]
            yield Part(media_type, fields, text_of_html(text) if media_type == "text/html" else text, level)


def _split_body(body: bytes, boundary: str) -> list[bytes]:
    """Return what stands before the first boundary, then each part. One item: no boundary was found."""
    lines = b"\n" + body
    mark = b"\n--" + boundary.encode("utf-8", "replace")
    if not boundary or mark not in lines:
        # Some reports name another boundary than they use: take the first line that stands before a part.
        guess = re.search(rb"\n(--[^\n]{1,200})\nContent-[A-Za-z-]{1,40}:", lines)
        if guess is None:
            return [body]
        mark = b"\n" + guess[1].rstrip()
    pieces = lines.split(mark, _MOST_PARTS)
    whole = [pieces[0]]
    for piece in pieces[1:]:
        if piece.startswith(b"--"):  # the last boundary
            break
        if piece[:1].strip():  # a longer boundary, of parts within this part
            whole[-1] += mark + piece
        else:
            whole.append(piece.partition(b"\n")[2])
    return whole


def _transfer_decoded(fields: Fields, body: bytes) -> bytes:
    encoding = fields.first("content-transfer-encoding").lower()
    if encoding.startswith("quoted-printable"):
        return quopri.decodestring(body)
    if encoding.startswith("base64"):
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        try:
            return binascii.a2b_base64(letters[: len(letters) // 4 * 4] or b"")
        except binascii.Error:
            return body
    return body
