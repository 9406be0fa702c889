"""Return addresses of mails: whoever sends one back says by it to whom it went, and cannot invent it (O6).

The envelope sender of each mail (RFC 5321, 4.4) is `name+TOKEN@domain`, as in VERP. The token is the first
part of the keyed digest of the mailbox, the moment of the mail, and a MAC over both, in base 32 without
capitals, because servers may change the letters' case. It names nobody, and opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

DIGEST_BYTES = 12  # of a mailbox; as many people would have to be on file as no site has, to mistake two
MOMENT_BYTES, MAC_BYTES = 4, 10
TOKEN_CHARACTERS = 42
MOST_LOCAL_CHARACTERS = 64  # of what stands before the @ (RFC 5321, 4.5.3.1.1)
SEPARATOR = "+"
MOST_NAME_CHARACTERS = MOST_LOCAL_CHARACTERS - len(SEPARATOR) - TOKEN_CHARACTERS
_TOKEN = re.compile(rf"(?<![a-z2-7])[a-z2-7]{{{TOKEN_CHARACTERS}}}(?![a-z2-7])", re.IGNORECASE)


@dataclass(frozen=True)
class MailOfToken:
    """What a token says: the first bytes of the digest of the mailbox, and when its mail was sent (UTC)."""

    mailbox: bytes
    sent_at: datetime


class ReturnTokens:
    """Makes and reads the tokens with `keys`, oldest first: the newest signs, all of them read."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Derive a key of its own from each."""
        self._keys = [hmac.digest(key, b"optin.return", "sha256") for key in keys]

    def sign(self, mailbox: bytes, sent_at: datetime) -> str:
        """Return the token of a mail. `mailbox`: the keyed digest of its recipient's address."""
        seconds = int(sent_at.astimezone(UTC).timestamp())
        said = mailbox[:DIGEST_BYTES] + seconds.to_bytes(MOMENT_BYTES, "big")
        return base64.b32encode(said + self._mac(self._keys[-1], said)).decode().rstrip("=").lower()

    def read(self, token: str) -> MailOfToken | None:
        """Return what a token says; None for one that was not made with these keys."""
        try:
            packed = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except (binascii.Error, ValueError):
            return None
        said, mac = packed[:-MAC_BYTES], packed[-MAC_BYTES:]
        if len(said) != DIGEST_BYTES + MOMENT_BYTES:
            return None
        if not any(hmac.compare_digest(mac, self._mac(key, said)) for key in self._keys):
            return None
        seconds = int.from_bytes(said[DIGEST_BYTES:], "big")
        return MailOfToken(said[:DIGEST_BYTES], datetime.fromtimestamp(seconds, UTC))

    def find(self, text: str) -> MailOfToken | None:
        """Return what the first sound token in a text says, as in an address; None when there is none."""
        return next((it for found in _TOKEN.findall(text) if (it := self.read(found)) is not None), None)

    @staticmethod
    def _mac(key: bytes, said: bytes) -> bytes:
        return hmac.digest(key, said, "sha256")[:MAC_BYTES]


def return_address(base: str, token: str) -> str:
    """Return the address to which a mail with this token comes back; `base` without a token."""
    name, _, domain = base.rpartition("@")
    return f"{name}{SEPARATOR}{token}@{domain}"
