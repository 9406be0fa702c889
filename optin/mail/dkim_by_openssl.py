"""DKIM signatures by dkimpy, the one costly step of each by OpenSSL.

dkimpy computes with an RSA key in Python: for 6 ms the process does nothing else. OpenSSL takes 0.3 ms. The
signature is the same, byte for byte. Import this only where a site signs: dkimpy is slow to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import dkim
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

RSA, SIGNED_BY_KEY = b"rsa-sha256", b"ed25519-sha256"


@lru_cache(maxsize=4)
def rsa_key(pem: bytes) -> RSAPrivateKey:
    """Read a key. Raises ValueError for one that is no RSA key, or cannot be read."""
    key = load_pem_private_key(pem, None)
    if not isinstance(key, RSAPrivateKey):
        msg = "no RSA key"
        raise ValueError(msg)  # noqa: TRY004 - of a file, not of an argument
    return key


@dataclass(frozen=True)
class _OpenSslKey:
    """An RSA key with the interface that dkimpy expects of a key that signs by itself."""

    key: RSAPrivateKey

    def sign(self, digest: bytes) -> SimpleNamespace:
        """Sign a SHA-256 digest (RFC 8017, 8.2)."""
        return SimpleNamespace(signature=self.key.sign(digest, PKCS1v15(), Prehashed(SHA256())))


class RsaDkim(dkim.DKIM):  # type: ignore[misc]  # dkimpy has no types
    """A mail that is signed by OpenSSL with the RSA key `pem`."""

    pem = b""

    def gen_header(
        self, fields: Any, include_headers: Any, canon_policy: Any, header_name: Any, pk: Any, **more: Any
    ) -> Any:
        """Generate the header. The fields name RSA already: only the choice of who signs is changed."""
        del pk
        self.signature_algorithm = SIGNED_BY_KEY
        key = _OpenSslKey(rsa_key(self.pem))
        return super().gen_header(fields, include_headers, canon_policy, header_name, key, **more)
