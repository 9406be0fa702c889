"""A provider of OpenID Connect that says whatever a test wants; it verifies the code challenge as it must."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

CLIENT, SECRET = "optin-desk", "a secret with / and ?"


def public(key: Any, **more: str) -> dict[str, Any]:
    return {**key.as_dict(private=False), **more}


RSA, EC = RSAKey.generate_key(2048), ECKey.generate_key("P-256")


@dataclass
class ForgingProvider:
    """What it says, and what it was asked. `claims`, `header`, `described`: in place of the true ones."""

    port: int
    key: Any = field(default_factory=lambda: RSA)
    published: list[dict[str, Any]] = field(default_factory=lambda: [public(RSA, kid="1", use="sig")])
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    described: dict[str, Any] = field(default_factory=dict)
    token: str = ""
    challenge: str = ""
    nonce: str = ""
    at: float = field(default_factory=time.time)
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **self.described,
        }

    def signed(self) -> str:
        """Return the ID token."""
        claims = {
            "iss": self.issuer,
            "sub": "eva-1",
            "aud": CLIENT,
            "exp": int(self.at) + 300,
            "iat": int(self.at),
            "nonce": self.nonce,
            "email": "eva@example.com",
            "email_verified": True,
            **self.claims,
        }
        header = {"alg": "RS256", "kid": "1", **self.header}
        kept = {name: value for name, value in claims.items() if value is not ...}
        return jwt.encode(header, kept, self.key, registry=JWSRegistry(algorithms=[header["alg"]]))

    def exchange(self, form: dict[str, list[str]], authorization: str) -> dict[str, Any]:
        """Return the tokens for a code, for the right client and verifier."""
        verifier = form.get("code_verifier", [""])[0]
        digest = _text(hashlib.sha256(verifier.encode()).digest())
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        if pair != f"{CLIENT}:a%20secret%20with%20%2F%20and%20%3F":
            self.refused.append("client")
        if digest != self.challenge:
            self.refused.append("verifier")
        return {"id_token": self.token or self.signed(), "access_token": "x", "token_type": "Bearer"}


@contextmanager
def forging_provider() -> Iterator[ForgingProvider]:
    """Serve one on the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            if self.path.endswith("/openid-configuration"):
                self.say(provider.description())
            else:
                self.say({"keys": provider.published})

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            self.say(provider.exchange(form, self.headers["authorization"]))

        def say(self, answer: object) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = ForgingProvider(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def signed_with_the_public_key(token: str) -> str:
    """Return the same token, signed by HMAC with a public key that was taken for a shared secret."""
    signed = _text(b'{"alg":"HS256","kid":"1"}') + "." + token.split(".")[1]
    return f"{signed}.{_text(hmac.digest(RSA.as_pem(private=False), signed.encode(), 'sha256'))}"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
