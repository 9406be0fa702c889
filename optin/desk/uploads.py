"""Read a form with a file in it (RFC 7578), whole and small."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request

from optin.errors import PostMalformed

_BOUNDARY = re.compile(r'boundary="?([0-9A-Za-z\'()+_,./:=?-]{1,70})"?', re.IGNORECASE)
_NAME = re.compile(r'; *name="([^"]*)"')
_FILE = re.compile(r'; *filename="([^"]*)"')
MOST_PARTS = 20


@dataclass(frozen=True)
class UploadedFile:
    """A file that somebody sent, under the name that their browser gave."""

    name: str
    data: bytes


def is_upload(request: Request) -> bool:
    """Return whether a form with files in it is sent."""
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def read_parts(content_type: str, body: bytes) -> tuple[list[tuple[str, str]], list[UploadedFile]]:
    """Return the fields and the files of a form. Raises PostMalformed."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise PostMalformed
    fields: list[tuple[str, str]] = []
    files: list[UploadedFile] = []
    parts = (b"\r\n" + body).split(b"\r\n--" + found[1].encode(), MOST_PARTS)
    if len(parts) > MOST_PARTS or not parts[-1].startswith(b"--"):
        raise PostMalformed
    for part in parts[1:-1]:
        head, sign, data = part.partition(b"\r\n\r\n")
        try:
            words = head.decode()
            name = _NAME.search(words)
            if not sign or name is None:
                raise PostMalformed
            file = _FILE.search(words)
            if file is None:
                fields.append((name[1], data.decode()))
            elif file[1]:
                files.append(UploadedFile(file[1], data))
        except UnicodeDecodeError:
            raise PostMalformed from None
    return fields, files
