"""Sign mails with DKIM (RFC 6376), when the site has a key for it."""

from __future__ import annotations

import stat
from collections import Counter
from pathlib import Path

from optin.errors import SetupRefused
from optin.settings.site import Dkim

# A name stands in h= once more than the mail has it, so that a second one breaks the signature (RFC 6376,
# section 8.15). These also where the mail has none: nobody on the way adds them, but a forger might.
SIGNED_ALWAYS = ("from", "to", "cc", "reply-to", "subject")
# These only where the mail has them: a relay may add its own List-Unsubscribe where there was none. The two
# of RFC 8058, section 4: a one-click header counts only when it is signed.
SIGNED_WHERE_PRESENT = (
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "auto-submitted",
    "list-unsubscribe",
    "list-unsubscribe-post",
)
# Never signed, because servers on the way add or rewrite them: Received, Return-Path, Sender, Resent-*,
# Content-Language, List-Id, everything with X-.


class Signer:
    """Signs mails with one key, or leaves them unchanged."""

    def __init__(self, selector: bytes = b"", domain: bytes = b"", key: bytes = b"") -> None:
        """Sign for `selector`._domainkey.`domain`; without a key, sign nothing."""
        self._selector = selector
        self._domain = domain
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """Return the mail as it will be sent."""
        if not self._key:
            return message
        import dkim  # noqa: PLC0415 - slow to import, and few sites sign here

        from optin.mail.dkim_by_openssl import RSA, SIGNED_BY_KEY, RsaDkim  # noqa: PLC0415 - imports it too

        is_rsa = b"BEGIN" in self._key
        mail = (RsaDkim if is_rsa else dkim.DKIM)(
            message, signature_algorithm=RSA if is_rsa else SIGNED_BY_KEY
        )
        mail.pem = self._key
        header: bytes = mail.sign(
            self._selector,
            self._domain,
            self._key,
            include_headers=signed_names(message),
            canonicalize=(b"relaxed", b"relaxed"),
        )
        return header + message


def signed_names(message: bytes) -> list[bytes]:
    """Return the header names for h=: each as often as the mail has it, and once more."""
    head = message.partition(b"\r\n\r\n")[0].decode(errors="replace")
    there = Counter(line.partition(":")[0].lower() for line in head.split("\r\n") if line[:1].strip())
    names = (*SIGNED_ALWAYS, *(name for name in SIGNED_WHERE_PRESENT if there[name]))
    return [name.encode() for name in names for _ in range(there[name] + 1)]


def open_signer(dkim_key: Dkim | None) -> Signer:
    """Read the key and try it once. Raises SetupRefused."""
    if dkim_key is None:
        return Signer()
    import dkim  # noqa: PLC0415 - slow to import, and few sites sign here

    path = Path(dkim_key.key)
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            msg = f"The DKIM key {path.name} can be read by others; run: chmod 600 {path.name}"
            raise SetupRefused(msg)
        signer = Signer(dkim_key.selector.encode(), dkim_key.domain.encode("idna"), path.read_bytes().strip())
        signer.sign(b"From: a@example.com\r\nSubject: trial\r\n\r\ntrial\r\n")
    except (OSError, dkim.DKIMException, ValueError, TypeError):
        msg = f"The DKIM key {path.name} cannot be used; it must be a private key in PEM."
        raise SetupRefused(msg) from None
    return signer
