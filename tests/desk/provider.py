"""A real provider of OpenID Connect as a program: `oidc-provider-mock`, asked over the loopback.

Beside what the package does, it holds clients to PKCE (Authlib's own check), and says when somebody signed in
if it is started with `auth-time`.
"""

from __future__ import annotations

import sys
import time
import warnings
from dataclasses import dataclass
from typing import Any, cast

import flask
from authlib.oauth2.rfc7636 import CodeChallenge
from oidc_provider_mock import _app, _storage
from werkzeug.serving import make_server

warnings.simplefilter("ignore")


@dataclass(kw_only=True, frozen=True)
class Code(_storage.AuthorizationCode):  # type: ignore[misc]  # the package carries no types
    """A code with the challenge that its verifier must meet."""

    code_challenge: str | None = None
    code_challenge_method: str | None = None
    auth_time: int | None = None

    def get_auth_time(self) -> int | None:
        return self.auth_time


class Grant(_app.AuthorizationCodeGrant):  # type: ignore[misc]  # the same
    """Issues codes with a challenge."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = flask.request.values
        client = cast("_storage.Client", request.client)
        _storage.storage.store_authorization_code(
            Code(
                code=code,
                user_id=request.user.sub,
                client_id=client.get_client_id(),
                redirect_uri=data["redirect_uri"],
                scope=data["scope"],
                nonce=data.get("nonce"),
                code_challenge=data.get("code_challenge"),
                code_challenge_method=data.get("code_challenge_method"),
                auth_time=int(time.time()) if "auth-time" in sys.argv else None,
            )
        )


def main() -> None:
    """Serve until somebody ends it; print the port."""
    register = _app.flask_oauth2.AuthorizationServer.register_grant

    def with_challenge(self: Any, grant: type, extensions: Any = None) -> None:
        if grant is _app.AuthorizationCodeGrant:
            register(self, Grant, [*extensions, CodeChallenge(required=True)])
        else:
            register(self, grant, extensions)

    _app.flask_oauth2.AuthorizationServer.register_grant = with_challenge

    server = make_server("127.0.0.1", 0, _app.app(require_client_registration=True), threaded=True)
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
