"""Files referenced by pages with a digest in their address: stylesheet, logo, icon, fonts, pictures.

A page's digest thus binds them too, by the first 64 bits of their own.
"""

from __future__ import annotations

import base64
import hashlib
import re

from optin.proof.commitment import digest

DIGEST_CHARACTERS = 16
ADDRESS = re.compile(rf"/static/([a-z0-9-]+\.[0-9a-f]{{{DIGEST_CHARACTERS}}}\.([a-z0-9]+))")
STYLESHEET_ENDING = ".css"
_TYPES = {
    "avif": "image/avif",
    "css": "text/css; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webp": "image/webp",
    "woff2": "font/woff2",
}


def asset_address(name: str, data: bytes) -> str:
    """Return the address of a file with these bytes."""
    stem, _, ending = name.rpartition(".")
    stem = re.sub(r"[^a-z0-9-]+", "-", stem.lower()).strip("-") or "file"
    return f"/static/{stem}.{digest(data)[:DIGEST_CHARACTERS]}.{ending.lower()}"


def content_type_of(name: str) -> str:
    """Return the content type of an asset by its file ending."""
    return _TYPES.get(name.rpartition(".")[2].lower(), "image/jpeg")


def integrity(data: bytes) -> str:
    """Return the digest by which a browser checks a file of another site (Subresource Integrity)."""
    return f"sha384-{base64.b64encode(hashlib.sha384(data).digest()).decode()}"


def assets_in(text: bytes) -> set[str]:
    """Return the addresses of the assets that a page or a stylesheet refers to."""
    return {found[0] for found in ADDRESS.finditer(text.decode("utf-8", "replace"))}


def digest_in(address: str) -> str:
    """Return the first characters of a digest, as used in an address."""
    return address.rsplit(".", 2)[1]
