"""Signed links: one salt for each action, so that a token for one action never works for another (S3).

A token is `payload.moment.signature`; nothing in it is personal data. Keys rotate: the newest signs, all
of them read, so links already mailed keep working (S2).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from itsdangerous import BadSignature, TimestampSigner

from optin.errors import LinkExpired, LinkForged, SampleLink

SKEW = timedelta(minutes=2)  # between the clocks of two machines: who signed, and who reads
SAMPLE_TOKEN = "sample"  # noqa: S105 - in the links of sample mails: it is no secret, and opens nothing
MAX_TOKEN_CHARACTERS = 1_000  # the page after the form carries an address along, sealed


class LinkKind(StrEnum):
    """The action that a token allows."""

    CONFIRM = "confirm"
    SENT = "sent"
    DOWNLOAD = "download"
    UNSUBSCRIBE = "unsubscribe"
    PERSONAL = "personal"
    PREVIEW = "preview"  # a page that is not public yet
    SIGN_IN = "sign-in"  # of staff, to the desk
    PLACE = "place"  # what a kind of magnet keeps for one request: see it, give it up


_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{4,8}\.[A-Za-z0-9_-]{43}")
HIDDEN = "…"


def without_tokens(text: str) -> str:
    """Return a text without tokens: whoever reads it cannot do what its links allow."""
    return _TOKEN.sub(HIDDEN, text)


class _ClockedSigner(TimestampSigner):
    """A signer that receives the time as an argument."""

    moment_seconds = 0

    def get_timestamp(self) -> int:
        return self.moment_seconds


class Links:
    """Signs and reads tokens with `keys`, oldest first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Derive one signer for each action."""
        self._keys = list(keys)

    def sign(self, kind: LinkKind, payload: bytes, now: datetime) -> str:
        """Return a token that allows `kind` for `payload`, signed at `now`."""
        return self._signer(kind, now).sign(base64.urlsafe_b64encode(payload).rstrip(b"=")).decode()

    def read(self, kind: LinkKind, token: str, now: datetime, lifetime: timedelta | None) -> bytes:
        """Return the payload of a token for `kind`. Without a `lifetime` it never expires.

        A token of another machine may be of a moment to come, by `SKEW` at most.
        Raises SampleLink, LinkForged, or LinkExpired with the payload of a token that is sound but not of
        this time.
        """
        if token == SAMPLE_TOKEN:
            raise SampleLink
        if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
            raise LinkForged
        try:
            payload, made = self._signer(kind, now).unsign(token, return_timestamp=True)
        except BadSignature:
            raise LinkForged from None
        if lifetime is not None and not -SKEW <= now - made <= lifetime:
            raise LinkExpired(_decode(payload))
        return _decode(payload)

    def _signer(self, kind: LinkKind, now: datetime) -> _ClockedSigner:
        signer = _ClockedSigner(
            self._keys, salt=f"optin.{kind}", key_derivation="hmac", digest_method=hashlib.sha256
        )
        signer.moment_seconds = int(now.astimezone(UTC).timestamp())
        return signer


def _decode(payload: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
    except binascii.Error:
        raise LinkForged from None
