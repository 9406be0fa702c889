"""Signed answers: JSON Web Signatures by Ed25519 (RFC 7515, RFC 8037), and their public keys (RFC 7517).

Any library for JWS verifies them; so does `openssl pkeyutl`.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    from joserfc.jwk import OKPKey

ALGORITHM = "EdDSA"  # RFC 9864 names it anew; the libraries of most receivers know only this name
TYPE = "optin-answer+json"


@dataclass(frozen=True)
class AnswerKey:
    """A key that signs answers, from a seed of 32 bytes."""

    seed: bytes = field(repr=False)

    @cached_property
    def public(self) -> bytes:
        """The public half, 32 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    @cached_property
    def id(self) -> str:
        """The thumbprint of the public key (RFC 7638), which names it."""
        text = f'{{"crv":"Ed25519","kty":"OKP","x":"{_text(self.public)}"}}'
        return _text(hashlib.sha256(text.encode()).digest())

    @property
    def as_jwk(self) -> dict[str, str]:
        """The public key in JSON (RFC 8037)."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _text(self.public),
            "kid": self.id,
            "alg": ALGORITHM,
            "use": "sig",
        }

    def sign(self, payload: bytes) -> str:
        """Return a compact JWS with its payload."""
        from joserfc.jws import serialize_compact  # noqa: PLC0415 - no command but the gate needs it

        header = {"alg": ALGORITHM, "kid": self.id, "typ": TYPE}
        return serialize_compact(header, payload, self._signer, registry=_registry())

    @cached_property
    def _signer(self) -> OKPKey:
        from joserfc.jwk import OKPKey  # noqa: PLC0415 - the same

        return OKPKey.import_key({**self.as_jwk, "d": _text(self.seed)})


def _registry() -> Any:
    """Return a registry that knows our algorithm alone: joserfc warns of its older name at each use."""
    from joserfc.jws import JWSRegistry  # noqa: PLC0415 - the same

    class Registry(JWSRegistry):
        def get_alg(self, name: str) -> Any:
            return self.algorithms[name]

    return Registry(algorithms=[ALGORITHM])


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
