"""Encrypt a text that travels with the visitor's pages: bound to one use, stored nowhere."""

from __future__ import annotations

import base64
import binascii

from optin.errors import KeysUnusable
from optin.store.encryption import EncryptedCell, Vault

BLOCK = 64  # bytes: how long a text is shows no closer than this


def seal_text(vault: Vault, use: str, about: bytes, text: str) -> bytes:
    """Return a text encrypted for `open_text` with the same `use` and `about`."""
    plain = text.encode()
    return vault.seal(EncryptedCell(use, about), plain + b"\0" * (-len(plain) % BLOCK))


def open_text(vault: Vault, use: str, about: bytes, sealed: bytes) -> str:
    """Return the decrypted text; empty when it is not ours, or is for another `use` or `about`."""
    try:
        return vault.open(EncryptedCell(use, about), sealed).rstrip(b"\0").decode()
    except (KeysUnusable, ValueError):
        return ""


def as_token(sealed: bytes) -> str:
    """Return encrypted bytes as text for a form field or an address."""
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def from_token(token: str) -> bytes:
    """Return the bytes of a token; empty when it is malformed."""
    try:
        return base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (UnicodeEncodeError, binascii.Error):
        return b""
