"""Verify ID tokens of OpenID Connect (Core 1.0, section 3.1.3.7). Pure: keys and the moment are arguments.

The allowed algorithms are a list of ours and never that of a token; none and HS* are not in it, so a public
key can not be taken for a shared secret (RFC 8725, 3.1).
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

LEEWAY = timedelta(seconds=60)  # between the provider's clock and ours
LEAST_RSA_BITS = 2048  # RFC 7518, 3.3
MOST_HEADER_BYTES = 8_192  # some providers send their certificates along
MOST_SUBJECT = 255  # characters (Core 1.0, section 2)
KEY_TYPES = {
    "RS256": "RSA", "RS384": "RSA", "RS512": "RSA",
    "PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
    "ES256": "EC", "ES384": "EC", "ES512": "EC",
}  # fmt: skip


class TokenRefused(Exception):
    """An ID token that proves nothing. Its text says why, and names nobody."""


@dataclass(frozen=True)
class ExpectedToken:
    """What a token must say. `since`: when it was asked for (UTC)."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    since: datetime


@dataclass(frozen=True)
class VerifiedToken:
    """Who signed in at the provider. `email`: one that the provider verified; empty for none.

    `proved`: when they proved who they are (UTC), as far as the provider says so.
    """

    issuer: str
    subject: str = field(repr=False)
    email: str = field(default="", repr=False)
    proved: datetime | None = None


def key_id_of(token: str) -> str | None:
    """Return the id of the key that a token says it is signed with; None for none. Raises TokenRefused."""
    header = _header(token)
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise TokenRefused(_MALFORMED)
    return key_id


def fitting_keys(token: str, keys: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the published keys (RFC 7517) that a token may be signed with. Raises TokenRefused."""
    key_id, algorithm = key_id_of(token), _header(token).get("alg")
    if not isinstance(algorithm, str) or algorithm not in KEY_TYPES:
        msg = "it is signed by an algorithm that is not allowed"
        raise TokenRefused(msg)
    return [
        it
        for it in keys
        if it.get("kty") == KEY_TYPES[algorithm]
        and it.get("use", "sig") == "sig"
        and it.get("alg", algorithm) == algorithm
        and (key_id is None or it.get("kid") == key_id)
    ]


def verify_id_token(
    token: str, keys: Sequence[Mapping[str, Any]], expected: ExpectedToken, now: datetime
) -> VerifiedToken:
    """Return who signed in, by a token that one of these keys signed. Raises TokenRefused."""
    claims = _signed_claims(token, fitting_keys(token, keys))
    _check(claims, expected, now)
    email = claims.get("email")
    is_verified = claims.get("email_verified") is True
    return VerifiedToken(
        expected.issuer,
        claims["sub"],
        email if is_verified and isinstance(email, str) else "",
        _moment(claims.get("auth_time")),
    )


def _signed_claims(token: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    from joserfc import jwt  # noqa: PLC0415 - no server needs it without a provider
    from joserfc.errors import JoseError  # noqa: PLC0415 - the same
    from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415 - the same
    from joserfc.jws import JWSRegistry  # noqa: PLC0415 - the same

    registry = JWSRegistry(algorithms=[*KEY_TYPES], strict_check_header=False)
    registry.max_header_length = MOST_HEADER_BYTES
    for published in keys:
        public = {name: published[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in published}
        try:
            if public["kty"] == "RSA" and _bits_of(public["n"]) < LEAST_RSA_BITS:
                continue
            key = (RSAKey if public["kty"] == "RSA" else ECKey).import_key(public)
            return jwt.decode(token, key, registry=registry).claims
        except (JoseError, ValueError, TypeError, LookupError, RecursionError):
            continue
    msg = "none of the provider's keys signed it"
    raise TokenRefused(msg)


def _check(claims: Mapping[str, Any], expected: ExpectedToken, now: datetime) -> None:
    """1. From whom. 2. For whom. 3. When. 4. For which question. 5. About whom."""
    # 1. From whom.
    _require("it is of another issuer", met=claims.get("iss") == expected.issuer)

    # 2. For whom: one audience, or the one that it was issued to among several.
    audience, party = claims.get("aud"), claims.get("azp", expected.client_id)
    several = audience if isinstance(audience, list) else [audience]
    _require("it is for another client", met=expected.client_id in several and party == expected.client_id)
    _require("it is for several clients", met=len(several) == 1 or "azp" in claims)

    # 3. When.
    ends, issued = _moment(claims.get("exp")), _moment(claims.get("iat"))
    begins = _moment(claims.get("nbf", 0))
    if ends is None or issued is None or begins is None:
        raise TokenRefused(_MALFORMED)
    _require("it is over", met=now - LEEWAY < ends)
    _require("it is of the future", met=max(issued, begins) <= now + LEEWAY)
    _require("it is older than the question", met=issued >= expected.since - LEEWAY)

    # 4. For which question.
    nonce = claims.get("nonce")
    answers = isinstance(nonce, str) and nonce.isascii() and hmac.compare_digest(nonce, expected.nonce)
    _require("it answers another question", met=answers)

    # 5. About whom.
    subject = claims.get("sub")
    _require(_MALFORMED, met=isinstance(subject, str) and 0 < len(subject) <= MOST_SUBJECT)


_MALFORMED = "it is malformed"


def _require(otherwise: str, *, met: bool) -> None:
    if not met:
        raise TokenRefused(otherwise)


def _header(token: str) -> dict[str, Any]:
    try:
        header = json.loads(_bytes_of(token.partition(".")[0]))
    except (ValueError, RecursionError):
        raise TokenRefused(_MALFORMED) from None
    if not isinstance(header, dict):
        raise TokenRefused(_MALFORMED)
    return header


def _bytes_of(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _bits_of(modulus: str) -> int:
    return int.from_bytes(_bytes_of(modulus), "big").bit_length()


def _moment(value: object) -> datetime | None:
    """Return the moment of a NumericDate (RFC 7519); None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
