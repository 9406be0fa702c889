"""Signing mails with DKIM (RFC 6376), where the site has a key for it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Protocol

from optin.errors import SetupRefused

# Also the two of RFC 8058, section 4: a one-click header counts only when it is signed.
SIGNED_HEADERS = (
    b"from",
    b"to",
    b"reply-to",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"auto-submitted",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)


class DkimKey(Protocol):
    """Where a site's key is, and which record publishes its other half."""

    @property
    def selector(self) -> str:
        """The name of the record below `_domainkey`."""

    @property
    def domain(self) -> str:
        """The domain that signs."""

    @property
    def key(self) -> Path:
        """The private key, PEM: RSA, or Ed25519 in base64."""


class Signer:
    """Signs with one key, or leaves mails as they are."""

    def __init__(self, selector: bytes = b"", domain: bytes = b"", key: bytes = b"") -> None:
        """Sign for `selector`._domainkey.`domain`; without a key, sign nothing."""
        self._selector = selector
        self._domain = domain
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """Return the mail as it is sent."""
        if not self._key:
            return message
        import dkim  # noqa: PLC0415 - slow to import, and few sites sign here

        algorithm = b"rsa-sha256" if b"BEGIN" in self._key else b"ed25519-sha256"
        header: bytes = dkim.sign(
            message,
            self._selector,
            self._domain,
            self._key,
            include_headers=list(SIGNED_HEADERS),
            canonicalize=(b"relaxed", b"relaxed"),
            signature_algorithm=algorithm,
        )
        return header + message


def open_signer(key: DkimKey | None) -> Signer:
    """Read the key and try it once. Raises SetupRefused."""
    if key is None:
        return Signer()
    import dkim  # noqa: PLC0415 - slow to import, and few sites sign here

    try:
        if stat.S_IMODE(key.key.stat().st_mode) & 0o077:
            msg = f"The DKIM key {key.key.name} can be read by others; run: chmod 600 {key.key.name}"
            raise SetupRefused(msg)
        signer = Signer(key.selector.encode(), key.domain.encode("idna"), key.key.read_bytes().strip())
        signer.sign(b"From: a@example.com\r\nSubject: trial\r\n\r\ntrial\r\n")
    except (OSError, dkim.DKIMException, ValueError, UnicodeError):
        msg = f"The DKIM key {key.key.name} cannot be used; it must be a private key in PEM."
        raise SetupRefused(msg) from None
    return signer
