"""Digests that commit without revealing: salted commitments, and the leaves of the log.

An event names a declaration or a mail only by its salted digest, so that it holds no personal data and,
once the salt is erased, can be matched to nobody (P9).
"""

from __future__ import annotations

import hashlib
import hmac

SALT_BYTES = 32
LEAF_PREFIX = b"\x00"  # RFC 6962, section 2.1: separates leaves from nodes


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal, which names form versions and privacy statements."""
    return hashlib.sha256(data).hexdigest()


def commit(salt: bytes, data: bytes) -> str:
    """Return the commitment to `data` under `salt`, in hexadecimal. A salt has 32 random bytes."""
    if len(salt) != SALT_BYTES:
        msg = f"a salt has {SALT_BYTES} bytes"
        raise ValueError(msg)
    return hashlib.sha256(salt + data).hexdigest()


def opens(commitment: object, salt: bytes, data: bytes) -> bool:
    """Return whether `commitment` was made of `salt` and `data`."""
    return isinstance(commitment, str) and hmac.compare_digest(commitment, commit(salt, data))


def leaf_digest(event: bytes) -> bytes:
    """Return the leaf of one event in the log (RFC 6962, section 2.1)."""
    return hashlib.sha256(LEAF_PREFIX + event).digest()
